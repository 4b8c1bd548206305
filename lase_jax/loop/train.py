"""The only loop over updates: one `jax.lax.scan`, all seeds inside it.

Letters: S seeds, U updates, T steps, B environments.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from envs import checks
from envs.types import Env, EnvSpec
from lase_jax.loop.rollout import begin, collector
from lase_jax.types import Algorithm, Array, Carry, Clock, Metrics, PyTree

MAX_STEPS = 10**15
"""The most environment steps that a run may have."""


@dataclass(frozen=True)
class Schedule:
    """How much is played between updates, and in total."""

    steps: int = 1_000_000
    """Environment steps per seed, 1 or more, counted over all parallel environments."""
    num_envs: int = 16
    """Environments played side by side by one seed, 1 or more."""
    rollout_length: int = 0
    """Steps between updates; a divisor of the game's horizon, or 0 for whole episodes."""

    def __post_init__(self) -> None:
        """Checks every field."""
        checks.integer("steps", self.steps, 1, MAX_STEPS)
        checks.integer("num_envs", self.num_envs, 1)
        checks.integer("rollout_length", self.rollout_length, 0)

    def length(self, spec: EnvSpec) -> int:
        """T, steps of one rollout.

        Raises:
            ConfigError: the horizon is not a multiple of `rollout_length`.
        """
        length = self.rollout_length or spec.horizon
        divides = spec.horizon % length == 0
        remedy = f"use a divisor of {spec.name}'s horizon {spec.horizon}, or 0"
        checks.require(divides, "rollout_length", length, remedy)
        return length

    def steps_per_update(self, spec: EnvSpec) -> int:
        """Environment steps per seed between updates, ``T * B``."""
        return self.length(spec) * self.num_envs

    def num_updates(self, spec: EnvSpec) -> int:
        """Updates per seed: the fewest that play at least `steps` steps.

        Raises:
            ConfigError: more than a clock can count.
        """
        updates = -(-self.steps // self.steps_per_update(spec))
        remedy = f"that makes {updates} updates, use fewer steps or larger updates"
        checks.require(updates <= checks.LARGEST_INTEGER, "steps", self.steps, remedy)
        return updates


class Trainer(NamedTuple):
    """Training as two pure functions, not yet jitted.

    Attributes:
        init: ``(keys[S], hyper) -> Carry``, where ``hyper`` is ``algorithm.hyper`` or another
            pytree of its structure; every leaf may have a leading ``[S]`` axis of settings to
            sweep.
        run: ``(carry, num_updates) -> (Carry, Metrics)`` with leaves ``[U, S, ...]``; `num_updates`
            is static, the carry may be donated.
    """

    init: Callable[[Array, PyTree], Carry]
    run: Callable[[Carry, int], tuple[Carry, Metrics]]


def by_seed(one: Callable[..., PyTree], *trees: PyTree) -> PyTree:
    """Applies a function to each seed: vmapped, but in turn on a CPU that is one device.

    In turn, a core's cache holds what a seed plays, and no seed waits for another's loops.

    Args:
        one: takes the arguments of one seed.
        trees: its arguments, leaves ``[S, ...]``.

    Returns:
        Its results, leaves ``[S, ...]``.
    """
    devices = math.prod(jax.sharding.get_abstract_mesh().shape.values())
    if devices == 1 and jax.default_backend() == "cpu":
        return jax.lax.map(lambda arguments: one(*arguments), trees)
    return jax.vmap(one)(*trees)


def make_trainer(env: Env, algorithm: Algorithm, schedule: Schedule) -> Trainer:
    """Builds the training of one society in one game.

    Args:
        env: the game.
        algorithm: the society, see `society.society`.
        schedule: how much is played between updates.

    Raises:
        ConfigError: the schedule does not fit the game's horizon, or the agents.
    """
    length, horizon = schedule.length(env.spec), env.spec.horizon
    fits = length == horizon or not algorithm.whole_episodes
    remedy = f"use {horizon} or 0, for agents that play their episodes again"
    checks.require(fits, "rollout_length", length, remedy)
    collect = collector(env, algorithm, schedule.num_envs, length)

    def init_seed(key: Array, hyper: PyTree) -> tuple:
        key_state, key_world, key_loop = jax.random.split(key, 3)
        state = algorithm.init(key_state, hyper)
        return state, begin(env, algorithm, key_world, schedule.num_envs), key_loop

    def init(keys: Array, hyper: PyTree) -> Carry:
        swept = jax.tree.map(lambda leaf: 0 if jnp.ndim(leaf) else None, hyper)
        state, world, key = jax.vmap(init_seed, in_axes=(0, swept))(keys, hyper)
        return Carry(state, world, key, Clock(update=jnp.int32(0)))

    def update(carry: Carry, _: None) -> tuple[Carry, Metrics]:
        def one(state: PyTree, world: PyTree, key: Array) -> tuple:
            key_now, key_next = jax.random.split(key)
            state, world, metrics = algorithm.iterate(state, collect, world, key_now, carry.clock)
            return state, world, key_next, metrics

        state, world, key, metrics = by_seed(one, carry.state, carry.world, carry.key)
        return Carry(state, world, key, Clock(carry.clock.update + 1)), metrics

    def run(carry: Carry, num_updates: int) -> tuple[Carry, Metrics]:
        return jax.lax.scan(update, carry, None, length=num_updates)

    return Trainer(init, run)
