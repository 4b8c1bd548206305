"""Trained policies that act in any loop over steps, in the shapes of the game.

Letters: B environments, N seats, A actions, F numbers of a flattened observation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from envs import checks
from envs.types import EnvSpec
from lase_jax.loop.rollout import flat
from lase_jax.types import Algorithm, Array, Mode, PyTree


@dataclass(frozen=True, eq=False, repr=False)
class Player:
    """The policies of one seed on all seats.

    All functions are pure and may be jitted, vmapped and scanned. Observations are those of the
    game, ``[N, *obs_shape]``, or ``[B, N, *obs_shape]`` of B environments side by side; memories
    and actions then have the axis of environments, too.
    """

    spec: EnvSpec
    """Facts of the game."""
    seats: tuple[str, ...]
    """Name of the agent on each seat."""
    mode: Mode
    """How actions are chosen."""
    first_memory: Callable[[int], PyTree]
    """``num_envs -> memory``."""
    chosen: Callable[[Array, PyTree, Array], tuple[Array, PyTree]]
    """``(obs[B, N, F], memory, key) -> (action[B, N], memory)``."""
    remembered: Callable[[PyTree, Array, Array], PyTree]
    """``(memory, action[B, N], reward[B, N]) -> memory``; A is the action of who took no part."""

    def begin(self, num_envs: int | None = None) -> PyTree:
        """The memory before the first step of an episode, of one environment or of several."""
        return _one(self.first_memory(1)) if num_envs is None else self.first_memory(num_envs)

    def act(self, obs: Array, memory: PyTree, key: Array) -> tuple[Array, PyTree]:
        """Chooses everyone's action.

        Args:
            obs: ``[N, *obs_shape]`` or ``[B, N, *obs_shape]``, as the game gives it.
            memory: what `begin`, `act` or `remember` returned last.
            key: consumed.

        Returns:
            Actions ``[N]`` or ``[B, N]`` int32, and the memory after this step.

        Raises:
            ConfigError: observations of another shape.
        """
        one, shape = (self.spec.num_agents, *self.spec.obs_shape), jnp.shape(obs)
        fits = shape[-len(one) :] == one and len(shape) - len(one) in (0, 1)
        checks.require(fits, "shape of obs", shape, f"use {one}, or (B, ...) of B environments")
        if len(shape) > len(one):
            return self.chosen(flat(obs), memory, key)
        action, memory = self.chosen(flat(obs[None]), _many(memory), key)
        return action[0], _one(memory)

    def remember(
        self, memory: PyTree, action: Array, reward: Array, active: Array | None = None
    ) -> PyTree:
        """The memory after the game has moved; to be called after every step of the game.

        Agents that see more than their windows show need it, such as those of `ia`, `si` and
        `si_comm`; the memory of all others stays as it is.

        Args:
            memory: what `act` returned.
            action: ``[N]`` or ``[B, N]`` int32, everyone's actions.
            reward: the same shape, float32, the game's own reward.
            active: the same shape, bool, who took part; None for everyone.
        """
        seen = action if active is None else jnp.where(active, action, self.spec.num_actions)
        if jnp.ndim(action) > 1:
            return self.remembered(memory, seen, reward)
        return _one(self.remembered(_many(memory), seen[None], reward[None]))

    def __repr__(self) -> str:
        return f"Player({', '.join(self.seats)} in {self.spec.name}, {self.mode})"


def _one(memory: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[0], memory)


def _many(memory: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[None], memory)


def player(
    spec: EnvSpec, algorithm: Algorithm, state: PyTree, mode: Mode, seats: Sequence[str]
) -> Player:
    """A society as a `Player`.

    Args:
        spec: facts of the game.
        algorithm: the society.
        state: what it has learnt, of one seed.
        mode: how actions are chosen.
        seats: name of the agent on each seat.
    """
    acting = algorithm.prepare(state)

    @jax.jit
    def chosen(obs: Array, memory: PyTree, key: Array) -> tuple[Array, PyTree]:
        draws = algorithm.draw(key, len(obs))
        decision, memory = algorithm.act(acting, memory, obs, draws, mode)
        return decision.action, memory

    @jax.jit
    def remembered(memory: PyTree, action: Array, reward: Array) -> PyTree:
        return algorithm.remember(acting, memory, action, reward)

    return Player(spec, tuple(seats), mode, algorithm.begin, chosen, remembered)
