"""Influential communication: agents send symbols and are paid for their influence on listeners.

Experiment II of Jaques et al. 2019 (section 5). In every step each agent sends one symbol of a
vocabulary beside its action; all agents hear all symbols in the next step. Symbols have a policy
and a critic of their own on the trunk of the acting policy. The influence of k's symbol on j is the
divergence of j's policy in the next step, given the symbol, from what it would be on average over
k's policy of symbols, all else unchanged. Actions are trained on the agent's reward r, symbols on

    alpha r_k + weight sum_j influence_kj.

With ``weight=0`` and ``alpha=1`` it is the paper's control, communication trained on reward alone.

What an agent sees: its own observation and reward, and the symbols of all agents of this kind in
the step before. The influence is computed with the listeners' parameters (centralised training).

Differences from the paper: synchronous actor-critics instead of A3C; symbols that are heard join
the first dense layer; actions' policies are the behaviour policies, epsilon included, while symbols
are drawn without epsilon; influence is clipped. A symbol that is heard in
the next rollout earns no influence: with rollouts of T steps, one in T.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env, EnvSpec
from lase_jax.algorithms.influence import coordination
from lase_jax.algorithms.influence.effect import Audience, InfluenceConfig, effect_of_telling
from lase_jax.core import distributions
from lase_jax.core.metrics import masked_mean
from lase_jax.core.seats import Seats, take_columns, take_seats
from lase_jax.learners.actor_critic import (
    Acting,
    Learner,
    LearnerState,
    count_episodes,
    epsilon,
)
from lase_jax.learners.agents import agent, extend, only
from lase_jax.learners.second import Lesson, TwoPolicies
from lase_jax.nets.actor_critic import Symbols
from lase_jax.nets.layers import one_hots
from lase_jax.types import Account, Agent, Array, Clock, Decision, Metrics, Mode, PyTree, Rollout


class SpeakerMemory(NamedTuple):
    """What agents carry through an episode."""

    learner: PyTree
    heard: Array  # [B, n] int32, the symbols of the step before; V for silence


@dataclass(frozen=True)
class Communication(InfluenceConfig):
    """Actor-critics that send symbols and are paid for the influence of these symbols."""

    vocabulary: int = 8
    """Number of symbols, 2 or more."""
    symbol_width: int = 0
    """Width of a linear layer between features and policy of symbols, the paper's communication
    embedding; 0 for none."""
    alpha: float = 1.0
    """Multiple of the agent's reward that symbols are trained on, beside influence, 0 or more."""
    symbol_loss: float = 1.0
    """Weight of the loss of symbols beside that of actions, 0 or more."""
    symbol_entropy: float = 0.05
    """Weight of the entropy bonus of symbols, 0 or more."""

    TOGETHER: ClassVar[bool] = True
    TRACED: ClassVar[tuple[str, ...]] = (
        *InfluenceConfig.TRACED,
        *("alpha", "symbol_loss", "symbol_entropy"),
    )

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        checks.integer("vocabulary", self.vocabulary, 2)
        checks.integer("symbol_width", self.symbol_width, 0)
        for field in ("alpha", "symbol_loss", "symbol_entropy"):
            checks.number(field, getattr(self, field), 0.0)
        dense, remedy = (
            self.learner.net.dense,
            "give one width or more, for a layer that reads symbols",
        )
        checks.require(bool(dense), "net.dense", dense, remedy)

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`.

        Raises:
            ConfigError: there is only one seat, so that nobody listens.
        """
        count = len(seats)
        remedy = "give two seats or more to agents who talk"
        checks.require(count > 1, "seats", seats, remedy)
        return self._talking(env, seats, seats)

    def actors(self, env: Env, seats: Seats, present: Seats) -> Agent:
        """Agents on some of their seats, who hear those of them that are there."""
        return only(self._talking(env, seats, present), seats, present)

    def _talking(self, env: Env, seats: Seats, present: Seats) -> Agent:
        """The agents on `seats`, of whom only those who are present are heard."""
        count, size = len(seats), self.vocabulary
        symbols = Symbols(size, self.symbol_width)
        learner = Learner(self.learner, env.spec, count, count * size, symbols)
        speakers = Speakers(self, env.spec, seats, learner, present)
        return agent(learner, seats, self.hyper())._replace(
            begin=speakers.begin,
            draw=speakers.both.draw,
            act=speakers.act,
            learn=speakers.learn,
            remember=speakers.remember,
            explain=speakers.explain,
        )


@dataclass(frozen=True)
class Speakers:
    """How communicating agents on some seats act and learn, as functions of their state."""

    config: Communication
    spec: EnvSpec
    seats: Seats
    learner: Learner
    present: Seats
    """Those of the seats that are taken."""

    @property
    def both(self) -> TwoPolicies:
        """Policies of actions and of symbols."""
        return TwoPolicies(self.learner, "talk/")

    def extended(self, obs: Array, heard: Array) -> Array:
        """``obs [..., n, F]`` with the symbols ``[..., n]`` that all agents heard appended."""
        return extend(obs, one_hots(heard, self.config.vocabulary))

    def begin(self, num_envs: int) -> SpeakerMemory:
        """The memory before the first step: silence."""
        silence = jnp.full((num_envs, len(self.seats)), self.config.vocabulary, jnp.int32)
        return SpeakerMemory(self.learner.begin(num_envs), silence)

    def act(
        self, acting: Acting, memory: SpeakerMemory, obs: Array, draws: Array, mode: Mode
    ) -> tuple[Decision, SpeakerMemory]:
        """Chooses an action, by the epsilon mixture while it explores, and a symbol."""
        extended_obs = self.extended(obs, memory.heard)
        decision, after = self.both.act(acting, memory.learner, extended_obs, draws, mode)
        there = np.isin(self.seats, self.present)
        heard = jnp.where(there[None], decision.notes, self.config.vocabulary)
        return decision, SpeakerMemory(after, heard)

    def remember(
        self, acting: Acting, memory: SpeakerMemory, action: Array, reward: Array
    ) -> SpeakerMemory:
        """Replaces the symbols of agents that have left the game by silence."""
        del acting, reward
        there = take_columns(action, self.seats) < self.spec.num_actions
        return memory._replace(heard=jnp.where(there, memory.heard, self.config.vocabulary))

    def own_share(self, rollout: Rollout) -> tuple[Rollout, Array]:
        """The own part, with symbols in its observations, and the symbols ``[T, B, n]`` heard."""
        own_rollout = take_seats(rollout, self.seats)
        said = jnp.where(own_rollout.active, rollout.notes, self.config.vocabulary)
        heard = jnp.concatenate([rollout.memory.heard[None], said[:-1]])
        own_rollout = own_rollout._replace(
            obs=self.extended(own_rollout.obs, heard),
            last_obs=self.extended(own_rollout.last_obs, said[-1]),
            memory=rollout.memory.learner,
        )
        return own_rollout, heard

    def influence(self, state: LearnerState, own: Rollout, heard: Array, counts: Array) -> Array:
        """Influence of each agent's symbol on each agent's next action, ``[n, T, B, n]`` nats.

        Args:
            state: of the agents.
            own: the own part of the rollout, see `own_share`.
            heard: ``[T, B, n]`` int32 symbols.
            counts: ``[T, B, n, n]`` bool, see `reaches`.
        """
        params, eps, policy = state.trained.params, epsilon(state), self.learner.policy
        past = jax.vmap(policy.past, (0, 1, 2))(params, own.memory, own.obs)
        logits = jax.vmap(policy.action_logits)(params, past.features)
        symbols = jax.vmap(policy.symbol_logits)(params, past.features)
        audience = Audience(
            params=params,
            past=past,
            told=heard,
            policy=jnp.moveaxis(distributions.policy(logits, eps).logits, 0, 2),
            action=own.action,
            epsilon=eps,
        )
        # symbols are heard a step later
        sending = jnp.roll(distributions.policy(symbols).logits, 1, 1)

        def of_one(speaker: Array) -> Array:
            """``[T, B, n]``, indexed by the step in which the symbol is sent."""
            log_pi = sending[speaker]
            moved = effect_of_telling(policy, audience, speaker, log_pi, self.config.measure)
            return jnp.where(counts[:, :, speaker], jnp.roll(moved, -1, 0), 0.0)

        return jax.lax.map(of_one, jnp.arange(len(self.seats)))

    def explain(self, state: LearnerState, rollout: Rollout) -> Account:
        """The influence of each agent's symbol on each listener, where it is sent."""
        own, heard = self.own_share(rollout)
        counts = reaches(own)
        moved = jnp.moveaxis(self.influence(state, own, heard, counts), 0, 2)
        return Account(influence=self.by_seat(jnp.where(counts, moved, jnp.nan)))

    def learn(
        self, state: LearnerState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LearnerState, Metrics]:
        """Trains actions on reward, symbols also on influence. ``key`` is consumed."""
        del clock
        key, key_pay = jax.random.split(key)
        hyper, said = state.hyper, rollout.notes
        own_rollout, heard = self.own_share(rollout)
        counts = reaches(own_rollout)
        moved = self.influence(state, own_rollout, heard, counts)
        could = jnp.moveaxis(counts, 2, 0)
        paid_out = self.config.pay(state, self.spec, moved, could, key_pay)
        earned = jnp.moveaxis(paid_out, 0, -1)
        mine = take_columns(reward, self.seats)
        paid = jax.lax.stop_gradient(hyper["alpha"] * mine + earned)
        lesson = Lesson(own_rollout, said, mine, paid)
        weights = hyper["symbol_loss"], hyper["symbol_entropy"]
        learnt, metrics = self.both.learn(state, lesson, *weights, key)
        sizes = self.config.vocabulary, self.spec.num_actions
        talk = measures(own_rollout, said, jnp.moveaxis(moved, 0, 2), counts, *sizes)
        measured = {
            "influence/reward": masked_mean(earned, own_rollout.active, (0, 1), jnp.nan),
            **{name: self.by_seat(of) if of.ndim == 2 else of for name, of in talk.items()},
        }
        return count_episodes(learnt, rollout), metrics | measured

    def by_seat(self, value: Array) -> Array:
        """``[..., n, n]`` to ``[..., n, N]``, NaN for the own seat and other kinds of agents."""
        blank = jnp.full((*value.shape[:-1], self.spec.num_agents), jnp.nan)
        off_diagonal = jnp.where(np.eye(len(self.seats), dtype=bool), jnp.nan, value)
        return blank.at[..., np.array(self.seats)].set(off_diagonal)


def reaches(own: Rollout) -> Array:
    """``[T, B, n, n]`` bool: the speaker takes part, and the listener acts in the next step."""
    steps, _, count = own.action.shape
    has_next = jnp.asarray(np.arange(steps) < steps - 1)
    goes_on = jnp.roll(own.active, -1, 0) & ~own.done[..., None] & has_next[:, None, None]
    other = ~jnp.eye(count, dtype=bool)[None, None]
    return own.active[..., None] & goes_on[..., None, :] & other


def measures(
    own: Rollout, said: Array, moved: Array, counts: Array, vocabulary: int, num_actions: int
) -> Metrics:
    """Metrics of communication among n agents, see `metrics.TABLE`.

    Args:
        own: their part of a rollout.
        said: ``[T, B, n]`` int32, their symbols.
        moved: ``[T, B, n, n]`` nats, influence of each symbol on each agent's next action.
        counts: ``[T, B, n, n]`` bool, see `reaches`.
        vocabulary: number of symbols.
        num_actions: number of actions.

    Returns:
        Metrics ``[n]``, and ``[n, n]`` with speakers first, NaN on the diagonal.
    """
    following = jnp.roll(own.action, -1, 0)
    mean = masked_mean(moved, counts, (0, 1), jnp.nan)
    moments = counts & (moved >= mean[None, None])
    elsewhere = of_another(following)

    def flat(value: Array) -> Array:
        return value.reshape(-1, *value.shape[2:])

    def together(first: Array, num: int, second: Array, where: Array) -> Array:
        return coordination.pairwise(flat(first), flat(second), num, num_actions, flat(where))

    def consistent(action: Array) -> Array:
        def one(symbol: Array, action: Array, active: Array) -> Array:
            joint = coordination.joint(symbol, action, vocabulary, num_actions, active)
            return coordination.consistency(joint)

        return jax.vmap(one, (1, 1, 1))(flat(said), flat(action), flat(own.active))

    return {
        "influence/pair": mean,
        "talk/consistency": consistent(own.action),
        "talk/consistency_shuffled": consistent(of_another(own.action)),
    } | {
        f"talk/{what}{when}{control}": together(first, num, second, where)
        for what, first, num in (
            ("symbol_action", said, vocabulary),
            ("action_action", own.action, num_actions),
        )
        for when, where in (("", counts), ("_influential", moments))
        for control, second in (("", following), ("_shuffled", elsewhere))
    }


def of_another(value: Array) -> Array:
    """``[T, B, ...]`` of another environment, or of another time where there is only one."""
    return jnp.roll(value, 1, 1) if value.shape[1] > 1 else value[::-1]
