"""Giving: agents that may hand reward to another as an act of their own, and learn whether to.

Beside its action each agent chooses in every step to give nothing, or an amount to one co-player.
The receiver's reward grows by the amount, the giver's falls by `price` times the amount, and both
choices learn on what is left. Lupu & Precup 2020 ("Gifting in Multi-Agent Reinforcement Learning")
have a price of 1, or none within a `budget`; the baselines with reward-giving actions of Yang et
al. 2020 (LIO) have amounts of 2 at next to no price, all or nothing or continuous.

What an agent sees: its own observation and reward; what it is given arrives as reward.

Differences from the papers: giving does not take the place of an action, and reaches any co-player
that takes part, in view or not (Lupu & Precup: all who stand in the beam); amounts are one or
several levels instead of continuous; agents do not see what was given so far (Yang et al.: they
do); gifts are drawn without epsilon.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env, EnvSpec
from lase_jax.core.metrics import by_deed
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats, put_columns, take_columns, take_seats
from lase_jax.learners.actor_critic import Acting, Learner, LearnerState, count_episodes
from lase_jax.learners.agents import AgentConfig, agent
from lase_jax.learners.second import Lesson, TwoPolicies
from lase_jax.types import (
    Account,
    Agent,
    Array,
    Clock,
    Decision,
    Metrics,
    Mode,
    Opinion,
    PyTree,
    Rollout,
)


@dataclass(frozen=True)
class Giving(AgentConfig):
    """Actor-critics that may give reward to others."""

    amount: float = 2.0
    """The most that is given to a co-player in one step, in the unit of rewards, above 0."""
    levels: int = 1
    """Number of amounts, in equal steps up to `amount`, 1 to 100: 1 is all or nothing, 10 nearly
    any."""
    price: float = 1.0
    """What the giver loses for each unit that it gives, 0 or more: with 1 gifts are zero-sum."""
    budget: float = 0.0
    """The most that an agent gives in an episode; 0 for no bound. What is drawn beyond it becomes
    nothing, and gifts to who has left count."""
    gift_loss: float = 1.0
    """Weight of the loss of gifts beside that of actions, 0 or more."""
    gift_entropy: float = 0.05
    """Weight of the entropy bonus of gifts, 0 or more."""

    TRACED: ClassVar[tuple[str, ...]] = ("amount", "price", "budget", "gift_loss", "gift_entropy")

    def __post_init__(self) -> None:
        """Checks every field."""
        checks.number("amount", self.amount, 0.0, open_low=True)
        checks.integer("levels", self.levels, 1, 100)
        for field in ("price", "budget", "gift_loss", "gift_entropy"):
            checks.number(field, getattr(self, field), 0.0)

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        choices = 1 + self.levels * (env.spec.num_agents - 1)
        learner = Learner(self.learner, env.spec, len(seats), symbols=choices)
        givers = Givers(self, env.spec, seats, learner)
        return agent(learner, seats, self.hyper(), givers.shape)._replace(
            begin=givers.begin,
            prepare=givers.prepare,
            draw=givers.both.draw,
            act=givers.act,
            learn=givers.learn,
            explain=givers.explain,
        )


class GiverActing(NamedTuple):
    """What acting needs, computed once per rollout."""

    learner: Acting
    amount: Array  # []
    budget: Array  # []


class GiverMemory(NamedTuple):
    """What agents carry through an episode."""

    learner: PyTree
    given: Array  # [B, n] float32, what each has given in this episode


@dataclass(frozen=True)
class Givers:
    """How giving agents on some seats act and learn, as functions of their state."""

    config: Giving
    spec: EnvSpec
    seats: Seats
    learner: Learner

    @property
    def both(self) -> TwoPolicies:
        """Policies of actions and of gifts."""
        return TwoPolicies(self.learner, "giving/")

    @property
    def shares(self) -> np.ndarray:
        """Share ``[n, V, N]`` of the largest amount that goes to each seat with each choice."""
        num, levels = self.spec.num_agents, self.config.levels
        table = np.zeros((len(self.seats), 1 + levels * (num - 1), num), np.float32)
        for row, seat in enumerate(self.seats):
            others = [other for other in range(num) if other != seat]
            for place, other in enumerate(others):
                first = 1 + levels * place
                table[row, first : first + levels, other] = np.arange(1, levels + 1) / levels
        return table

    def begin(self, num_envs: int) -> GiverMemory:
        """The memory before the first step: nothing has been given."""
        nothing = jnp.zeros((num_envs, len(self.seats)))
        return GiverMemory(self.learner.begin(num_envs), nothing)

    def prepare(self, state: LearnerState) -> GiverActing:
        """What acting needs."""
        hyper = state.hyper
        return GiverActing(self.learner.prepare(state), hyper["amount"], hyper["budget"])

    def act(
        self, acting: GiverActing, memory: GiverMemory, obs: Array, draws: Array, mode: Mode
    ) -> tuple[Decision, GiverMemory]:
        """Chooses an action, and a gift if the budget allows it."""
        decision, after = self.both.act(acting.learner, memory.learner, obs, draws, mode)
        sizes = acting.amount * jnp.asarray(self.shares.sum(-1))  # [n, V]
        row = jnp.arange(len(self.seats))[None]
        given = memory.given + sizes[row, decision.notes]
        allowed = (acting.budget == 0.0) | (given <= acting.budget + 1e-6)
        choice = jnp.where(allowed, decision.notes, 0)
        memory = GiverMemory(after, jnp.where(allowed, given, memory.given))
        return decision._replace(notes=choice), memory

    def gifts(self, state: LearnerState, rollout: Rollout) -> Array:
        """What each giver hands to each seat, ``[T, B, n, N]``, in the unit of rewards."""
        row = jnp.arange(len(self.seats))[None, None]
        share = jnp.asarray(self.shares)[row, rollout.notes]
        there = take_columns(rollout.active, self.seats)[..., None] & rollout.active[:, :, None]
        return state.hyper["amount"] * jnp.where(there, share, 0.0)

    def shape(self, state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
        """Adds gifts to the receivers' rewards and their price to the givers'. Consumes ``key``."""
        del key
        gifts, num = self.gifts(state, rollout), self.spec.num_agents
        costs = put_columns(state.hyper["price"] * gifts.sum(-1), self.seats, num)
        episodes = rollout.reward.shape[1] * len(rollout.reward) / self.spec.horizon
        return no_opinion(rollout, len(self.seats))._replace(
            delta=gifts.sum(2) - costs,
            metrics={"incentive/paid": gifts.sum((0, 1)) / episodes}
            | by_deed(gifts.sum(2), rollout, self.spec.helps, self.seats),
        )

    def explain(self, state: LearnerState, rollout: Rollout) -> Account:
        """What each giver hands to each seat."""
        return Account(paid=self.gifts(state, rollout))

    def learn(
        self, state: LearnerState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LearnerState, Metrics]:
        """Trains actions and gifts on the reward after gifts. ``key`` is consumed."""
        del clock
        hyper, paid = state.hyper, take_columns(reward, self.seats)
        own = take_seats(rollout, self.seats)._replace(memory=rollout.memory.learner)
        lesson = Lesson(own, rollout.notes, paid, paid)
        weights = hyper["gift_loss"], hyper["gift_entropy"]
        learnt, metrics = self.both.learn(state, lesson, *weights, key)
        return count_episodes(learnt, rollout), metrics
