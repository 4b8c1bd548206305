"""Policies as distributions: the only module that touches distrax.

Letters: A actions; ``...`` are batch axes.
"""

from typing import Any

import distrax
import jax
import jax.numpy as jnp

from lase_jax.types import Array, Mode


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


def sample(behaviour: Any, draw: Array) -> Array:
    """Turns uniform numbers into actions by inverting the cumulative probabilities.

    This needs one random number per action drawn. The method of distrax, a Gumbel number for every
    possible action, costs several times as much on a CPU.

    Args:
        behaviour: a ``distrax.Categorical`` with batch shape ``[...]``.
        draw: ``[...]`` float32 uniform in [0, 1).

    Returns:
        ``[...]`` int32; an action of probability 0 is never drawn.
    """
    bounds = jnp.cumsum(behaviour.probs, axis=-1)
    height = draw * bounds[..., -1]
    return (height[..., None] >= bounds[..., :-1]).sum(-1, dtype=jnp.int32)


def choose(logits: Array, epsilon: Array | float, draw: Array, mode: Mode) -> tuple[Array, Array]:
    """Chooses actions by a policy.

    Args:
        logits: ``[..., A]`` of its policy.
        epsilon: ``[]`` share of uniform actions while it explores.
        draw: ``[...]`` float32 uniform in [0, 1).
        mode: "explore" with epsilon, "sample" without, "greedy" the likeliest.

    Returns:
        ``[...]`` int32 actions and ``[...]`` their log-probabilities.
    """
    behaviour = policy(logits, epsilon if mode == "explore" else 0.0)
    chosen = behaviour.mode() if mode == "greedy" else sample(behaviour, draw)
    action = chosen.astype(jnp.int32)
    return action, behaviour.log_prob(action)


def cross_entropy(log_probs: Array, action: Array) -> Array:
    """``-log p(action)``: ``[..., A]`` log-probabilities and ``[...]`` actions to ``[...]``."""
    return -jnp.take_along_axis(log_probs, action[..., None], axis=-1)[..., 0]
