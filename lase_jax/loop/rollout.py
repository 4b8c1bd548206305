"""Playing: T steps of B environments in one scan.

Letters: T steps, B environments, N seats, n seats of one kind of agent, F numbers of an
observation.

Observations are flattened as they leave the game: conversions and transposes of windows with five
axes are index arithmetic, which with XLA on a CPU costs more than the networks.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from envs.types import Env
from lase_jax.core import blocks
from lase_jax.types import Algorithm, Array, Clock, Mode, PyTree, Rollout, World


def begin(env: Env, algorithm: Algorithm, key: Array, num_envs: int) -> World:
    """Begins episodes in `num_envs` environments, split over the devices that share them.

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
        world: state before the first step.
        key: consumed.
        num_steps: T.
        mode: how actions are chosen.
        keep: selects what to return of the environment state before every step, e.g. all of it for
            pictures.

    Returns:
        The world after the last step, the rollout, and what `keep` selected, ``[T, B, ...]``.
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

    All episodes have the same length, which the rollout's length divides, so all environments begin
    and end together and nothing resets inside a rollout: if a rollout is a whole episode, every
    call begins a new one; otherwise every ``horizon / num_steps``-th call does.
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
