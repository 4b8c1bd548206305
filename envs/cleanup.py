"""Cleanup: apples grow only while somebody cleans the river (Kong et al. 2024, section 5).

Letters: N agents, H W rows and columns, K cells of a region (the river or the orchard).

Paper: 8x8 map, 4 agents, 100 steps, moves plus "clean" and "pick"; an apple pays 1; there are no
beams, an agent cleans or picks where it stands; growth falls linearly to zero as waste nears the
depletion threshold; an episode starts with waste at the threshold and no apples.

Ours, where the paper has no rule (from the author's prototype where that has one): the river is
the top 2 rows, the orchard the bottom 2; agents start on distinct cells of the rows between and may
share cells later; windows are 5x5. In a step all agents move, clean or pick; then, both by the
density of the waste left after cleaning, below the depletion threshold one waste appears with
probability 0.1 on a random clean river cell, and with the probability of the linear law one apple
appears on a random orchard cell without an apple (an agent may stand there). With thresholds 0.5
and 0 and 16 river cells that probability is 1 - waste / 8. `apple_growth` offers the rule of
Vinitsky's Cleanup instead, in which every orchard cell draws for itself. If several agents clean
the same waste or pick the same apple in one step, one of them, drawn fairly, gets it; only that
agent is counted, paid and charged.

The extended game of the paper has 8 agents; its other sizes in the registry are ours (12x12 map, 3
river and 3 orchard rows, 7x7 windows, 18 waste at the start, 150 steps).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks, grid, motion, render
from envs.types import Env, EnvSpec, Step

CLEAN, PICK = len(grid.MOVES), len(grid.MOVES) + 1
ACTIONS = (*grid.MOVES, "clean", "pick")
EVENTS = ("waste_cleaned", "apples")


class State(NamedTuple):
    """Everything that changes during an episode."""

    position: jax.Array  # [N, 2] int32
    waste: jax.Array  # [H, W] bool, in the river only
    apples: jax.Array  # [H, W] bool, in the orchard only
    time: jax.Array  # [] int32


class Draws(NamedTuple):
    """All randomness of one step, float32 in [0, 1)."""

    priority: jax.Array  # [N], the highest wins a contest
    waste: jax.Array  # [2], whether waste appears and where
    apples: jax.Array  # [2], whether an apple appears and where; growth "cell": [K], one per cell


@dataclass(frozen=True)
class Cleanup:
    """Settings of Cleanup."""

    name: ClassVar[str] = "cleanup"
    version: ClassVar[int] = 1

    num_agents: int = 4
    """Number of agents, 2 to 16."""
    rows: int = 8
    """Rows of the map, 2 to 64."""
    columns: int = 8
    """Columns of the map, 2 to 64."""
    river_rows: int = 2
    """Rows of the river, at the top, 1 or more."""
    orchard_rows: int = 2
    """Rows of the orchard, at the bottom, 1 or more."""
    radius: int = 2
    """Cells that an agent sees to each side, 1 to 7 (2: a 5x5 window)."""
    horizon: int = 100
    """Steps of an episode, 1 or more."""
    initial_waste: int = 8
    """Waste at the start, 0 to the number of river cells, on distinct ones."""
    waste_spawn_probability: float = 0.1
    """Probability per step that one waste appears, below the depletion threshold, in [0, 1]."""
    apple_spawn_probability: float = 1.0
    """Probability per step of an apple when the river is clean, in [0, 1]; per cell with growth
    "cell"."""
    threshold_depletion: float = 0.5
    """Fraction of river cells with waste at and above which nothing grows, in (restoration, 1]."""
    threshold_restoration: float = 0.0
    """Fraction of river cells with waste at and below which growth is full, in [0, 1)."""
    apple_growth: Literal["orchard", "cell"] = "orchard"
    """Growth per step: "orchard", at most one apple; "cell", every empty cell draws by itself."""
    apple_reward: float = 1.0
    """Reward of an apple."""
    cleaning_cost: float = 0.0
    """Cost of cleaning one waste, 0 or more."""

    def __post_init__(self) -> None:
        """Checks every setting; raises `ConfigError` on one that cannot work."""
        grid.check_map(self.rows, self.columns, self.num_agents, self.radius, self.horizon)
        checks.integer("river_rows", self.river_rows, 1)
        checks.integer("orchard_rows", self.orchard_rows, 1)
        between = self.rows - self.river_rows - self.orchard_rows
        checks.require(
            between * self.columns >= self.num_agents,
            "river_rows + orchard_rows",
            self.river_rows + self.orchard_rows,
            f"leave between them rows of {self.num_agents} cells or more in all for the agents "
            f"to start on, of the map's {self.rows} rows of {self.columns}",
        )
        checks.integer("initial_waste", self.initial_waste, 0, self.river_rows * self.columns)
        checks.probability("waste_spawn_probability", self.waste_spawn_probability)
        checks.probability("apple_spawn_probability", self.apple_spawn_probability)
        check_thresholds(self.threshold_depletion, self.threshold_restoration)
        checks.choice("apple_growth", self.apple_growth, ("orchard", "cell"))
        checks.number("apple_reward", self.apple_reward)
        checks.number("cleaning_cost", self.cleaning_cost, 0.0)

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings."""
        whole = grid.spec(self, ACTIONS, ("waste", "apple"), EVENTS, max_return(self))
        return whole._replace(helps=("waste_cleaned",))

    def build(self) -> Env:
        """The game as pure functions."""
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
                "pretender": lambda key, obs, agent: grid.pretended(cleaner(self, key, obs), CLEAN),
                "random": lambda key, obs, agent: jax.random.randint(key, (), 0, len(ACTIONS)),
            },
        )


def max_return(params: Cleanup) -> float:
    """An upper bound: an apple in every step, or with growth "cell" one for every agent."""
    apples = 1
    if params.apple_growth == "cell":
        apples = min(params.num_agents, params.orchard_rows * params.columns)
    return max(0.0, params.apple_reward * apples * params.horizon)


def reset(params: Cleanup, key: jax.Array) -> tuple[State, jax.Array]:
    """Draws distinct river cells for waste, and distinct cells between the regions for agents.

    ``key`` is consumed.
    """
    key_waste, key_agents = jax.random.split(key)
    shape = (params.rows, params.columns)
    river = (params.river_rows, params.columns)
    between = (params.rows - params.river_rows - params.orchard_rows, params.columns)
    first = jnp.asarray(np.array([params.river_rows, 0], np.int32))
    state = State(
        position=grid.random_cells(key_agents, between, params.num_agents) + first[None],
        waste=grid.mark(shape, grid.random_cells(key_waste, river, params.initial_waste)),
        apples=jnp.zeros(shape, bool),
        time=jnp.int32(0),
    )
    return state, observe(params, state)


def draw(params: Cleanup, key: jax.Array) -> Draws:
    """Draws the randomness of one step. ``key`` is consumed."""
    cells = params.orchard_rows * params.columns
    apples = cells if params.apple_growth == "cell" else 2
    return Draws(*grid.uniforms(key, params.num_agents, 2, apples))


def transition(
    params: Cleanup, state: State, action: jax.Array, draws: Draws
) -> tuple[State, Step]:
    """Moves, cleans and picks, then pollutes and grows. Deterministic given `draws`."""
    position = grid.move(state.position, action, (params.rows, params.columns))
    together = grid.same_cell(position)
    on_waste, on_apple = grid.at(state.waste, position), grid.at(state.apples, position)
    cleans = motion.winners(together, (action == CLEAN) & on_waste, draws.priority)
    picks = motion.winners(together, (action == PICK) & on_apple, draws.priority)

    waste = grid.clear(state.waste, position, cleans)
    apples = grid.clear(state.apples, position, picks)
    cleaned, picked = cleans.astype(jnp.float32), picks.astype(jnp.float32)
    next_state = State(
        position=position,
        waste=pollute(params, waste, draws.waste),
        apples=grow(params, apples, waste, draws.apples),
        time=state.time + 1,
    )
    return next_state, Step(
        obs=observe(params, next_state),
        reward=params.apple_reward * picked - params.cleaning_cost * cleaned,
        active=jnp.ones(params.num_agents, bool),
        terminated=jnp.bool_(False),
        truncated=next_state.time >= params.horizon,
        events={"waste_cleaned": cleaned, "apples": picked},
    )


def pollute(params: Cleanup, waste: jax.Array, draws: jax.Array) -> jax.Array:
    """Waste ``[H, W]``, perhaps with a new one on a random clean river cell (``draws [2]``)."""
    river = waste[: params.river_rows]
    limit = params.threshold_depletion * river.size
    spawns = (river.sum().astype(jnp.float32) < limit) & (draws[0] < params.waste_spawn_probability)
    return waste.at[: params.river_rows].set(river | (spawns & choose(~river, draws[1])))


def grow(params: Cleanup, apples: jax.Array, waste: jax.Array, draws: jax.Array) -> jax.Array:
    """Apples ``[H, W]`` with new ones, by the linear law of waste (`growth`).

    Args:
        params: settings.
        apples: ``[H, W]`` bool.
        waste: ``[H, W]`` bool.
        draws: ``[2]``, or ``[K]`` with growth "cell".
    """
    cells = params.river_rows * params.columns
    full = growth(waste, cells, params.threshold_depletion, params.threshold_restoration)
    probability = params.apple_spawn_probability * full
    orchard = apples[-params.orchard_rows :]
    if params.apple_growth == "cell":
        new = (draws < probability).reshape(orchard.shape)
    else:
        new = (draws[0] < probability) & choose(~orchard, draws[1])
    return apples.at[-params.orchard_rows :].set(orchard | new)


def check_thresholds(depletion: float, restoration: float) -> None:
    """Checks the settings of `growth`.

    Raises:
        ConfigError: one is not in [0, 1], or depletion is not above restoration.
    """
    checks.probability("threshold_restoration", restoration)
    checks.probability("threshold_depletion", depletion)
    remedy = f"use a value above threshold_restoration, {restoration:g}"
    checks.require(restoration < depletion, "threshold_depletion", depletion, remedy)


def growth(waste: jax.Array, cells: int, depletion: float, restoration: float) -> jax.Array:
    """Growth as a fraction of full growth, ``[]`` float32 in [0, 1], by the density of waste.

    The law (Hughes et al. 2018): full growth up to the restoration threshold, none from the
    depletion threshold on, linear in the density of waste between.

    Args:
        waste: ``[H, W]`` bool.
        cells: cells of the river.
        depletion: fraction of them with waste at and above which nothing grows.
        restoration: fraction of them with waste at and below which growth is full.
    """
    room = cells * depletion - waste.sum().astype(jnp.float32)
    return jnp.clip(room / (cells * (depletion - restoration)), 0.0, 1.0)


def choose(mask: jax.Array, draw: jax.Array) -> jax.Array:
    """A random cell of ``mask [h, w]``, none if it is empty, by ``draw []`` uniform in [0, 1)."""
    flat = mask.reshape(-1)
    rank = jnp.cumsum(flat.astype(jnp.int32))
    count = rank[-1]
    chosen = jnp.floor(draw * count.astype(jnp.float32)).astype(jnp.int32)
    chosen = jnp.minimum(chosen, count - 1)  # the product may round up to the count
    return (flat & (rank == chosen + 1)).reshape(mask.shape)


def observe(params: Cleanup, state: State) -> jax.Array:
    """Windows ``[N, h, w, N + 3]`` bool: agents, waste, apples, inside of the map."""
    everyone = jnp.ones(params.num_agents, bool)
    return grid.observe(state.position, everyone, (state.waste, state.apples), params.radius)


def cleaner(params: Cleanup, key: jax.Array, obs: jax.Array) -> jax.Array:
    """The perpetual cleaner (Kong et al. 2024, Fig. 8): walks to the nearest waste and cleans it.

    With none in view it walks up to the river, then left and right at random. ``key`` is consumed.
    """
    above = obs[: params.radius, params.radius, -1].sum()
    in_river = above < min(params.river_rows, params.radius)
    return worker(params, key, obs[..., params.num_agents], CLEAN, in_river, grid.UP)


def gatherer(params: Cleanup, key: jax.Array, obs: jax.Array) -> jax.Array:
    """The defector: walks to the nearest apple and picks it, waits in the orchard for more.

    With none in view it walks down to the orchard, then left and right at random. Of several
    nearest apples it draws one: if all gatherers went to the first, they would compete for the same
    apple (three of them and a cleaner then earn 61 a game rather than 70). ``key`` is consumed.
    """
    below = obs[params.radius + 1 :, params.radius, -1].sum()
    in_orchard = below < min(params.orchard_rows, params.radius)
    return worker(params, key, obs[..., params.num_agents + 1], PICK, in_orchard, grid.DOWN)


def cooperator(params: Cleanup, key: jax.Array, obs: jax.Array) -> jax.Array:
    """Does a part of the cleaning: cleans while waste is in view, else gathers apples in view.

    With neither in view it searches for waste or apples, as a fair coin decides in each step, so
    that it returns to the river when no more apples grow. A policy that always cleaned would earn
    nothing even if all agents followed it, unlike in the paper's Schelling diagram. With this
    policy, as in the diagram, all agents earn more if all cooperate, and each one earns more by
    defecting if another cooperates. ``key`` is consumed.
    """
    key_coin, key_act = jax.random.split(key)
    sees_waste, sees_apple = (
        obs[..., params.num_agents].any(),
        obs[..., params.num_agents + 1].any(),
    )
    cleans = sees_waste | (~sees_apple & jax.random.bernoulli(key_coin))
    return jnp.where(cleans, cleaner(params, key_act, obs), gatherer(params, key_act, obs))


def worker(
    params: Cleanup,
    key: jax.Array,
    window: jax.Array,
    act: int,
    at_work: jax.Array,
    way: int,
) -> jax.Array:
    """Acts on a marked cell, walks to the nearest one in view, or searches. ``key`` is consumed.

    Args:
        params: settings.
        key: consumed.
        window: ``[h, w]`` bool, the cells that it works on.
        act: the action on a marked cell.
        at_work: ``[]`` bool, it stands in the region where such cells are.
        way: the move that leads to that region.
    """
    key_walk, key_side = jax.random.split(key)
    sideways = jax.random.randint(key_side, (), grid.LEFT, grid.RIGHT + 1)
    walk = grid.step_towards(window, key_walk, jnp.where(at_work, sideways, way))
    return jnp.where(window[params.radius, params.radius], act, walk).astype(jnp.int32)


def picture(params: Cleanup, state: State) -> np.ndarray:
    """A picture ``[h, w, 3]`` uint8 of the map."""
    shape = (params.rows, params.columns)
    river, orchard = np.zeros(shape, bool), np.zeros(shape, bool)
    river[: params.river_rows] = True
    orchard[-params.orchard_rows :] = True
    ground = ((river, render.RIVER), (orchard, render.ORCHARD))
    objects = (*ground, (state.waste, render.WASTE), (state.apples, render.APPLE))
    return render.picture(shape, objects, state.position)
