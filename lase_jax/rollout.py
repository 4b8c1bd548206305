"""Playing: T steps of B environments in one scan.

Letters: T steps, B environments, N seats, n seats of one kind of agent.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from envs.types import Env
from lase_jax.types import SEAT_AXES, Algorithm, Array, Clock, Mode, PyTree, Rollout, World

Seats = tuple[int, ...]


def begin(env: Env, algorithm: Algorithm, key: Array, num_envs: int) -> World:
    """Fresh episodes in `num_envs` environments. ``key`` is consumed."""
    env_state, obs = jax.vmap(env.reset)(jax.random.split(key, num_envs))
    return World(env_state, obs, algorithm.begin(num_envs))


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

    def step(now: World, key: Array) -> tuple[World, tuple]:
        key_act, key_env = jax.random.split(key)
        decision, memory = algorithm.act(acting, now.memory, now.obs, key_act, mode)
        keys = jax.random.split(key_env, num_envs)
        env_state, out = jax.vmap(env.step)(keys, now.env_state, decision.action)
        facts = (
            now.obs,
            decision.action,
            decision.log_prob,
            out.reward,
            out.active,
            out.terminated | out.truncated,
            out.events,
        )
        return World(env_state, out.obs, memory), (facts, keep(now.env_state))

    after, (facts, kept) = jax.lax.scan(step, world, jax.random.split(key, num_steps))
    return after, Rollout(*facts, last_obs=after.obs, memory=world.memory), kept


def collector(env: Env, algorithm: Algorithm, num_envs: int, num_steps: int) -> Callable:
    """Builds ``collect(acting, world, key, clock) -> (world, Rollout)`` for training.

    Episodes have an exact length that the rollout's length divides, so all environments begin and
    end
    together and nothing resets inside a rollout: where a rollout is a whole episode every call
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


def take_columns(value: Array, seats: Seats) -> Array:
    """``[..., N]`` to the ``[..., n]`` of some seats; all seats in order cost nothing."""
    if seats == tuple(range(value.shape[-1])):
        return value
    return jnp.take(value, np.array(seats), axis=-1)


def take_seats(rollout: Rollout, seats: Seats) -> Rollout:
    """The rollout as it concerns some seats; ``memory`` must already be theirs alone."""
    if seats == tuple(range(rollout.action.shape[-1])):
        return rollout
    index = np.array(seats)
    axes: dict[str, Any] = SEAT_AXES._asdict()
    taken = {
        field: jax.tree.map(partial(jnp.take, indices=index, axis=axes[field]), value)
        for field, value in rollout._asdict().items()
        if axes[field] is not None and field != "memory"
    }
    return rollout._replace(**taken)


def visible(obs: Array, num_agents: int) -> Array:
    """Which agents an observer's window shows.

    Args:
        obs: ``[..., h, w, C]`` windows whose first `num_agents` planes show the agents.
        num_agents: N.

    Returns:
        ``[..., N]`` bool.
    """
    return (obs[..., :num_agents] != jnp.zeros((), obs.dtype)).any((-3, -2))
