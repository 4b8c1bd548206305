"""Opinions about rewards: what agents add to everyone's extrinsic reward in one step. Unbatched.

Letters: N seats.
"""

import chex
import jax.numpy as jnp

from lase_jax.types import Array


def gift_delta(reward: Array, weights: Array) -> Array:
    """Zero-sum gifts: givers hand out shares of their own reward (Kong et al. 2024, equation 2).

    A negative reward is shared like a positive one.

    Args:
        reward: ``[N]`` extrinsic.
        weights: ``[N, N]``, ``weights[i, j]`` the share that giver i hands to receiver j; what
            stands on the diagonal, the share that it keeps, has no effect.

    Returns:
        ``[N]``, summing to 0.
    """
    chex.assert_rank([reward, weights], [1, 2])
    given = weights * reward[:, None]
    return given.sum(0) - given.sum(1)


def group_delta(reward: Array) -> Array:
    """What turns own reward into the group's sum, ``[N]``: the rewards of all others."""
    chex.assert_rank(reward, 1)
    return reward.sum() - reward


def keep_rest(weights: Array) -> Array:
    """Fills the diagonal of ``[N, N]`` shares with what each giver keeps, so that rows sum to 1."""
    diagonal = jnp.eye(weights.shape[0], dtype=bool)
    shared = jnp.where(diagonal, 0.0, weights)
    return jnp.where(diagonal, 1.0 - shared.sum(-1)[:, None], shared)
