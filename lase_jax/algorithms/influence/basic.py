"""Basic influence: influencers act first and are paid for their influence on the other agents.

Experiment I of Jaques et al. 2019 (section 4). The agents form two disjoint sets. In every step
the first `influencers` of them act, then the others (influencees), which see these actions. The
influence of k on j is exact: the divergence of j's own policy, given k's action, from what it would
be on average over k's policy, all else unchanged. Influencer k learns on

    r_k + weight sum_j influence_kj,

over the influencees j; with ``influencee_reward`` they earn the same for being influenced. With
``weight=0`` it is the paper's ablation, in which actions are merely visible.

What an agent sees: its own observation and reward; influencees see the influencers' actions of the
same step. The influence is computed with the influencees' parameters (centralised training).

Differences from the paper: synchronous actor-critics instead of A3C; what is seen joins the first
dense layer instead of the LSTM's input; both policies are the behaviour policies that actions were
drawn from, epsilon included; influence is clipped. Where a rollout is cut, the influencers' last
actions stand in for the next ones in the value that it is bootstrapped from. In games that agents
leave, those who have left go on to be seen as if they acted, but have no influence.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env, EnvSpec
from lase_jax.algorithms.influence.effect import (
    Audience,
    InfluenceConfig,
    decide,
    effect_of_telling,
)
from lase_jax.core.metrics import masked_mean
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats, put_columns, take_columns, take_seats
from lase_jax.learners.actor_critic import Acting, Learner, LearnerState, epsilon
from lase_jax.learners.agents import agent, extend, only
from lase_jax.nets.layers import one_hots
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
class BasicInfluence(InfluenceConfig):
    """Actor-critics of whom some are paid for influencing the others."""

    influencers: int = 1
    """Number of seats, the first ones, that act first and are paid for influence, 1 or more; not
    all."""
    influencee_reward: bool = False
    """Pay influencees for being influenced, too."""

    TOGETHER: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        checks.integer("influencers", self.influencers, 1)
        dense, remedy = (
            self.learner.net.dense,
            "give one width or more, for a layer that reads actions",
        )
        checks.require(bool(dense), "net.dense", dense, remedy)

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`.

        Raises:
            ConfigError: no seats are left for influencees, or another agent's influence is to be
                paid out and there is one influencer.
        """
        count, first = len(seats), self.influencers
        remedy = f"use less than {count}, the seats of these agents, so that some are influenced"
        checks.require(first < count, "influencers", first, remedy)
        self.check_control(first, "influencers")
        return self._playing(env, seats, seats)

    def actors(self, env: Env, seats: Seats, present: Seats) -> Agent:
        """Agents on some of their seats: influencees see those influencers that are there."""
        return only(self._playing(env, seats, present), seats, present)

    def _playing(self, env: Env, seats: Seats, present: Seats) -> Agent:
        """The agents on `seats`, of whom only those who are present are seen."""
        told = self.influencers * env.spec.num_actions
        learner = Learner(self.learner, env.spec, len(seats), extra=told)
        parties = Parties(self, env.spec, seats, learner, present)
        plain = agent(learner, seats, self.hyper(), parties.shape)
        return plain._replace(act=parties.act, learn=parties.learn, explain=parties.explain)


@dataclass(frozen=True)
class Parties:
    """How influencers and influencees act and learn, as functions of their state."""

    config: BasicInfluence
    spec: EnvSpec
    seats: Seats
    learner: Learner
    present: Seats
    """Those of the seats that are taken."""

    @property
    def leads(self) -> slice:
        """The influencers among the seats."""
        return slice(0, self.config.influencers)

    @property
    def follows(self) -> slice:
        """The influencees among the seats."""
        return slice(self.config.influencers, len(self.seats))

    def act(
        self, acting: Acting, memory: PyTree, obs: Array, draws: Array, mode: Mode
    ) -> tuple[Decision, PyTree]:
        """Influencers act first, then the influencees, which see the influencers' actions."""
        actions = self.spec.num_actions

        def some(part: slice, lead_actions: Array) -> tuple[Decision, PyTree]:
            params, folded = jax.tree.map(lambda leaf: leaf[part], acting[:2])
            before = jax.tree.map(lambda leaf: leaf[:, part], memory)
            theirs = Acting(params, folded, acting.epsilon)
            extended_obs = extend(obs[:, part], lead_actions)
            return decide(self.learner, theirs, before, extended_obs, draws[:, part], mode)

        nothing = jnp.zeros((len(obs), self.config.influencers * actions))
        leading = some(self.leads, nothing)
        there = np.isin(self.seats[self.leads], self.present)
        seen = jnp.where(there[None], leading[0].action, actions)
        following = some(self.follows, one_hots(seen, actions))
        return jax.tree.map(lambda *two: jnp.concatenate(two, 1), leading, following)

    def own_share(self, rollout: Rollout) -> Rollout:
        """The own part, with the influencers' actions in the influencees' observations."""
        own_rollout = take_seats(rollout, self.seats)
        lead_actions = one_hots(own_rollout.action[..., self.leads], self.spec.num_actions)

        def all_of(obs: Array, lead_actions: Array) -> Array:
            led = extend(obs[..., self.leads, :], jnp.zeros_like(lead_actions))
            return jnp.concatenate([led, extend(obs[..., self.follows, :], lead_actions)], axis=-2)

        # nobody has acted yet after the last step: the last actions are used instead
        last = all_of(own_rollout.last_obs, lead_actions[-1])
        return own_rollout._replace(obs=all_of(own_rollout.obs, lead_actions), last_obs=last)

    def both_there(self, own: Rollout) -> Array:
        """``[T, B, K, J]`` bool, whether influencer and influencee take part."""
        return own.active[..., self.leads, None] & own.active[..., None, self.follows]

    def influence(self, state: LearnerState, own: Rollout, there: Array) -> Array:
        """Influence of each influencer on each influencee in each step, ``[K, T, B, J]`` nats.

        Args:
            state: of the agents.
            own: the own part of the rollout, see `own_share`.
            there: ``[T, B, K, J]`` bool, see `both_there`.
        """
        follows, policy = self.follows, self.learner.policy
        theirs = jax.tree.map(lambda leaf: leaf[follows], state.trained.params)
        memory = jax.tree.map(lambda leaf: leaf[:, follows], own.memory)
        past = jax.vmap(policy.past, (0, 1, 2))(theirs, memory, own.obs[:, :, follows])
        audience = Audience(
            params=theirs,
            past=past,
            told=own.action[..., self.leads],
            policy=own.notes[:, :, follows],
            action=own.action[..., follows],
            epsilon=epsilon(state),
        )

        def of_one(leader: Array) -> Array:
            log_pi = own.notes[:, :, leader]
            moved = effect_of_telling(policy, audience, leader, log_pi, self.config.measure)
            return jnp.where(there[:, :, leader], moved, 0.0)

        return jax.lax.map(of_one, jnp.arange(self.config.influencers))

    def explain(self, state: LearnerState, rollout: Rollout) -> Account:
        """The influence of each influencer on each influencee."""
        own = self.own_share(rollout)
        there = self.both_there(own)
        moved = jnp.moveaxis(self.influence(state, own, there), 0, 2)
        blank = jnp.full((*rollout.done.shape, len(self.seats), self.spec.num_agents), jnp.nan)
        follows = np.array(self.seats[self.follows])
        shown = jnp.where(there, moved, jnp.nan)
        return Account(influence=blank.at[:, :, self.leads, follows].set(shown))

    def shape(self, state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
        """Pays influencers for influence, and influencees if so configured. Consumes ``key``."""
        key_earned, key_suffered = jax.random.split(key)
        count, num = len(self.seats), self.spec.num_agents
        own_rollout = self.own_share(rollout)
        there = self.both_there(own_rollout)
        moved = self.influence(state, own_rollout, there)
        counts = jnp.moveaxis(there, 2, 0)
        earned = self.config.pay(state, self.spec, moved, counts, key_earned)
        of_each, where = (jnp.swapaxes(value, 0, -1) for value in (moved, counts))
        suffered = self.config.pay(state, self.spec, of_each, where, key_suffered)
        suffered = suffered * float(self.config.influencee_reward)
        reward = jnp.moveaxis(jnp.concatenate([earned, suffered]), 0, -1)
        pairs = masked_mean(moved, counts, (1, 2), jnp.nan)
        table = jnp.full((count, num), jnp.nan)
        table = table.at[self.leads, np.array(self.seats[self.follows])].set(pairs)
        return no_opinion(rollout, count)._replace(
            delta=put_columns(reward, self.seats, num),
            metrics={
                "influence/reward": masked_mean(reward, own_rollout.active, (0, 1), jnp.nan),
                "influence/pair": table,
            },
        )

    def learn(
        self, state: LearnerState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LearnerState, Metrics]:
        """Learns from the own part of a rollout. ``key`` is consumed."""
        del clock
        paid = take_columns(reward, self.seats)
        return self.learner.learn(state, self.own_share(rollout), paid, key)
