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


def exchanged(key: Array, values: Array, mask: Array, axis: int) -> Array:
    """Values of other places along an axis, among the places where a mask is true.

    Every line is turned round by a random number of those places, so that no value stays where it
    was; where the mask is true at one place of a line, its value stays.

    Args:
        key: consumed.
        values: an array.
        mask: bool, of the same shape; where it is false, values stay as they are.
        axis: of `values`.
    """
    count = mask.sum(axis, keepdims=True, dtype=jnp.int32)
    chance = jax.random.uniform(key, count.shape)
    shift = 1 + jnp.floor(chance * jnp.maximum(count - 1, 1).astype(jnp.float32)).astype(jnp.int32)
    places = jnp.argsort(~mask, axis=axis, stable=True)
    rank = jax.lax.broadcasted_iota(jnp.int32, mask.shape, axis % mask.ndim)
    source = jnp.where(rank < count, (rank + shift) % jnp.maximum(count, 1), rank)
    moved = jnp.take_along_axis(jnp.take_along_axis(values, places, axis), source, axis)
    return jnp.put_along_axis(values, places, moved, axis, inplace=False)
