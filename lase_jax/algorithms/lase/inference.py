"""Social relationship inference: how friendly is each co-player to me?

Source: Kong et al. 2024, section 4.

Letters: T steps, B environments, N seats, n seats of this kind, K = N - 1 co-players, M samples.

Every agent i learns Q_SR(own observation, joint action) of its own extrinsic reward, a policy
pi_SR, and a conversion eta of its own observation to what co-player j may see. The counterfactual
asks what i would expect had j acted otherwise, j's policy being pi_SR on j's imagined view; the
difference to what i does expect, scaled to [0, 1 / (N - 1)], is w_ij, the share of its reward that
i gives to j.

All counterfactuals of all co-players are one pass: a joint action enters Q_SR's first dense layer
as a sum of rows, so that another action of j is one addition. Weights have an effect only where the
giver's own reward is not zero, and they are computed for those steps only unless all are asked for.

What one agent's networks say and learn from stands in `mind`; here agents stand side by side.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from envs.types import EnvSpec
from lase_jax.algorithms.lase.mind import Mind, Networks, SocialConfig
from lase_jax.algorithms.lase.replay import EPISODE_AXES, Buffer, Episodes, Replay, present_batch
from lase_jax.core import blocks, metrics, population
from lase_jax.core.population import Trained
from lase_jax.core.seats import Seats, check_visible, co_players, take_seats, to_seats, visible
from lase_jax.learners import Learner, LearnerState
from lase_jax.nets.layers import method
from lase_jax.types import Array, Clock, Metrics, PyTree, Rollout

MEASURED = 8
"""How well others are foretold is measured at about so many steps of an episode."""


class SocialState(NamedTuple):
    """What social relationship inference keeps from update to update."""

    social: Trained  # Q_SR and pi_SR, leaves [n, ...]
    perspective: Trained | tuple[()]  # eta, leaves [n, ...]; () where none imagines
    buffer: Buffer  # empty arrays where there is no replay


class Social(NamedTuple):
    """Social relationship inference of n seats as a bundle of pure functions."""

    init: Callable[[Array], SocialState]  # key is consumed
    weigh: Callable[
        ..., tuple[Array, Metrics]
    ]  # (state, learner, Rollout) -> w[T, B, n, N], Metrics
    learn: Callable[..., tuple[SocialState, Metrics]]  # (state, learner, Rollout, key, clock)


def build(config: SocialConfig, spec: EnvSpec, seats: Seats, learner: Learner) -> Social:
    """Builds social relationship inference for the agents on `seats`.

    Args:
        config: settings.
        spec: the game's facts.
        seats: n seats.
        learner: the same agents' actor-critic, whose policy the rule "acting" borrows.

    Raises:
        ConfigError: a network or a setting that does not fit the game's observations.
    """
    num, net = spec.num_agents, config.net
    net.check(spec.obs_shape)
    check_visible("train_visible", config.perspective and config.train_visible, spec)
    check_visible("weigh_visible", config.weigh_visible, spec)
    mind = Mind(config, spec, learner)
    tx = population.optimiser(config.max_grad_norm)
    others = co_players(num, seats)
    pair_mask = np.array(seats)[:, None] != np.arange(num)[None]

    def init(key: Array) -> SocialState:
        example = jnp.zeros((1, math.prod(spec.obs_shape)))

        def stacked(network: nn.Module, key: Array) -> Trained:
            return population.init_stacked(lambda k: network.init(k, example), tx, key, len(seats))

        key_social, key_perspective = jax.random.split(key)
        social = stacked(mind.social_net, key_social)
        imagines = config.perspective
        perspective = stacked(mind.perspective_net, key_perspective) if imagines else ()
        return SocialState(social, perspective, Replay(spec, seats, config.replay).init())

    def networks(state: SocialState, learnt: LearnerState) -> Networks:
        """Everyone's networks, leaves ``[n, ...]``."""
        eta = state.perspective.params if isinstance(state.perspective, Trained) else ()
        return jax.vmap(mind.fold)(state.social.params, eta, learnt.trained.params)

    def memories(everyone: Networks, episodes: Episodes) -> PyTree:
        """Each agent's memory before every step, ``[T, E, n, ...]``; () where none is needed."""
        if not (mind.borrows and net.lstm):
            return ()
        x = episodes.obs.astype(jnp.float32)
        recall = jax.vmap(learner.recall, (0, 0, 1, 2), 2)
        return recall(everyone.acting, everyone.acting_eyes, episodes.memory, x)

    def weigh(state: SocialState, learnt: LearnerState, rollout: Rollout) -> tuple[Array, Metrics]:
        """Weights ``[T, B, n, N]`` that agents give by, and what is measured on the way."""
        own = take_seats(rollout, seats)
        steps, envs = rollout.done.shape
        everyone = networks(state, learnt)
        known = to_weigh(config, own)
        memory = memories(everyone, present_batch(rollout, seats, envs))
        moves = mind.moves(rollout.action, rollout.active)
        count = blocks.shares(envs)
        mine, joint, needed = blocks.by_share(((own.obs, memory), moves, known), count)
        needed = needed.swapaxes(1, 2)
        relate = jax.vmap(jax.vmap(mind.relate), (None, 0, 0, None, 0))

        def block(found: Array, index: Array, _: Array) -> Array:
            x, past = blocks.take(mine, index)
            acts = jax.vmap(lambda joint, i: jnp.take(joint, i, axis=0, mode="clip"))(joint, index)
            fresh = relate(everyone, x.astype(jnp.float32), acts, jnp.asarray(others), past)
            return blocks.put(found, index, jnp.stack(fresh, -1))

        blank = jnp.zeros((*needed.shape, num - 1, 2))
        found = blocks.over_blocks("weigh", block, needed, blank)
        found = jax.vmap(lambda each: to_seats(each, others, num))(found)
        found = blocks.by_step(found.swapaxes(1, 2), steps)
        pairs = known[..., None] & rollout.active[:, :, None] & pair_mask[None, None]
        given = pairs
        if config.weigh_visible and not spec.can_see_all:
            given = pairs & visible(own.obs, spec)
        weights = jnp.where(given, found[..., 0], 0.0)
        return weights, {
            "relation/weight": metrics.masked_mean(weights, pairs, (0, 1), jnp.nan),
            "relation/spread": metrics.masked_mean(found[..., 1], pairs, (0, 1, 3), jnp.nan),
        }

    def update(
        state: SocialState, learnt: LearnerState, episodes: Episodes
    ) -> tuple[SocialState, Metrics]:
        """One gradient step of every agent's Q_SR, pi_SR and eta on some episodes."""
        hyper = learnt.hyper
        before = jax.lax.stop_gradient(networks(state, learnt))
        memory = memories(before, episodes)

        def social_total(params: PyTree) -> tuple[Array, Metrics]:
            one = jax.vmap(mind.social_loss, (0, 0, EPISODE_AXES, 2, None))
            losses, numbers = one(params, before, episodes, memory, hyper)
            return losses.sum(), numbers

        grads, numbers = jax.grad(social_total, has_aux=True)(state.social.params)
        social, norm = population.descend(tx, state.social, grads, hyper["social_lr"])
        numbers |= {
            "infer/grad_norm": norm,
            "health/infer": population.finite(norm, numbers["infer/value_loss"]),
        }
        state, eta = state._replace(social=social), state.perspective
        if not isinstance(eta, Trained):
            return state, numbers

        grads, found = perspective_gradient(eta.params, before, episodes, memory, hyper["delta"])
        trained, norm = population.descend(tx, eta, grads, hyper["perspective_lr"])
        numbers |= found | {
            "infer/perspective_grad_norm": norm,
            "health/perspective": population.finite(norm),
        }
        return state._replace(perspective=trained), numbers

    def surprises(everyone: Networks, episodes: Episodes, memory: PyTree) -> Array:
        """-log pi_SR of others' actions on imagined views, at few steps: ``[T', E, n, K]``."""

        def one(own: Networks, x: Array, ids: Array, action: Array, past: PyTree) -> Array:
            x, past = jax.tree.map(lambda leaf: leaf[:, :, None], (x, past))
            return mind.foretell(own, x, ids[None, None], action, past)[0]

        obs, joint, memory = jax.tree.map(
            lambda leaf: leaf[:: stride(leaf)], (episodes.obs, episodes.joint, memory)
        )
        x, ids = obs.astype(jnp.float32), jnp.asarray(others)
        return jax.vmap(one, (0, 2, 0, 2, 2), 2)(everyone, x, ids, joint[:, :, others], memory)

    def perspective_gradient(
        params: PyTree, before: Networks, episodes: Episodes, memory: PyTree, delta: Array
    ) -> tuple[PyTree, Metrics]:
        """The gradient ``[n, ...]`` of every agent's eta, with pi_SR frozen (equation 4).

        It is summed up over those pairs of a step and a co-player that eta learns from, by each
        device over its own. How well others are foretold at all is measured at a few steps of each
        episode.
        """
        action = episodes.joint[:, :, others]  # [T, E, n, K]
        both, seen, chosen = to_convert(config, spec, episodes, others)

        def pairs(leaf: Array) -> Array:  # [D, M, n, K] -> [D, M * K, n]
            return leaf.swapaxes(2, 3).reshape(len(leaf), -1, len(seats))

        count = blocks.shares(episodes.done.shape[1])
        mine = blocks.by_share((episodes.obs, memory), count)
        *facts, needed = map(pairs, blocks.by_share((action, seen, chosen), count))
        ids, agent = jnp.asarray(others), jnp.arange(len(seats))[:, None]
        eyes, unfold = jax.vjp(jax.vmap(method(mind.perspective_net, "fold")), params)
        foretell = jax.vmap(mind.foretell)

        def block(sums: PyTree, index: Array, counts: Array) -> PyTree:
            x, past = blocks.take(mine, index // (num - 1))
            taken, shown = blocks.take(facts, index)
            whom = jax.vmap(lambda which: ids[agent, which])(index % (num - 1))

            def total(learnt: PyTree, counts: Array, *seen: PyTree) -> tuple[Array, tuple]:
                own = before._replace(perspective=learnt[0], perspective_eyes=learnt[1])
                surprise, gap = foretell(own, *seen)
                loss = mind.perspective_loss(surprise, gap, delta)
                return loss.sum(where=counts), (surprise, gap)

            one = jax.vmap(jax.grad(total, has_aux=True), (None, 0, 0, 0, 0, 0))
            seen = x.astype(jnp.float32), whom, taken, past
            grads, (surprise, gap) = one((params, eyes), counts, *seen)
            told = surprise.sum(-1, where=counts & shown)
            return jax.tree.map(jnp.add, sums, (grads, told, gap.sum(-1, where=counts)))

        def blank(leaf: Array) -> Array:
            return jnp.zeros((count, *leaf.shape))

        nothing = jnp.zeros((count, len(seats)))
        sums = jax.tree.map(blank, (params, eyes)), nothing, nothing
        sums = blocks.over_blocks("eta", block, needed.swapaxes(1, 2), sums)
        (grads, eye_grads), told, gap = jax.tree.map(lambda leaf: leaf.sum(0), sums)
        grads = jax.tree.map(jnp.add, grads, unfold(eye_grads)[0])
        number = chosen.sum((0, 1, 3)).astype(jnp.float32)
        each = 1.0 / jnp.maximum(number, 1.0)
        return jax.tree.map(lambda leaf: jax.vmap(jnp.multiply)(leaf, each), grads), {
            "infer/other_cross_entropy": metrics.masked_mean(
                surprises(before, episodes, memory), both[:: stride(both)], (0, 1, 3), jnp.nan
            ),
            "infer/visible_cross_entropy": told / seen.sum((0, 1, 3)).astype(jnp.float32),
            "infer/distance": gap / number,
        }

    def learn(
        state: SocialState, learnt: LearnerState, rollout: Rollout, key: Array, clock: Clock
    ) -> tuple[SocialState, Metrics]:
        """Stores the rollout, and learns from some episodes when it is time to."""
        envs = rollout.done.shape[1]
        stored = (clock.update + 1) * envs
        replay = Replay(spec, seats, config.replay)
        if config.replay:
            state = state._replace(buffer=replay.add(state.buffer, rollout, clock.update))

        def now(state: SocialState) -> tuple[SocialState, Metrics]:
            if config.replay:
                memory = learner.begin(config.social_episodes)
                episodes = replay.sample(state.buffer, key, config.social_episodes, stored, memory)
            else:
                episodes = present_batch(rollout, seats, config.social_episodes)
            return update(state, learnt, episodes)

        def later(state: SocialState) -> tuple[SocialState, Metrics]:
            _, numbers = jax.eval_shape(now, state)
            return state, jax.tree.map(lambda m: jnp.full(m.shape, jnp.nan, m.dtype), numbers)

        if config.social_every == 1 and config.replay_min == 1:
            return now(state)
        due = (clock.update + 1) % config.social_every == 0
        return jax.lax.cond(due & (stored >= config.replay_min), now, later, state)

    return Social(init, weigh, learn)


def to_weigh(config: SocialConfig, own: Rollout) -> Array:
    """Where agents need weights, ``[T, B, n]`` bool: `own` is their part of a rollout."""
    return own.active & (own.reward != 0) if config.weigh == "rewarded" else own.active


def to_convert(
    config: SocialConfig, spec: EnvSpec, episodes: Episodes, others: np.ndarray
) -> tuple[Array, Array, Array]:
    """Pairs of agents and their co-players ``[n, K]``, ``[T, E, n, K]`` bool each.

    Returns:
        Where both take part, where the agent sees the co-player too, and what eta learns from.
    """
    both = episodes.present[:, :, others] & episodes.active[..., None]
    if spec.can_see_all:
        seen = both
    elif spec.agent_planes:
        shown = visible(episodes.obs, spec)
        seen = both & jnp.take_along_axis(shown, jnp.asarray(others)[None, None], axis=-1)
    else:  # not to be known, and by `check_visible` of no consequence
        seen = jnp.zeros_like(both)
    return both, seen, seen if config.train_visible else both


def stride(leaf: Array) -> int:
    """Every how many of its steps ``[T, ...]`` are measured."""
    return max(1, len(leaf) // MEASURED)
