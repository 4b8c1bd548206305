"""Metrics: one table of names, axes, units and meanings, and functions that compute them.

Letters: T steps, B environments, N seats. Numbers are means over the B environments of one rollout.
Returns and counts are per episode; a rollout shorter than an episode is scaled up to one. NaN means
that a seat has no such number (a scripted seat has no entropy) or that the number was not updated
in this iteration.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lase_jax.types import Array, Metrics, Rollout

CANCELS = 0.1
"""Equality is not defined where the sum of returns is no more than this share of the sum of their
sizes."""


ROUNDING = 1e-8
"""Variances below this share of the mean square are those of rounded constants."""


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
    "social/episode_equality": Row(
        "", "1", "mean of the equality E of each episode's extrinsic returns; NaN for parts of them"
    ),
    "social/episode_equality_after": Row("", "1", "the same, of the returns after gifts"),
    "gift/weight": Row("NN", "share", "share of own reward given, over steps with own reward != 0"),
    "gift/deviation": Row("NN", "share", "standard deviation of that share over the same steps"),
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
    "learn/shortened": Row("N", "share", "share of gradient steps scaled down to max_grad_norm"),
    "learn/divergence": Row("N", "nat", "PPO: approximate KL divergence of old and new policy"),
    "learn/clipped": Row("N", "share", "PPO: share of steps whose ratio is beyond the clip"),
    "learn/epsilon": Row("N", "share", "share of uniform actions in the behaviour policy"),
    "relation/weight": Row("NN", "share", "mean w_ij where it was computed and j took part"),
    "relation/selectivity": Row(
        "NN", "share", "how much larger w_ij is where j does what the game says helps, or no harm"
    ),
    "relation/floor": Row(
        "NN", "share", "mean w_ij if Q_SR knew nothing, at some steps of each episode"
    ),
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
    "talk/consistency_shuffled": Row("N", "1", "the same, with the action of another environment"),
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
    "giving/policy_loss": Row("N", "1", "policy gradient loss of the policy of gifts"),
    "giving/value_loss": Row("N", "scale^2", "mean squared error of the critic of gifts"),
    "giving/explained": Row("N", "1", "as learn/explained, of the critic of gifts"),
    "giving/entropy": Row("N", "nat", "entropy of the policy of gifts"),
    "giving/divergence": Row("N", "nat", "PPO: as learn/divergence, of the policy of gifts"),
    "giving/clipped": Row("N", "share", "PPO: as learn/clipped, of the policy of gifts"),
    "incentive/paid": Row(
        "NN", "reward/episode", "incentives or gifts by choice, of each seat to each seat"
    ),
    "incentive/deed": Row("N", "reward/step", "received in a step with a deed that helps"),
    "incentive/else": Row("N", "reward/step", "received in any other step"),
    "incentive/grad_norm": Row("N", "1", "norm of the incentives' meta-gradient before clipping"),
    "moa/cross_entropy": Row("N", "nat", "-log probability of others' next actions where counted"),
    "moa/uniform_cross_entropy": Row("N", "nat", "log A, cross-entropy of the uniform prediction"),
    "moa/grad_norm": Row("N", "1", "norm of the gradient of the model of others before clipping"),
    "infer/value_loss": Row("N", "scale^2", "mean squared TD error of Q_SR, see scale_values"),
    "infer/explained": Row("N", "1", "share of the variance of discounted returns Q_SR foresaw"),
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


def explained(error: Array, goal: Array, active: Array) -> Array:
    """Share ``[]`` of the variance of a critic's goals that it foresaw, over active steps.

    1 for a perfect critic, 0 for one that says their mean, negative for a worse one; 0 also where
    goals do not vary but by rounding.

    Args:
        error: ``[T, B]`` what was missing to the goals.
        goal: ``[T, B]`` what the critic is compared with.
        active: ``[T, B]`` bool.
    """
    variance, missed = masked_variance(goal, active), masked_variance(error, active)
    varies = variance > ROUNDING * masked_mean(goal**2 + error**2, active)
    return jnp.where(varies, 1.0 - missed / jnp.where(varies, variance, 1.0), 0.0)


def slope(value: Array, cause: Array, mask: Array, axis: int | tuple[int, ...]) -> Array:
    """By how much `value` is larger on average where `cause` is larger by 1, where `mask` holds.

    The slope of the least squares line. If the cause is 0 or 1, it is the difference between both
    means of `value`.

    Args:
        value: ``[...]`` float32.
        cause: ``[...]`` float32.
        mask: ``[...]`` bool.
        axis: the axes over which the line is fitted.

    Returns:
        The slope, NaN where the cause does not vary.
    """

    def centred(x: Array) -> Array:
        return x - jnp.expand_dims(masked_mean(x, mask, axis), axis)

    variance = masked_variance(cause, mask, axis)
    covariance = masked_mean(centred(cause) * centred(value), mask, axis)
    return jnp.where(variance > 0, covariance / jnp.where(variance > 0, variance, 1.0), jnp.nan)


def masked_variance(
    value: Array,
    mask: Array,
    axis: int | tuple[int, ...] | None = None,
    empty: float = 0.0,
) -> Array:
    """Variance of `value` where `mask` holds; arguments as in `masked_mean`."""
    mean = masked_mean(value, mask, axis)
    centred = value - (mean if axis is None else jnp.expand_dims(mean, axis))
    return masked_mean(centred**2, mask, axis, empty)


def over_steps(metrics: Metrics) -> Metrics:
    """Metrics ``[K, ...]`` of K gradient steps as one: the minimum of health, else the mean.

    Steps in which a number is NaN do not count.
    """

    def one(name: str, values: Array) -> Array:
        reduce: Any = jnp.min if name.startswith("health/") else jnp.nanmean
        return reduce(values, axis=0)

    return {name: one(name, values) for name, values in metrics.items()}


def equality(returns: Array) -> Array:
    """Equality E = 1 - sum_ij |R_i - R_j| / (2 N sum_i R_i) (Kong et al. 2024, section 5.4).

    1 where all earn the same, 1 / N where one earns everything. Where gains and losses nearly
    cancel, E has no lower bound and no meaning: it is NaN unless the returns' sum is at least a
    tenth of the sum of their sizes, a case that the paper leaves open. So E is never below -9.

    Args:
        returns: ``[N]``.
    """
    total = returns.sum()
    spread = jnp.abs(returns[:, None] - returns[None]).sum()
    means = total > CANCELS * jnp.abs(returns).sum()
    fair = 1.0 - spread / (2 * len(returns) * jnp.where(means, total, 1.0))
    return jnp.where(means, fair, jnp.nan)


def by_deed(
    received: Array, rollout: Rollout, helps: Sequence[str], seats: Sequence[int]
) -> Metrics:
    """Incentives received per step, for deeds that help and otherwise.

    Args:
        received: ``[T, B, N]`` by each seat, in units of reward.
        rollout: ``[T, B, N]`` facts.
        helps: names of the events that help, see `EnvSpec.helps`.
        seats: n seats of whom it is told.

    Returns:
        ``incentive/deed`` and ``incentive/else``, each ``[n]``; NaN where there is no such step.
    """
    nothing = jnp.zeros_like(received)
    helped = sum((rollout.events[event] for event in helps), nothing) > 0
    cases = {"deed": helped & rollout.active, "else": ~helped & rollout.active}
    return {
        f"incentive/{name}": masked_mean(received, where, (0, 1), jnp.nan)[jnp.array(seats)]
        for name, where in cases.items()
    }


def of_rollout(rollout: Rollout, delta: Array, weights: Array, horizon: int) -> Metrics:
    """Computes the metrics that every society has.

    Args:
        rollout: ``[T, B, N]`` facts.
        delta: ``[T, B, N]`` sum of all opinions.
        weights: ``[T, B, N, N]`` shares given, rows sum to 1.
        horizon: steps of an episode.
    """
    steps, envs, num_agents = rollout.reward.shape
    episodes = envs * steps / horizon
    own = jnp.eye(num_agents, dtype=bool)
    gift = rollout.reward[..., None] * jnp.where(own, 0.0, weights)  # [T, B, N, N]
    kept = rollout.reward - gift.sum(-1) + gift.sum(-2)

    def per_episode(value: Array) -> Array:
        return value.sum((0, 1)) / episodes

    def fairness(reward: Array) -> tuple[Array, Array]:
        """Equality of mean returns, and the mean of that of each episode."""
        each = jax.vmap(equality)(reward.sum(0)) if steps == horizon else jnp.full(1, jnp.nan)
        return equality(per_episode(reward)), jnp.nanmean(each)

    extrinsic, after = per_episode(rollout.reward), per_episode(kept)
    before_gifts, after_gifts = fairness(rollout.reward), fairness(kept)
    paid = jnp.broadcast_to((rollout.reward != 0)[..., None], weights.shape)
    return {
        "return/collective": extrinsic.sum(),
        "return/extrinsic": extrinsic,
        "return/total": extrinsic + per_episode(delta),
        "return/after_gifts": after,
        "social/equality": before_gifts[0],
        "social/equality_after": after_gifts[0],
        "social/episode_equality": before_gifts[1],
        "social/episode_equality_after": after_gifts[1],
        "gift/weight": masked_mean(weights, paid, (0, 1), jnp.nan),
        "gift/deviation": jnp.sqrt(masked_variance(weights, paid, (0, 1), jnp.nan)),
        "gift/given": per_episode(gift.sum(-1)),
        "gift/received": per_episode(gift.sum(-2)),
        "play/active": rollout.active.mean((0, 1)),
    } | {f"event/{name}": per_episode(count) for name, count in rollout.events.items()}
