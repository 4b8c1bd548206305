"""Independent learners: every agent learns on its own reward and the gifts it receives.

What an agent sees: its own observation, its own reward.
"""

from dataclasses import dataclass

from envs.types import Env
from lase_jax.core.seats import Seats
from lase_jax.learners.actor_critic import Learner
from lase_jax.learners.agents import AgentConfig, agent
from lase_jax.types import Agent


@dataclass(frozen=True)
class Independent(AgentConfig):
    """Independent actor-critics."""

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        return agent(Learner(self.learner, env.spec, len(seats)), seats, self.hyper())
