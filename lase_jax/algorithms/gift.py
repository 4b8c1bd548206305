"""Gift: the control that LASE has to beat, equal and constant gifts to everyone.

The same zero-sum exchange as LASE's with the same weight for every co-player at every step: what is
left of LASE's effect when its inference is taken away.

What an agent sees: its own observation, its own reward; gifts arrive as reward.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax import rewards
from lase_jax.learners import A2CConfig, LearnerState, a2c, as_agent
from lase_jax.rollout import Seats
from lase_jax.types import Agent, Array, Metrics, Opinion, Rollout


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
            return give(jnp.full(lead, each), rollout, seats, {})

        return as_agent(a2c(self, env.spec, len(seats)), self.hyper(), seats, shape)


def give(weights: Array, rollout: Rollout, seats: Seats, metrics: Metrics) -> Opinion:
    """The opinion of seats that hand out shares of their reward.

    Args:
        weights: ``[T, B, n, N]`` share of own reward given to each seat; the own column is ignored.
        rollout: ``[T, B, N]``.
        seats: n seats.
        metrics: what was measured on the way.
    """
    num = rollout.reward.shape[-1]
    own = np.array(seats)[:, None] == np.arange(num)[None]
    weights = jnp.where(own[None, None], 0.0, weights)
    everyone = jnp.zeros((*rollout.reward.shape, num)).at[:, :, np.array(seats)].set(weights)
    delta = jax.vmap(jax.vmap(rewards.gift_delta))(rollout.reward, everyone)
    return Opinion(delta, weights, metrics)
