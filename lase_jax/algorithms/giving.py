"""Giving: agents that may hand reward to another as an act of their own, and learn whether to.

Beside its action each agent chooses in every step what it gives to each co-player, nothing or an
amount. The receiver's reward grows by the amount, the giver's falls by `price` times the amount,
and both choices learn on what is left. Lupu & Precup 2020 ("Gifting in Multi-Agent Reinforcement
Learning") have a price of 1, or none within a `budget`. Yang et al. 2020 (LIO) have two baselines
with reward-giving actions of up to 2: all or nothing at next to no price, chosen with the action;
and continuous ones, chosen when others' actions are seen (`see_actions`), at a price of 1 in the
Escape Room and next to none in Cleanup.

What an agent sees: its own observation and reward, and with `see_actions`, when it chooses gifts,
what others do in the same step; what it is given arrives as reward.

Differences from the papers: giving does not take the place of an action, and reaches any co-player
that takes part, in view or not (Lupu & Precup: all who stand in the beam); gifts are drawn
independently of the action (Yang et al., all or nothing: one choice of both); amounts are one or
several levels instead of continuous; agents do not see what was given so far (Yang et al.: they
do); gifts are drawn without epsilon; their critic does not see others' actions.
"""

from dataclasses import dataclass
from itertools import product
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env, EnvSpec
from lase_jax.core import distributions
from lase_jax.core.metrics import by_deed
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats, co_players, put_columns, take_columns, take_seats
from lase_jax.learners.actor_critic import Acting, Learner, LearnerState, count_episodes
from lase_jax.learners.agents import AgentConfig, agent
from lase_jax.learners.second import Lesson, TwoPolicies
from lase_jax.nets.actor_critic import Symbols
from lase_jax.nets.layers import one_hots
from lase_jax.types import (
    SEAT_AXES,
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

MOST = 4096
"""Choices of gifts to all co-players together, of which there is a table."""


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
    see_actions: bool = False
    """Whether gifts are chosen when others' actions of the step are seen; not with a budget."""
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
        remedy = "give 0 with see_actions, whose gifts are chosen after the episode has been played"
        checks.require(not (self.see_actions and self.budget), "budget", self.budget, remedy)

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        parts, actions = env.spec.num_agents - 1, env.spec.num_actions
        choices = (1 + self.levels) ** parts
        remedy = f"give fewer: {parts} co-players make {choices:,} choices, of at most {MOST:,}"
        checks.require(choices <= MOST, "levels", self.levels, remedy)
        symbols = Symbols(1 + self.levels, parts=parts, seen=parts * actions * self.see_actions)
        learner = Learner(self.learner, env.spec, len(seats), symbols=symbols)
        givers = Givers(self, env.spec, seats, learner)
        return agent(learner, seats, self.hyper(), givers.shape)._replace(
            begin=givers.begin,
            prepare=givers.prepare,
            draw=givers.both.draw,
            act=givers.act,
            learn=givers.learn,
            explain=givers.explain,
        )


LIKELIEST = -1.0
"""Note of a step in which the likeliest gifts are chosen instead of drawn ones."""


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
        each = np.array([*product(range(1 + levels), repeat=num - 1)], np.float32) / levels
        table = np.zeros((len(self.seats), len(each), num), np.float32)
        for row, others in enumerate(co_players(num, self.seats)):
            table[row][:, others] = each
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
        """Chooses an action, and gifts if the budget allows them.

        With `see_actions` it only notes down what gifts are to be drawn with, see `chosen`.
        """
        if self.config.see_actions:
            action, luck = draws[..., 0], draws[..., 1]
            decision, after = self.learner.act(acting.learner, memory.learner, obs, action, mode)
            luck = jnp.full_like(luck, LIKELIEST) if mode == "greedy" else luck
            return decision._replace(notes=luck), memory._replace(learner=after)
        decision, after = self.both.act(acting.learner, memory.learner, obs, draws, mode)
        sizes = acting.amount * jnp.asarray(self.shares.sum(-1))  # [n, V]
        row = jnp.arange(len(self.seats))[None]
        given = memory.given + sizes[row, decision.notes]
        allowed = (acting.budget == 0.0) | (given <= acting.budget + 1e-6)
        choice = jnp.where(allowed, decision.notes, 0)
        memory = GiverMemory(after, jnp.where(allowed, given, memory.given))
        return decision._replace(notes=choice), memory

    def own(self, rollout: Rollout) -> Rollout:
        """The givers' part of a rollout."""
        return take_seats(rollout, self.seats)._replace(memory=rollout.memory.learner)

    def seen(self, rollout: Rollout) -> Array:
        """Others' actions ``[T, B, n, E]`` as each giver sees them; who has left does nothing."""
        others = rollout.action[..., co_players(self.spec.num_agents, self.seats)]
        return one_hots(others, self.spec.num_actions)

    def chosen(self, state: LearnerState, rollout: Rollout) -> Array:
        """The choice ``[T, B, n]`` of each giver in every step."""
        if not self.config.see_actions:
            return rollout.notes
        policy, steps = self.learner.policy, len(rollout.action)

        def one(params: PyTree, own: Rollout, seen: Array, luck: Array) -> Array:
            features = policy.features(params, own).policy[:steps]
            logits = policy.symbol_logits(params, features, seen)
            drawn, _ = distributions.choose(logits, 0.0, luck, "sample")
            likeliest, _ = distributions.choose(logits, 0.0, luck, "greedy")
            return jnp.where(luck == LIKELIEST, likeliest, drawn)

        data = self.own(rollout), self.seen(rollout), rollout.notes
        return jax.vmap(one, (0, SEAT_AXES, 2, 2), 2)(state.trained.params, *data)

    def gifts(self, state: LearnerState, rollout: Rollout) -> Array:
        """What each giver hands to each seat, ``[T, B, n, N]``, in the unit of rewards."""
        row = jnp.arange(len(self.seats))[None, None]
        share = jnp.asarray(self.shares)[row, self.chosen(state, rollout)]
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
        seen = (self.seen(rollout),) if self.config.see_actions else ()
        lesson = Lesson(self.own(rollout), self.chosen(state, rollout), paid, paid, seen)
        weights = hyper["gift_loss"], hyper["gift_entropy"]
        learnt, metrics = self.both.learn(state, lesson, *weights, key)
        return count_episodes(learnt, rollout), metrics
