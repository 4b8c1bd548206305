"""A2C: every agent for itself, on its own reward and whatever gifts others make it.

What an agent sees: its own observation, its own reward.
"""

from dataclasses import dataclass

from envs.types import Env
from lase_jax.core.seats import Seats
from lase_jax.learners import A2CConfig, a2c, as_agent
from lase_jax.types import Agent


@dataclass(frozen=True)
class A2C(A2CConfig):
    """Independent advantage actor-critic."""

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        return as_agent(a2c(self, env.spec, len(seats)), self.hyper(), seats)
