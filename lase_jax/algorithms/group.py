"""GO, group-oriented: every agent learns on the plain sum of all rewards (Kong et al. 2024).

With ``eta`` the others' rewards have a weight, r_k + eta sum_j r_j: the prosocial control of Jaques
et al. 2019, whose best weight was 0.85 in both of their games.

What an agent sees: its own observation, everyone's rewards.

Differences from the paper: with ``after_leaving`` an agent that leaves the game, as in the
Stag-Hunt, also learns on what the group earns afterwards. Without it agents gain by staying until
the others have hunted.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env, EnvSpec
from lase_jax.core import rewards
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats
from lase_jax.learners.actor_critic import Learner, LearnerState
from lase_jax.learners.agents import AgentConfig, agent
from lase_jax.types import Agent, Array, Opinion, Rollout


@dataclass(frozen=True)
class Group(AgentConfig):
    """Actor-critics on the group's reward."""

    eta: float = 1.0
    """Weight of others' rewards, 0 or more; 1 for the plain sum."""
    after_leaving: bool = False
    """Whether an agent's last step in the game also earns the discounted rewards of the group in
    the rest of the episode; needs rollouts of whole episodes."""

    def __post_init__(self) -> None:
        """Checks every field."""
        checks.number("eta", self.eta, 0.0)

    def check(self, spec: EnvSpec, length: int, num_envs: int) -> None:
        """Requires whole episodes where later rewards count.

        Raises:
            ConfigError: rollouts are shorter.
        """
        super().check(spec, length, num_envs)
        fits = length == spec.horizon or not self.after_leaving
        checks.require(fits, "rollout_length", length, "use 0, or no after_leaving")

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        learner = Learner(self.learner, env.spec, len(seats))
        solidarity = Solidarity(seats, self.eta, self.after_leaving)
        return agent(learner, seats, self.hyper(), solidarity.shape)


@dataclass(frozen=True)
class Solidarity:
    """The `Opinion` of agents that count others' rewards beside their own."""

    seats: Seats
    eta: float = 1.0
    after_leaving: bool = False

    def shape(self, state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
        """Adds eta times the rewards of all others to those of these seats."""
        del key
        on_seats = np.isin(np.arange(rollout.reward.shape[-1]), self.seats)
        others = jax.vmap(jax.vmap(rewards.group_delta))(rollout.reward)
        if self.after_leaving:
            facts = rollout.reward.sum(-1), rollout.active, rollout.done, state.hyper["gamma"]
            others = others + jax.vmap(rewards.after_leaving, (1, 1, 1, None), 1)(*facts)
        delta = jnp.where(on_seats[None, None], self.eta * others, 0.0)
        return no_opinion(rollout, len(self.seats))._replace(delta=delta)
