"""Independent agents as one program: parameters stacked on a leading seat axis.

Letters: n seats of one kind of agent. Every agent has its own parameters and optimiser state; a
loss summed over agents cannot mix their gradients, and each agent's gradient is clipped separately.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

PyTree = Any


class Trained(NamedTuple):
    """Parameters and optimiser state, each leaf ``[n, ...]``."""

    params: PyTree
    opt: optax.OptState


DECAY, FLOOR = 0.999, 1e-8
"""Adam's decay rate of second moments, and the constant added to their square root."""


def optimiser(max_grad_norm: float, adam: bool = True) -> optax.GradientTransformation:
    """Adam or plain descent after a global-norm clip, without the learning rate (see `descend`)."""
    step = optax.scale_by_adam(b2=DECAY, eps=FLOOR) if adam else optax.identity()
    return optax.chain(optax.clip_by_global_norm(max_grad_norm), step)


def init_stacked(
    init: Callable[[jax.Array], PyTree], tx: optax.GradientTransformation, key: jax.Array, n: int
) -> Trained:
    """Initialises `n` different agents.

    Args:
        init: ``(key) -> params`` of one agent.
        tx: one agent's optimiser.
        key: consumed.
        n: number of agents.
    """
    params = jax.vmap(init)(jax.random.split(key, n))
    return Trained(params, jax.vmap(tx.init)(params))


def descend(
    tx: optax.GradientTransformation, trained: Trained, grads: PyTree, lr: jax.Array
) -> tuple[Trained, jax.Array]:
    """One optimiser step per agent, clipped per agent.

    Args:
        tx: one agent's optimiser, as `optimiser` makes it.
        trained: stacked parameters and optimiser state.
        grads: ``[n, ...]`` leaves.
        lr: ``[]`` learning rate.

    Returns:
        The new parameters and state, and the gradient norms before clipping, ``[n]``.
    """
    with jax.numpy_dtype_promotion("standard"):  # Adam's bias correction mixes int and float
        updates, opt = jax.vmap(tx.update)(grads, trained.opt, trained.params)
    params = jax.tree.map(lambda p, u: p - lr * u, trained.params, updates)
    return Trained(params, opt), jax.vmap(norm)(grads)


def adam_scale(opt: optax.OptState) -> PyTree:
    """Factors by which Adam multiplies a mean gradient, from one agent's state after a step."""
    count, moments = optax.tree.get(opt, "count"), optax.tree.get(opt, "nu")
    unbiased = 1.0 - DECAY ** count.astype(jnp.float32)
    return jax.tree.map(lambda nu: 1.0 / (jnp.sqrt(nu / unbiased) + FLOOR), moments)


def norm(grads: PyTree) -> jax.Array:
    """Global norm ``[]`` of one agent's gradient."""
    return optax.tree.norm(grads)


def finite(*values: jax.Array) -> jax.Array:
    """``[n]`` float32, 1 where all of an agent's ``values [n]`` are finite, else 0."""
    return jnp.isfinite(jnp.stack(values)).all(0).astype(jnp.float32)
