"""SVO, social value orientation: agents aim at a ratio of their own and the others' rewards.

McKee et al. 2020 (arXiv 2002.02325), section 3: the rewards of a step, seen by agent i, point at an
angle ``theta(r) = atan2(mean of the others' rewards, r_i)``; i learns on

    u_i = r_i - w |theta* - theta(r)|,

where theta* is its orientation: 0 degrees an individualist, 45 a prosocial, 90 an altruist. Seats
may hold agents of different orientations, as in the paper's heterogeneous populations.

What an agent sees: its own observation, everyone's rewards.

Differences from the paper: angles are in radians where `weight` multiplies them, as the unit of
the paper's w (0.2) is not known. Where nobody earns anything the angle is 0, as atan2 has it.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from envs import checks
from envs.types import Env
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats, put_columns, take_columns
from lase_jax.learners.actor_critic import Learner, LearnerState
from lase_jax.learners.agents import AgentConfig, agent
from lase_jax.types import Agent, Array, Opinion, Rollout


@dataclass(frozen=True)
class Svo(AgentConfig):
    """Actor-critics that aim at a given ratio of their own and the others' rewards."""

    angle: float = 45.0
    """Orientation theta* in degrees, in [0, 90]: 0 individualist, 45 prosocial, 90 altruist."""
    weight: float = 0.2
    """Reward that a deviation of one radian costs, 0 or more."""

    TRACED: ClassVar[tuple[str, ...]] = ("angle", "weight")

    def __post_init__(self) -> None:
        """Checks every field."""
        checks.number("angle", self.angle, 0.0, 90.0)
        checks.number("weight", self.weight, 0.0)

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        learner = Learner(self.learner, env.spec, len(seats))
        return agent(learner, seats, self.hyper(), Orientation(seats).shape)


@dataclass(frozen=True)
class Orientation:
    """The `Opinion` of agents that aim at a ratio of rewards."""

    seats: Seats

    def shape(self, state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
        """Charges these seats for each step's deviation from theta*. ``key`` is not used."""
        del key
        hyper, num = state.hyper, rollout.reward.shape[-1]
        others = (rollout.reward.sum(-1, keepdims=True) - rollout.reward) / (num - 1)
        wanted = hyper["angle"] * (math.pi / 180.0)
        cost = -hyper["weight"] * jnp.abs(wanted - jnp.arctan2(others, rollout.reward))
        active_cost = jnp.where(rollout.active, cost, 0.0)
        delta = put_columns(take_columns(active_cost, self.seats), self.seats, num)
        return no_opinion(rollout, len(self.seats))._replace(delta=delta)
