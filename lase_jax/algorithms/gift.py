"""Gift: the control for LASE, equal and constant gifts to all co-players.

Rewards are exchanged as in LASE, zero-sum, but every co-player that takes part has the same weight,
and the same share is given in every step, whoever has left the game; or, with `gains`, in every
step with a reward above 0. It shows how much of LASE's
effect remains without its inference.

What an agent sees: its own observation, its own reward; gifts arrive as reward.
"""

from dataclasses import dataclass

import jax.numpy as jnp

from envs import checks
from envs.types import Env
from lase_jax.core.rewards import give
from lase_jax.core.seats import Seats, is_other, take_columns
from lase_jax.learners.actor_critic import Learner, LearnerState
from lase_jax.learners.agents import AgentConfig, agent
from lase_jax.types import Agent, Array, Opinion, Rollout


@dataclass(frozen=True)
class Gift(AgentConfig):
    """Independent actor-critics that always give the same share away."""

    share: float = 0.15
    """Share of own reward given away in all, divided equally among the co-players that take part,
    in [0, 1]."""
    gains: bool = False
    """Whether it is given of rewards above 0 only, so that no losses are handed on."""

    def __post_init__(self) -> None:
        """Checks every field."""
        checks.probability("share", self.share)

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        learner = Learner(self.learner, env.spec, len(seats))
        return agent(learner, seats, self.hyper(), EqualGifts(self.share, self.gains, seats).shape)


@dataclass(frozen=True)
class EqualGifts:
    """The `Opinion` of agents that give all co-players the same share."""

    share: float
    gains: bool
    seats: Seats

    def shape(self, state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
        """Divides the share of the reward equally among the co-players that take part."""
        del state, key
        other = is_other(rollout.reward.shape[-1], self.seats)
        receive = rollout.active[:, :, None] & other[None, None]
        count = receive.sum(-1, keepdims=True, dtype=jnp.float32)
        if self.gains:
            receive &= (take_columns(rollout.reward, self.seats) > 0.0)[..., None]
        weights = jnp.where(receive, self.share / jnp.maximum(count, 1.0), 0.0)
        return give(weights, rollout, self.seats, {})
