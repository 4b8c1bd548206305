"""What the sequential social dilemmas share: maps, headings, beams, windows, colours.

Letters: N agents, H W rows and columns of the map, P spawn cells, R rays of a beam, L cells of a
ray, h w rows and columns of a window, C planes or colours of a window.

The environments are those of Hughes et al. (2018) and Jaques et al. (2019); the details follow the
code of Vinitsky et al. (sequential_social_dilemma_games), with which Jaques et al. is reproduced:

* A map is surrounded by walls, the only cells that no agent can enter. Agents start on random
  distinct spawn cells and face a random direction. Moves are relative to the direction in which an
  agent faces; a turn takes a step.
* A cell holds at most one agent. If several want to enter a free cell, a random one of them does;
  two agents never swap cells; an agent may enter a cell that another leaves in the same step. An
  agent that turns, fires or cleans stays where it is.
* A beam has a middle ray, from the cell ahead, and a ray to each side, from the cells beside the
  agent; each is 5 cells long. A ray ends before a wall and at the first other agent.
* Firing costs 1, and being hit costs 50 for every beam that hits; a hit neither freezes nor removes
  an agent. Only walls and agents stop this beam.
* In a step all agents move or turn, then eat the apples on their cells, then fire; then new objects
  appear on the map.
* The window has the agent at its centre and is turned so that the agent faces up. It does not show
  the headings of other agents; it shows beams, for one observation.

Ours: windows are binary planes by default, so that an agent or a beam does not hide what lies below
it; `view` "rgb" has the colours of their code, in which it does. Both show beams, and show agents
from the first observation on, as their code did until a rewrite of April 2020: since then beams are
in pictures only and the first views are without agents. In their code, views of agents that face
left or right are turned the wrong way, with what is ahead at the bottom; and where two agents
contest the cell of a third agent that in the end cannot leave it, one of the two moves onto that
cell too. Where beams of both kinds pass a cell, its colour is the cleaning beam's; in their code it
is the later beam's. The moves are numbered as in our other games.

This code and theirs were run side by side from the same states, actions and draws for 9,000 steps
of each game with 5 agents: positions, headings, apples, waste, beams, rewards and colours were the
same in all but 3 steps, in which two agents of their code stood on one cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks, grid, motion
from envs.types import EnvSpec

AHEAD = np.array([[-1, 0], [0, 1], [1, 0], [0, -1]], np.int32)
"""Row and column change of a step ahead by heading: quarter turns to the right from facing up."""
HEADINGS = len(AHEAD)
_TURNS = {grid.UP: 0, grid.RIGHT: 1, grid.DOWN: 2, grid.LEFT: 3}

COLOURS = {
    "floor": (0, 0, 0),
    "river": (113, 75, 24),
    "stream": (113, 75, 24),
    "waste": (99, 156, 194),
    "apple": (0, 255, 0),
    "wall": (180, 180, 180),
    "fire": (255, 255, 0),
    "beam": (100, 255, 255),
}
"""Red, green and blue by kind, 0 to 255, each drawn over those before it, beams over agents too."""
AGENT_COLOURS = (
    (0, 0, 255),
    (2, 81, 154),
    (204, 0, 204),
    (216, 30, 54),
    (254, 151, 0),
    (100, 255, 255),
    (99, 99, 255),
    (250, 204, 255),
    (238, 223, 16),
)
"""Red, green and blue by seat, the same to every viewer."""
_BEAMS = ("fire", "beam")
_CHANNELS = ("red", "green", "blue")


@dataclass(frozen=True)
class Ssd:
    """Settings that Cleanup and Harvest share."""

    name: ClassVar[str]
    version: ClassVar[int]

    num_agents: int = 5
    """Number of agents, 2 to 16, at most the map's spawn cells."""
    radius: int = 7
    """Cells that an agent sees to each side, 1 to 7 (7: a 15x15 window)."""
    horizon: int = 1000
    """Steps of an episode, 1 or more."""
    view: Literal["planes", "rgb"] = "planes"
    """What windows hold: "planes", a binary plane per agent and kind of object; "rgb", the colours
    of the original, divided by 255. From colours no algorithm can tell which agents are in view."""
    start: Literal["random", "fixed"] = "random"
    """Where agents start: "random" spawn cells, facing a random way if `turning`; "fixed", facing
    up on the spawn cells in seat order, the last of the map first."""
    turning: bool = True
    """Whether agents can turn; else all always face up."""
    fire: bool = True
    """Whether agents can fire at each other."""
    fire_cost: float = 1.0
    """Cost of firing, 0 or more."""
    hit_cost: float = 50.0
    """Cost of being hit by a beam, 0 or more."""
    beam_width: int = 3
    """Rays of a beam, side by side, an odd number, 1 or more."""
    beam_length: int = 5
    """Cells of each ray, 1 or more."""
    apple_reward: float = 1.0
    """Reward of an apple."""


class Layout(NamedTuple):
    """The parts of a map that never change, as NumPy arrays."""

    shape: tuple[int, int]  # (H, W)
    walls: np.ndarray  # [H, W] bool, the whole edge and perhaps more
    river: np.ndarray  # [H, W] bool, where waste may lie
    waste: np.ndarray  # [H, W] bool, where it lies at first
    stream: np.ndarray  # [H, W] bool, water that does not belong to the river
    orchard: np.ndarray  # [H, W] bool, the K apple cells
    spawns: np.ndarray  # [P, 2] int32, the cells where agents start, in seat order


@cache
def layout(text: tuple[str, ...]) -> Layout:
    """Reads a map: wall @, river R, river with waste H, stream S, apple cell B, spawn cell P."""
    cells = np.array([list(row) for row in text])
    return Layout(
        shape=(cells.shape[0], cells.shape[1]),
        walls=cells == "@",
        river=(cells == "R") | (cells == "H"),
        waste=cells == "H",
        stream=cells == "S",
        orchard=cells == "B",
        spawns=np.argwhere(cells == "P")[::-1].astype(np.int32),
    )


LARGEST_MAP = 100
"""Most rows and columns of a map."""


def land(maps: Mapping[str, tuple[str, ...]], map: str) -> Layout:
    """The map of a name, or the one that a text of several lines draws."""
    return layout(maps[map] if map in maps else drawn(map))


def drawn(text: str) -> tuple[str, ...]:
    """The rows of a map that is given as text; blank lines before and after it do not count."""
    return tuple(line.rstrip("\r") for line in text.strip("\r\n").split("\n"))


def check_map(
    maps: Mapping[str, tuple[str, ...]], map: str, needed: Mapping[str, str], others: str = ""
) -> None:
    """Requires the name of a map, or a text that draws one.

    Args:
        maps: ready-made maps by name.
        map: the name or the text.
        needed: letters of which one must be there at least, by what they mean.
        others: letters that may be there besides those and @, P and spaces.

    Raises:
        ConfigError: an unknown name, or the first row and column, from 1 on, with a wrong letter.
    """
    if not isinstance(map, str) or "\n" not in map:
        checks.choice("map", map, maps)
        return
    rows, letters = drawn(map), sorted({*"@ P", *others, *"".join(needed.values())})
    checks.integer("rows of the map", len(rows), 3, LARGEST_MAP)
    checks.integer("columns of the map", len(rows[0]), 3, LARGEST_MAP)
    words = ", ".join(letter.replace(" ", "a space") for letter in letters)
    for number, row in enumerate(rows, 1):
        long = f"use {len(rows[0])} columns in every row, as in row 1"
        checks.require(len(row) == len(rows[0]), f"map: length of row {number}", len(row), long)
        for column, cell in enumerate(row, 1):
            place = f"map: row {number}, column {column}"
            checks.require(cell in letters, place, cell, f"use one of {words}")
            edge = number in (1, len(rows)) or column in (1, len(row))
            checks.require(
                cell == "@" or not edge, place, cell, "use a wall, @, all along the edge"
            )
    for what, some in {"spawn cells of agents": "P", **needed}.items():
        there = sum(row.count(cell) for row in rows for cell in some)
        remedy = f"draw some, {' or '.join(some)}"
        checks.require(there > 0, f"map: number of {what}", there, remedy)


def check(
    settings: Ssd,
    maps: Mapping[str, tuple[str, ...]],
    map: str,
    needed: Mapping[str, str],
    others: str = "",
) -> None:
    """Checks the settings that both games share, and the map with arguments of `check_map`.

    Raises:
        ConfigError: an invalid setting.
    """
    check_map(maps, map, needed, others)
    checks.integer("num_agents", settings.num_agents, 2, grid.MAX_AGENTS)
    spawns = len(land(maps, map).spawns)
    most, whose = spawns, "the map's spawn cells"
    checks.choice("view", settings.view, ("planes", "rgb"))
    if settings.view == "rgb" and len(AGENT_COLOURS) < spawns:
        most, whose = len(AGENT_COLOURS), "as many as have a colour in view 'rgb'"
    fits = settings.num_agents <= most
    checks.require(fits, "num_agents", settings.num_agents, f"use at most {most}, {whose}")
    checks.integer("radius", settings.radius, 1, grid.MAX_RADIUS)
    checks.integer("horizon", settings.horizon, 1)
    checks.choice("start", settings.start, ("random", "fixed"))
    for field in ("turning", "fire"):
        value = getattr(settings, field)
        checks.require(isinstance(value, bool), field, value, "use True or False")
    checks.number("fire_cost", settings.fire_cost, 0.0)
    checks.number("hit_cost", settings.hit_cost, 0.0)
    checks.integer("beam_width", settings.beam_width, 1)
    odd = settings.beam_width % 2 == 1
    checks.require(odd, "beam_width", settings.beam_width, "use an odd number")
    checks.integer("beam_length", settings.beam_length, 1)
    checks.number("apple_reward", settings.apple_reward)


def actions(settings: Ssd, *others: str) -> tuple[str, ...]:
    """Names of the actions: moves, turns, fire, then the game's `others`."""
    turns = ("turn_right", "turn_left") if settings.turning else ()
    return (*grid.MOVES, *turns, *(("fire",) if settings.fire else ()), *others)


def events(settings: Ssd, *others: str) -> tuple[str, ...]:
    """Names of the events that are counted: the game's `others`, then those of firing."""
    return (*others, *(("fired", "hit") if settings.fire else ()))


def spec(
    settings: Ssd,
    land: Layout,
    actions: tuple[str, ...],
    objects: tuple[str, ...],
    events: tuple[str, ...],
    max_return: float | None,
) -> EnvSpec:
    """Static facts of a game, whose observations are the windows that `observe` makes.

    Args:
        settings: of the game.
        land: its map.
        actions: names of its actions.
        objects: names of its kinds of objects, in the order of their planes.
        events: names of what it counts.
        max_return: an upper bound of an episode's collective return, or None.
    """
    floor = np.argwhere(~land.walls)
    sees_all = bool((np.ptp(floor, axis=0) <= settings.radius).all())
    whole = grid.spec(settings, actions, objects, events, max_return)._replace(can_see_all=sees_all)
    if settings.view == "planes":
        return whole
    return whole._replace(
        obs_shape=(*whole.obs_shape[:2], len(_CHANNELS)),
        obs_dtype=np.dtype(np.float32),
        plane_names=_CHANNELS,
        agent_planes=False,
    )


def begin(settings: Ssd, land: Layout, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Where agents start: positions ``[N, 2]`` and headings ``[N]`` int32. ``key`` is consumed."""
    spawns, ahead = jnp.asarray(land.spawns), jnp.zeros(settings.num_agents, jnp.int32)
    if settings.start == "fixed":
        return spawns[: settings.num_agents], ahead
    key_cell, key_heading = jax.random.split(key)
    position = jax.random.permutation(key_cell, spawns)[: settings.num_agents]
    heading = jax.random.randint(key_heading, ahead.shape, 0, HEADINGS, jnp.int32)
    return position, heading if settings.turning else ahead


def move(
    settings: Ssd,
    land: Layout,
    position: jax.Array,
    heading: jax.Array,
    action: jax.Array,
    priority: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Moves or turns all agents at once.

    Args:
        settings: of the game.
        land: its map.
        position: ``[N, 2]`` int32, distinct cells.
        heading: ``[N]`` int32.
        action: ``[N]`` int32, moves first, then turns.
        priority: ``[N]`` float32, the highest enters a contested cell.

    Returns:
        ``[N, 2]`` positions, distinct cells, and ``[N]`` headings.
    """
    if settings.turning:
        right, left = (action == len(grid.MOVES) + turn for turn in (0, 1))
        change = jnp.asarray(_steps())[heading, jnp.minimum(action, grid.STAY)]
        heading = (heading + right.astype(jnp.int32) - left.astype(jnp.int32)) % HEADINGS
    else:
        change = grid.displacement(action)
    target = position + change
    walled = grid.at(jnp.asarray(land.walls), target)
    target = jnp.where(walled[:, None], position, target)
    return motion.resolve(position, target, priority), heading


@cache
def _steps() -> np.ndarray:
    """Row and column change ``[4, 5, 2]`` of each heading's moves."""
    change = np.zeros((HEADINGS, len(grid.MOVES), 2), np.int32)
    for action, turn in _TURNS.items():
        change[:, action] = np.roll(AHEAD, -turn, axis=0)
    return change


class Aim(NamedTuple):
    """The beam that each agent would fire."""

    cells: jax.Array  # [N, R, L, 2] int32, on the map
    reach: jax.Array  # [N, R, L] bool, the ray is not stopped before this cell
    target: jax.Array  # [N, R, L, N] bool, which agents stand there


@cache
def rays(width: int, length: int) -> np.ndarray:
    """Row and column offsets ``[4, R, L, 2]`` int32 of a beam's cells by heading.

    The middle ray begins ahead of the agent, the others beside it.
    """
    side = width // 2
    aside = np.arange(-side, side + 1, dtype=np.int32)[:, None, None]
    ahead = np.arange(length, dtype=np.int32)[None, :, None] + (aside == 0)
    right = np.roll(AHEAD, -1, axis=0)
    beams = [forward * ahead + beside * aside for forward, beside in zip(AHEAD, right, strict=True)]
    return np.stack(beams).astype(np.int32)


def aim(settings: Ssd, land: Layout, position: jax.Array, heading: jax.Array) -> Aim:
    """The beams ``[N, R, L]`` of agents at ``position [N, 2]`` that face ``heading [N]``."""
    offset = jnp.asarray(rays(settings.beam_width, settings.beam_length))
    offset = offset[heading] if settings.turning else offset[:1]
    edge = jnp.asarray(np.array(land.shape, np.int32) - 1)
    cells = position[:, None, None] + offset
    cells = jnp.clip(cells, 0, edge[None, None, None])  # the map's edge is wall
    target = (cells[..., None, :] == position[None, None, None]).all(-1)
    walls = read(jnp.asarray(land.walls), cells)
    return Aim(cells, ~walls & ~earlier(walls | target.any(-1)), target)


def fire(
    settings: Ssd, land: Layout, aim: Aim, fires: jax.Array
) -> tuple[jax.Array, jax.Array, dict[str, jax.Array]]:
    """Fires beams, all at once, as they do not change the map.

    Args:
        settings: of the game.
        land: its map.
        aim: everyone's beam.
        fires: ``[N]`` bool, the agents that fire.

    Returns:
        ``[H, W]`` bool, the cells that a beam passed; ``[N]`` float32, what each agent pays for
        firing and for being hit; and the counts of both.
    """
    reach = aim.reach & fires[:, None, None]
    hit = (aim.target & reach[..., None]).sum((0, 1, 2), dtype=jnp.float32)
    fired = fires.astype(jnp.float32)
    fines = settings.fire_cost * fired + settings.hit_cost * hit
    return light(land, aim.cells, reach), fines, {"fired": fired, "hit": hit}


def light(land: Layout, cells: jax.Array, lit: jax.Array) -> jax.Array:
    """``[H, W]`` bool, the ``cells [N, R, L, 2]`` that are ``lit [N, R, L]``."""
    dark = jnp.ones(land.shape, bool)
    return ~grid.clear(dark, cells.reshape(-1, 2), lit.reshape(-1))


def read(layer: jax.Array, cells: jax.Array) -> jax.Array:
    """Reads ``layer [H, W]`` at ``cells [..., 2]``."""
    return layer[cells[..., 0], cells[..., 1]]


def earlier(marked: jax.Array) -> jax.Array:
    """``[..., L]`` bool, a cell nearer to the start of the ray ``[..., L]`` is marked."""
    length = marked.shape[-1]
    before = jnp.asarray(np.tril(np.ones((length, length), bool), -1))
    before = before.reshape((1,) * (marked.ndim - 1) + before.shape)
    return (marked[..., None, :] & before).any(-1)


def observe(
    settings: Ssd, position: jax.Array, heading: jax.Array, objects: Mapping[str, jax.Array]
) -> jax.Array:
    """Every agent's window, turned so that the agent faces up.

    Args:
        settings: of the game.
        position: ``[N, 2]`` int32.
        heading: ``[N]`` int32.
        objects: ``[H, W]`` bool by kind, in the order of the planes.

    Returns:
        ``[N, h, w, N + len(objects) + 1]`` bool: agents, objects, inside of the map (walls
        included); or with view "rgb" ``[N, h, w, 3]`` float32 in [0, 1], black outside.
    """
    turned = heading if settings.turning else None
    if settings.view == "planes":
        everyone, layers = jnp.ones(settings.num_agents, bool), tuple(objects.values())
        return grid.observe(position, everyone, layers, settings.radius, turned)
    picture = paint(position, objects)
    window = grid.windows(picture, position, settings.radius, turned)
    shifts = jnp.asarray(np.array([16, 8, 0], np.int32))[None, None, None]
    colours = jnp.right_shift(window[..., None], shifts) & 255
    return colours.astype(jnp.float32) / 255.0


def paint(position: jax.Array, objects: Mapping[str, jax.Array]) -> jax.Array:
    """The map in colours ``[H, W]`` int32, red * 65536 + green * 256 + blue."""
    shape = next(iter(objects.values())).shape
    picture = jnp.zeros(shape, jnp.int32)
    ground = [kind for kind in COLOURS if kind in objects and kind not in _BEAMS]
    for kind in ground:
        picture = jnp.where(objects[kind], _number(COLOURS[kind]), picture)
    seats = [_number(colour) for colour in AGENT_COLOURS[: len(position)]]
    picture = picture.at[position[:, 0], position[:, 1]].set(jnp.asarray(np.array(seats, np.int32)))
    for kind in _BEAMS:
        if kind in objects:
            picture = jnp.where(objects[kind], _number(COLOURS[kind]), picture)
    return picture


def _number(colour: tuple[int, int, int]) -> int:
    red, green, blue = colour
    return (red << 16) + (green << 8) + blue


def look(settings: Ssd, obs: jax.Array, objects: tuple[str, ...], kind: str) -> jax.Array:
    """Where a window shows one of the `objects`, ``[h, w]`` bool."""
    if settings.view == "planes":
        return obs[..., settings.num_agents + objects.index(kind)]
    return _has_colour(obs, COLOURS[kind])


def others(settings: Ssd, obs: jax.Array) -> jax.Array:
    """``[h, w]`` bool, where the other agents stand."""
    if settings.view == "planes":
        agents = obs[..., : settings.num_agents].any(-1)
    else:
        seats = AGENT_COLOURS[: settings.num_agents]
        agents = jnp.stack([_has_colour(obs, colour) for colour in seats]).any(0)
    return agents.at[settings.radius, settings.radius].set(False)


def _has_colour(obs: jax.Array, colour: tuple[int, int, int]) -> jax.Array:
    """``[h, w]`` bool, the cells of a window ``[h, w, 3]`` in one colour."""
    code = jnp.asarray(np.array(colour, np.float32))[None, None]
    return (jnp.round(255.0 * obs) == code).all(-1)


def walk(
    settings: Ssd,
    key: jax.Array,
    obs: jax.Array,
    marked: jax.Array,
    otherwise: jax.Array,
    avoid: jax.Array | None = None,
) -> jax.Array:
    """A scripted player's move towards the nearest marked cell, around what is in the way.

    Args:
        settings: of the game.
        key: consumed.
        obs: ``[h, w, C]``, the player's window.
        marked: ``[h, w]`` bool, the cells that it wants to reach.
        otherwise: ``[]`` int32, the action where nothing is marked.
        avoid: ``[h, w]`` bool, cells that it never enters.

    Returns:
        ``[]`` int32, the move; a random one if an agent or a cell to avoid is in the way; "stay" if
        that random move would enter a cell to avoid.
    """
    key_step, key_round = jax.random.split(key)
    centre = settings.radius
    step = grid.step_towards(marked, key_step, otherwise)
    around = jax.random.randint(key_round, (), 0, grid.STAY)
    blocked = others(settings, obs)
    if avoid is not None:
        blocked = blocked | avoid
        around = jnp.where(avoid[tuple(centre + grid.displacement(around))], grid.STAY, around)
    blocked = blocked[tuple(centre + grid.displacement(step))]
    return jnp.where(blocked, around, step).astype(jnp.int32)


def search(settings: Ssd, key: jax.Array, walls: jax.Array) -> jax.Array:
    """A scripted player's action when it sees nothing that it wants.

    It goes straight ahead and turns at walls, and elsewhere with probability 0.1; a player that
    cannot turn moves at random.

    Args:
        settings: of the game.
        key: consumed.
        walls: ``[h, w]`` bool, the walls in its window.

    Returns:
        ``[]`` int32.
    """
    key_turn, key_side = jax.random.split(key)
    if not settings.turning:
        return jax.random.randint(key_side, (), 0, grid.STAY)
    turns = walls[settings.radius - 1, settings.radius] | jax.random.bernoulli(key_turn, 0.1)
    side = len(grid.MOVES) + jax.random.bernoulli(key_side).astype(jnp.int32)
    return jnp.where(turns, side, jnp.int32(grid.UP))
