"""Policies as distributions: the only module that touches distrax.

Letters: A actions; ``...`` are batch axes.
"""

from typing import Any

import distrax
import jax
import jax.numpy as jnp

Array = jax.Array


def policy(logits: Array, epsilon: Array | float = 0.0) -> Any:
    """The behaviour policy ``(1 - epsilon) pi + epsilon / A`` (Kong et al. 2024, section 5).

    Args:
        logits: ``[..., A]`` of pi.
        epsilon: ``[]`` share of uniform actions.

    Returns:
        A ``distrax.Categorical`` with batch shape ``[...]``.
    """
    log_pi = jax.nn.log_softmax(logits)
    if isinstance(epsilon, float) and epsilon == 0.0:
        return distrax.Categorical(logits=log_pi)
    uniform = jnp.log(epsilon / logits.shape[-1])
    return distrax.Categorical(logits=jnp.logaddexp(jnp.log1p(-epsilon) + log_pi, uniform))


def cross_entropy(log_probs: Array, action: Array) -> Array:
    """``-log p(action)``: ``[..., A]`` log-probabilities and ``[...]`` actions to ``[...]``."""
    return -jnp.take_along_axis(log_probs, action[..., None], axis=-1)[..., 0]
