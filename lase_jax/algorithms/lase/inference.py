"""Social relationship inference: how friendly each co-player is to an agent.

Source: Kong et al. 2024, section 4.

Letters: T steps, B environments, N seats, n seats of this kind, K = N - 1 co-players, M samples.

Every agent i learns Q_SR(own observation, joint action) of its own extrinsic reward, a policy
pi_SR, and a conversion eta of its own observation to what co-player j may see. The counterfactual
is the mean of Q_SR over j's actions, where pi_SR on j's imagined view stands for j's policy. Q_SR
of the true joint action less the counterfactual, scaled to [0, 1 / (N - 1)], is w_ij, the share of
its reward that i gives to j.

All counterfactuals of all co-players are computed in one pass: a joint action enters Q_SR's first
dense layer as a sum of rows, so that another action of j is one addition. Weights have an effect
only where the giver's own reward is not zero, and by default are computed for those steps only.

`mind` has the outputs and losses of one agent's networks; here several agents are batched by vmap.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from envs.checks import require
from envs.types import EnvSpec
from lase_jax.algorithms.lase.mind import Mind, Networks, SocialConfig
from lase_jax.algorithms.lase.replay import EPISODE_AXES, Buffer, Episodes, Replay, present_batch
from lase_jax.core import blocks, metrics, population, scales
from lase_jax.core.population import Trained
from lase_jax.core.scales import Scale
from lase_jax.core.seats import (
    Seats,
    check_visible,
    co_players,
    is_other,
    take_seats,
    to_pairs,
    to_seats,
    visible,
)
from lase_jax.core.shuffles import shuffled
from lase_jax.learners.actor_critic import Learner, LearnerState
from lase_jax.nets.layers import method
from lase_jax.types import Account, Array, Clock, Metrics, PyTree, Rollout

MEASURED = 8
"""What agents expect of co-players is measured at about this many steps of an episode."""


class SocialState(NamedTuple):
    """What social relationship inference keeps from update to update."""

    social: Trained  # Q_SR and pi_SR, leaves [n, ...]
    perspective: Trained | tuple[()]  # eta, leaves [n, ...]; () without perspective
    buffer: Buffer  # empty arrays where there is no replay
    scale: Scale | tuple[()] = ()  # of Q_SR's returns; () if values are not scaled
    error: Scale | tuple[()] = ()  # of Q_SR's TD errors, in that unit; () without min_spread


@dataclass(frozen=True)
class Inference:
    """Social relationship inference of the agents on some seats, as functions of its state.

    Raises:
        ConfigError: a setting that does not fit the game's observations.
    """

    config: SocialConfig
    spec: EnvSpec
    seats: Seats
    learner: Learner
    """The same agents' learner, whose policy is used with ``imagine="acting"``."""

    def __post_init__(self) -> None:
        """Checks that the settings fit."""
        config = self.config
        check_visible("train_visible", config.perspective and config.train_visible, self.spec)
        check_visible("weigh_visible", config.weigh_visible, self.spec)
        alike = config.foresee != "real_policy" or len(self.seats) == self.spec.num_agents
        require(alike, "foresee", config.foresee, "use it where all seats are of this kind")

    @cached_property
    def mind(self) -> Mind:
        """One agent's networks."""
        return Mind(self.config, self.spec, self.learner.policy)

    @property
    def replay(self) -> Replay:
        """The replay buffer; its capacity is 0 where there is none."""
        return Replay(self.spec, self.seats, self.config.replay)

    @property
    def tx(self) -> optax.GradientTransformation:
        """The optimiser of the networks."""
        return self.learner.plain_tx

    @cached_property
    def others(self) -> np.ndarray:
        """``[n, K]`` int32, each agent's co-players."""
        return co_players(self.spec.num_agents, self.seats)

    def init(self, key: Array) -> SocialState:
        """Fresh networks, and an empty buffer. ``key`` is consumed."""
        example = jnp.zeros((1, math.prod(self.spec.obs_shape)))

        def stacked(network: nn.Module, key: Array) -> Trained:
            return population.init_stacked(
                lambda k: network.init(k, example), self.tx, key, len(self.seats)
            )

        key_social, key_perspective = jax.random.split(key)
        social = stacked(self.mind.social_net, key_social)
        imagines = self.config.perspective
        perspective = stacked(self.mind.perspective_net, key_perspective) if imagines else ()
        blank = scales.blank(len(self.seats))
        scale = blank if self.learner.config.scale_values else ()
        error = blank if self.config.min_spread else ()
        return SocialState(social, perspective, self.replay.init(), scale, error)

    def unit(self, state: SocialState) -> Array:
        """The unit ``[n]`` in which Q_SR learns."""
        if not isinstance(state.scale, Scale):
            return jnp.ones(len(self.seats))
        return scales.root(state.scale)

    def rescaled(self, state: SocialState, episodes: Episodes, gamma: Array) -> SocialState:
        """The state with Q_SR's scale of returns brought up to date; values stay as they are."""
        if not isinstance(state.scale, Scale):
            return state

        facts = episodes.reward, episodes.active, episodes.done, gamma
        scale, params = scales.follow(state.scale, state.social.params, "value_head", *facts)
        return state._replace(social=state.social._replace(params=params), scale=scale)

    def networks(self, state: SocialState, learnt: LearnerState) -> Networks:
        """Everyone's networks, leaves ``[n, ...]``."""
        eta = state.perspective.params if isinstance(state.perspective, Trained) else ()
        return jax.vmap(self.mind.fold)(state.social.params, eta, learnt.trained.params)

    def memories(self, everyone: Networks, episodes: Episodes) -> PyTree:
        """Each agent's memory before every step, ``[T, E, n, ...]``; () where none is needed."""
        acts = self.mind.borrows or self.config.foresee == "real_policy"
        if not (acts and self.learner.config.net.lstm):
            return ()
        x = episodes.obs.astype(jnp.float32)
        each = jax.vmap(self.learner.policy.memories, (0, 0, 1, 2), 2)
        return each(everyone.acting, everyone.acting_eyes, episodes.memory, x)

    def real(self, everyone: Networks, rollout: Rollout, memory: PyTree) -> Array | tuple[()]:
        """What `foresee` needs to know of every seat, ``[T, B, N, ...]`` (see `relationships`)."""
        if self.config.foresee == "imagined":
            return ()
        if self.config.foresee == "real_view":
            return rollout.obs
        own = rollout.obs[:, :, self.seats].astype(jnp.float32)
        each = jax.vmap(self.learner.policy.logits, (0, 0, 2, 2), 2)
        logits = each(everyone.acting, everyone.acting_eyes, memory, own)
        return jax.nn.log_softmax(logits)[:, :, np.argsort(self.seats)]

    def weigh(
        self, state: SocialState, learnt: LearnerState, rollout: Rollout, key: Array
    ) -> tuple[Array, Metrics]:
        """The weights ``[T, B, n, N]`` of the agents' gifts, and metrics. ``key`` is consumed."""
        own_rollout = take_seats(rollout, self.seats)
        steps, envs, num = rollout.action.shape
        everyone = self.networks(state, learnt)
        weighed = to_weigh(self.config, own_rollout)
        memory = self.memories(everyone, present_batch(rollout, self.seats, envs))
        moves = self.mind.moves(rollout.action, rollout.active)
        count = blocks.shares(envs)
        facts = (own_rollout.obs, memory), moves, self.real(everyone, rollout, memory), weighed
        mine, joint, real, needed = blocks.by_share(facts, count)
        needed = needed.swapaxes(1, 2)
        relate = jax.vmap(jax.vmap(self.mind.relationships), (None, 0, 0, None, 0, 0))
        all_seats = jax.vmap(lambda leaf, i: jnp.take(leaf, i, axis=0, mode="clip"))

        def block(relations: Array, index: Array, _: Array) -> Array:
            x, past = blocks.take(mine, index)
            acts, told = jax.tree.map(lambda leaf: all_seats(leaf, index), (joint, real))
            ids = jnp.asarray(self.others)
            fresh = relate(everyone, x.astype(jnp.float32), acts, ids, past, told)
            return blocks.put(relations, index, jnp.stack(fresh, -1))

        blank = jnp.zeros((*needed.shape, num - 1, 2))
        relations = blocks.over_blocks("weigh", block, needed, blank)
        relations = jax.vmap(lambda each: to_seats(each, self.others, num))(relations)
        relations = blocks.by_step(relations.swapaxes(1, 2), steps)
        other = is_other(num, self.seats)
        pairs = weighed[..., None] & rollout.active[:, :, None] & other[None, None]
        given = pairs
        if self.config.weigh_visible and not self.spec.can_see_all:
            given = pairs & visible(own_rollout.obs, self.spec)
        share, spread = relations[..., 0], relations[..., 1]
        if isinstance(state.error, Scale):
            least = self.config.min_spread * scales.root(state.error)[None, None, :, None]
            given = given & (spread > least)
        weights = self.controlled(jnp.where(given, share, 0.0), pairs, key)
        numbers = {
            "relation/weight": metrics.masked_mean(weights, pairs, (0, 1), jnp.nan),
            "relation/spread": self.unit(state)
            * metrics.masked_mean(spread, pairs, (0, 1, 3), jnp.nan),
        }
        if self.spec.helps or self.spec.harms:
            causes = jnp.broadcast_to(deeds(rollout, self.spec)[:, :, None], weights.shape)
            numbers["relation/selectivity"] = metrics.slope(weights, causes, pairs, (0, 1))
        return weights, numbers

    def explain(self, state: SocialState, learnt: LearnerState, rollout: Rollout) -> Account:
        """What the weights of `weigh` are made from, in every step in which both take part."""
        own_rollout = take_seats(rollout, self.seats)
        everyone = self.networks(state, learnt)
        memory = self.memories(everyone, present_batch(rollout, self.seats, rollout.done.shape[1]))
        moves = self.mind.moves(rollout.action, rollout.active)
        real = self.real(everyone, rollout, memory)
        agents = jax.vmap(self.mind.account, (0, 1, None, 0, 1, None), 1)
        envs = jax.vmap(agents, (None, 1, 1, None, 1, 1), 1)
        x, ids = own_rollout.obs.astype(jnp.float32), jnp.asarray(self.others)
        told = envs(everyone, x, moves, ids, memory, real)
        both = own_rollout.active[..., None] & rollout.active[:, :, None]

        def by_seat(leaf: Array) -> Array:
            pairs = to_pairs(leaf, self.others, self.spec.num_agents)
            return jnp.where(both.reshape(*both.shape, *[1] * (pairs.ndim - 4)), pairs, jnp.nan)

        account = jax.tree.map(by_seat, told)
        unit = self.unit(state)[None, None, :, None, None]
        return account._replace(value=account.value * unit)

    def controlled(self, weights: Array, pairs: Array, key: Array) -> Array:
        """The weights ``[T, B, n, N]``, in another order if the settings ask for a control.

        Args:
            weights: ``[T, B, n, N]``.
            pairs: ``[T, B, n, N]`` bool, where weights are computed for co-players that take part.
            key: consumed.
        """
        if self.config.control == "co_players":
            return shuffled(key, weights, pairs, -1)
        if self.config.control != "steps":
            return weights
        flat = (-1, *weights.shape[2:])
        return shuffled(key, weights.reshape(flat), pairs.reshape(flat), 0).reshape(weights.shape)

    def update(
        self, state: SocialState, learnt: LearnerState, episodes: Episodes
    ) -> tuple[SocialState, Metrics]:
        """One gradient step of every agent's Q_SR, pi_SR and eta on some episodes."""
        hyper = learnt.hyper
        state = self.rescaled(state, episodes, hyper["social_gamma"])
        before = jax.lax.stop_gradient(self.networks(state, learnt))
        memory = self.memories(before, episodes)

        def social_total(params: PyTree) -> tuple[Array, Metrics]:
            one = jax.vmap(self.mind.social_loss, (0, 0, EPISODE_AXES, 2, None, 0))
            losses, numbers = one(params, before, episodes, memory, hyper, self.unit(state))
            return losses.sum(), numbers

        grads, numbers = jax.grad(social_total, has_aux=True)(state.social.params)
        social, norm = population.descend(self.tx, state.social, grads, hyper["social_lr"])
        numbers |= {
            "infer/grad_norm": norm,
            "health/infer": population.finite(norm, numbers["infer/value_loss"]),
        }
        numbers |= self.foresight(before, episodes, memory)
        state, eta = state._replace(social=social), state.perspective
        if isinstance(state.error, Scale):
            error = scales.updated(state.error, numbers["infer/value_loss"])
            state = state._replace(error=error)
        if not isinstance(eta, Trained):
            return state, numbers

        grads, measured = self.perspective_gradient(
            eta.params, before, episodes, memory, hyper["delta"]
        )
        trained, norm = population.descend(self.tx, eta, grads, hyper["perspective_lr"])
        numbers |= measured | {
            "infer/perspective_grad_norm": norm,
            "health/perspective": population.finite(norm),
        }
        return state._replace(perspective=trained), numbers

    def foresight(self, everyone: Networks, episodes: Episodes, memory: PyTree) -> Metrics:
        """What agents expect of co-players, measured at a few steps of each episode."""

        def one(
            nets: Networks, x: Array, ids: Array, action: Array, past: PyTree
        ) -> tuple[Array, Array]:
            each = jax.vmap(self.mind.expectations, (None, 0, None, 0, 0))
            return each(nets, x, ids, action, past)

        both, _, _ = to_convert(self.config, self.spec, episodes, self.others)
        obs, joint, memory, both = jax.tree.map(
            lambda leaf: leaf[:: stride(leaf)], (episodes.obs, episodes.joint, memory, both)
        )
        x, ids = obs.astype(jnp.float32), jnp.asarray(self.others)
        each = jax.vmap(one, (0, 2, 0, 2, 2), 2)
        weights, surprise = each(everyone, x, ids, joint[:, :, self.others], memory)
        floor = metrics.masked_mean(weights, both, (0, 1), jnp.nan)[:, None]
        by_seat = to_seats(floor, self.others, self.spec.num_agents, jnp.nan)
        numbers = {"relation/floor": by_seat[:, 0]}
        if self.config.perspective:
            missed = metrics.masked_mean(surprise, both, (0, 1, 3), jnp.nan)
            numbers["infer/other_cross_entropy"] = missed
        return numbers

    def perspective_gradient(
        self, params: PyTree, before: Networks, episodes: Episodes, memory: PyTree, delta: Array
    ) -> tuple[PyTree, Metrics]:
        """The gradient ``[n, ...]`` of every agent's eta, with pi_SR frozen (equation 4).

        It is a mean over the pairs of a step and a co-player that eta learns from; each device sums
        over its own pairs.
        """
        action = episodes.joint[:, :, self.others]  # [T, E, n, K]
        _, in_view, chosen = to_convert(self.config, self.spec, episodes, self.others)

        def pairs(leaf: Array) -> Array:  # [D, M, n, K] -> [D, M * K, n]
            return leaf.swapaxes(2, 3).reshape(len(leaf), -1, len(self.seats))

        count = blocks.shares(episodes.done.shape[1])
        mine = blocks.by_share((episodes.obs, memory), count)
        *facts, needed = map(pairs, blocks.by_share((action, in_view, chosen), count))
        ids, agent = jnp.asarray(self.others), jnp.arange(len(self.seats))[:, None]
        rivals = ids.shape[1]
        eyes, unfold = jax.vjp(jax.vmap(method(self.mind.perspective_net, "fold")), params)
        errors = jax.vmap(self.mind.prediction_errors)

        def block(sums: PyTree, index: Array, counts: Array) -> PyTree:
            x, past = blocks.take(mine, index // rivals)
            taken, viewed = blocks.take(facts, index)
            whom = jax.vmap(lambda which: ids[agent, which])(index % rivals)

            def total(learnt: PyTree, counts: Array, *inputs: PyTree) -> tuple[Array, tuple]:
                nets = before._replace(perspective=learnt[0], perspective_eyes=learnt[1])
                surprise, gap = errors(nets, *inputs)
                loss = self.mind.perspective_loss(surprise, gap, delta)
                return loss.sum(where=counts), (surprise, gap)

            one = jax.vmap(jax.grad(total, has_aux=True), (None, 0, 0, 0, 0, 0))
            inputs = x.astype(jnp.float32), whom, taken, past
            grads, (surprise, gap) = one((params, eyes), counts, *inputs)
            visible_sum = surprise.sum(-1, where=counts & viewed)
            return jax.tree.map(jnp.add, sums, (grads, visible_sum, gap.sum(-1, where=counts)))

        def blank(leaf: Array) -> Array:
            return jnp.zeros((count, *leaf.shape))

        nothing = jnp.zeros((count, len(self.seats)))
        sums = jax.tree.map(blank, (params, eyes)), nothing, nothing
        sums = blocks.over_blocks("eta", block, needed.swapaxes(1, 2), sums)
        (grads, eye_grads), visible_sum, gap = jax.tree.map(lambda leaf: leaf.sum(0), sums)
        grads = jax.tree.map(jnp.add, grads, unfold(eye_grads)[0])
        number = chosen.sum((0, 1, 3)).astype(jnp.float32)
        each = 1.0 / jnp.maximum(number, 1.0)
        return jax.tree.map(lambda leaf: jax.vmap(jnp.multiply)(leaf, each), grads), {
            "infer/visible_cross_entropy": visible_sum / in_view.sum((0, 1, 3)).astype(jnp.float32),
            "infer/distance": gap / number,
        }

    def learn(
        self, state: SocialState, learnt: LearnerState, rollout: Rollout, key: Array, clock: Clock
    ) -> tuple[SocialState, Metrics]:
        """Stores the rollout, and learns from some episodes when it is due. Consumes ``key``."""
        envs = rollout.done.shape[1]
        stored = (clock.update + 1) * envs
        config = self.config
        if config.replay:
            state = state._replace(buffer=self.replay.add(state.buffer, rollout, clock.update))

        def step(state: SocialState, turn: Array) -> tuple[SocialState, Metrics]:
            count = config.social_episodes
            if config.replay:
                memory, draw = self.learner.begin(count), jax.random.fold_in(key, turn)
                episodes = self.replay.sample(state.buffer, draw, count, stored, memory)
            else:
                episodes = present_batch(rollout, self.seats, count, turn)
            return self.update(state, learnt, episodes)

        def now(state: SocialState) -> tuple[SocialState, Metrics]:
            taught, numbers = jax.lax.scan(step, state, jnp.arange(config.social_steps))
            kept = state if config.control == "untrained" else taught
            return kept, metrics.over_steps(numbers)

        def later(state: SocialState) -> tuple[SocialState, Metrics]:
            _, numbers = jax.eval_shape(now, state)
            return state, jax.tree.map(lambda m: jnp.full(m.shape, jnp.nan, m.dtype), numbers)

        if config.social_every == 1 and config.replay_min == 1:
            return now(state)
        due = (clock.update + 1) % config.social_every == 0
        return jax.lax.cond(due & (stored >= config.replay_min), now, later, state)


def deeds(rollout: Rollout, spec: EnvSpec) -> Array:
    """What each agent did to others, ``[T, B, N]`` float32: 1 good, -1 harm, 0 neither."""

    def any_of(names: tuple[str, ...]) -> Array:
        done = [rollout.events[name] > 0 for name in names]
        return jnp.any(jnp.stack(done), axis=0) if done else jnp.zeros_like(rollout.active)

    return any_of(spec.helps).astype(jnp.float32) - any_of(spec.harms).astype(jnp.float32)


def to_weigh(config: SocialConfig, own: Rollout) -> Array:
    """Where agents need weights, ``[T, B, n]`` bool: `own` is their part of a rollout."""
    return own.active & (own.reward != 0) if config.weigh == "rewarded" else own.active


def to_convert(
    config: SocialConfig, spec: EnvSpec, episodes: Episodes, others: np.ndarray
) -> tuple[Array, Array, Array]:
    """Masks ``[T, E, n, K]`` bool of the pairs of an agent and a co-player.

    Returns:
        Where both take part, where the agent also sees the co-player, and where eta learns.
    """
    both = episodes.present[:, :, others] & episodes.active[..., None]
    if spec.can_see_all:
        in_view = both
    elif spec.agent_planes:
        in_window = visible(episodes.obs, spec)
        in_view = both & jnp.take_along_axis(in_window, jnp.asarray(others)[None, None], axis=-1)
    else:  # visibility is unknown; `check_visible` requires that eta does not need it
        in_view = jnp.zeros_like(both)
    return both, in_view, in_view if config.train_visible else both


def stride(leaf: Array) -> int:
    """The stride between the measured steps of ``leaf [T, ...]``."""
    return max(1, len(leaf) // MEASURED)
