"""Social relationships as counterfactuals (Kong et al. 2024, section 4). Unbatched: callers vmap.

Letters: A actions, N agents.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from lase_jax.types import Array

TINY = 1e-8
"""Guards the normaliser where all counterfactual values are equal; the relationship is 0 there."""


GUESSES = 16
"""Values of each rank that `uninformed` averages over."""


def advantage(q_taken: Array, q_alternatives: Array, probs: Array) -> Array:
    """Value of j's action beyond its mean over j's policy (the numerator of equation 3).

    Args:
        q_taken: ``[]`` Q_SR of the joint action taken.
        q_alternatives: ``[A]`` Q_SR with j's action replaced by each of its actions.
        probs: ``[A]`` j's policy as imagined from j's point of view.

    Returns:
        ``[]``; its expectation over `probs` is 0.
    """
    chex.assert_rank([q_taken, q_alternatives, probs], [0, 1, 1])
    return q_taken - (probs * q_alternatives).sum()


def relationship(q_taken: Array, q_alternatives: Array, probs: Array, num_agents: int) -> Array:
    """The social relationship w_ij, the share of i's reward that it gives to j (equation 3).

    Args:
        q_taken: as in `advantage`.
        q_alternatives: as in `advantage`.
        probs: as in `advantage`.
        num_agents: N.

    Returns:
        ``[]`` in [0, 1 / (N - 1)]; 0 for a negative advantage, where no action of j matters, and
        where the networks are no longer finite, so that non-finite values do not spread through
        gifts.
    """
    spread = q_alternatives.max() - q_alternatives.min()
    weight = advantage(q_taken, q_alternatives, probs) / jnp.maximum(spread, TINY)
    share = jnp.minimum(weight, 1.0) / (num_agents - 1)
    return jnp.where((spread > TINY) & (weight > 0.0), share, 0.0)


def uninformed(taken: Array, probs: Array, num_agents: int) -> Array:
    """The expected weight, ``[]``, if Q_SR knew nothing: its values are independent normal numbers.

    Equation 3 divides by the spread of Q_SR, however small it is, so that even values that mean
    nothing make an agent give. This is the noise floor that a weight has to be compared with.

    Args:
        taken: ``[]`` int32, j's action.
        probs: ``[A]`` as in `advantage`.
        num_agents: N.
    """
    guesses = jnp.asarray(noise(len(probs)))
    each = jax.vmap(relationship, (0, 0, None, None))
    return each(jnp.take(guesses, taken, axis=1), guesses, probs, num_agents).mean()


def noise(num_actions: int) -> np.ndarray:
    """Normal numbers ``[M, A]`` float32, the same in every call; each action gets each once."""
    drawn = np.random.default_rng(0).standard_normal((GUESSES, num_actions))
    turned = [np.roll(drawn, shift, axis=1) for shift in range(num_actions)]
    return np.concatenate(turned).astype(np.float32)
