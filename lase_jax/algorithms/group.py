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
from lase_jax.learners import A2CConfig, LearnerState, a2c, as_agent
from lase_jax.types import Agent, Array, Opinion, Rollout


@dataclass(frozen=True)
class Group(A2CConfig):
    """Actor-critics on the group's reward."""

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        mine = np.isin(np.arange(env.spec.num_agents), seats)

        def shape(state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
            del state, key
            others = jax.vmap(jax.vmap(rewards.group_delta))(rollout.reward)
            delta = jnp.where(mine[None, None], others, 0.0)
            return no_opinion(rollout, len(seats))._replace(delta=delta)

        return as_agent(a2c(self, env.spec, len(seats)), self.hyper(), seats, shape)
