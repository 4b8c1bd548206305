"""IA, inequity aversion: having less or more than others hurts (Hughes et al. 2018).

Rewards are smoothed by the traces ``e_t = gamma lambda e_{t-1} + r_t`` (a sum, not an average: a
steady reward r tends to ``r / (1 - gamma lambda)``), and agent i learns on

    u_i = r_i - alpha / (N - 1) sum_j max(e_j - e_i, 0) - beta / (N - 1) sum_j max(e_i - e_j, 0).

What an agent sees: its own observation, everyone's rewards through the traces, which its policy
reads as they stood before the step.

The defaults are the paper's for Cleanup, where aversion to having more is what helps (alpha 0, beta
.05); in Harvest it is aversion to having less (alpha 5, beta 0). lambda .975 is quoted from
secondary sources.

Differences from the paper: synchronous actor-critics instead of A3C. The traces of an agent that
has left the game (Stag-Hunt) go on decaying, and it is no longer averse itself. The equations are
quoted from secondary sources. Two public implementations differ from the paper and from this one:
one compares the rewards of the moment instead of traces and turns guilt into a bonus by a sign, one
averages instead of summing.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax.core import rewards
from lase_jax.core.metrics import masked_mean
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats, co_players, put_columns, take_columns, take_seats
from lase_jax.learners.actor_critic import Acting, Learner, LearnerState
from lase_jax.learners.agents import AgentConfig, agent
from lase_jax.types import Agent, Array, Clock, Decision, Metrics, Mode, Opinion, PyTree, Rollout


class AverseMemory(NamedTuple):
    """What an inequity-averse agent carries through an episode."""

    learner: PyTree
    trace: Array  # [B, n, N] smoothed rewards before the step, the own one first


class AverseActing(NamedTuple):
    """What acting needs, computed once per rollout."""

    learner: Acting
    decay: Array  # [] gamma lambda


@dataclass(frozen=True)
class Inequity(AgentConfig):
    """Actor-critics that are averse to inequity."""

    alpha: float = 0.0
    """Aversion to having less than others (disadvantageous inequity, envy), 0 or more."""
    beta: float = 0.05
    """Aversion to having more than others (advantageous inequity, guilt), 0 or more."""
    trace: float = 0.975
    """Decay lambda of the smoothed rewards, in [0, 1]."""
    see_traces: bool = True
    """Show the traces to the policy; else it reads zeros, which makes the network comparable."""

    TRACED: ClassVar[tuple[str, ...]] = ("alpha", "beta", "trace")

    def __post_init__(self) -> None:
        """Checks every field."""
        checks.number("alpha", self.alpha, 0.0)
        checks.number("beta", self.beta, 0.0)
        checks.probability("trace", self.trace)

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        num = env.spec.num_agents
        learner = Learner(self.learner, env.spec, len(seats), extra=num)
        averse = Averse(self, num, seats, learner)
        return agent(learner, seats, self.hyper(), averse.shape)._replace(
            begin=averse.begin,
            prepare=averse.prepare,
            act=averse.act,
            learn=averse.learn,
            remember=averse.remember,
        )


@dataclass(frozen=True)
class Averse:
    """How inequity-averse agents on some seats act and learn, as functions of their state."""

    config: Inequity
    num_agents: int
    seats: Seats
    learner: Learner

    @property
    def order(self) -> np.ndarray:
        """``[n, N]`` int32, each agent's own seat, then its co-players'."""
        own_seats = np.array(self.seats)[:, None]
        return np.concatenate([own_seats, co_players(self.num_agents, self.seats)], axis=1)

    def begin(self, num_envs: int) -> AverseMemory:
        """The memory before the first step: traces are 0."""
        traces = jnp.zeros((num_envs, len(self.seats), self.num_agents))
        return AverseMemory(self.learner.begin(num_envs), traces)

    def prepare(self, state: LearnerState) -> AverseActing:
        """What acting needs."""
        return AverseActing(self.learner.prepare(state), decay(state))

    def extended(self, obs: Array, trace: Array) -> Array:
        """Observations ``[..., n, F]`` with the traces ``[..., n, N]``, or zeros, appended."""
        extra = trace if self.config.see_traces else jnp.zeros_like(trace)
        return jnp.concatenate([obs.astype(jnp.float32), extra], axis=-1)

    def act(
        self, acting: AverseActing, memory: AverseMemory, obs: Array, draws: Array, mode: Mode
    ) -> tuple[Decision, AverseMemory]:
        """Acts on observations and traces."""
        inputs = self.extended(obs, memory.trace)
        decision, after = self.learner.act(acting.learner, memory.learner, inputs, draws, mode)
        return decision, memory._replace(learner=after)

    def remember(
        self, acting: AverseActing, memory: AverseMemory, action: Array, reward: Array
    ) -> AverseMemory:
        """Smooths the rewards of a step."""
        del action
        return memory._replace(trace=self.smoothed(acting.decay, memory.trace, reward))

    def smoothed(self, kept: Array, trace: Array, reward: Array) -> Array:
        """The traces ``[B, n, N]`` after a step that paid ``reward [B, N]``."""
        return kept * trace + reward[:, self.order]

    def traces(self, state: LearnerState, rollout: Rollout) -> Array:
        """``[T + 1, B, n, N]``, before every step and after the last."""
        factor = decay(state)

        def step(trace: Array, reward: Array) -> tuple[Array, Array]:
            after = self.smoothed(factor, trace, reward)
            return after, after

        first = rollout.memory.trace
        return jnp.concatenate([first[None], jax.lax.scan(step, first, rollout.reward)[1]])

    def shape(self, state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
        """Computes the penalties of inequity for these seats."""
        del key
        after = self.traces(state, rollout)[1:]
        each = rewards.inequity_delta
        for _ in range(3):
            each = jax.vmap(each, (0, 0, None, None))
        hyper = state.hyper
        envy, guilt = each(after[..., 0], after[..., 1:], hyper["alpha"], hyper["beta"])
        active = take_columns(rollout.active, self.seats)
        penalty = jnp.where(active, envy + guilt, 0.0)
        return no_opinion(rollout, len(self.seats))._replace(
            delta=put_columns(penalty, self.seats, self.num_agents),
            metrics={
                "inequity/envy": masked_mean(envy, active, (0, 1), jnp.nan),
                "inequity/guilt": masked_mean(guilt, active, (0, 1), jnp.nan),
            },
        )

    def learn(
        self, state: LearnerState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LearnerState, Metrics]:
        """Learns from the own part of a rollout, with the traces of each step. Consumes ``key``."""
        del clock
        traces = self.traces(state, rollout)
        own_rollout = take_seats(rollout, self.seats)
        own_rollout = own_rollout._replace(
            obs=self.extended(own_rollout.obs, traces[:-1]),
            last_obs=self.extended(own_rollout.last_obs, traces[-1]),
            memory=rollout.memory.learner,
        )
        return self.learner.learn(state, own_rollout, take_columns(reward, self.seats), key)


def decay(state: LearnerState) -> Array:
    """``[]`` gamma lambda."""
    return state.hyper["gamma"] * state.hyper["trace"]
