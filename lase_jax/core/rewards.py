"""Opinions about rewards: what agents add to everyone's extrinsic reward.

Letters: T steps, B environments, N seats, n seats of one kind of agent. Functions of a single
step are unbatched; functions that return an `Opinion` take a whole rollout.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from lase_jax.core import returns
from lase_jax.core.seats import Seats, is_other
from lase_jax.types import Array, Metrics, Opinion, Rollout


def gift_delta(reward: Array, weights: Array) -> Array:
    """Zero-sum gifts: givers hand out shares of their own reward (Kong et al. 2024, equation 2).

    A negative reward is shared like a positive one.

    Args:
        reward: ``[N]`` extrinsic.
        weights: ``[N, N]``, ``weights[i, j]`` the share that giver i hands to receiver j; the
            diagonal, the share that a giver keeps, has no effect.

    Returns:
        ``[N]``, summing to 0.
    """
    chex.assert_rank([reward, weights], [1, 2])
    given = weights * reward[:, None]
    return given.sum(0) - given.sum(1)


def group_delta(reward: Array) -> Array:
    """The delta from each own reward to the group's sum, ``[N]``: the rewards of all others."""
    chex.assert_rank(reward, 1)
    return reward.sum() - reward


def after_leaving(reward: Array, active: Array, done: Array, gamma: Array) -> Array:
    """What the group earns once an agent has left the game, as paid in its last step: ``[T, N]``.

    Args:
        reward: ``[T]`` the sum of everyone's extrinsic rewards.
        active: ``[T, N]`` bool, whether the agent took part in the step.
        done: ``[T]`` bool, the episode ended with the step; what comes later does not count.
        gamma: ``[]`` discount.
    """
    chex.assert_rank([reward, active, done], [1, 2, 1])
    goes_on, nothing = (~done).astype(reward.dtype), jnp.zeros_like(reward)
    later = returns.gae(reward, nothing, nothing, goes_on, gamma, jnp.float32(1.0)) - reward
    stays = jax.vmap(returns.continues, (1, None), 1)(active, done) > 0
    return jnp.where(active & ~stays & ~done[:, None], later[:, None], 0.0)


def inequity_delta(own: Array, others: Array, alpha: Array, beta: Array) -> tuple[Array, Array]:
    """The penalties of inequity for one agent in one step (Hughes et al. 2018, equation 3).

    Args:
        own: ``[]`` the agent's smoothed reward.
        others: ``[K]`` its co-players' smoothed rewards.
        alpha: ``[]`` aversion to having less than others.
        beta: ``[]`` aversion to having more.

    Returns:
        ``[]`` envy and ``[]`` guilt, both 0 or negative, to be added to its reward.
    """
    chex.assert_rank([own, others], [0, 1])
    ahead = others - own
    envy = -alpha * jnp.maximum(ahead, 0.0).mean()
    guilt = -beta * jnp.maximum(-ahead, 0.0).mean()
    return envy, guilt


def keep_rest(weights: Array) -> Array:
    """Fills the diagonal of ``[N, N]`` shares with what each giver keeps, so that rows sum to 1."""
    diagonal = jnp.eye(weights.shape[0], dtype=bool)
    shared = jnp.where(diagonal, 0.0, weights)
    return jnp.where(diagonal, 1.0 - shared.sum(-1)[:, None], shared)


def no_opinion(rollout: Rollout, num_seats: int) -> Opinion:
    """The opinion of agents that leave everyone's reward unchanged."""
    blank = jnp.zeros((*rollout.reward.shape[:2], num_seats, rollout.reward.shape[-1]))
    return Opinion(jnp.zeros_like(rollout.reward), blank, {})


def give(weights: Array, rollout: Rollout, seats: Seats, metrics: Metrics) -> Opinion:
    """The opinion of seats that hand out shares of their reward.

    Args:
        weights: ``[T, B, n, N]`` share of own reward given to each seat; the own column is ignored.
        rollout: ``[T, B, N]``.
        seats: n seats.
        metrics: those of the opinion.
    """
    num = rollout.reward.shape[-1]
    weights = jnp.where(is_other(num, seats)[None, None], weights, 0.0)
    everyone = jnp.zeros((*rollout.reward.shape, num)).at[:, :, np.array(seats)].set(weights)
    delta = jax.vmap(jax.vmap(gift_delta))(rollout.reward, everyone)
    return Opinion(delta, weights, metrics)
