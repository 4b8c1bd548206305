"""Metrics: one table of names, axes, units and meanings, and functions that compute them.

Letters: T steps, B environments, N seats. Numbers are means over the B environments of one rollout.
Returns and counts are per episode; a rollout shorter than an episode is scaled up to one. NaN means
that a seat has no such number (a scripted seat has no entropy) or that the number was not updated
in this iteration.
"""

from typing import NamedTuple

import jax.numpy as jnp

from lase_jax.types import Array, Metrics, Rollout


class Row(NamedTuple):
    """One line of the table of metrics."""

    axes: str  # "" one number, "N" per seat, "NN" from each seat to each seat
    unit: str
    meaning: str


TABLE: dict[str, Row] = {
    "return/collective": Row("", "reward/episode", "sum of all seats' extrinsic rewards"),
    "return/extrinsic": Row("N", "reward/episode", "reward paid by the game"),
    "return/total": Row("N", "reward/episode", "reward to learn from: extrinsic plus opinions"),
    "return/after_gifts": Row("N", "reward/episode", "extrinsic - given + received"),
    "social/equality": Row(
        "", "1", "equality E of mean extrinsic returns; NaN unless their sum is > 0"
    ),
    "social/equality_after": Row("", "1", "equality E of the mean returns after gifts"),
    "gift/weight": Row("NN", "share", "share of own reward given, over steps with own reward != 0"),
    "gift/given": Row("N", "reward/episode", "reward handed to others"),
    "gift/received": Row("N", "reward/episode", "reward received from others"),
    "event/*": Row("N", "1/episode", "count of a game's event, see the game's event names"),
    "play/active": Row("N", "share", "share of the steps in which the seat took part"),
    "learn/policy_loss": Row("N", "1", "policy gradient loss of the acting policy"),
    "learn/value_loss": Row("N", "scale^2", "mean squared error of the critic, see scale_values"),
    "learn/explained": Row("N", "1", "share of the variance of returns that the critic foresaw"),
    "learn/entropy": Row("N", "nat", "entropy of the acting policy, without epsilon"),
    "learn/grad_norm": Row("N", "1", "norm of the policy's gradient before clipping"),
    "learn/critic_grad_norm": Row("N", "1", "norm of the gradient of what is the critic's alone"),
    "learn/divergence": Row("N", "nat", "PPO: approximate KL divergence of old and new policy"),
    "learn/clipped": Row("N", "share", "PPO: share of steps whose ratio is beyond the clip"),
    "learn/epsilon": Row("N", "share", "share of uniform actions in the behaviour policy"),
    "relation/weight": Row("NN", "share", "mean w_ij where it was computed and j took part"),
    "relation/spread": Row("N", "reward", "mean over co-players of max - min of Q_SR over actions"),
    "inequity/envy": Row("N", "reward/step", "penalty for having less than others, 0 or negative"),
    "inequity/guilt": Row("N", "reward/step", "penalty for having more than others, 0 or negative"),
    "influence/reward": Row("N", "reward/step", "reward for influence, weighted and clipped"),
    "influence/pair": Row("NN", "nat", "mean influence on a co-player's next action where counted"),
    "talk/policy_loss": Row("N", "1", "policy gradient loss of the policy of symbols"),
    "talk/value_loss": Row("N", "scale^2", "mean squared error of the critic of symbols"),
    "talk/explained": Row("N", "1", "as learn/explained, of the critic of symbols"),
    "talk/entropy": Row("N", "nat", "entropy of the policy of symbols"),
    "talk/divergence": Row("N", "nat", "PPO: as learn/divergence, of the policy of symbols"),
    "talk/clipped": Row("N", "share", "PPO: as learn/clipped, of the policy of symbols"),
    "talk/consistency": Row("N", "1", "speaker consistency: own symbols and own actions"),
    "talk/symbol_action": Row("NN", "nat", "instantaneous coordination: symbol, next action"),
    "talk/symbol_action_shuffled": Row(
        "NN", "nat", "the same, with the next action of another environment"
    ),
    "talk/symbol_action_influential": Row("NN", "nat", "only where influence exceeds its mean"),
    "talk/symbol_action_influential_shuffled": Row(
        "NN", "nat", "shuffled, only where influence exceeds its mean"
    ),
    "talk/action_action": Row("NN", "nat", "instantaneous coordination: action, next action"),
    "talk/action_action_shuffled": Row(
        "NN", "nat", "the same, with the next action of another environment"
    ),
    "talk/action_action_influential": Row("NN", "nat", "only where influence exceeds its mean"),
    "talk/action_action_influential_shuffled": Row(
        "NN", "nat", "shuffled, only where influence exceeds its mean"
    ),
    "incentive/paid": Row("NN", "reward/episode", "incentives paid by each seat to each seat"),
    "incentive/grad_norm": Row("N", "1", "norm of the incentives' meta-gradient before clipping"),
    "moa/cross_entropy": Row("N", "nat", "-log probability of others' next actions where counted"),
    "moa/uniform_cross_entropy": Row("N", "nat", "log A, cross-entropy of the uniform prediction"),
    "moa/grad_norm": Row("N", "1", "norm of the gradient of the model of others before clipping"),
    "infer/value_loss": Row("N", "scale^2", "mean squared TD error of Q_SR, see scale_values"),
    "infer/policy_entropy": Row("N", "nat", "entropy of pi_SR on own observations"),
    "infer/own_cross_entropy": Row("N", "nat", "-log pi_SR of own actions on own observations"),
    "infer/other_cross_entropy": Row(
        "N", "nat", "-log pi_SR of others' actions on imagined views, at some steps of each episode"
    ),
    "infer/visible_cross_entropy": Row(
        "N", "nat", "the same where the other is in the window, all steps"
    ),
    "infer/uniform_cross_entropy": Row("N", "nat", "log A, cross-entropy of the uniform policy"),
    "infer/distance": Row("N", "1", "mean |imagined - own observation| per input"),
    "infer/grad_norm": Row("N", "1", "norm of the gradient of Q_SR and pi_SR before clipping"),
    "infer/perspective_grad_norm": Row("N", "1", "norm of eta's gradient before clipping"),
    "health/actor": Row("N", "bool", "1 while the acting network's loss and gradient are finite"),
    "health/infer": Row("N", "bool", "1 while the SR networks' loss and gradient are finite"),
    "health/incentive": Row("N", "bool", "1 while the incentives' loss and gradient are finite"),
    "health/moa": Row("N", "bool", "1 while the model of others' loss and gradient are finite"),
    "health/perspective": Row("N", "bool", "1 while eta's loss and gradient are finite"),
}


def describe(name: str) -> Row:
    """The table's row for a metric's name.

    Raises:
        KeyError: the name is not in the table.
    """
    return TABLE["event/*"] if name.startswith("event/") else TABLE[name]


def masked_mean(
    value: Array,
    mask: Array,
    axis: int | tuple[int, ...] | None = None,
    empty: float = 0.0,
) -> Array:
    """Mean of `value` where `mask` holds.

    Args:
        value: ``[...]`` float32.
        mask: ``[...]`` bool.
        axis: the axes to average over; None for all.
        empty: the result where the mask holds nowhere: 0 in a loss, NaN in a metric.
    """
    count = mask.sum(axis, dtype=jnp.float32)
    total = jnp.where(mask, value, 0.0).sum(axis)
    return jnp.where(count > 0, total / jnp.maximum(count, 1.0), empty)


def equality(returns: Array) -> Array:
    """Equality E = 1 - sum_ij |R_i - R_j| / (2 N sum_i R_i) (Kong et al. 2024, section 5.4).

    1 where all earn the same, 1 / N where one earns everything. Negative returns of some agents can
    make it negative; it is NaN where the returns' sum is not positive, a case that the paper
    leaves open.

    Args:
        returns: ``[N]``.
    """
    total = returns.sum()
    spread = jnp.abs(returns[:, None] - returns[None]).sum()
    fair = 1.0 - spread / (2 * len(returns) * jnp.where(total > 0, total, 1.0))
    return jnp.where(total > 0, fair, jnp.nan)


def of_rollout(rollout: Rollout, delta: Array, weights: Array, horizon: int) -> Metrics:
    """Computes the metrics that every society has.

    Args:
        rollout: ``[T, B, N]`` facts.
        delta: ``[T, B, N]`` sum of all opinions.
        weights: ``[T, B, N, N]`` shares given, rows sum to 1.
        horizon: steps of an episode.
    """
    episodes = rollout.reward.shape[1] * len(rollout.reward) / horizon

    def per_episode(value: Array) -> Array:
        return value.sum((0, 1)) / episodes

    num_agents = rollout.reward.shape[-1]
    gift = rollout.reward[..., None] * jnp.where(jnp.eye(num_agents, dtype=bool), 0.0, weights)
    given, received = per_episode(gift.sum(-1)), per_episode(gift.sum(-2))
    extrinsic = per_episode(rollout.reward)
    after = extrinsic - given + received
    paid = jnp.broadcast_to((rollout.reward != 0)[..., None], weights.shape)
    weight = masked_mean(weights, paid, axis=(0, 1), empty=jnp.nan)
    return {
        "return/collective": extrinsic.sum(),
        "return/extrinsic": extrinsic,
        "return/total": extrinsic + per_episode(delta),
        "return/after_gifts": after,
        "social/equality": equality(extrinsic),
        "social/equality_after": equality(after),
        "gift/weight": weight,
        "gift/given": given,
        "gift/received": received,
        "play/active": rollout.active.mean((0, 1)),
    } | {f"event/{name}": per_episode(count) for name, count in rollout.events.items()}
