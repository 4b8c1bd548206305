"""Values in another order: for controls that give as much, but not to whom and when it is due."""

import jax
import jax.numpy as jnp

from lase_jax.types import Array


def shuffled(key: Array, values: Array, mask: Array, axis: int) -> Array:
    """Values in a random order along an axis, among the places where a mask is true.

    Args:
        key: consumed.
        values: an array.
        mask: bool, of the same shape; where it is false, values stay as they are.
        axis: of `values`; every line along it gets an order of its own.
    """
    chance = jnp.where(mask, jax.random.uniform(key, mask.shape), 2.0)
    drawn = jnp.argsort(chance, axis=axis, stable=True)
    places = jnp.argsort(~mask, axis=axis, stable=True)
    moved = jnp.take_along_axis(values, drawn, axis)
    return jnp.put_along_axis(values, places, moved, axis, inplace=False)
