"""Probe games with known answers, and what the tests of the learning core share.

Letters: T steps, B environments, N seats, A actions.
"""

import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs.types import Env, EnvSpec, Step
from lase_jax import algorithms
from lase_jax.core.settings import changed, fitting
from lase_jax.loop.rollout import begin, play
from lase_jax.loop.society import society
from lase_jax.loop.train import Schedule, make_trainer
from lase_jax.nets.layers import Net
from lase_jax.types import Rollout

TINY = Net(dense=(8,))
SMALL = dict(net=TINY, social_width=8, perspective_width=8, minibatches=2, epochs=2)
"""Tiny networks and few steps: fields of the algorithms that have them."""


class State(NamedTuple):
    time: jax.Array  # [] int32


def probe(pay, num_agents=2, num_actions=2, horizon=4, leaves=None) -> Env:
    """A game without places: ``pay(action[N]) -> reward[N]`` is all there is to it.

    Everyone sees the time and its own seat. Scripted seats differ in how often they play action 1.

    Args:
        pay: the rewards of a joint action.
        num_agents: N.
        num_actions: A.
        horizon: T.
        leaves: ``[N]`` the step before which each agent is removed; None for never.
    """
    names = tuple(f"time_{t}" for t in range(horizon + 1)) + tuple(
        f"seat_{i}" for i in range(num_agents)
    )
    leaves = np.full(num_agents, horizon) if leaves is None else np.array(leaves)

    def observe(time):
        clock = jnp.broadcast_to(jnp.arange(horizon + 1) == time, (num_agents, horizon + 1))
        return jnp.concatenate([clock, jnp.eye(num_agents, dtype=bool)], axis=1)

    def reset(key):
        del key
        return State(jnp.int32(0)), observe(jnp.int32(0))

    def transition(state, action, draws):
        del draws
        active = state.time < leaves
        time = state.time + 1
        reward = jnp.where(active, jnp.asarray(pay(action), jnp.float32), 0.0)
        ends = time >= horizon
        ones = (action == 1).astype(jnp.float32)
        return State(time), Step(
            observe(time), reward, active, jnp.bool_(False), ends, {"ones": ones}
        )

    def plays_one(share):
        return lambda key, obs, agent: jax.random.bernoulli(key, share).astype(jnp.int32)

    spec = EnvSpec(
        name="probe",
        version=1,
        num_agents=num_agents,
        num_actions=num_actions,
        obs_shape=(len(names),),
        obs_dtype=np.dtype(bool),
        horizon=horizon,
        action_names=tuple(str(a) for a in range(num_actions)),
        plane_names=names,
        event_names=("ones",),
        agent_planes=False,
        can_see_all=True,
        max_return=None,
    )
    scripted = {
        "cooperator": plays_one(1.0),
        "defector": plays_one(0.0),
        "friend": plays_one(0.9),
        "foe": plays_one(0.1),
        "random": lambda key, obs, agent: jax.random.randint(key, (), 0, num_actions),
    }
    return Env(
        spec,
        reset,
        draw=lambda key: (),
        transition=transition,
        render=lambda state: np.zeros((8, 8, 3), np.uint8),
        scripted=scripted,
    )


def settings(name, **overrides):
    """The settings of a ready-made algorithm with tiny networks."""
    return changed(fitting(algorithms.config(name), SMALL), overrides)


def selfplay(game, config):
    """One kind of agent on all seats."""
    seats = tuple(range(game.spec.num_agents))
    return society(game.spec, [(config.build(game, seats), seats)])


def train(game, algorithm, seeds=1, updates=3, num_envs=2, rollout_length=0):
    """Trains for some updates: the carry before, the carry after, and metrics."""
    schedule = Schedule(num_envs=num_envs, rollout_length=rollout_length)
    trainer = make_trainer(game, algorithm, schedule)
    keys = jax.random.split(jax.random.key(0), seeds)
    first = jax.jit(trainer.init)(keys, algorithm.hyper)
    last, metrics = jax.jit(trainer.run, static_argnums=1)(first, updates)
    return first, last, metrics


def episode(game, algorithm, state, num_envs=2, mode="sample", seed=1):
    """One episode of every environment, as `rollout.play` plays it."""
    key_begin, key_play = jax.random.split(jax.random.key(seed))

    def whole(state):
        world = begin(game, algorithm, key_begin, num_envs)
        acting = algorithm.prepare(state)
        return play(game, algorithm, acting, world, key_play, game.spec.horizon, mode)[1]

    return jax.jit(whole)(state)


def facts(spec, steps=None, envs=2, seed=0, ends=True, memory=(), notes=()) -> Rollout:
    """A rollout of random facts: no game is played.

    About half of the rewards are 0, some are negative, and some agents leave on the way.
    """
    rng = np.random.default_rng(seed)
    steps = spec.horizon if steps is None else steps
    lead = (steps, envs, spec.num_agents)
    leaves = rng.integers(2, 2 * steps, lead[1:])
    active = np.arange(steps)[:, None, None] < leaves[None]
    reward = rng.normal(size=lead) * rng.integers(0, 2, lead) * active
    done = np.zeros(lead[:2], bool)
    done[-1] = ends
    rollout = Rollout(
        obs=rng.integers(0, 2, (*lead, math.prod(spec.obs_shape))).astype(bool),
        action=rng.integers(0, spec.num_actions, lead).astype(np.int32),
        log_prob=np.log(rng.uniform(0.1, 1.0, lead)).astype(np.float32),
        reward=reward.astype(np.float32),
        active=active,
        done=done,
        events={name: np.zeros(lead, np.float32) for name in spec.event_names},
        last_obs=rng.integers(0, 2, (*lead[1:], math.prod(spec.obs_shape))).astype(bool),
        memory=memory,
        notes=notes,
    )
    return jax.tree.map(jnp.asarray, rollout)


def join(first, second) -> Rollout:
    """Two rollouts that follow each other as one."""
    ends = dict(memory=first.memory, last_obs=second.last_obs)
    blank = dict(memory=(), last_obs=())
    steps = first._replace(**blank), second._replace(**blank)
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), *steps)._replace(**ends)


def cut_in_two(game, algorithm, state, num_envs=2, seed=1):
    """An episode played in two rollouts: both, of the first kind of agents."""
    keys = jax.random.split(jax.random.key(seed), 3)
    half = game.spec.horizon // 2

    def played(state):
        world, found = begin(game, algorithm, keys[0], num_envs), []
        for key in keys[1:]:
            acting = algorithm.prepare(state)
            world, rollout, _ = play(game, algorithm, acting, world, key, half, "explore")
            found.append(rollout._replace(memory=rollout.memory[0], notes=rollout.notes[0]))
        return found

    return jax.jit(played)(state)


def joint_actions(num_agents, num_actions):
    """All joint actions, as tuples."""
    return itertools.product(range(num_actions), repeat=num_agents)


def shaken(tree, key, scale=1.0):
    """Parameters that are all random, biases too."""
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(key, len(leaves))
    moved = [x + scale * jax.random.normal(k, x.shape) for x, k in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(structure, moved)


def blank_memory(net):
    """An LSTM's memory ``[1, H]`` before the first step; () without one."""
    zeros = jnp.zeros((1, net.lstm))
    return (zeros, zeros) if net.lstm else ()


def one_agent(tree, seat):
    """The parameters of one agent of a stack."""
    return jax.tree.map(lambda leaf: leaf[seat], tree)


def one_seat(rollout, seat) -> Rollout:
    """A rollout as one memoryless seat knows it."""
    names = ("obs", "action", "log_prob", "reward", "active")
    fields = {name: getattr(rollout, name)[:, :, seat] for name in names}
    return rollout._replace(**fields, last_obs=rollout.last_obs[:, seat], memory=())


def same(first, second):
    """Whether two pytrees are equal bit for bit."""
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
