"""Computations on the samples of a rollout, all as one axis or a subset one block at a time.

Letters: T steps, B environments, D devices that share them, n agents, M samples of one device, C
samples of a block.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp

from lase_jax.types import ENVS, Array, PyTree

CHUNKS, LEAST = 16, 64
"""A block is 1 / CHUNKS of all samples, but at least LEAST of them."""
Kept = TypeVar("Kept")


def shares(envs: int) -> int:
    """D, over how many devices `envs` environments are split; 1 without a mesh, or if uneven."""
    count = jax.sharding.get_abstract_mesh().shape.get(ENVS, 1)
    return count if envs % count == 0 else 1


def shared(tree: PyTree) -> PyTree:
    """The same tree, leaves ``[B, ...]``, split over the devices that share environments.

    Needed for games that are reset within an update; without it every device would play them all.
    """
    envs = len(jax.tree.leaves(tree)[0])
    if shares(envs) == 1:
        return tree
    return jax.lax.with_sharding_constraint(tree, jax.sharding.PartitionSpec(ENVS))


def by_share(tree: PyTree, count: int) -> PyTree:
    """``[T, B, ...]`` to ``[D, T * B / D, ...]``: steps and environments as one axis of samples.

    Each device merges its own environments, so that nothing passes between devices.
    """

    def merge(leaf: Array) -> Array:
        steps, envs, *rest = leaf.shape
        parts = leaf.reshape(steps, count, envs // count, *rest)
        return jnp.moveaxis(parts, 1, 0).reshape(count, steps * (envs // count), *rest)

    return jax.tree.map(merge, tree)


def by_step(leaf: Array, steps: int) -> Array:
    """``[D, T * B / D, ...]`` back to ``[T, B, ...]``."""
    count, samples, *rest = leaf.shape
    parts = leaf.reshape(count, steps, samples // steps, *rest)
    return jnp.moveaxis(parts, 0, 1).reshape(steps, count * samples // steps, *rest)


def as_samples(function: Callable[..., PyTree], *arrays: Array) -> PyTree:
    """Applies a function with steps and environments as one axis, or two if devices share these.

    Gradients of layers are then plain matrix products, which is faster than sums over two axes.

    Args:
        function: treats all leading axes alike.
        arrays: ``[T, B, ...]`` its arguments.

    Returns:
        Its results, leaves ``[T, B, ...]``.
    """
    steps, envs = arrays[0].shape[:2]
    count = shares(envs)
    if count > 1:
        return jax.tree.map(partial(by_step, steps=steps), function(*by_share(arrays, count)))
    merged = function(*[leaf.reshape(steps * envs, *leaf.shape[2:]) for leaf in arrays])
    return jax.tree.map(lambda leaf: leaf.reshape(steps, envs, *leaf.shape[1:]), merged)


def take(tree: PyTree, index: Array) -> PyTree:
    """Each agent's own samples: ``[D, M, n, ...]`` at ``index [D, n, C]`` to ``[D, n, C, ...]``.

    Indices past the end give the last sample.
    """
    agent = jnp.arange(index.shape[1])[:, None]
    pick = jax.vmap(lambda leaf, at: leaf.at[at, agent].get(mode="clip"))
    return jax.tree.map(lambda leaf: pick(leaf, index), tree)


def put(into: Array, index: Array, values: Array) -> Array:
    """``[D, n, M, ...]`` with ``values [D, n, C, ...]`` at `index`; drops those past the end."""
    agent = jnp.arange(index.shape[1])[:, None]
    return jax.vmap(lambda old, at, new: old.at[agent, at].set(new, mode="drop"))(
        into, index, values
    )


def block_size(samples: int) -> int:
    """C, of M samples."""
    return min(samples, max(-(-samples // CHUNKS), LEAST))


def turns(needed: Array) -> Array:
    """Number of blocks that `over_blocks` computes, ``[]`` int32, for ``needed [D, n, M]`` bool."""
    return -(-needed.sum(-1).max() // block_size(needed.shape[-1]))


def first(needed: Array) -> Array:
    """The indices where ``needed [M]`` is true, in order, padded with M: ``[M]``."""
    samples = len(needed)
    rank = jnp.where(needed, jnp.cumsum(needed) - 1, samples)
    return jnp.full(samples, samples).at[rank].set(jnp.arange(samples), mode="drop")


def over_blocks(
    name: str, step: Callable[[Kept, Array, Array], Kept], needed: Array, kept: Kept
) -> Kept:
    """Applies `step` to the needed samples of every agent, one block at a time.

    The number of blocks is that of the agent with the most needed samples (over all vmapped seeds),
    so the cost grows with this number and no needed sample is left out.

    Args:
        name: what the loop is called in profiles.
        step: ``(kept, index[D, n, C], counts[D, n, C]) -> kept``; blocks are padded with indices
            past the end, for which `counts` is False.
        needed: ``[D, n, M]`` bool.
        kept: the value that the first step gets.

    Returns:
        What the last step returned.
    """
    samples = needed.shape[-1]
    size = block_size(samples)
    order = jax.vmap(jax.vmap(first))(needed)
    order = jnp.pad(order, ((0, 0), (0, 0), (0, -samples % size)), constant_values=samples)

    def go(turn_kept: tuple[Array, Kept]) -> tuple[Array, Kept]:
        turn, kept = turn_kept
        index = jax.lax.dynamic_slice_in_dim(order, turn * size, size, axis=-1)
        return turn + 1, step(kept, index, index < samples)

    with jax.named_scope(name):
        last = turns(needed)
        return jax.lax.while_loop(lambda c: c[0] < last, go, (jnp.int32(0), kept))[1]
