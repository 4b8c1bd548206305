"""Cleanup of the sequential social dilemmas: apples grow where someone cleans (Hughes et al. 2018).

Letters: N agents, H W rows and columns of the map, P spawn cells, K apple cells, R rays of a beam,
L cells of a ray, h w rows and columns of a window.

`envs.ssd` has the rules of moves, beams and windows. What Cleanup adds, by the code of Vinitsky et
al., on the 25x18 map with 5 agents (103 apple cells, 119 river cells, waste on 56 of them):

* Cleaning beams are fired after the other beams, one agent after the other in random order. Their
  rays end also at the first waste, which becomes clean river, even below an agent; so one beam
  cleans 3 cells at most, and a later beam passes through cells that an earlier one has cleaned.
  Cleaning costs nothing.
* At the start, waste lies on the map's waste cells and there are no apples, but both spawn once
  before the first observation. Agents can walk on everything but walls and other agents.
* If after cleaning the fraction of river cells with waste is at or above the depletion threshold,
  nothing spawns. Below it each apple cell without apple and agent gets an apple with the
  probability of the linear law (`cleanup.growth`), and the clean river cells, in random order, draw
  with the probability of waste until one succeeds: at most one waste, and almost surely one if many
  cells are clean. Waste may appear below an agent. So nothing grows until 9 cells are cleaned, and
  waste that nobody cleans settles at 48 cells. In the level of DeepMind Lab2D there is one draw for
  waste (`waste_rule` "one_draw"), so that it comes half as often; there waste also spawns above the
  threshold, which is not offered here.
* Apple cells without an apple look like any floor.

The maps 7x7 (5 apple cells, 2 waste cells) and 10x10 (12 apple cells, 8 waste and 8 clean river
cells) are those on which Yang et al. (2020, LIO) report results, with a wrapper and a fork of that
code: 2 agents, 50 steps, no turning and no fire; agents start on fixed cells, on 7x7 agent 0 beside
the river and agent 1 beside the apples. Apples spawn with probability 0.5 (10x10: 0.3), the
depletion threshold is 0.6 (0.4); windows are 9x9 (15x15), so that all agents see the whole map.

Ours: agents clean in the order of the priorities that settle contests (LIO: in seat order); a beam
of 5 or more rays has all of them (LIO: only the middle ray and the two outermost).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks, grid, render, ssd
from envs.cleanup import check_thresholds, choose, growth
from envs.ssd import Layout, Ssd
from envs.types import Env, EnvSpec, Step

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
    "25x18": (
        "@@@@@@@@@@@@@@@@@@",
        "@RRRRRR     BBBBB@",
        "@HHHHHH      BBBB@",
        "@RRRRRR     BBBBB@",
        "@RRRRR  P    BBBB@",
        "@RRRRR    P BBBBB@",
        "@HHHHH       BBBB@",
        "@RRRRR      BBBBB@",
        "@HHHHHHSSSSSSBBBB@",
        "@HHHHHHSSSSSSBBBB@",
        "@RRRRR   P P BBBB@",
        "@HHHHH   P  BBBBB@",
        "@RRRRRR    P BBBB@",
        "@HHHHHH P   BBBBB@",
        "@RRRRR       BBBB@",
        "@HHHH    P  BBBBB@",
        "@RRRRR       BBBB@",
        "@HHHHH  P P BBBBB@",
        "@RRRRR       BBBB@",
        "@HHHH       BBBBB@",
        "@RRRRR       BBBB@",
        "@HHHHH      BBBBB@",
        "@RRRRR       BBBB@",
        "@HHHH       BBBBB@",
        "@@@@@@@@@@@@@@@@@@",
    ),
}
"""Maps by name, with the letters of `ssd.layout`."""


SHARE = 0.1
"""A cooperator that can turn cleans while more than this part of the river in view has waste."""


class State(NamedTuple):
    """Everything that changes during an episode."""

    position: jax.Array  # [N, 2] int32, distinct cells
    heading: jax.Array  # [N] int32, quarter turns to the right from facing up
    waste: jax.Array  # [H, W] bool, in the river only
    apples: jax.Array  # [H, W] bool, in the orchard only
    beam: jax.Array  # [H, W] bool, cells that cleaning beams passed in the last step
    fire: jax.Array  # [H, W] bool, cells that other beams passed in the last step
    time: jax.Array  # [] int32


class Draws(NamedTuple):
    """All randomness of one step, float32 in [0, 1)."""

    priority: jax.Array  # [N], the highest wins a contest and cleans first
    waste: jax.Array  # [2], whether waste appears and where
    apples: jax.Array  # [K], whether each apple cell gets one


@dataclass(frozen=True)
class CleanupSsd(Ssd):
    """Settings of the Cleanup of the sequential social dilemmas."""

    name: ClassVar[str] = "cleanup_ssd"
    version: ClassVar[int] = 2

    map: str = "25x18"
    """Name of the map: "25x18", "10x10" or "7x7" with 10, 3 or 2 spawn cells; or a map as text of
    several lines, on the command line also a file *.txt that holds one: wall @, river R, river with
    waste H, stream S, apple cell B, spawn cell P, and spaces. Scripted players expect the river on
    the left and apples on the right."""
    apple_spawn_probability: float = 0.05
    """Probability of an apple per step and apple cell when the river is clean, in [0, 1]."""
    waste_rule: Literal["until_one", "one_draw"] = "until_one"
    """Whether waste appears: "until_one", clean river cells draw for it in turn until one succeeds;
    "one_draw", a single draw decides."""
    waste_spawn_probability: float = 0.5
    """Probability of each of these draws, in [0, 1]."""
    threshold_depletion: float = 0.4
    """Fraction of river cells with waste at and above which nothing spawns, in (restoration, 1]."""
    threshold_restoration: float = 0.0
    """Fraction of river cells with waste at and below which apple growth is full, in [0, 1)."""
    cleaning_cost: float = 0.0
    """Cost of the action "clean", whether it cleans anything or not, 0 or more."""

    def __post_init__(self) -> None:
        """Checks every setting; raises `ConfigError` on one that cannot work."""
        ssd.check(self, MAPS, self.map, {"apple cells": "B", "river cells": "RH"}, "S")
        checks.probability("apple_spawn_probability", self.apple_spawn_probability)
        checks.choice("waste_rule", self.waste_rule, ("until_one", "one_draw"))
        checks.probability("waste_spawn_probability", self.waste_spawn_probability)
        check_thresholds(self.threshold_depletion, self.threshold_restoration)
        checks.number("cleaning_cost", self.cleaning_cost, 0.0)

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings."""
        counts = ssd.events(self, "waste_cleaned", "apples")
        sizes = land_of(self), actions(self), objects(self), counts, max_return(self)
        return ssd.spec(self, *sizes)._replace(helps=("waste_cleaned",))

    def build(self) -> Env:
        """The game as pure functions."""
        count = len(actions(self))
        return Env(
            spec=self.spec(),
            settings=self,
            reset=lambda key: reset(self, key),
            draw=lambda key: draw(self, key),
            transition=lambda state, action, draws: transition(self, state, action, draws),
            render=lambda state: picture(self, state),
            scripted={
                "cooperator": lambda key, obs, agent: cooperator(self, key, obs),
                "defector": lambda key, obs, agent: gatherer(self, key, obs),
                "cleaner": lambda key, obs, agent: cleaner(self, key, obs),
                "random": lambda key, obs, agent: jax.random.randint(key, (), 0, count),
            },
        )


def land_of(params: CleanupSsd) -> Layout:
    """The map."""
    return ssd.land(MAPS, params.map)


def actions(params: CleanupSsd) -> tuple[str, ...]:
    """Names of the actions; "clean" is the last."""
    return ssd.actions(params, "clean")


def objects(params: CleanupSsd) -> tuple[str, ...]:
    """Names of the kinds of objects in a window, in the order of their planes."""
    stream = ("stream",) if land_of(params).stream.any() else ()
    return ("waste", "apple", "river", *stream, "wall", "beam", *(("fire",) if params.fire else ()))


def max_return(params: CleanupSsd) -> float:
    """An upper bound: each agent eats in every step, except the first if no apples spawn before."""
    land = land_of(params)
    starts_bare = land.waste.sum() >= params.threshold_depletion * land.river.sum()
    steps = params.horizon - starts_bare
    eaters = min(params.num_agents, land.orchard.sum())
    return max(0.0, float(params.apple_reward * eaters * steps))


def reset(params: CleanupSsd, key: jax.Array) -> tuple[State, jax.Array]:
    """Puts agents on spawn cells and waste on the map; then apples and waste spawn once.

    ``key`` is consumed.
    """
    key_start, key_spawn = jax.random.split(key)
    land, draws = land_of(params), draw(params, key_spawn)
    position, heading = ssd.begin(params, land, key_start)
    waste, nowhere = jnp.asarray(land.waste), jnp.zeros(land.shape, bool)
    state = State(
        position=position,
        heading=heading,
        waste=pollute(params, waste, draws.waste),
        apples=grow(params, nowhere, waste, grid.mark(land.shape, position), draws.apples),
        beam=nowhere,
        fire=nowhere,
        time=jnp.int32(0),
    )
    return state, observe(params, state)


def draw(params: CleanupSsd, key: jax.Array) -> Draws:
    """Draws the randomness of one step. ``key`` is consumed."""
    apples = int(land_of(params).orchard.sum())
    return Draws(*grid.uniforms(key, params.num_agents, 2, apples))


def transition(
    params: CleanupSsd, state: State, action: jax.Array, draws: Draws
) -> tuple[State, Step]:
    """Moves, eats, fires, cleans, pollutes, grows. Deterministic given `draws`."""
    land, names = land_of(params), actions(params)
    position, heading = ssd.move(
        params, land, state.position, state.heading, action, draws.priority
    )
    occupied = grid.mark(land.shape, position)
    eaten = grid.at(state.apples, position).astype(jnp.float32)
    aim = ssd.aim(params, land, position, heading)
    cleans = action == names.index("clean")
    waste, beam, cleaned = clean(params, state.waste, aim, cleans, draws.priority)
    reward = params.apple_reward * eaten - params.cleaning_cost * cleans.astype(jnp.float32)
    events, fire = {"waste_cleaned": cleaned, "apples": eaten}, state.fire
    if params.fire:
        fire, fines, counts = ssd.fire(params, land, aim, action == names.index("fire"))
        reward, events = reward - fines, events | counts
    next_state = State(
        position=position,
        heading=heading,
        waste=pollute(params, waste, draws.waste),
        apples=grow(params, state.apples & ~occupied, waste, occupied, draws.apples),
        beam=beam,
        fire=fire,
        time=state.time + 1,
    )
    return next_state, Step(
        obs=observe(params, next_state),
        reward=reward,
        active=jnp.ones(params.num_agents, bool),
        terminated=jnp.bool_(False),
        truncated=next_state.time >= params.horizon,
        events=events,
    )


def clean(
    params: CleanupSsd,
    waste: jax.Array,
    aim: ssd.Aim,
    cleans: jax.Array,
    priority: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Fires cleaning beams, one after the other.

    Args:
        params: settings.
        waste: ``[H, W]`` bool.
        aim: everyone's beam.
        cleans: ``[N]`` bool, the agents that fire one.
        priority: ``[N]`` float32, the highest fires first.

    Returns:
        ``[H, W]`` bool, the waste that is left; ``[H, W]`` bool, the cells that a beam passed; and
        ``[N]`` float32, how much waste each agent cleaned.
    """
    reach = aim.reach & cleans[:, None, None]

    def sweep(waste: jax.Array, beam: tuple) -> tuple[jax.Array, tuple]:
        cells, reach = beam
        dirty = reach & ssd.read(waste, cells)
        hit, lit = dirty & ~ssd.earlier(dirty), reach & ~ssd.earlier(dirty)
        left = grid.clear(waste, cells.reshape(-1, 2), hit.reshape(-1))
        return left, (lit, hit.sum(dtype=jnp.float32))

    order = jnp.argsort(-priority)
    waste, (lit, cleaned) = jax.lax.scan(sweep, waste, (aim.cells[order], reach[order]))
    passed = ssd.light(land_of(params), aim.cells[order], lit)
    return waste, passed, cleaned[jnp.argsort(order)]


def pollute(params: CleanupSsd, waste: jax.Array, draws: jax.Array) -> jax.Array:
    """Waste ``[H, W]``, perhaps with a new one on a random clean river cell (``draws [2]``).

    With `waste_rule` "until_one" it is the first success of the clean cells in random order: among
    m cells there is one with probability 1 - (1 - p)^m, on each cell with equal probability.
    """
    river = land_of(params).river
    bare = jnp.asarray(river) & ~waste
    limit = params.threshold_depletion * river.sum()
    chance = jnp.float32(params.waste_spawn_probability)
    if params.waste_rule == "until_one":
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
    land = land_of(params)
    cells = int(land.river.sum())
    full = growth(waste, cells, params.threshold_depletion, params.threshold_restoration)
    new = draws < params.apple_spawn_probability * full
    fresh = jnp.zeros(apples.shape, bool).at[np.nonzero(land.orchard)].set(new)
    return apples | (fresh & ~occupied)


def observe(params: CleanupSsd, state: State) -> jax.Array:
    """Every agent's window, see `ssd.observe`."""
    land = land_of(params)
    everything = {
        "waste": state.waste,
        "apple": state.apples,
        "river": jnp.asarray(land.river),
        "stream": jnp.asarray(land.stream),
        "wall": jnp.asarray(land.walls),
        "beam": state.beam,
        "fire": state.fire,
    }
    layers = {kind: everything[kind] for kind in objects(params)}
    return ssd.observe(params, state.position, state.heading, layers)


def cleaner(params: CleanupSsd, key: jax.Array, obs: jax.Array) -> jax.Array:
    """The perpetual cleaner: goes to where its beam cleans most of the waste in view, and cleans.

    With no waste in view it goes to where its beam reaches most of the river, and with no river in
    view it searches; on the small maps, without turning, the river is on the left. ``key`` is
    consumed.
    """
    key_walk, key_search = jax.random.split(key)
    waste, wall = look(params, obs, "waste"), look(params, obs, "wall")
    dirty = waste.any()
    met = rays_that_meet(params, jnp.where(dirty, waste, look(params, obs, "river")))
    met = jnp.where(wall | ssd.others(params, obs), 0, met)
    best = (met == met.max()) & (met > 0)
    act = dirty & best[params.radius, params.radius]
    way = ssd.search(params, key_search, wall) if params.turning else jnp.int32(grid.LEFT)
    step = ssd.walk(params, key_walk, obs, best, way)
    return jnp.where(act, actions(params).index("clean"), step)


def gatherer(params: CleanupSsd, key: jax.Array, obs: jax.Array) -> jax.Array:
    """The defector: walks to the nearest apple in view.

    With none in view it goes away from the river, and with no river in view it searches. Without
    turning it goes to the wall on the right, where the apple cells of every map are, then up and
    down at random. ``key`` is consumed.
    """
    key_walk, key_turn = jax.random.split(key)
    wall = look(params, obs, "wall")
    if params.turning:
        key_walk, key_away = jax.random.split(key_walk)
        towards = grid.step_towards(look(params, obs, "river"), key_away, jnp.int32(grid.STAY))
        away = jnp.asarray(np.array([grid.DOWN, grid.UP, grid.RIGHT, grid.LEFT, grid.STAY]))
        away = away[towards].astype(jnp.int32)
        shut = wall[tuple(params.radius + grid.displacement(away))] | (away == grid.STAY)
        otherwise = jnp.where(shut, ssd.search(params, key_turn, wall), away)
    else:
        at_wall = wall[params.radius, params.radius + 1]
        turn = jax.random.randint(key_turn, (), grid.UP, grid.DOWN + 1)
        otherwise = jnp.where(at_wall, turn, grid.RIGHT)
    return ssd.walk(params, key_walk, obs, look(params, obs, "apple"), otherwise)


def cooperator(params: CleanupSsd, key: jax.Array, obs: jax.Array) -> jax.Array:
    """Does a part of the cleaning.

    With turning it cleans while there is waste on more than `SHARE` of the river in view, else it
    gathers. Without turning, where the whole map is in view, cooperators divide the labour: an
    agent cleans unless another is nearer to the river, that is, further to the left. ``key`` is
    consumed.
    """
    if params.turning:
        waste = look(params, obs, "waste")
        river = waste | look(params, obs, "river")
        limit = SHARE * river.sum(dtype=jnp.float32)
        gathers = waste.sum(dtype=jnp.float32) <= limit
    else:
        gathers = ssd.others(params, obs)[:, : params.radius].any()
    return jnp.where(gathers, gatherer(params, key, obs), cleaner(params, key, obs))


def look(params: CleanupSsd, obs: jax.Array, kind: str) -> jax.Array:
    """Where a window shows one of `objects`, ``[h, w]`` bool."""
    return ssd.look(params, obs, objects(params), kind)


def rays_that_meet(params: CleanupSsd, marked: jax.Array) -> jax.Array:
    """Counts ``[h, w]`` int32 of the rays that meet ``marked [h, w]`` when fired from each cell."""
    size, border = len(marked), max(params.beam_length, params.beam_width)
    centre = np.argwhere(np.ones((size, size), bool)).astype(np.int32) + border
    ahead = ssd.rays(params.beam_width, params.beam_length)[0]
    cells = centre.reshape(size, size, 1, 1, 2) + ahead  # [h, w, R, L, 2]
    return ssd.read(jnp.pad(marked, border), jnp.asarray(cells)).any(-1).sum(-1, dtype=jnp.int32)


def picture(params: CleanupSsd, state: State) -> np.ndarray:
    """A picture ``[h, w, 3]`` uint8 of the map."""
    land = land_of(params)
    terrain = (
        (land.river, render.RIVER),
        (land.stream, render.STREAM),
        (land.orchard, render.ORCHARD),
        (land.walls, render.WALL),
        (state.fire, render.FIRE),
        (state.beam, render.BEAM),
    )
    things = ((state.waste, render.WASTE), (state.apples, render.APPLE))
    heading = state.heading if params.turning else None
    return render.picture(land.shape, (*terrain, *things), state.position, heading=heading)
