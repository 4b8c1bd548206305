"""Selections of some seats or some environments of a rollout.

Letters: T steps, B environments, N seats, n seats of one kind of agent, M samples, K = N - 1
co-players, F numbers of an observation.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from envs.checks import require
from envs.types import EnvSpec
from lase_jax.types import SEAT_AXES, Array, PyTree, Rollout

Seats = tuple[int, ...]


def co_players(num_agents: int, seats: Seats) -> np.ndarray:
    """``[n, N - 1]`` int32: the other seats of each of `seats`."""
    rows = [[j for j in range(num_agents) if j != i] for i in seats]
    return np.array(rows, np.int32)


def is_other(num_agents: int, seats: Seats) -> np.ndarray:
    """``[n, N]`` bool: whether a seat is another one than each of `seats`."""
    return np.array(seats)[:, None] != np.arange(num_agents)[None]


def to_seats(value: Array, others: np.ndarray, num_agents: int, own: float = 0.0) -> Array:
    """``[n, M, K, ...]`` per co-player to ``[n, M, N, ...]`` per seat, `own` for the own seat."""
    place = np.zeros((len(others), num_agents), np.int32)
    isother = np.zeros((len(others), num_agents), bool)
    for i, row in enumerate(others):
        place[i, row] = np.arange(len(row))
        isother[i, row] = True
    lead = (len(others), 1, num_agents) + (1,) * (value.ndim - 3)
    spread = jnp.take_along_axis(value, jnp.asarray(place).reshape(lead), axis=2)
    return jnp.where(jnp.asarray(isother).reshape(lead), spread, own)


def to_pairs(value: Array, others: np.ndarray, num_agents: int) -> Array:
    """``[T, B, n, K, ...]`` per co-player to ``[T, B, n, N, ...]`` per seat, NaN for the own."""
    steps, envs, count, _, *rest = value.shape
    blank = jnp.full((steps, envs, count, num_agents, *rest), jnp.nan, value.dtype)
    return blank.at[:, :, np.arange(count)[:, None], others].set(value)


def take_columns(value: Array, seats: Seats) -> Array:
    """``[..., N]`` to the ``[..., n]`` of some seats; no copy if these are all seats in order."""
    if seats == tuple(range(value.shape[-1])):
        return value
    return jnp.take(value, np.array(seats), axis=-1)


def put_columns(value: Array, seats: Seats, num_agents: int) -> Array:
    """``[..., n]`` of some seats to ``[..., N]``, 0 elsewhere: the inverse of `take_columns`."""
    if seats == tuple(range(num_agents)):
        return value
    blank = jnp.zeros((*value.shape[:-1], num_agents), value.dtype)
    return blank.at[..., np.array(seats)].set(value)


def take_seats(rollout: Rollout, seats: Seats | tuple[Seats, ...]) -> Rollout:
    """The part of a rollout that belongs to some seats; memory and notes must already be theirs.

    If `seats` are rows of seats, all of the same length, the seat axis becomes two: row and seat.
    """
    if seats == tuple(range(rollout.action.shape[-1])):
        return rollout
    index = np.array(seats)
    axes: dict[str, Any] = SEAT_AXES._asdict()
    taken = {
        field: jax.tree.map(partial(jnp.take, indices=index, axis=axes[field]), value)
        for field, value in rollout._asdict().items()
        if axes[field] is not None and field not in ("memory", "notes")
    }
    return rollout._replace(**taken)


def some_envs(leaf: Array, axis: int = 1, *, count: int, turn: Array | int = 0) -> Array:
    """`count` of the environments along an axis, or all if there are fewer.

    They are evenly spaced. Devices that share the environments have equally many of them if `count`
    divides the number of environments and is a multiple of the number of devices.

    Args:
        leaf: values of all environments.
        axis: the axis of environments.
        count: how many to take.
        turn: the environments of turn k stand k places behind those of turn 0, so that successive
            turns take others until all have been taken, and then begin anew.
    """
    count = min(count, leaf.shape[axis])
    every = leaf.shape[axis] // count
    whole = jax.lax.slice_in_dim(leaf, 0, every * count, 1, axis)
    groups = whole.reshape(*leaf.shape[:axis], count, every, *leaf.shape[axis + 1 :])
    return jax.lax.dynamic_index_in_dim(groups, turn % every, axis + 1, keepdims=False)


def map_envs(function: Callable[[Array, int], Array], tree: PyTree) -> PyTree:
    """Applies a function along the environment axis of rollouts and of arrays ``[T, B, ...]``.

    Args:
        function: ``(leaf, axis) -> leaf``, where ``axis`` is that of environments.
        tree: rollouts, and arrays whose axis of environments follows a step axis.
    """

    def change(node: PyTree) -> PyTree:
        if not isinstance(node, Rollout):
            return function(node, 1)
        at_once = (node.last_obs, node.memory)
        by_step = node._replace(last_obs=(), memory=())
        by_step = jax.tree.map(lambda leaf: function(leaf, 1), by_step)
        last_obs, memory = jax.tree.map(lambda leaf: function(leaf, 0), at_once)
        return by_step._replace(last_obs=last_obs, memory=memory)

    return jax.tree.map(change, tree, is_leaf=lambda node: isinstance(node, Rollout))


def num_envs_of(tree: PyTree) -> int:
    """B, the number of environments of a tree that `map_envs` accepts."""
    first = jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, Rollout))[0]
    return (first.done if isinstance(first, Rollout) else first).shape[1]


def take_envs(rollout: Rollout, count: int, turn: Array | int = 0) -> Rollout:
    """The part of a rollout in `some_envs`; no copy if these are all."""
    if count >= rollout.done.shape[1]:
        return rollout
    return map_envs(partial(some_envs, count=count, turn=turn), rollout)


def check_visible(field: str, wanted: bool, spec: EnvSpec) -> None:
    """Requires a game that shows who is visible to whom, if a setting `wanted` depends on that.

    Raises:
        ConfigError: agents do not always see each other, and windows have no planes of agents.
    """
    visibility_known = spec.can_see_all or spec.agent_planes
    remedy = f"use False, or a view of {spec.name} that has a plane for every agent"
    require(visibility_known or not wanted, field, wanted, remedy)


def visible(obs: Array, spec: EnvSpec) -> Array:
    """Which agents an observer's window shows.

    Args:
        obs: ``[..., F]`` flattened windows whose first planes show the agents.
        spec: facts of a game with such windows (`EnvSpec.agent_planes`).

    Returns:
        ``[..., N]`` bool.
    """
    cells = obs.reshape(*obs.shape[:-1], -1, spec.obs_shape[-1])
    return (cells[..., : spec.num_agents] != jnp.zeros((), obs.dtype)).any(-2)
