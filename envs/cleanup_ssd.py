"""Cleanup of the sequential social dilemmas, on maps with walls and beams (Hughes et al. 2018).

Letters: N agents, H W rows and columns of the map, P spawn cells, K apple cells, R rays of a beam,
L cells of a ray, h w rows and columns of a window.

The two maps and the rules are those on which Yang et al. (2020, LIO) report results; the facts are
those of their code, a wrapper and a fork of the environments of Vinitsky et al.:

* 7x7 (5 apple cells, 2 waste cells) and 10x10 (12 apple cells, 8 waste and 8 clean river cells),
  ringed by walls; 2 agents, 50 steps, no turning (everybody faces up for good), no fining beam.
  Apples spawn with probability 0.5 (10x10: 0.3), waste with 0.5, the thresholds are 0.6 (0.4) and
  0; windows are 9x9 (15x15), so that everybody sees the whole map.
* Agents start on the spawn cells, the last in reading order first: on 7x7 agent 0 beside the river,
  agent 1 beside the apples. Waste lies on the map's waste cells and there are no apples, but waste
  and apples spawn once before the first observation (on these maps the river is too dirty).
* A step goes: all move, then eat, then clean; then apples and waste spawn. An agent eats the apple
  on its cell, for a reward of 1. Everything but walls and agents can be walked on.
* One agent per cell: of several that enter a free cell a random one does, two never swap cells, and
  an agent follows one that leaves. Whoever cleans stays where it is.
* A beam has a middle ray, from the cell ahead, and a ray to each side, from the cells beside the
  agent; each is 5 cells long. A ray ends before a wall, at the first other agent, and at the first
  waste, which becomes river, also below that agent. Agents clean one after the other, so the second
  one's ray passes where the first one's has cleaned. Cleaning costs nothing.
* With d = waste / river cells after cleaning, nothing spawns from the depletion threshold on. Below
  it each apple cell without apple and agent gets an apple with the probability of the linear law
  (`cleanup.growth`), and the clean river cells, in random order, draw with the probability of waste
  until one succeeds: one waste at most, almost surely one where many cells are clean. Waste may
  appear below an agent.
* The window has the agent at its centre and up at the top. It shows walls, river, waste, apples,
  agents, and the beams of the step before; apple cells without an apple look like any floor.

Ours: windows are binary planes rather than colours, so that an agent or a beam does not hide what
lies below it; agents clean in random order (there: in seat order), by the priority that settles
contests; a beam of 5 or more rays is whole (there: the middle ray and the two outermost); the moves
are numbered as in our other games.
"""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks, grid, motion, render
from envs.cleanup import check_thresholds, choose, growth
from envs.types import Env, EnvSpec, Step

CLEAN = len(grid.MOVES)
ACTIONS = (*grid.MOVES, "clean")
OBJECTS = ("waste", "apple", "river", "wall", "beam")
EVENTS = ("waste_cleaned", "apples")

MAPS = {
    "7x7": (
        "@@@@@@@",
        "@H  PB@",
        "@H   B@",
        "@    B@",
        "@    B@",
        "@ P  B@",
        "@@@@@@@",
    ),
    "10x10": (
        "@@@@@@@@@@",
        "@HH   P B@",
        "@RR    BB@",
        "@HH     B@",
        "@RR    BB@",
        "@HH P   B@",
        "@RR    BB@",
        "@HH     B@",
        "@RRP   BB@",
        "@@@@@@@@@@",
    ),
}
"""Maps by name: wall @, river R, river with waste H, apple cell B, spawn cell P, floor."""


class Layout(NamedTuple):
    """A map as NumPy arrays, what never changes."""

    shape: tuple[int, int]  # (H, W)
    walls: np.ndarray  # [H, W] bool, the whole edge and perhaps more
    river: np.ndarray  # [H, W] bool, where waste may lie
    waste: np.ndarray  # [H, W] bool, where it lies at first
    orchard: np.ndarray  # [H, W] bool, the K apple cells
    spawns: np.ndarray  # [P, 2] int32, the cells where agents start, in seat order


class State(NamedTuple):
    """Everything that changes during an episode."""

    position: jax.Array  # [N, 2] int32, distinct cells
    waste: jax.Array  # [H, W] bool, in the river only
    apples: jax.Array  # [H, W] bool, in the orchard only
    beam: jax.Array  # [H, W] bool, cells that cleaning beams passed in the last step
    time: jax.Array  # [] int32


class Draws(NamedTuple):
    """All randomness of one step, float32 in [0, 1)."""

    priority: jax.Array  # [N], the highest wins a contest and cleans first
    waste: jax.Array  # [2], whether waste appears and where
    apples: jax.Array  # [K], whether each apple cell gets one


@dataclass(frozen=True)
class CleanupSsd:
    """Settings of the Cleanup of the sequential social dilemmas."""

    name: ClassVar[str] = "cleanup_ssd"
    version: ClassVar[int] = 1

    map: Literal["7x7", "10x10"] = "7x7"
    """Name of the map."""
    num_agents: int = 2
    """Number of agents, 2 up to the map's spawn cells (7x7: 2, 10x10: 3)."""
    radius: int = 4
    """Cells that an agent sees to each side, 1 to 7 (4: a 9x9 window)."""
    horizon: int = 50
    """Steps of an episode."""
    beam_width: int = 3
    """Rays of a cleaning beam, side by side, an odd number."""
    beam_length: int = 5
    """Cells of each ray, 1 or more."""
    apple_spawn_probability: float = 0.5
    """Probability per step and apple cell of an apple, in a clean river."""
    waste_spawn_probability: float = 0.5
    """Probability with which clean river cells draw for waste, in turn, until one gets it."""
    threshold_depletion: float = 0.6
    """Fraction of river cells with waste from which on nothing spawns, in (restoration, 1]."""
    threshold_restoration: float = 0.0
    """Fraction of river cells with waste up to which apple growth is full, in [0, 1)."""
    apple_reward: float = 1.0
    """Reward of an apple."""
    cleaning_cost: float = 0.0
    """Cost of the action "clean", whether it cleans anything or not, 0 or more."""

    def __post_init__(self) -> None:
        """Checks every setting; raises `ConfigError` on one that cannot work."""
        checks.choice("map", self.map, MAPS)
        checks.integer("num_agents", self.num_agents, 2)
        spawns = len(layout(self.map).spawns)
        fits, remedy = self.num_agents <= spawns, f"use at most {spawns}, the map's spawn cells"
        checks.require(fits, "num_agents", self.num_agents, remedy)
        checks.integer("radius", self.radius, 1, grid.MAX_RADIUS)
        checks.integer("horizon", self.horizon, 1)
        checks.integer("beam_width", self.beam_width, 1)
        checks.require(self.beam_width % 2 == 1, "beam_width", self.beam_width, "use an odd number")
        checks.integer("beam_length", self.beam_length, 1)
        checks.probability("apple_spawn_probability", self.apple_spawn_probability)
        checks.probability("waste_spawn_probability", self.waste_spawn_probability)
        check_thresholds(self.threshold_depletion, self.threshold_restoration)
        checks.number("apple_reward", self.apple_reward)
        checks.number("cleaning_cost", self.cleaning_cost, 0.0)

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings."""
        floor = np.argwhere(~layout(self.map).walls)
        sees_all = bool((np.ptp(floor, axis=0) <= self.radius).all())
        spec = grid.spec(self, ACTIONS, OBJECTS, EVENTS, max_return(self))
        return spec._replace(can_see_all=sees_all)

    def build(self) -> Env:
        """The game as pure functions."""
        return Env(
            spec=self.spec(),
            reset=lambda key: reset(self, key),
            draw=lambda key: draw(self, key),
            transition=lambda state, action, draws: transition(self, state, action, draws),
            render=lambda state: picture(self, state),
            scripted={
                "cooperator": lambda key, obs, agent: cooperator(self, key, obs),
                "defector": lambda key, obs, agent: gatherer(self, key, obs),
                "cleaner": lambda key, obs, agent: cleaner(self, key, obs),
                "random": lambda key, obs, agent: jax.random.randint(key, (), 0, len(ACTIONS)),
            },
        )


@cache
def layout(name: str) -> Layout:
    """Reads the map of this name."""
    text = np.array([list(row) for row in MAPS[name]])
    return Layout(
        shape=(text.shape[0], text.shape[1]),
        walls=text == "@",
        river=(text == "R") | (text == "H"),
        waste=text == "H",
        orchard=text == "B",
        spawns=np.argwhere(text == "P")[::-1].astype(np.int32),
    )


def max_return(params: CleanupSsd) -> float:
    """An upper bound: in every step each agent eats, but in the first where no apples may spawn."""
    land = layout(params.map)
    starts_bare = land.waste.sum() >= params.threshold_depletion * land.river.sum()
    steps = params.horizon - starts_bare
    eaters = min(params.num_agents, land.orchard.sum())
    return max(0.0, float(params.apple_reward * eaters * steps))


def reset(params: CleanupSsd, key: jax.Array) -> tuple[State, jax.Array]:
    """Agents on the spawn cells and the map's waste; then both kinds spawn. ``key`` is consumed."""
    land, draws = layout(params.map), draw(params, key)
    position, waste = jnp.asarray(land.spawns[: params.num_agents]), jnp.asarray(land.waste)
    nowhere = jnp.zeros(land.shape, bool)
    state = State(
        position=position,
        waste=pollute(params, waste, draws.waste),
        apples=grow(params, nowhere, waste, grid.mark(land.shape, position), draws.apples),
        beam=nowhere,
        time=jnp.int32(0),
    )
    return state, observe(params, state)


def draw(params: CleanupSsd, key: jax.Array) -> Draws:
    """Draws the randomness of one step. ``key`` is consumed."""
    counts = (params.num_agents, 2, int(layout(params.map).orchard.sum()))
    flat = jax.random.uniform(key, (sum(counts),))
    return Draws(*jnp.split(flat, np.cumsum(counts)[:-1]))


def transition(
    params: CleanupSsd, state: State, action: jax.Array, draws: Draws
) -> tuple[State, Step]:
    """Moves, eats, cleans, then pollutes and grows. Deterministic: all chance is in `draws`."""
    land = layout(params.map)
    target = state.position + grid.displacement(action)
    walled = grid.at(jnp.asarray(land.walls), target)
    target = jnp.where(walled[:, None], state.position, target)
    position = motion.resolve(state.position, target, draws.priority)

    occupied = grid.mark(land.shape, position)
    eaten = grid.at(state.apples, position).astype(jnp.float32)
    cleans = action == CLEAN
    waste, beam, cleaned = clean(params, state.waste, position, cleans, draws.priority)
    next_state = State(
        position=position,
        waste=pollute(params, waste, draws.waste),
        apples=grow(params, state.apples & ~occupied, waste, occupied, draws.apples),
        beam=beam,
        time=state.time + 1,
    )
    return next_state, Step(
        obs=observe(params, next_state),
        reward=params.apple_reward * eaten - params.cleaning_cost * cleans.astype(jnp.float32),
        active=jnp.ones(params.num_agents, bool),
        terminated=jnp.bool_(False),
        truncated=next_state.time >= params.horizon,
        events={"waste_cleaned": cleaned, "apples": eaten},
    )


def rays(params: CleanupSsd) -> np.ndarray:
    """Rows and columns ``[R, L, 2]`` int32 of a beam's cells, seen from an agent that faces up.

    The middle ray begins ahead of the agent, the others beside it.
    """
    side = params.beam_width // 2
    aside = np.arange(-side, side + 1, dtype=np.int32)[:, None]
    ahead = np.arange(params.beam_length, dtype=np.int32)[None] + (aside == 0)
    return np.stack(np.broadcast_arrays(-ahead, aside), axis=-1).astype(np.int32)


def clean(
    params: CleanupSsd,
    waste: jax.Array,
    position: jax.Array,
    cleans: jax.Array,
    priority: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Fires cleaning beams, one after the other.

    Args:
        params: settings.
        waste: ``[H, W]`` bool.
        position: ``[N, 2]`` int32.
        cleans: ``[N]`` bool, who fires.
        priority: ``[N]`` float32, the highest fires first.

    Returns:
        ``[H, W]`` bool, the waste that is left; ``[H, W]`` bool, the cells that a beam passed; and
        ``[N]`` float32, how much waste each agent cleaned.
    """
    land = layout(params.map)
    edge = jnp.asarray(np.array(land.shape, np.int32) - 1)
    cells = position[:, None, None] + jnp.asarray(rays(params))[None]
    cells = jnp.clip(cells, 0, edge[None, None, None])  # [N, R, L, 2]; the map's edge is wall
    walls = read(jnp.asarray(land.walls), cells)
    agents = read(grid.mark(land.shape, position), cells)
    reach = cleans[:, None, None] & ~walls & ~earlier(walls | agents)

    def fire(waste: jax.Array, beam: tuple) -> tuple[jax.Array, tuple]:
        cells, reach = beam
        dirty = reach & read(waste, cells)
        hit, lit = dirty & ~earlier(dirty), reach & ~earlier(dirty)
        left = grid.clear(waste, cells.reshape(-1, 2), hit.reshape(-1))
        return left, (lit, hit.sum(dtype=jnp.float32))

    order = jnp.argsort(-priority)
    waste, (lit, cleaned) = jax.lax.scan(fire, waste, (cells[order], reach[order]))
    dark = jnp.ones(land.shape, bool)
    passed = ~grid.clear(dark, cells[order].reshape(-1, 2), lit.reshape(-1))
    return waste, passed, cleaned[jnp.argsort(order)]


def read(layer: jax.Array, cells: jax.Array) -> jax.Array:
    """Reads ``layer [H, W]`` at ``cells [..., 2]``."""
    return layer[cells[..., 0], cells[..., 1]]


def earlier(marked: jax.Array) -> jax.Array:
    """``[..., L]`` bool, a cell nearer to the start of the ray ``[..., L]`` is marked."""
    length = marked.shape[-1]
    before = jnp.asarray(np.tril(np.ones((length, length), bool), -1))
    before = before.reshape((1,) * (marked.ndim - 1) + before.shape)
    return (marked[..., None, :] & before).any(-1)


def pollute(params: CleanupSsd, waste: jax.Array, draws: jax.Array) -> jax.Array:
    """Waste ``[H, W]`` with perhaps one more, on a random clean river cell (``draws [2]``).

    The first success of the clean cells in random order: there is one with probability
    1 - (1 - p)^m of m cells, and it is on each of them alike.
    """
    river = layout(params.map).river
    bare = jnp.asarray(river) & ~waste
    limit = params.threshold_depletion * river.sum()
    failure = jnp.float32(1.0 - params.waste_spawn_probability)
    chance = 1.0 - failure ** bare.sum().astype(jnp.float32)
    spawns = (waste.sum().astype(jnp.float32) < limit) & (draws[0] < chance)
    return waste | (spawns & choose(bare, draws[1]))


def grow(
    params: CleanupSsd,
    apples: jax.Array,
    waste: jax.Array,
    occupied: jax.Array,
    draws: jax.Array,
) -> jax.Array:
    """Apples ``[H, W]`` with new ones on apple cells that nobody occupies.

    Args:
        params: settings.
        apples: ``[H, W]`` bool.
        waste: ``[H, W]`` bool.
        occupied: ``[H, W]`` bool, cells with an agent.
        draws: ``[K]``, one for each apple cell in reading order.
    """
    land = layout(params.map)
    cells = int(land.river.sum())
    full = growth(waste, cells, params.threshold_depletion, params.threshold_restoration)
    new = draws < params.apple_spawn_probability * full
    fresh = jnp.zeros(apples.shape, bool).at[np.nonzero(land.orchard)].set(new)
    return apples | (fresh & ~occupied)


def observe(params: CleanupSsd, state: State) -> jax.Array:
    """Windows ``[N, h, w, N + 6]`` bool: agents, `OBJECTS`, inside of the map (walls included)."""
    land = layout(params.map)
    terrain = (jnp.asarray(land.river), jnp.asarray(land.walls))
    objects = (state.waste, state.apples, *terrain, state.beam)
    everyone = jnp.ones(params.num_agents, bool)
    return grid.observe(state.position, everyone, objects, params.radius)


def cleaner(params: CleanupSsd, key: jax.Array, obs: jax.Array) -> jax.Array:
    """The perpetual cleaner: goes to where its beam cleans most of the waste in view, and cleans.

    With no waste in view it waits where its beam reaches most of the river, which lies on the left
    of every map. ``key`` is consumed.
    """
    waste = look(params, obs, "waste")
    dirty = waste.any()
    met = rays_that_meet(params, jnp.where(dirty, waste, look(params, obs, "river")))
    met = jnp.where(look(params, obs, "wall") | others(params, obs), 0, met)
    best = (met == met.max()) & (met > 0)
    act = dirty & best[params.radius, params.radius]
    return jnp.where(act, CLEAN, walk(params, key, obs, best, jnp.int32(grid.LEFT)))


def gatherer(params: CleanupSsd, key: jax.Array, obs: jax.Array) -> jax.Array:
    """The defector: walks to the nearest apple in view.

    With none in view it walks to the wall on the right, where the apple cells of every map are,
    then up and down at random. ``key`` is consumed.
    """
    key_walk, key_turn = jax.random.split(key)
    at_wall = look(params, obs, "wall")[params.radius, params.radius + 1]
    turn = jax.random.randint(key_turn, (), grid.UP, grid.DOWN + 1)
    otherwise = jnp.where(at_wall, turn, grid.RIGHT)
    return walk(params, key_walk, obs, look(params, obs, "apple"), otherwise)


def cooperator(params: CleanupSsd, key: jax.Array, obs: jax.Array) -> jax.Array:
    """Divides the labour: cleans unless somebody in view is nearer to the river, else gathers.

    Nearer is further to the left. ``key`` is consumed.
    """
    nearer = others(params, obs)[:, : params.radius].any()
    return jnp.where(nearer, gatherer(params, key, obs), cleaner(params, key, obs))


def walk(
    params: CleanupSsd, key: jax.Array, obs: jax.Array, marked: jax.Array, otherwise: jax.Array
) -> jax.Array:
    """A move ``[]`` towards the nearest cell of ``marked [h, w]``, `otherwise` where there is none.

    It is a random one where an agent stands in the way. ``key`` is consumed.
    """
    key_step, key_round = jax.random.split(key)
    step = grid.step_towards(marked, key_step, otherwise)
    blocked = others(params, obs)[tuple(params.radius + grid.displacement(step))]
    around = jax.random.randint(key_round, (), 0, grid.STAY)
    return jnp.where(blocked, around, step).astype(jnp.int32)


def look(params: CleanupSsd, obs: jax.Array, kind: str) -> jax.Array:
    """The plane ``[h, w]`` of one of `OBJECTS`."""
    return obs[..., params.num_agents + OBJECTS.index(kind)]


def others(params: CleanupSsd, obs: jax.Array) -> jax.Array:
    """``[h, w]`` bool, where the other agents stand."""
    agents = obs[..., : params.num_agents].any(-1)
    return agents.at[params.radius, params.radius].set(False)


def rays_that_meet(params: CleanupSsd, marked: jax.Array) -> jax.Array:
    """Rays ``[h, w]`` int32 of a beam fired from each cell that meet one of ``marked [h, w]``."""
    size, border = len(marked), max(params.beam_length, params.beam_width)
    centre = np.argwhere(np.ones((size, size), bool)).astype(np.int32) + border
    cells = centre.reshape(size, size, 1, 1, 2) + rays(params)  # [h, w, R, L, 2]
    return read(jnp.pad(marked, border), jnp.asarray(cells)).any(-1).sum(-1, dtype=jnp.int32)


def picture(params: CleanupSsd, state: State) -> np.ndarray:
    """A picture ``[h, w, 3]`` uint8 of the map."""
    land = layout(params.map)
    ground = ((land.river, render.RIVER), (land.orchard, render.ORCHARD), (land.walls, render.WALL))
    objects = ((state.beam, render.BEAM), (state.waste, render.WASTE), (state.apples, render.APPLE))
    everyone = np.ones(params.num_agents, bool)
    return render.picture(land.shape, (*ground, *objects), state.position, everyone)
