"""Playing: T steps of B environments in one scan.

Letters: T steps, B environments, N seats, n seats of one kind of agent, F numbers of an
observation.

Observations are flattened as they leave the game: conversions and transposes of windows with five
axes are index arithmetic that costs XLA on a CPU more than the networks do.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from envs.checks import require
from envs.types import Env, EnvSpec
from lase_jax import blocks
from lase_jax.types import SEAT_AXES, Algorithm, Array, Clock, Mode, PyTree, Rollout, World

Seats = tuple[int, ...]


def begin(env: Env, algorithm: Algorithm, key: Array, num_envs: int) -> World:
    """Fresh episodes in `num_envs` environments, laid over the devices that share them.

    ``key`` is consumed.
    """
    env_state, obs = jax.vmap(env.reset)(jax.random.split(key, num_envs))
    return blocks.shared(World(env_state, flat(obs), algorithm.begin(num_envs)))


def flat(obs: Array) -> Array:
    """``[B, N, ...]`` to ``[B, N, F]``."""
    return obs.reshape(*obs.shape[:2], -1)


def play(
    env: Env,
    algorithm: Algorithm,
    acting: PyTree,
    world: World,
    key: Array,
    num_steps: int,
    mode: Mode,
    keep: Callable[[PyTree], Any] = lambda env_state: None,
) -> tuple[World, Rollout, Any]:
    """Plays `num_steps` steps; never resets.

    Args:
        env: the game.
        algorithm: who plays.
        acting: what ``algorithm.prepare`` returned.
        world: where play begins.
        key: consumed.
        num_steps: T.
        mode: how actions are chosen.
        keep: what to keep of the environment state before every step, e.g. all of it for pictures.

    Returns:
        The world after the last step, the rollout, and what was kept, ``[T, B, ...]``.
    """
    num_envs = world.obs.shape[0]

    def step(now: World, chance: tuple[PyTree, PyTree]) -> tuple[World, tuple]:
        ours, games = chance
        decision, memory = algorithm.act(acting, now.memory, now.obs, ours, mode)
        env_state, out = jax.vmap(env.transition)(now.env_state, decision.action, games)
        joint = jnp.where(out.active, decision.action, env.spec.num_actions)
        memory = algorithm.remember(acting, memory, joint, out.reward)
        facts = (
            now.obs,
            decision.action,
            decision.log_prob,
            out.reward,
            out.active,
            out.terminated | out.truncated,
            out.events,
        )
        after = World(env_state, flat(out.obs), memory)
        return after, (facts, decision.notes, keep(now.env_state))

    key_act, key_env = jax.random.split(key)
    ours = jax.vmap(partial(algorithm.draw, num_envs=num_envs))(
        jax.random.split(key_act, num_steps)
    )
    games = jax.vmap(jax.vmap(env.draw))(jax.random.split(key_env, (num_steps, num_envs)))
    after, (facts, notes, kept) = jax.lax.scan(step, world, (ours, games))
    rollout = Rollout(*facts, last_obs=after.obs, memory=world.memory, notes=notes)
    return after, rollout, kept


def collector(env: Env, algorithm: Algorithm, num_envs: int, num_steps: int) -> Callable:
    """Builds ``collect(acting, world, key, clock) -> (world, Rollout)`` for training.

    Episodes have an exact length that the rollout's length divides, so all environments begin and
    end together and nothing resets inside a rollout: where a rollout is a whole episode every call
    begins a new one, else every ``horizon / num_steps``-th call does.
    """
    segments = env.spec.horizon // num_steps

    def collect(acting: PyTree, world: World, key: Array, clock: Clock) -> tuple[World, Rollout]:
        key_reset, key_play = jax.random.split(key)
        if segments == 1:
            world = begin(env, algorithm, key_reset, num_envs)
        else:
            world = jax.lax.cond(
                clock.update % segments == 0,
                lambda: begin(env, algorithm, key_reset, num_envs),
                lambda: world,
            )
        world, rollout, _ = play(env, algorithm, acting, world, key_play, num_steps, "explore")
        return world, rollout

    return collect


def co_players(num_agents: int, seats: Seats) -> np.ndarray:
    """``[n, N - 1]`` int32: the other seats of each of `seats`."""
    rows = [[j for j in range(num_agents) if j != i] for i in seats]
    return np.array(rows, np.int32)


def to_seats(value: Array, others: np.ndarray, num_agents: int, own: float = 0.0) -> Array:
    """``[n, M, K, ...]`` per co-player to ``[n, M, N, ...]`` per seat, `own` for the own seat."""
    place = np.zeros((len(others), num_agents), np.int32)
    isother = np.zeros((len(others), num_agents), bool)
    for i, row in enumerate(others):
        place[i, row] = np.arange(len(row))
        isother[i, row] = True
    lead = (len(others), 1, num_agents) + (1,) * (value.ndim - 3)
    spread = jnp.take_along_axis(value, jnp.asarray(place).reshape(lead), axis=2)
    return jnp.where(jnp.asarray(isother).reshape(lead), spread, own)


def take_columns(value: Array, seats: Seats) -> Array:
    """``[..., N]`` to the ``[..., n]`` of some seats; all seats in order cost nothing."""
    if seats == tuple(range(value.shape[-1])):
        return value
    return jnp.take(value, np.array(seats), axis=-1)


def put_columns(value: Array, seats: Seats, num_agents: int) -> Array:
    """``[..., n]`` of some seats to ``[..., N]``, 0 elsewhere: what `take_columns` takes."""
    if seats == tuple(range(num_agents)):
        return value
    blank = jnp.zeros((*value.shape[:-1], num_agents), value.dtype)
    return blank.at[..., np.array(seats)].set(value)


def take_seats(rollout: Rollout, seats: Seats | tuple[Seats, ...]) -> Rollout:
    """The rollout as it concerns some seats; memory and notes must already be theirs alone.

    Rows of seats, each as long as the others, make two seat axes of the one.
    """
    if seats == tuple(range(rollout.action.shape[-1])):
        return rollout
    index = np.array(seats)
    axes: dict[str, Any] = SEAT_AXES._asdict()
    taken = {
        field: jax.tree.map(partial(jnp.take, indices=index, axis=axes[field]), value)
        for field, value in rollout._asdict().items()
        if axes[field] is not None and field not in ("memory", "notes")
    }
    return rollout._replace(**taken)


def some_envs(leaf: Array, count: int, axis: int = 1) -> Array:
    """`count` of the environments along an axis, or all where there are fewer.

    They are evenly spaced, such that devices which share the environments have as many each, where
    `count` divides them.
    """
    count = min(count, leaf.shape[axis])
    every = leaf.shape[axis] // count
    return jax.lax.slice_in_dim(leaf, 0, every * (count - 1) + 1, every, axis)


def take_envs(rollout: Rollout, count: int) -> Rollout:
    """The rollout in `some_envs`; all of them cost nothing."""
    if count >= rollout.done.shape[1]:
        return rollout
    last_obs, memory = rollout.last_obs, rollout.memory
    by_step = rollout._replace(last_obs=(), memory=())
    by_step = jax.tree.map(lambda leaf: some_envs(leaf, count), by_step)
    rest = jax.tree.map(lambda leaf: some_envs(leaf, count, axis=0), (last_obs, memory))
    return by_step._replace(last_obs=rest[0], memory=rest[1])


def check_visible(field: str, wanted: bool, spec: EnvSpec) -> None:
    """Requires that learners can know who is visible to whom, where a setting `wanted` asks for it.

    Raises:
        ConfigError: agents do not always see each other, and no planes of windows show them.
    """
    known = spec.can_see_all or spec.agent_planes
    remedy = f"use False, or a view of {spec.name} that has a plane for every agent"
    require(known or not wanted, field, wanted, remedy)


def visible(obs: Array, spec: EnvSpec) -> Array:
    """Which agents an observer's window shows.

    Args:
        obs: ``[..., F]`` flattened windows whose first planes show the agents.
        spec: facts of a game with such windows (`EnvSpec.agent_planes`).

    Returns:
        ``[..., N]`` bool.
    """
    cells = obs.reshape(*obs.shape[:-1], -1, spec.obs_shape[-1])
    return (cells[..., : spec.num_agents] != jnp.zeros((), obs.dtype)).any(-2)
