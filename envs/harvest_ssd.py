"""Harvest of the sequential social dilemmas: apples grow by apples near them (Hughes et al. 2018).

Letters: N agents, H W rows and columns of the map, K apple cells, M cells of a neighbourhood, h w
rows and columns of a window.

`envs.ssd` has the rules of moves, beams and windows. What Harvest adds, by the code of Vinitsky et
al., on the 16x38 map with 5 agents (155 apple cells, 20 spawn cells):

* All apple cells have an apple at first. After everybody has eaten and fired, each apple cell
  without apple and agent gets one with a probability that depends on the apples in its
  neighbourhood before this growth: 0, 0.005, 0.02 and 0.05 for none, 1, 2, and 3 or more. So an
  apple cell gets no apple while there is none near it.
* The neighbourhood is the 8 cells around (`neighbourhood` "moore"): that code calls its radius 2
  but compares it with squared distances, and took the square of 5x5 ("box") before April 2019. The
  paper's appendix is quoted with the 12 cells at most 2 moves away ("l1").
* Apple cells without an apple look like any floor.

Ours: the map 9x13, for development, with four patches of 5 apples and 7 spawn cells. The registry's
game on it has 3 agents, 200 steps, and four times these probabilities: cooperators earn 69 together
and defectors, which deplete all patches, 21.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks, grid, render, ssd
from envs.ssd import Layout, Ssd
from envs.types import Env, EnvSpec, Step

OBJECTS = ("apple", "wall")
MAPS = {
    "9x13": (
        "@@@@@@@@@@@@@",
        "@P   B   P  @",
        "@   BBB   B @",
        "@    B   BBB@",
        "@P   P    B @",
        "@ B    B    @",
        "@BBB  BBB  P@",
        "@ B P  B   P@",
        "@@@@@@@@@@@@@",
    ),
    "16x38": (
        "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@",
        "@ P   P      B    P BBBBB    P  B P  @",
        "@  P     B P BB    P    BBB    B  B  @",
        "@     B BBB  BBB    B    B BB BBBB   @",
        "@ B  BBB B    B  B BBB  B  B   B B   @",
        "@BBB  B B    B  BBB B  BBB        B P@",
        "@ B B  BBB  BBB  B B    B BB   BB BB @",
        "@  B B  BBB    B B  BBB    BBB  B    @",
        "@   BBB  B      BBB  B    BBBB       @",
        "@ P  B       B  B BBB    B  B      P @",
        "@B  BBB  B  B  BBB B    BBBB     P   @",
        "@    B B   BBB  B B      B BB   B  P @",
        "@     BBB   B B  BBB      BB   BBB P @",
        "@ B    B     BBB  B  P          B    @",
        "@       P     B         P  P P     P @",
        "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@",
    ),
}
"""Maps by name, with the letters of `ssd.layout`."""
REACH = 2
"""Cells to each side that the largest neighbourhood reaches."""


class State(NamedTuple):
    """Everything that changes during an episode."""

    position: jax.Array  # [N, 2] int32, distinct cells
    heading: jax.Array  # [N] int32, quarter turns to the right from facing up
    apples: jax.Array  # [H, W] bool, in the orchard only
    fire: jax.Array  # [H, W] bool, cells that beams passed in the last step
    time: jax.Array  # [] int32


class Draws(NamedTuple):
    """All randomness of one step, float32 in [0, 1)."""

    priority: jax.Array  # [N], the highest wins a contest
    apples: jax.Array  # [K], whether each apple cell gets one


@dataclass(frozen=True)
class HarvestSsd(Ssd):
    """Settings of the Harvest of the sequential social dilemmas."""

    name: ClassVar[str] = "harvest_ssd"
    version: ClassVar[int] = 1

    map: str = "16x38"
    """Name of the map: "16x38" or "9x13" with 20 or 7 spawn cells; or a map as text of several
    lines, on the command line also a file *.txt that holds one: wall @, apple cell B, spawn cell P,
    and spaces."""
    neighbourhood: Literal["moore", "l1", "box"] = "moore"
    """Cells whose apples make an apple cell grow: the 8 around it, the 12 at most 2 moves away, or
    the 24 of the 5x5 box around it."""
    spawn_probabilities: tuple[float, float, float, float] = (0.0, 0.005, 0.02, 0.05)
    """Probability per step of an apple, in [0, 1], with 0, 1, 2, 3 or more apples in the
    neighbourhood."""

    def __post_init__(self) -> None:
        """Checks every setting; raises `ConfigError` on one that cannot work."""
        ssd.check(self, MAPS, self.map, {"apple cells": "B"})
        checks.choice("neighbourhood", self.neighbourhood, ("moore", "l1", "box"))
        given = self.spawn_probabilities
        four = isinstance(given, tuple) and len(given) == 4
        checks.require(four, "spawn_probabilities", given, "give a tuple of four")
        for probability in given:
            checks.probability("spawn_probabilities", probability)

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings; no bound of its return is known."""
        counts = ssd.events(self, "apples")
        return ssd.spec(self, land_of(self), ssd.actions(self), objects(self), counts, None)

    def build(self) -> Env:
        """The game as pure functions."""
        count = len(ssd.actions(self))
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
                "random": lambda key, obs, agent: jax.random.randint(key, (), 0, count),
            },
        )


def land_of(params: HarvestSsd) -> Layout:
    """The map."""
    return ssd.land(MAPS, params.map)


def objects(params: HarvestSsd) -> tuple[str, ...]:
    """Names of the kinds of objects in a window, in the order of their planes."""
    return (*OBJECTS, *(("fire",) if params.fire else ()))


def reset(params: HarvestSsd, key: jax.Array) -> tuple[State, jax.Array]:
    """Puts agents on spawn cells and apples on all apple cells. ``key`` is consumed."""
    land = land_of(params)
    position, heading = ssd.begin(params, land, key)
    state = State(
        position=position,
        heading=heading,
        apples=jnp.asarray(land.orchard),
        fire=jnp.zeros(land.shape, bool),
        time=jnp.int32(0),
    )
    return state, observe(params, state)


def draw(params: HarvestSsd, key: jax.Array) -> Draws:
    """Draws the randomness of one step. ``key`` is consumed."""
    return Draws(*grid.uniforms(key, params.num_agents, int(land_of(params).orchard.sum())))


def transition(
    params: HarvestSsd, state: State, action: jax.Array, draws: Draws
) -> tuple[State, Step]:
    """Moves, eats, fires, then grows. Deterministic given `draws`."""
    land = land_of(params)
    position, heading = ssd.move(
        params, land, state.position, state.heading, action, draws.priority
    )
    occupied = grid.mark(land.shape, position)
    eaten = grid.at(state.apples, position).astype(jnp.float32)
    reward, events, fire = params.apple_reward * eaten, {"apples": eaten}, state.fire
    if params.fire:
        aim = ssd.aim(params, land, position, heading)
        fires = action == ssd.actions(params).index("fire")
        fire, fines, counts = ssd.fire(params, land, aim, fires)
        reward, events = reward - fines, events | counts
    next_state = State(
        position=position,
        heading=heading,
        apples=grow(params, state.apples & ~occupied, occupied, draws.apples),
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


def grow(params: HarvestSsd, apples: jax.Array, occupied: jax.Array, draws: jax.Array) -> jax.Array:
    """Apples ``[H, W]`` with new ones on apple cells that nobody occupies.

    Args:
        params: settings.
        apples: ``[H, W]`` bool.
        occupied: ``[H, W]`` bool, cells with an agent.
        draws: ``[K]``, one for each apple cell in reading order.
    """
    cells = np.nonzero(land_of(params).orchard)
    near = neighbours(params, apples)[cells]
    chance = jnp.asarray(np.array(params.spawn_probabilities, np.float32))[jnp.minimum(near, 3)]
    fresh = jnp.zeros(apples.shape, bool).at[cells].set(draws < chance)
    return apples | (fresh & ~occupied)


def offsets(params: HarvestSsd) -> np.ndarray:
    """Row and column offsets ``[M, 2]`` of a cell's neighbourhood, without itself."""
    box = np.argwhere(np.ones((2 * REACH + 1,) * 2, bool)) - REACH
    moves, furthest = np.abs(box).sum(-1), np.abs(box).max(-1)
    inside = {"moore": furthest <= 1, "l1": moves <= 2, "box": furthest <= 2}
    return box[inside[params.neighbourhood] & (moves > 0)]


def neighbours(params: HarvestSsd, apples: jax.Array) -> jax.Array:
    """Number of apples in each cell's neighbourhood, ``[h, w]`` int32, of a map or a window."""
    rows, columns = apples.shape
    padded = jnp.pad(apples.astype(jnp.int32), REACH)
    shifts = (offsets(params) + REACH).tolist()
    near = [padded[row : row + rows, column : column + columns] for row, column in shifts]
    return jnp.sum(jnp.stack(near), 0)


def observe(params: HarvestSsd, state: State) -> jax.Array:
    """Every agent's window, see `ssd.observe`."""
    walls = jnp.asarray(land_of(params).walls)
    everything = {"apple": state.apples, "wall": walls, "fire": state.fire}
    layers = {kind: everything[kind] for kind in objects(params)}
    return ssd.observe(params, state.position, state.heading, layers)


def gatherer(params: HarvestSsd, key: jax.Array, obs: jax.Array) -> jax.Array:
    """The defector: walks to the nearest apple in view, else it searches. ``key`` is consumed."""
    key_walk, key_search = jax.random.split(key)
    otherwise = ssd.search(params, key_search, look(params, obs, "wall"))
    return ssd.walk(params, key_walk, obs, look(params, obs, "apple"), otherwise)


def cooperator(params: HarvestSsd, key: jax.Array, obs: jax.Array) -> jax.Array:
    """Gathers, but never eats the last apple of a neighbourhood.

    It neither walks to nor enters the cell of an apple in whose neighbourhood it sees no other
    apple. If all agents do so, no patch is depleted, unless two agents eat its last apples in the
    same step. ``key`` is consumed.
    """
    key_walk, key_search = jax.random.split(key)
    apples = look(params, obs, "apple")
    spare = apples & (neighbours(params, apples) > 0)
    shut = look(params, obs, "wall") | (apples & ~spare)
    otherwise = ssd.search(params, key_search, shut)
    return ssd.walk(params, key_walk, obs, spare, otherwise, avoid=apples & ~spare)


def look(params: HarvestSsd, obs: jax.Array, kind: str) -> jax.Array:
    """Where a window shows one of `objects`, ``[h, w]`` bool."""
    return ssd.look(params, obs, objects(params), kind)


def picture(params: HarvestSsd, state: State) -> np.ndarray:
    """A picture ``[h, w, 3]`` uint8 of the map."""
    land = land_of(params)
    terrain = ((land.orchard, render.ORCHARD), (land.walls, render.WALL))
    things = ((state.fire, render.FIRE), (state.apples, render.APPLE))
    heading = state.heading if params.turning else None
    return render.picture(land.shape, (*terrain, *things), state.position, heading=heading)
