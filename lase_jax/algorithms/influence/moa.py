"""SI, social influence with a model of other agents (Jaques et al. 2019, section 6).

Every agent learns to predict what each co-player does next from its own observation and everyone's
present actions. Its influence on j in a step is how far its action moves that prediction away from
the average prediction over its own policy. It learns on

    r_i + weight sum_j influence_ij.

With ``share_eyes`` the model reads the features of the policy's first layers, and its loss trains
these layers too: with ``weight=0`` that is the paper's control, a model of others as an auxiliary
task. With ``see_actions`` the policy, too, reads what the others did in the step before; the
authors' public code has a policy that does not.

What an agent sees: its own observation, its own reward, everyone's actions.

Differences from the paper: synchronous actor-critics instead of A3C; by default the model of others
has its own encoder and one dense layer before its memory instead of two (``moa_dense``), and in
any case an optimiser of its own; the policy in the marginal is the behaviour policy that actions
were drawn from, epsilon included; influence is clipped, as in the authors' public code. That code
masks the model's cross-entropy by who is visible in the next step, and counts masked entries in its
mean; here the mask is that of the step from which is predicted, and the mean is over what it lets
through. The last step of an episode has no next action and pays no influence, nor with "pmi" does
the last step of a rollout.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env, EnvSpec
from lase_jax.algorithms.influence.effect import InfluenceConfig, decide
from lase_jax.algorithms.influence.model import Inputs, Model, read
from lase_jax.core import population
from lase_jax.core.metrics import masked_mean
from lase_jax.core.population import Trained
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import (
    Seats,
    check_visible,
    co_players,
    put_columns,
    take_columns,
    take_seats,
    to_pairs,
    to_seats,
)
from lase_jax.learners.actor_critic import (
    Acting,
    Companion,
    Learner,
    LearnerState,
    count_episodes,
    rate,
)
from lase_jax.learners.agents import agent, of_models
from lase_jax.nets.layers import check_widths, one_hots
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

ERRORS, COUNTED = "moa/cross_entropy", "moa/counted"
"""Metrics that the loss function returns: each model's loss, and whether any sample counted."""


class InfluenceState(NamedTuple):
    """An actor-critic and its model of other agents."""

    learner: LearnerState
    model: Trained  # leaves [n, ...]


class InfluencerActing(NamedTuple):
    """What acting and remembering need, computed once per rollout."""

    learner: Acting
    model: tuple  # see `Model.prepare`, leaves [n, ...]


class InfluencerMemory(NamedTuple):
    """What an agent carries through an episode; the model's parts are () without LSTM."""

    learner: PyTree
    seen: PyTree  # [B, N] int32, everyone's actions in the step before, A for none; or ()
    model: PyTree  # [B, n, H], the model's LSTM before the step
    encoded: PyTree  # [B, n, G], the observation as encoded by the model, until actions are known


@dataclass(frozen=True)
class Influence(InfluenceConfig):
    """Actor-critics that are paid for influencing others."""

    see_actions: bool = True
    """Let the policy read the co-players' actions of the step before, also of those out of view."""
    influence_visible: bool = True
    """Count influence only on co-players in the own window."""
    train_visible: bool = True
    """Train the model of others only on co-players in the own window."""
    moa_lr: float = 1e-3
    """Learning rate of the model of other agents, above 0; it falls as `lr` does."""
    moa_width: int = 64
    """Width of the last layer of the model of other agents, an LSTM where `net.lstm` is not 0, 1 or
    more."""
    moa_dense: tuple[int, ...] = ()
    """Widths of the dense ReLU layers before the last layer; () for one as wide as `moa_width`."""
    share_eyes: bool = False
    """Let the model of others read and train the policy's convolutions, or its first dense layer
    where it has none."""
    moa_weight: float = 1.0
    """Weight of the model's loss beside the policy's, for the layers that they share, above 0."""

    TRACED: ClassVar[tuple[str, ...]] = (*InfluenceConfig.TRACED, "moa_lr", "moa_weight")

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        checks.number("moa_lr", self.moa_lr, 0.0, open_low=True)
        checks.number("moa_weight", self.moa_weight, 0.0, open_low=True)
        checks.integer("moa_width", self.moa_width, 1)
        check_widths("moa_dense", self.moa_dense)
        able = bool(self.learner.net.dense) or not self.share_eyes
        checks.require(able, "share_eyes", self.share_eyes, "give net.dense one width or more")
        able = bool(self.learner.net.dense) or not self.see_actions
        checks.require(able, "see_actions", self.see_actions, "give net.dense one width or more")

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`.

        Raises:
            ConfigError: a setting asks for windows in a game without, or for another agent's
                influence where there is one seat.
        """
        self.check_control(len(seats), "seats")
        check_visible("influence_visible", self.influence_visible, env.spec)
        check_visible("train_visible", self.train_visible, env.spec)
        told = (env.spec.num_agents - 1) * env.spec.num_actions if self.see_actions else 0
        learner = Learner(self.learner, env.spec, len(seats), extra=told)
        influencers = Influencers(self, env.spec, seats, learner)
        return agent(learner, seats, self.hyper(), influencers.shape)._replace(
            init=influencers.init,
            begin=influencers.begin,
            prepare=influencers.prepare,
            act=influencers.act,
            learn=influencers.learn,
            remember=influencers.remember,
            explain=influencers.explain,
        )


@dataclass(frozen=True)
class Influencers:
    """How agents with a model of others act and learn, as functions of their state."""

    config: Influence
    spec: EnvSpec
    seats: Seats
    learner: Learner

    @cached_property
    def model(self) -> Model:
        """One agent's model of others."""
        config = self.config
        sizes = config.learner.net, config.moa_width, config.moa_dense
        return Model(self.spec, *sizes, config.share_eyes)

    @property
    def recurrent(self) -> bool:
        """Whether policy and model have an LSTM each."""
        return bool(self.config.learner.net.lstm)

    @property
    def ids(self) -> Array:
        """``[n]`` int32 seats."""
        return jnp.asarray(np.array(self.seats, np.int32))

    def init(self, key: Array, hyper: PyTree) -> InfluenceState:
        """Fresh agents. ``key`` is consumed."""
        key_learner, key_model = jax.random.split(key)
        count = len(self.seats)
        trained = population.init_stacked(self.model.init, self.learner.plain_tx, key_model, count)
        return InfluenceState(self.learner.init(key_learner, hyper), trained)

    def begin(self, num_envs: int) -> InfluencerMemory:
        """The memory before the first step."""
        count = len(self.seats)

        def stacked(leaf: Array) -> Array:
            return jnp.broadcast_to(leaf[:, None], (num_envs, count, leaf.shape[-1]))

        blank = jax.tree.map(stacked, self.model.blank(num_envs))
        gates = 4 * self.config.moa_width
        encoded = jnp.zeros((num_envs, count, gates)) if self.recurrent else ()
        nobody = jnp.full((num_envs, self.spec.num_agents), self.spec.num_actions, jnp.int32)
        seen = nobody if self.config.see_actions else ()
        return InfluencerMemory(self.learner.begin(num_envs), seen, blank, encoded)

    def prepare(self, state: InfluenceState) -> InfluencerActing:
        """What acting and remembering need."""
        ready = jax.vmap(self.model.prepare)(state.model.params)
        return InfluencerActing(self.learner.prepare(state.learner), ready)

    def told(self, obs: Array, joint: PyTree) -> Array:
        """What policies read: ``obs [..., n, F]`` and the co-players' last actions, if they may.

        Args:
            obs: own observations.
            joint: ``[..., N]`` int32, everyone's actions in the step before; A for none.
        """
        if not self.config.see_actions:
            return obs
        theirs = joint[..., co_players(self.spec.num_agents, self.seats)]
        actions = one_hots(theirs, self.spec.num_actions)
        return jnp.concatenate([obs.astype(jnp.float32), actions], axis=-1)

    def own_share(self, rollout: Rollout) -> Rollout:
        """The part of a rollout that the policies learn from, with all that they read."""
        own = take_seats(rollout, self.seats)._replace(memory=rollout.memory.learner)
        if not self.config.see_actions:
            return own
        joint = jnp.where(rollout.active, rollout.action, self.spec.num_actions)
        before = jnp.concatenate([rollout.memory.seen[None], joint[:-1]])
        return own._replace(
            obs=self.told(own.obs, before), last_obs=self.told(own.last_obs, joint[-1])
        )

    def shown(self, policy: PyTree, x: Array) -> Array:
        """The input of one agent's model for its observations ``[..., F]``."""
        x = x.astype(jnp.float32)
        return self.learner.policy.first_features(policy, x) if self.config.share_eyes else x

    def act(
        self,
        acting: InfluencerActing,
        memory: InfluencerMemory,
        obs: Array,
        draws: Array,
        mode: Mode,
    ) -> tuple[Decision, InfluencerMemory]:
        """Acts as the learner does, and stores the observation as encoded by the model."""
        own = acting.learner, memory.learner, self.told(obs, memory.seen)
        decision, after = decide(self.learner, *own, draws, mode)
        memory = memory._replace(learner=after)
        if self.recurrent:
            model_input = jax.vmap(self.shown, (0, 1), 1)(acting.learner.params, obs)
            encoded = jax.vmap(self.model.encode, (0, 1), 1)(acting.model, model_input)
            memory = memory._replace(encoded=encoded)
        return decision, memory

    def remember(
        self, acting: InfluencerActing, memory: InfluencerMemory, action: Array, reward: Array
    ) -> InfluencerMemory:
        """Stores everyone's actions, and advances the models' LSTMs by them."""
        del reward
        if self.config.see_actions:
            memory = memory._replace(seen=action)
        if not self.recurrent:
            return memory
        advance = jax.vmap(self.model.advance, (0, 1, 1, None), 1)
        after = advance(acting.model, memory.model, memory.encoded, action)
        return memory._replace(model=after)

    def inputs(self, policies: PyTree, rollout: Rollout, visible_only: bool) -> Inputs:
        """The inputs of all agents' models, with a leading axis of n seats."""
        memory = rollout.memory.model
        inputs = read(rollout, self.spec, self.seats, visible_only, memory)
        return inputs._replace(obs=jax.vmap(self.shown)(policies, inputs.obs))

    def influence(self, state: InfluenceState, rollout: Rollout) -> tuple[Array, Array]:
        """Influence on each co-player, ``[n, T, B, K]`` nats, and where it counts, bool."""
        config = self.config
        policies = state.learner.trained.params
        inputs = self.inputs(policies, rollout, config.influence_visible)
        log_pi = jnp.moveaxis(rollout.notes, 2, 0)
        measured = jax.vmap(partial(self.model.influence, measure=config.measure))
        moved = measured(state.model.params, self.ids, inputs, log_pi)
        return moved, inputs.where(config.measure)

    def explain(self, state: InfluenceState, rollout: Rollout) -> Account:
        """The influence on each co-player."""
        moved, counts = self.influence(state, rollout)
        shown = jnp.moveaxis(jnp.where(counts, moved, jnp.nan), 0, 2)
        others = co_players(self.spec.num_agents, self.seats)
        return Account(influence=to_pairs(shown, others, self.spec.num_agents))

    def shape(self, state: InfluenceState, rollout: Rollout, key: Array) -> Opinion:
        """Pays these seats for influence. ``key`` is consumed."""
        config, num = self.config, self.spec.num_agents
        moved, counts = self.influence(state, rollout)
        reward = jnp.moveaxis(config.pay(state.learner, self.spec, moved, counts, key), 0, 2)
        pairs = masked_mean(moved, counts, (1, 2), jnp.nan)
        active = take_columns(rollout.active, self.seats)
        others = co_players(num, self.seats)
        return no_opinion(rollout, len(self.seats))._replace(
            delta=put_columns(reward, self.seats, num),
            metrics={
                "influence/reward": masked_mean(reward, active, (0, 1), jnp.nan),
                "influence/pair": to_seats(pairs[:, None], others, num, jnp.nan)[:, 0],
            },
        )

    def learn(
        self, state: InfluenceState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[InfluenceState, Metrics]:
        """Trains policies and models on one loss, as they may share layers. Consumes ``key``."""
        del clock
        learner, hyper = self.learner, state.learner.hyper
        own_rollout = self.own_share(rollout)
        paid = take_columns(reward, self.seats)
        state = state._replace(learner=learner.rescaled(state.learner, own_rollout, [paid]))

        def losses(policies: PyTree, models: PyTree, data: PyTree) -> tuple[Array, Metrics]:
            whole, own_rollout, paid, targets = data
            each, metrics = learner.losses(policies, state.learner, own_rollout, paid, targets)
            inputs = self.inputs(policies, whole, self.config.train_visible)
            errors = jax.vmap(self.model.loss)(models, self.ids, inputs)
            measured = {ERRORS: errors, COUNTED: inputs.counts.any((1, 2, 3))}
            return each + hyper["moa_weight"] * errors, metrics | measured

        def descend(model: Trained, grads: PyTree, metrics: Metrics) -> tuple[Trained, Metrics]:
            alone = jax.tree.map(lambda grad: grad / hyper["moa_weight"], grads)
            size = hyper["moa_lr"] * (rate(state.learner) / hyper["lr"])
            model, norm = population.descend(learner.plain_tx, model, alone, size)
            counted, rest = metrics[COUNTED], {k: v for k, v in metrics.items() if k != COUNTED}
            rest |= of_models(metrics[ERRORS], norm, self.spec.num_actions)
            return model, rest | {ERRORS: jnp.where(counted, metrics[ERRORS], jnp.nan)}

        data = rollout, own_rollout, paid, learner.targets(state.learner, own_rollout, paid)
        companion = Companion(state.model, descend)
        learnt, model, metrics = learner.minimise(losses, state.learner, data, key, companion)
        return InfluenceState(count_episodes(learnt, rollout), model), metrics
