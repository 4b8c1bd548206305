"""Gift: the control that LASE has to beat, equal and constant gifts to everyone.

The same zero-sum exchange as LASE's, with one weight for every co-player that takes part, at every
step: what is left of LASE's effect when its inference is taken away.

What an agent sees: its own observation, its own reward; gifts arrive as reward.
"""

from dataclasses import dataclass

import jax.numpy as jnp

from envs import checks
from envs.types import Env
from lase_jax.core.rewards import give
from lase_jax.core.seats import Seats
from lase_jax.learners import A2CConfig, LearnerState, a2c, as_agent
from lase_jax.types import Agent, Array, Opinion, Rollout


@dataclass(frozen=True)
class Gift(A2CConfig):
    """Independent actor-critics that always give the same share away."""

    share: float = 0.15
    """Share of own reward given away in all, divided equally among the co-players, in [0, 1]."""

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        checks.probability("share", self.share)

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        each = self.share / (env.spec.num_agents - 1)

        def shape(state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
            del state, key
            lead = (*rollout.reward.shape[:2], len(seats), env.spec.num_agents)
            present = rollout.active[:, :, None]
            return give(jnp.where(present, jnp.full(lead, each), 0.0), rollout, seats, {})

        return as_agent(a2c(self, env.spec, len(seats)), self.hyper(), seats, shape)
