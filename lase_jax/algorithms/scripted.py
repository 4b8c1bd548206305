"""Scripted seats: the game's own cooperator, defector and random player, which never learn.

What an agent sees: its own observation. Scripted agents receive gifts but give none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env, EnvSpec
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats
from lase_jax.types import Agent, Array, Clock, Decision, Metrics, Mode, Opinion, PyTree, Rollout


@dataclass(frozen=True)
class Scripted:
    """Agents that follow one of the game's scripted policies."""

    policy: str = "random"
    """Name of the policy: "random", "cooperator", "defector", or another that the game offers."""

    WHOLE_EPISODES: ClassVar[bool] = False
    """Whether the agents need rollouts of whole episodes."""

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced: none."""
        return {}

    def check(self, spec: EnvSpec, length: int, num_envs: int) -> None:
        """Accepts rollouts of every size, as nothing is learnt from them."""
        del spec, length, num_envs

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`.

        Raises:
            ConfigError: the game has no such policy.
        """
        checks.choice("policy", self.policy, env.scripted)
        actors = Actors(env.scripted[self.policy], env.spec, seats)
        return Agent(
            hyper=self.hyper(),
            init=lambda key, hyper: (),
            begin=lambda num_envs: (),
            prepare=lambda state: (),
            draw=actors.draw,
            act=actors.act,
            shape=actors.shape,
            learn=actors.learn,
        )


@dataclass(frozen=True)
class Actors:
    """The functions of scripted agents on some seats, which have no state."""

    policy: Callable[[Array, Array, Array], Array]
    """``(key, window, seat) -> action``."""
    spec: EnvSpec
    seats: Seats

    def draw(self, key: Array, num_envs: int) -> Array:
        """A key ``[B, n]`` for every action. ``key`` is consumed."""
        return jax.random.split(key, (num_envs, len(self.seats)))

    def act(
        self, acting: PyTree, memory: PyTree, obs: Array, draws: Array, mode: Mode
    ) -> tuple[Decision, PyTree]:
        """Follows the policy in every mode."""
        del acting, mode
        windows = obs.reshape(*obs.shape[:2], *self.spec.obs_shape)
        ids = jnp.asarray(np.array(self.seats, np.int32))
        action = jax.vmap(jax.vmap(self.policy), (0, 0, None))(draws, windows, ids)
        return Decision(action.astype(jnp.int32), jnp.zeros(action.shape)), memory

    def shape(self, state: PyTree, rollout: Rollout, key: Array) -> Opinion:
        """Leaves everyone's reward as it is. ``key`` is consumed."""
        del state, key
        return no_opinion(rollout, len(self.seats))

    def learn(
        self, state: PyTree, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[PyTree, Metrics]:
        """Learns nothing. ``key`` is consumed."""
        del rollout, reward, key, clock
        return state, {}
