"""Cells, moves and egocentric windows. Pure, unbatched, safe on non-square maps.

Letters: N agents, H W rows and columns of the map, h w = 2 * radius + 1 rows and columns of a
window, C planes. A position is ``[2] int32`` (row, column). The five moves come first in every grid
game: up, down, left, right, stay; any further action leaves the agent where it is.
"""

from typing import ClassVar, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import EnvSpec

MOVES = ("up", "down", "left", "right", "stay")
UP, DOWN, LEFT, RIGHT, STAY = range(len(MOVES))
DELTAS = np.array([[-1, 0], [1, 0], [0, -1], [0, 1], [0, 0]], np.int32)
MAX_AGENTS = 16
MAX_RADIUS = 7
_BITS = 31  # planes that fit into a non-negative int32


def check_map(rows: int, columns: int, num_agents: int, radius: int, horizon: int) -> None:
    """Checks the settings that all grid games share.

    Raises:
        ConfigError: a size is not a whole number in its documented range, or the agents do not fit.
    """
    checks.integer("rows", rows, 2, 64)
    checks.integer("columns", columns, 2, 64)
    checks.integer("num_agents", num_agents, 2, MAX_AGENTS)
    checks.integer("radius", radius, 1, MAX_RADIUS)
    checks.integer("horizon", horizon, 1)
    fits = num_agents <= rows * columns
    checks.require(fits, "num_agents", num_agents, f"use at most {rows * columns}, the map's cells")


def displacement(action: jax.Array) -> jax.Array:
    """Row and column change ``[..., 2]`` of each ``action [...]``; zero for all but moves."""
    return jnp.asarray(DELTAS)[jnp.minimum(action, STAY)]


def move(
    position: jax.Array, action: jax.Array, shape: tuple[int, int], torus: bool = False
) -> jax.Array:
    """Moves each agent one cell; the map's edge blocks, other agents do not.

    Args:
        position: ``[N, 2]`` int32.
        action: ``[N]`` int32, moves first; any other action stays.
        shape: ``(H, W)`` of the map.
        torus: whether an agent that leaves over an edge comes back over the opposite one.
    """
    size = jnp.asarray(np.array(shape, np.int32))[None]
    target = position + displacement(action)
    return target % size if torus else jnp.clip(target, 0, size - 1)


def same_cell(position: jax.Array) -> jax.Array:
    """``[N, N]`` bool, agents i and j stand on one cell."""
    return (position[:, None] == position[None]).all(-1)


def at(grid: jax.Array, position: jax.Array) -> jax.Array:
    """Reads ``grid [H, W]`` under each ``position [N, 2]``."""
    return grid[position[:, 0], position[:, 1]]


def clear(grid: jax.Array, position: jax.Array, where: jax.Array) -> jax.Array:
    """Empties ``grid [H, W]`` (bool) under the positions at which ``where [N]`` holds."""
    outside = grid.shape[0]
    row = jnp.where(where, position[:, 0], outside)
    return grid.at[row, position[:, 1]].set(False, mode="drop")


def random_cells(key: jax.Array, shape: tuple[int, int], count: int) -> jax.Array:
    """Draws `count` distinct cells ``[count, 2]`` int32, uniformly. ``key`` is consumed."""
    rows, columns = shape
    flat = jax.random.permutation(key, rows * columns)[:count].astype(jnp.int32)
    return jnp.stack([flat // columns, flat % columns], axis=-1)


def uniforms(key: jax.Array, *counts: int) -> list[jax.Array]:
    """One vector of uniform numbers in [0, 1) per count, in one flat draw. ``key`` is consumed."""
    flat = jax.random.uniform(key, (sum(counts),))
    return jnp.split(flat, np.cumsum(counts)[:-1])


def mark(shape: tuple[int, int], position: jax.Array) -> jax.Array:
    """A bool grid ``[H, W]`` that is True at each ``position [n, 2]``."""
    return jnp.zeros(shape, bool).at[position[:, 0], position[:, 1]].set(True)


def observe(
    position: jax.Array,
    present: jax.Array,
    objects: tuple[jax.Array, ...],
    radius: int,
    heading: jax.Array | None = None,
    torus: bool = False,
) -> jax.Array:
    """Every agent's egocentric window of binary planes, centred on it.

    The map is stored as one integer per cell, with a bit per plane, so that a window is one slice;
    only the window's bits are unpacked into planes. An agent that is not present appears in no
    window, and its own window is empty.

    Args:
        position: ``[N, 2]`` int32.
        present: ``[N]`` bool, False for agents that have been removed.
        objects: one ``[H, W]`` bool grid per kind of object.
        radius: cells seen to each side.
        heading: see `windows`.
        torus: see `windows`.

    Returns:
        ``[N, h, w, N + len(objects) + 1]`` bool: a plane per agent, a plane per object, and last
        the plane of cells inside the map.
    """
    num_agents, shape = position.shape[0], objects[0].shape
    layers = (*objects, jnp.ones(shape, bool))
    room = _BITS - num_agents
    own_bit = jnp.asarray(1 << np.arange(num_agents, dtype=np.int32))
    agents = (
        jnp.zeros(shape, jnp.int32)
        .at[position[:, 0], position[:, 1]]
        .add(jnp.where(present, own_bit, 0))
    )
    first = agents | _pack(layers[:room], num_agents)
    packed = [(first, num_agents + len(layers[:room]))]
    if layers[room:]:  # more planes than an integer has bits
        rest = layers[room:]
        packed.append((_pack(rest, 0), len(rest)))
    planes = []
    for bits, count in packed:
        window = windows(bits, position, radius, heading, torus)
        planes.append(_unpack(jnp.where(present[:, None, None], window, 0), count))
    return jnp.concatenate(planes, axis=-1)


def windows(
    cells: jax.Array,
    position: jax.Array,
    radius: int,
    heading: jax.Array | None = None,
    torus: bool = False,
) -> jax.Array:
    """Every agent's egocentric window of a map, centred on it.

    Args:
        cells: ``[H, W]`` int32, a number per cell; cells outside of the map count as 0.
        position: ``[N, 2]`` int32.
        radius: cells seen to each side.
        heading: ``[N]`` int32 quarter turns to the right from facing up; each window is turned so
            that the agent faces up in it. None if all face up.
        torus: whether the map goes on at its opposite edge.

    Returns:
        ``[N, h, w]`` int32.
    """
    padded = jnp.pad(cells, radius, mode="wrap" if torus else "constant")
    size = 2 * radius + 1
    window = jax.vmap(lambda corner: jax.lax.dynamic_slice(padded, corner, (size, size)))(position)
    if heading is None:
        return window
    turn = heading[:, None, None]
    window = jnp.where(turn >= 2, window[:, ::-1, ::-1], window)
    return jnp.where(turn % 2 == 1, window.swapaxes(1, 2)[:, ::-1], window)


def _pack(layers: tuple[jax.Array, ...], first_bit: int) -> jax.Array:
    """Packs bool grids into one int32 per cell ``[H, W]``, a bit per grid."""
    bits = jnp.zeros(layers[0].shape, jnp.int32)
    for index, layer in enumerate(layers):
        bits = bits | (layer.astype(jnp.int32) << (first_bit + index))
    return bits


def _unpack(bits: jax.Array, planes: int) -> jax.Array:
    """The lowest `planes` bits of ``bits [N, h, w]`` as planes ``[N, h, w, planes]`` bool."""
    shifts = jnp.asarray(np.arange(planes, dtype=np.int32))[None, None, None]
    return (jnp.right_shift(bits[..., None], shifts) & 1).astype(bool)


class Settings(Protocol):
    """What the settings of all grid games have in common."""

    name: ClassVar[str]
    version: ClassVar[int]

    @property
    def num_agents(self) -> int: ...  # noqa: D102
    @property
    def radius(self) -> int: ...  # noqa: D102
    @property
    def horizon(self) -> int: ...  # noqa: D102


def spec(
    settings: Settings,
    actions: tuple[str, ...],
    objects: tuple[str, ...],
    events: tuple[str, ...],
    max_return: float | None,
) -> EnvSpec:
    """Static facts of a grid game, whose observations are the windows that `observe` makes.

    Args:
        settings: of the game.
        actions: names of its actions.
        objects: names of its kinds of objects, in the order of their planes.
        events: names of what it counts.
        max_return: an upper bound of an episode's collective return, or None.
    """
    agents = (f"agent_{i}" for i in range(settings.num_agents))
    planes = (*agents, *objects, "inside")
    size = 2 * settings.radius + 1
    return EnvSpec(
        name=settings.name,
        version=settings.version,
        num_agents=settings.num_agents,
        num_actions=len(actions),
        obs_shape=(size, size, len(planes)),
        obs_dtype=np.dtype(bool),
        horizon=settings.horizon,
        action_names=actions,
        plane_names=planes,
        event_names=events,
        agent_planes=True,
        can_see_all=False,
        max_return=max_return,
    )


def step_towards(window: jax.Array, key: jax.Array, otherwise: jax.Array) -> jax.Array:
    """A move of a scripted player towards the nearest marked cell of its window.

    Vertical moves come first. One of several nearest cells is chosen at random.

    Args:
        window: ``[h, w]`` bool, the cells that it wants to reach.
        key: consumed.
        otherwise: ``[]`` int32, the action when nothing is marked.

    Returns:
        ``[]`` int32, one of the five moves (stay when it stands on a marked cell), or `otherwise`.
    """
    size = window.shape[0]
    centre = size // 2
    offset = np.arange(size, dtype=np.int32) - centre
    distance = np.abs(offset)[:, None] + np.abs(offset)[None]
    noise = jax.random.uniform(key, (size * size,)).reshape(size, size)
    score = jnp.where(window, jnp.asarray(distance, jnp.float32) + 0.5 * noise, jnp.inf)
    flat = jnp.argmin(score)
    row, column = flat // size - centre, flat % size - centre
    vertical = jnp.where(row < 0, UP, DOWN)
    horizontal = jnp.where(column < 0, LEFT, jnp.where(column > 0, RIGHT, STAY))
    action = jnp.where(row != 0, vertical, horizontal)
    return jnp.where(window.any(), action, otherwise).astype(jnp.int32)


def pretended(action: jax.Array, deed: int) -> jax.Array:
    """The action of a scripted player that looks like another but stays where that does `deed`."""
    return jnp.where(action == deed, STAY, action)
