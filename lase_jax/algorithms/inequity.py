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
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax import learners
from lase_jax.core import rewards
from lase_jax.core.metrics import masked_mean
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats, co_players, put_columns, take_columns, take_seats
from lase_jax.learners import A2CConfig, LearnerState, a2c, as_agent
from lase_jax.types import Agent, Array, Clock, Decision, Metrics, Mode, Opinion, PyTree, Rollout


class Memory(NamedTuple):
    """What an inequity-averse agent carries through an episode."""

    learner: PyTree
    trace: Array  # [B, n, N] smoothed rewards before the step, the own one first


class Acting(NamedTuple):
    """What acting needs, computed once per rollout."""

    learner: learners.Acting
    decay: Array  # [] gamma lambda


@dataclass(frozen=True)
class Inequity(A2CConfig):
    """Actor-critics that are averse to inequity."""

    alpha: float = 0.0
    """Aversion to having less than others (disadvantageous inequity, envy), 0 or more."""
    beta: float = 0.05
    """Aversion to having more than others (advantageous inequity, guilt), 0 or more."""
    trace: float = 0.975
    """Decay lambda of the smoothed rewards, in [0, 1]."""
    see_traces: bool = True
    """Show the traces to the policy; else it reads zeros, which makes the network comparable."""

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        checks.number("alpha", self.alpha, 0.0)
        checks.number("beta", self.beta, 0.0)
        checks.probability("trace", self.trace)

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced."""
        own = {"alpha": self.alpha, "beta": self.beta, "trace": self.trace}
        return super().hyper() | own

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        num = env.spec.num_agents
        learner = a2c(self, env.spec, len(seats), extra=num)
        order = np.concatenate([np.array(seats)[:, None], co_players(num, seats)], axis=1)

        def begin(num_envs: int) -> Memory:
            return Memory(learner.begin(num_envs), jnp.zeros((num_envs, len(seats), num)))

        def prepare(state: LearnerState) -> Acting:
            return Acting(learner.prepare(state), decay(state))

        def extend(obs: Array, trace: Array) -> Array:
            shown = trace if self.see_traces else jnp.zeros_like(trace)
            return jnp.concatenate([obs.astype(jnp.float32), shown], axis=-1)

        def act(
            acting: Acting, memory: Memory, obs: Array, draws: Array, mode: Mode
        ) -> tuple[Decision, Memory]:
            seen = extend(obs, memory.trace)
            decision, after = learner.act(acting.learner, memory.learner, seen, draws, mode)
            return decision, memory._replace(learner=after)

        def remember(acting: Acting, memory: Memory, action: Array, reward: Array) -> Memory:
            del action
            return memory._replace(trace=smooth(acting.decay, memory.trace, reward))

        def smooth(kept: Array, trace: Array, reward: Array) -> Array:
            """The traces ``[B, n, N]`` after a step that paid ``reward [B, N]``."""
            return kept * trace + reward[:, order]

        def traces(state: LearnerState, rollout: Rollout) -> Array:
            """``[T + 1, B, n, N]``, before every step and after the last."""
            kept = decay(state)

            def step(trace: Array, reward: Array) -> tuple[Array, Array]:
                after = smooth(kept, trace, reward)
                return after, after

            first = rollout.memory.trace
            return jnp.concatenate([first[None], jax.lax.scan(step, first, rollout.reward)[1]])

        def shape(state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
            del key
            after = traces(state, rollout)[1:]
            each = rewards.inequity_delta
            for _ in range(3):
                each = jax.vmap(each, (0, 0, None, None))
            envy, guilt = each(
                after[..., 0], after[..., 1:], state.hyper["alpha"], state.hyper["beta"]
            )
            active = take_columns(rollout.active, seats)
            own = jnp.where(active, envy + guilt, 0.0)
            delta = put_columns(own, seats, num)
            return no_opinion(rollout, len(seats))._replace(
                delta=delta,
                metrics={
                    "inequity/envy": masked_mean(envy, active, (0, 1), jnp.nan),
                    "inequity/guilt": masked_mean(guilt, active, (0, 1), jnp.nan),
                },
            )

        def learn(
            state: LearnerState, rollout: Rollout, reward: Array, key: Array, clock: Clock
        ) -> tuple[LearnerState, Metrics]:
            del key, clock
            known = traces(state, rollout)
            own = take_seats(rollout, seats)
            own = own._replace(
                obs=extend(own.obs, known[:-1]),
                last_obs=extend(own.last_obs, known[-1]),
                memory=rollout.memory.learner,
            )
            return learner.learn(state, own, take_columns(reward, seats))

        plain = as_agent(learner, self.hyper(), seats, shape)
        return plain._replace(begin=begin, prepare=prepare, act=act, learn=learn, remember=remember)


def decay(state: LearnerState) -> Array:
    """``[]`` gamma lambda."""
    return state.hyper["gamma"] * state.hyper["trace"]
