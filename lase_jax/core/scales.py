"""Running scales: what makes a critic's task the same whatever unit a game pays in.

A critic is trained on values in units of the root mean square of discounted returns. Where the
scale moves, the critic's last layer is multiplied by the ratio of both, so that what it says stays
as it was (PopArt without the shift, van Hasselt et al. 2016, arXiv 1602.07714).

Letters: T steps, B environments, n seats of one kind of agent.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lase_jax.core import returns
from lase_jax.core.metrics import masked_mean
from lase_jax.types import Array, PyTree

DECAY = 0.9999
"""Weight of the past in every update. The unit of an agent that earns nothing any more shrinks no
faster than its critic learns to say less; otherwise errors in that unit would grow without end."""


class Scale(NamedTuple):
    """A running mean of squared returns."""

    square: Array  # [n] float32, weighted sum
    weight: Array  # [] float32, sum of the weights; 0 at first


def blank(num_seats: int) -> Scale:
    """The scale of agents who have earned nothing yet."""
    return Scale(jnp.zeros(num_seats), jnp.float32(0.0))


def root(scale: Scale) -> Array:
    """The root mean square ``[n]`` of returns; 1 while there have been none."""
    mean = scale.square / jnp.where(scale.weight > 0, scale.weight, 1.0)
    return jnp.where(mean > 0, jnp.sqrt(jnp.where(mean > 0, mean, 1.0)), 1.0)


def updated(scale: Scale, squares: Array) -> Scale:
    """The scale after an update in which mean squared returns were ``squares [n]``."""
    square = DECAY * scale.square + (1.0 - DECAY) * squares
    return Scale(square, DECAY * scale.weight + (1.0 - DECAY))


def squared_return(reward: Array, active: Array, cont: Array, gamma: Array) -> Array:
    """Mean square ``[]`` of one agent's discounted returns, cut off where the rollout ends.

    Args:
        reward: ``[T, B]`` float32.
        active: ``[T, B]`` bool, took part.
        cont: ``[T, B]`` whether the return of a step has that of the next in it.
        gamma: ``[]`` discount.
    """
    zeros = jnp.zeros_like(reward)
    each = jax.vmap(returns.gae, (1, 1, 1, 1, None, None), 1)
    sums = each(reward, zeros, zeros, cont, gamma, jnp.float32(1.0))
    return masked_mean(sums**2, active)


def follow(
    scale: Scale,
    params: PyTree,
    head: str,
    reward: Array,
    active: Array,
    end: Array,
    gamma: Array,
) -> tuple[Scale, PyTree]:
    """Brings the scale of n critics up to date; their values stay as they are.

    Args:
        scale: of their returns so far.
        params: of their networks, leaves ``[n, ...]``.
        head: name of the critics' last layer.
        reward: ``[T, B, n]`` float32, what the critics learn from.
        active: ``[T, B, n]`` bool, took part.
        end: ``[T, B]`` bool, the game ended with the step.
        gamma: ``[]`` discount.

    Returns:
        The new scale, and the parameters with the last layer in its unit.
    """

    def square(reward: Array, active: Array) -> Array:
        cont = jax.vmap(returns.continues, 1, 1)(active, end)
        return squared_return(reward, active, cont, gamma)

    after = updated(scale, jax.vmap(square, 2)(reward, active))
    layers = dict(params["params"])
    layers[head] = keep_output(layers[head], scale, after)
    return after, {"params": layers}


def keep_output(layer: PyTree, before: Scale, after: Scale) -> PyTree:
    """A linear layer ``[n, ...]`` whose output keeps its meaning when the scale moves.

    The first scale of an agent that has earned something changes nothing, as there was none.
    """
    factor = jnp.where(before.square > 0, root(before) / root(after), 1.0)
    return jax.tree.map(lambda leaf: jax.vmap(jnp.multiply)(leaf, factor), layer)
