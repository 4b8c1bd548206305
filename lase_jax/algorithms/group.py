"""GO, group-oriented: every agent learns on the plain sum of all rewards (Kong et al. 2024).

What an agent sees: its own observation, everyone's rewards.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from envs.types import Env
from lase_jax.core import rewards
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats
from lase_jax.learners.actor_critic import Learner, LearnerState
from lase_jax.learners.agents import AgentConfig, agent
from lase_jax.types import Agent, Array, Opinion, Rollout


@dataclass(frozen=True)
class Group(AgentConfig):
    """Actor-critics on the group's reward."""

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        learner = Learner(self.learner, env.spec, len(seats))
        return agent(learner, seats, self.hyper(), Solidarity(seats).shape)


@dataclass(frozen=True)
class Solidarity:
    """The `Opinion` of agents that count everyone's reward as their own."""

    seats: Seats

    def shape(self, state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
        """Adds the rewards of all others to those of these seats."""
        del state, key
        on_seats = np.isin(np.arange(rollout.reward.shape[-1]), self.seats)
        others = jax.vmap(jax.vmap(rewards.group_delta))(rollout.reward)
        delta = jnp.where(on_seats[None, None], others, 0.0)
        return no_opinion(rollout, len(self.seats))._replace(delta=delta)
