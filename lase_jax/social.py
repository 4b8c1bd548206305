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

What one agent's networks say and learn from stands in `relations`; here agents stand side by side.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from envs.types import EnvSpec
from lase_jax import metrics, population
from lase_jax.learners import Learner, LearnerState
from lase_jax.population import Trained
from lase_jax.relations import Mind, Networks, SocialConfig
from lase_jax.replay import EPISODE_AXES, Buffer, Episodes, Replay, present_batch
from lase_jax.rollout import Seats, check_visible, co_players, take_seats, to_seats, visible
from lase_jax.types import Array, Clock, Metrics, PyTree, Rollout

CHUNKS = 16
"""Weights are computed in blocks of 1 / CHUNKS of a rollout, as many as hold rewarded steps."""


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
        """Each agent's memory before every step, ``[n, T * E, ...]``; () where none is needed."""
        if not (mind.borrows and net.lstm):
            return ()
        x = episodes.obs.astype(jnp.float32)
        recalled = jax.vmap(learner.recall, (0, 0, 1, 2))(
            everyone.acting, everyone.acting_eyes, episodes.memory, x
        )
        return jax.tree.map(lambda leaf: leaf.reshape(len(seats), -1, leaf.shape[-1]), recalled)

    def weigh(state: SocialState, learnt: LearnerState, rollout: Rollout) -> tuple[Array, Metrics]:
        """Weights ``[T, B, n, N]`` that agents give by, and what is measured on the way."""
        own = take_seats(rollout, seats)
        steps, envs = rollout.done.shape
        everyone = networks(state, learnt)
        needed = own.active
        if config.weigh == "rewarded":
            needed = needed & (own.reward != 0)
        needed = jnp.moveaxis(needed, 2, 0).reshape(len(seats), -1)
        obs = own.obs.reshape(steps * envs, len(seats), -1)
        agent = jnp.arange(len(seats))[:, None]
        joint = mind.moves(rollout.action, rollout.active).reshape(steps * envs, num)
        memory = memories(everyone, present_batch(rollout, seats, envs))

        def block(index: Array) -> Array:
            take = jax.vmap(lambda leaf, i: jnp.take(leaf, i, axis=0, mode="clip"))
            x = obs.at[index, agent].get(mode="clip").astype(jnp.float32)
            past = jax.tree.map(lambda leaf: take(leaf, index), memory)
            acts = jnp.take(joint, index, axis=0, mode="clip")
            return jnp.stack(
                jax.vmap(mind.relate)(everyone, x, acts, jnp.asarray(others), past), -1
            )

        found = to_seats(in_blocks(block, needed, (num - 1, 2)), others, num)
        found = jnp.moveaxis(found.reshape(len(seats), steps, envs, num, 2), 0, 2)
        known = jnp.moveaxis(needed.reshape(len(seats), steps, envs), 0, 2)
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
        axes = EPISODE_AXES
        hyper = learnt.hyper
        before = jax.lax.stop_gradient(networks(state, learnt))
        memory = memories(before, episodes)
        numbers = jax.vmap(mind.calibration, (0, axes, 0))(before, episodes, memory)

        def social_total(params: PyTree) -> tuple[Array, Metrics]:
            losses, found = jax.vmap(mind.social_loss, (0, axes, None))(params, episodes, hyper)
            return losses.sum(), found

        grads, found = jax.grad(social_total, has_aux=True)(state.social.params)
        social, norm = population.descend(tx, state.social, grads, hyper["social_lr"])
        numbers |= found | {
            "infer/grad_norm": norm,
            "health/infer": population.finite(norm, found["infer/value_loss"]),
        }
        state, eta = state._replace(social=social), state.perspective
        if not isinstance(eta, Trained):
            return state, numbers

        def perspective_total(params: PyTree) -> tuple[Array, Metrics]:
            one = jax.vmap(mind.perspective_loss, (0, 0, axes, 0, 0, None))
            ids = jnp.asarray(others)
            losses, found = one(params, before, episodes, ids, memory, hyper["delta"])
            return losses.sum(), found

        grads, found = jax.grad(perspective_total, has_aux=True)(eta.params)
        trained, norm = population.descend(tx, eta, grads, hyper["perspective_lr"])
        numbers |= found | {
            "infer/perspective_grad_norm": norm,
            "health/perspective": population.finite(norm),
        }
        return state._replace(perspective=trained), numbers

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


def in_blocks(block: Callable[[Array], Array], needed: Array, shape: tuple[int, ...]) -> Array:
    """Evaluates `block` where it is needed, a block of samples at a time.

    The loop runs as many blocks as the agent with most needed samples fills, so its cost follows
    the number of rewarded steps and nothing is ever left out.

    Args:
        block: ``(index[n, C]) -> [n, C, *shape]``, values at some samples of each agent; indices
            past the end stand for nothing.
        needed: ``[n, M]`` bool.
        shape: trailing shape of a value.

    Returns:
        ``[n, M, *shape]``; samples that are not needed hold 0 or their true value.
    """
    agents, samples = needed.shape
    size = -(-samples // CHUNKS)
    order = jnp.argsort(~needed, axis=1, stable=True)
    order = jnp.pad(order, ((0, 0), (0, size * CHUNKS - samples)), constant_values=samples)
    most = needed.sum(1).max()
    agent = jnp.arange(agents)[:, None]

    def go(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        turn, out = carry
        index = jax.lax.dynamic_slice_in_dim(order, turn * size, size, axis=1)
        return turn + 1, out.at[agent, index].set(block(index), mode="drop")

    blank = jnp.zeros((agents, samples, *shape))
    return jax.lax.while_loop(lambda c: c[0] * size < most, go, (jnp.int32(0), blank))[1]
