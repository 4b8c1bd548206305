"""Scripted seats: the game's own cooperator, defector and random player, which never learn.

What an agent sees: its own observation. Scripted agents are handed gifts but give none.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats
from lase_jax.types import Agent, Array, Clock, Decision, Metrics, Mode, Opinion, PyTree, Rollout


@dataclass(frozen=True)
class Scripted:
    """Agents that follow one of the game's scripted policies."""

    policy: str = "random"
    """Name of the policy: "random", "cooperator", "defector", or another that the game offers."""

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced: none."""
        return {}

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`.

        Raises:
            ConfigError: the game has no such policy.
        """
        checks.choice("policy", self.policy, env.scripted)
        policy = env.scripted[self.policy]
        ids = np.array(seats, np.int32)

        def act(
            acting: PyTree, memory: PyTree, obs: Array, keys: Array, mode: Mode
        ) -> tuple[Decision, PyTree]:
            del acting, mode
            windows = obs.reshape(*obs.shape[:2], *env.spec.obs_shape)
            action = jax.vmap(jax.vmap(policy), (0, 0, None))(keys, windows, jnp.asarray(ids))
            return Decision(action.astype(jnp.int32), jnp.zeros(action.shape)), memory

        def shape(state: PyTree, rollout: Rollout, key: Array) -> Opinion:
            del state, key
            return no_opinion(rollout, len(seats))

        def learn(
            state: PyTree, rollout: Rollout, reward: Array, key: Array, clock: Clock
        ) -> tuple[PyTree, Metrics]:
            del rollout, reward, key, clock
            return state, {}

        return Agent(
            hyper=self.hyper(),
            init=lambda key, hyper: (),
            begin=lambda num_envs: (),
            prepare=lambda state: (),
            draw=lambda key, num_envs: jax.random.split(key, (num_envs, len(seats))),
            act=act,
            shape=shape,
            learn=learn,
        )
