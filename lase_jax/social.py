"""Social relationship inference: how friendly is each co-player to me?

Source: Kong et al. 2024, section 4.

Letters: T steps, E episodes, N seats, n seats of this kind, K = N - 1 co-players, M samples, A
actions, F numbers of a flattened observation, H width of a layer.

Every agent i learns Q_SR(own observation, joint action) of its own extrinsic reward, a policy
pi_SR, and a conversion eta of its own observation to what co-player j may see. The counterfactual
asks what i would expect had j acted otherwise, j's policy being pi_SR on j's imagined view; the
difference to what i does expect, scaled to [0, 1 / (N - 1)], is w_ij, the share of its reward that
i gives to j.

All counterfactuals of all co-players are one pass: a joint action enters Q_SR's first dense layer
as a sum of rows, so that another action of j is one addition. Weights have an effect only where the
giver's own reward is not zero, and they are computed for those steps only unless all are asked for.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import EnvSpec
from lase_jax import counterfactual, distributions, metrics, nets, population, returns
from lase_jax.learners import A2CConfig, Learner, LearnerState
from lase_jax.population import Trained
from lase_jax.replay import EPISODE_AXES, Buffer, Episodes, Replay, present_batch
from lase_jax.rollout import Seats, take_seats, visible
from lase_jax.types import Array, Clock, Metrics, PyTree, Rollout

CHUNKS = 16
"""Weights are computed in blocks of 1 / CHUNKS of a rollout, as many as hold rewarded steps."""


@dataclass(frozen=True)
class SocialConfig(A2CConfig):
    """Settings of agents that infer social relationships, on top of the actor-critic's."""

    social_lr: float = 2e-3
    """Learning rate of Q_SR and pi_SR (alpha_phi and alpha_mu in the paper)."""
    perspective_lr: float = 1e-3
    """Learning rate of the observation conversion eta (alpha_eta)."""
    social_gamma: float = 0.95
    """Discount of Q_SR (gamma_sc), in [0, 1]."""
    social_lam: float = 0.0
    """Trace decay of Q_SR's target: 0 the one-step SARSA error of the paper."""
    delta: float = 0.1
    """Weight of "stay near the own view" against "predict the other" in eta's loss."""
    perspective: bool = True
    """Imagine others' views; False is the paper's "LASE w/o": others act uniformly at random."""
    imagine: Literal["clone", "importance", "literal", "acting"] = "clone"
    """How pi_SR is learnt: "clone" own actions; "literal", equation 5 to the letter; "importance",
    the same with truncated importance weights; "acting", no pi_SR, the acting policy on the
    imagined view."""
    distance: Literal["mean", "sum"] = "mean"
    """Whether eta's distance to the own view is a mean over inputs or the paper's sum."""
    train_visible: bool = True
    """Train eta only on co-players in the own window, as the author's prototype does."""
    weigh_visible: bool = False
    """Give only to co-players that stand in the own window."""
    weigh: Literal["rewarded", "all"] = "rewarded"
    """Compute weights only at steps with own reward, where they matter, or at all steps."""
    social_every: int = 1
    """Iterations between updates of the SR networks and eta."""
    social_episodes: int = 4
    """Episodes in one such update, from the present batch or the replay buffer."""
    replay: int = 0
    """Capacity of the replay buffer in episodes; 0 learns from the present batch."""
    replay_min: int = 1
    """Episodes the buffer must hold before the SR networks learn from it."""

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        for field in ("social_lr", "perspective_lr"):
            checks.number(field, getattr(self, field), 0.0, open_low=True)
        for field in ("social_gamma", "social_lam", "delta"):
            checks.probability(field, getattr(self, field))
        checks.choice("imagine", self.imagine, ("clone", "importance", "literal", "acting"))
        checks.choice("distance", self.distance, ("mean", "sum"))
        checks.choice("weigh", self.weigh, ("rewarded", "all"))
        checks.integer("social_every", self.social_every, 1)
        checks.integer("social_episodes", self.social_episodes, 1)
        checks.integer("replay", self.replay, 0)
        checks.integer("replay_min", self.replay_min, 1, max(self.replay, 1))

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced."""
        return super().hyper() | {
            "social_lr": self.social_lr,
            "perspective_lr": self.perspective_lr,
            "social_gamma": self.social_gamma,
            "social_lam": self.social_lam,
            "delta": self.delta,
        }


class SocialState(NamedTuple):
    """What social relationship inference keeps from update to update."""

    social: Trained  # Q_SR and pi_SR, leaves [n, ...]
    perspective: Trained  # eta, leaves [n, ...]
    buffer: Buffer  # empty arrays where there is no replay


class Folded(NamedTuple):
    """One agent's SR networks, ready for evaluation."""

    social: PyTree
    social_eyes: PyTree
    perspective: PyTree
    perspective_eyes: PyTree
    acting: PyTree
    acting_eyes: PyTree


class Social(NamedTuple):
    """Social relationship inference of n seats as a bundle of pure functions."""

    init: Callable[[Array], SocialState]  # key is consumed
    weigh: Callable[
        ..., tuple[Array, Metrics]
    ]  # (state, learner, Rollout) -> w[T, B, n, N], Metrics
    learn: Callable[..., tuple[SocialState, Metrics]]  # (state, learner, Rollout, key, clock)
    relate: Callable[..., tuple[Array, Array]]  # one agent's counterfactuals, see `build`


def build(config: SocialConfig, spec: EnvSpec, seats: Seats, learner: Learner) -> Social:
    """Builds social relationship inference for the agents on `seats`.

    Args:
        config: settings.
        spec: the game's facts.
        seats: n seats.
        learner: the same agents' actor-critic, whose policy the rule "acting" borrows.
    """
    num, actions, net = spec.num_agents, spec.num_actions, config.net
    net.check(spec.obs_shape)
    shape = spec.obs_shape
    social_net = nets.SocialNet(shape, actions, num, net)
    perspective_net = nets.Perspective(shape, num, net)
    tx = population.optimiser(config.max_grad_norm)
    others = co_players(num, seats)
    pair_mask = np.array(seats)[:, None] != np.arange(num)[None]
    borrows = config.imagine == "acting"

    def moves(action: Array, active: Array) -> Array:
        """Actions as Q_SR reads them: A, which has no row, where an agent takes no part."""
        return jnp.where(active, action, actions)

    infer = partial(nets.method, social_net)
    look, value, rows, choose = infer("look"), infer("value"), infer("rows"), infer("policy")
    fold_social, fold_perspective = infer("fold"), nets.method(perspective_net, "fold")
    imagine = nets.method(perspective_net, "imagine")

    def fold(social: PyTree, perspective: PyTree, acting: PyTree) -> Folded:
        """One agent's networks with their first layers multiplied out."""
        return Folded(
            social,
            fold_social(social),
            perspective,
            fold_perspective(perspective),
            acting,
            learner.fold(acting),
        )

    def policy(nets_: Folded, x: Array, memory: PyTree) -> Array:
        """Log-probabilities ``[M, A]`` of pi_SR, or of the acting policy where it is borrowed."""
        if borrows:
            logits = learner.logits_at(nets_.acting, nets_.acting_eyes, memory, x)
        else:
            pre, _ = look(nets_.social, nets_.social_eyes, x)
            logits = choose(nets_.social, pre)
        return jax.nn.log_softmax(logits)

    def imagined(nets_: Folded, x: Array, ids: Array, memory: PyTree) -> tuple[Array, Array]:
        """Imagined views ``[M, K, F]`` and log-probabilities ``[M, K, A]`` of actions."""
        views = imagine(nets_.perspective, nets_.perspective_eyes, x, ids)
        count = len(ids)
        repeated = jax.tree.map(lambda leaf: jnp.repeat(leaf, count, axis=0), memory)
        log_probs = policy(nets_, views.reshape(-1, views.shape[-1]), repeated)
        return views, log_probs.reshape(len(x), count, actions)

    def relate(
        nets_: Folded, x: Array, joint: Array, ids: Array, memory: PyTree
    ) -> tuple[Array, Array]:
        """One agent's relationship to each co-player, at M steps.

        Args:
            nets_: its networks.
            x: ``[M, F]`` own observations.
            joint: ``[M, N]`` joint actions taken.
            ids: ``[K]`` the co-players' seats.
            memory: ``[M, ...]`` own memory before the step; used only by the rule "acting".

        Returns:
            ``[M, K]`` weights w_ij, and ``[M, K]`` the spread max - min of Q_SR behind them.
        """
        _, pre = look(nets_.social, nets_.social_eyes, x)
        table = rows(nets_.social)
        whole = pre + add_actions(table, joint)
        replaced = table.reshape(num * actions, -1)[ids[None] * actions + joint[:, ids]]
        pre_alternatives = (whole[:, None] - replaced)[:, :, None] + table[ids][None]
        q = value(nets_.social, pre_alternatives)
        q_taken = jnp.take_along_axis(q, joint[:, ids][..., None], axis=-1)[..., 0]
        if config.perspective:
            probs = jnp.exp(imagined(nets_, x, ids, memory)[1])
        else:
            probs = jnp.full(q.shape, 1.0 / actions)
        each = jax.vmap(jax.vmap(counterfactual.relationship, (0, 0, 0, None)), (0, 0, 0, None))
        return each(q_taken, q, probs, num), q.max(-1) - q.min(-1)

    def init(key: Array) -> SocialState:
        key_social, key_perspective = jax.random.split(key)
        example = jnp.zeros((1, _size(spec)))
        social = population.init_stacked(
            lambda k: social_net.init(k, example), tx, key_social, len(seats)
        )
        perspective = population.init_stacked(
            lambda k: perspective_net.init(k, example), tx, key_perspective, len(seats)
        )
        return SocialState(social, perspective, Replay(spec, seats, config.replay).init())

    def memories(nets_: Folded, episodes: Episodes) -> PyTree:
        """Each agent's memory before every step, ``[n, T * E, ...]``; () where none is needed."""
        if not (borrows and net.lstm):
            return ()
        x = episodes.obs.astype(jnp.float32)
        recalled = jax.vmap(learner.recall, (0, 0, 1, 2))(
            nets_.acting, nets_.acting_eyes, episodes.memory, x
        )
        return jax.tree.map(lambda leaf: leaf.reshape(len(seats), -1, leaf.shape[-1]), recalled)

    def folded(state: SocialState, learnt: LearnerState) -> Folded:
        return jax.vmap(fold)(state.social.params, state.perspective.params, learnt.trained.params)

    def weigh(state: SocialState, learnt: LearnerState, rollout: Rollout) -> tuple[Array, Metrics]:
        """Weights ``[T, B, n, N]`` that agents give by, and what is measured on the way."""
        own = take_seats(rollout, seats)
        steps, envs = rollout.done.shape
        nets_ = folded(state, learnt)
        needed = own.active
        if config.weigh == "rewarded":
            needed = needed & (own.reward != 0)
        needed = jnp.moveaxis(needed, 2, 0).reshape(len(seats), -1)
        obs = own.obs.reshape(steps * envs, len(seats), -1)
        agent = jnp.arange(len(seats))[:, None]
        joint = moves(rollout.action, rollout.active).reshape(steps * envs, num)
        memory = memories(nets_, present_batch(rollout, seats, envs))

        def block(index: Array) -> Array:
            take = jax.vmap(lambda leaf, i: jnp.take(leaf, i, axis=0, mode="clip"))
            x = obs.at[index, agent].get(mode="clip").astype(jnp.float32)
            past = jax.tree.map(lambda leaf: take(leaf, index), memory)
            acts = jnp.take(joint, index, axis=0, mode="clip")
            return jnp.stack(jax.vmap(relate)(nets_, x, acts, jnp.asarray(others), past), -1)

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

    def social_loss(
        params: PyTree, episodes: Episodes, hyper: dict[str, Array]
    ) -> tuple[Array, Metrics]:
        """One agent's loss of Q_SR and pi_SR (equation 5 and its variants)."""
        x = episodes.obs.astype(jnp.float32)
        pre_policy, pre_value = look(params, fold_social(params), x)
        taken = moves(episodes.joint, episodes.present)
        q = value(params, pre_value + add_actions(rows(params), taken))
        known = jax.lax.stop_gradient(q)
        cont = jax.vmap(returns.continues, 1, 1)(episodes.active, episodes.done)
        # A cut that does not end the episode has no next joint action to learn from: its last step
        # counts as predicted rightly, and is left out of the means.
        ends = episodes.done[-1] & (not config.bootstrap_at_horizon)
        reward = episodes.reward.at[-1].set(jnp.where(ends, episodes.reward[-1], known[-1]))
        mask = episodes.active.at[-1].set(episodes.active[-1] & ends)
        adv = jax.vmap(returns.gae, (1, 1, 1, 1, None, None), 1)(
            reward,
            known,
            jnp.append(known[1:], known[:1], 0),
            cont.at[-1].set(0.0),
            hyper["social_gamma"],
            hyper["social_lam"],
        )
        value_loss = metrics.masked_mean((adv + known - q) ** 2, mask)
        log_pi = jax.nn.log_softmax(choose(params, pre_policy))
        surprise = distributions.cross_entropy(log_pi, episodes.action)
        ratio = jnp.exp(-jax.lax.stop_gradient(surprise) - episodes.log_prob)
        credit = {
            "clone": jnp.ones_like(adv),
            "literal": adv,
            "importance": adv * jnp.minimum(ratio, 1.0),
            "acting": jnp.zeros_like(adv),
        }[config.imagine]
        total = 0.5 * value_loss + metrics.masked_mean(credit * surprise, mask)
        return total, {"infer/value_loss": value_loss}

    def perspective_loss(
        params: PyTree, frozen: Folded, episodes: Episodes, ids: Array, memory: PyTree, delta: Array
    ) -> tuple[Array, Metrics]:
        """One agent's loss of eta (equation 4), with pi_SR frozen."""
        eyes = fold_perspective(params)
        x = episodes.obs.astype(jnp.float32).reshape(-1, _size(spec))
        views, log_probs = imagined(
            frozen._replace(perspective=params, perspective_eyes=eyes), x, ids, memory
        )
        joint = episodes.joint.reshape(-1, num)[:, ids]
        surprise = distributions.cross_entropy(log_probs, joint)
        gap = jnp.abs(views - x[:, None])
        distance = gap.sum(-1) if config.distance == "sum" else gap.mean(-1)
        both = episodes.present.reshape(-1, num)[:, ids] & episodes.active.reshape(-1)[:, None]
        seen = both
        if not spec.can_see_all:
            seen = both & visible(episodes.obs, spec).reshape(-1, num)[:, ids]
        mask = seen if config.train_visible else both
        total = metrics.masked_mean((1.0 - delta) * surprise + delta * distance, mask)
        return total, {
            "infer/other_cross_entropy": metrics.masked_mean(surprise, both, empty=jnp.nan),
            "infer/visible_cross_entropy": metrics.masked_mean(surprise, seen, empty=jnp.nan),
            "infer/distance": metrics.masked_mean(gap.mean(-1), mask, empty=jnp.nan),
        }

    def calibration(frozen: Folded, episodes: Episodes, memory: PyTree) -> Metrics:
        """How well one agent's pi_SR knows the agent itself."""
        log_pi = policy(frozen, episodes.obs.astype(jnp.float32).reshape(-1, _size(spec)), memory)
        mask = episodes.active.reshape(-1)
        entropy = -(jnp.exp(log_pi) * log_pi).sum(-1)
        surprise = distributions.cross_entropy(log_pi, episodes.action.reshape(-1))
        return {
            "infer/policy_entropy": metrics.masked_mean(entropy, mask, empty=jnp.nan),
            "infer/own_cross_entropy": metrics.masked_mean(surprise, mask, empty=jnp.nan),
            "infer/uniform_cross_entropy": jnp.log(jnp.float32(actions)),
        }

    def update(
        state: SocialState, learnt: LearnerState, episodes: Episodes
    ) -> tuple[SocialState, Metrics]:
        """One gradient step of every agent's Q_SR, pi_SR and eta on some episodes."""
        axes = EPISODE_AXES
        hyper = learnt.hyper
        before = jax.lax.stop_gradient(folded(state, learnt))
        memory = memories(before, episodes)
        numbers = jax.vmap(calibration, (0, axes, 0))(before, episodes, memory)

        def social_total(params: PyTree) -> tuple[Array, Metrics]:
            losses, found = jax.vmap(social_loss, (0, axes, None))(params, episodes, hyper)
            return losses.sum(), found

        grads, found = jax.grad(social_total, has_aux=True)(state.social.params)
        social, norm = population.descend(tx, state.social, grads, hyper["social_lr"])
        numbers |= found | {
            "infer/grad_norm": norm,
            "health/infer": population.finite(norm, found["infer/value_loss"]),
        }
        state = state._replace(social=social)
        if not config.perspective:
            return state, numbers

        def perspective_total(params: PyTree) -> tuple[Array, Metrics]:
            one = jax.vmap(perspective_loss, (0, 0, axes, 0, 0, None))
            ids = jnp.asarray(others)
            losses, found = one(params, before, episodes, ids, memory, hyper["delta"])
            return losses.sum(), found

        grads, found = jax.grad(perspective_total, has_aux=True)(state.perspective.params)
        trained, norm = population.descend(tx, state.perspective, grads, hyper["perspective_lr"])
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

    return Social(init, weigh, learn, relate)


def co_players(num_agents: int, seats: Seats) -> np.ndarray:
    """``[n, N - 1]`` int32: the other seats of each of `seats`."""
    rows = [[j for j in range(num_agents) if j != i] for i in seats]
    return np.array(rows, np.int32)


def to_seats(value: Array, others: np.ndarray, num_agents: int) -> Array:
    """``[n, M, K, ...]`` per co-player to ``[n, M, N, ...]`` per seat, 0 for the own seat."""
    place = np.zeros((len(others), num_agents), np.int32)
    isother = np.zeros((len(others), num_agents), bool)
    for i, row in enumerate(others):
        place[i, row] = np.arange(len(row))
        isother[i, row] = True
    lead = (len(others), 1, num_agents) + (1,) * (value.ndim - 3)
    spread = jnp.take_along_axis(value, jnp.asarray(place).reshape(lead), axis=2)
    return jnp.where(jnp.asarray(isother).reshape(lead), spread, 0.0)


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


def add_actions(rows: Array, joint: Array) -> Array:
    """What a joint action adds to the pre-activations: the sum of its rows, as one matrix product.

    Args:
        rows: ``[N, A, H]``.
        joint: ``[..., N]`` int32.

    Returns:
        ``[..., H]``.
    """
    num, actions, width = rows.shape
    taken = jax.nn.one_hot(joint, actions).reshape(*joint.shape[:-1], num * actions)
    return taken @ rows.reshape(num * actions, width)


def _size(spec: EnvSpec) -> int:
    return math.prod(spec.obs_shape)
