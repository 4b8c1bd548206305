"""Sequential Snowdrift (SSG): one clears the road for all (Kong et al. 2024, section 5).

Letters: N agents, H W rows and columns.

Paper: 8x8 map, 4 agents, 50 steps, moves plus "remove", 6 snowdrifts that do not come back. Each
removal pays 6 to every agent, the remover included, and costs the remover 4, so the most a group of
four can earn is 120.

Ours, where the paper has no rule (from the author's prototype where that has one): an agent
removes the drift on which it stands, agents cannot enter each other's cells, windows are 5x5, an
episode always runs its full length. Drifts start on distinct cells, and so do agents, possibly on
drifts. Ties are settled by a fair draw in each step, not by seat: which agent enters a contested
cell (`envs.motion`), and, where agents do not block each other, which of several agents removes a
drift; only that agent pays the cost.

The extended game of the paper has 8 agents; its other sizes in the registry are ours (12x12 map,
7x7 windows, 12 drifts, 75 steps).
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks, grid, motion, render
from envs.types import Env, EnvSpec, Step

REMOVE = len(grid.MOVES)
ACTIONS = (*grid.MOVES, "remove")
EVENTS = ("drifts_removed",)


class State(NamedTuple):
    """Everything that changes during an episode."""

    position: jax.Array  # [N, 2] int32
    drifts: jax.Array  # [H, W] bool
    time: jax.Array  # [] int32


class Draws(NamedTuple):
    """All randomness of one step."""

    priority: jax.Array  # [N] float32 in [0, 1), the highest wins a contest


@dataclass(frozen=True)
class Snowdrift:
    """Settings of the Sequential Snowdrift game."""

    name: ClassVar[str] = "snowdrift"
    version: ClassVar[int] = 1

    num_agents: int = 4
    """Number of agents, 2 to 16."""
    rows: int = 8
    """Rows of the map, 2 to 64."""
    columns: int = 8
    """Columns of the map, 2 to 64."""
    radius: int = 2
    """Cells that an agent sees to each side, 1 to 7 (2: a 5x5 window)."""
    horizon: int = 50
    """Steps of an episode, 1 or more."""
    num_drifts: int = 6
    """Snowdrifts at the start, 1 to the number of cells."""
    removal_reward: float = 6.0
    """Reward of a removal, to every agent."""
    removal_cost: float = 4.0
    """Cost of a removal, to the agent that removes, 0 or more."""
    blocking: bool = True
    """Agents cannot enter each other's cells (else they may share cells)."""

    def __post_init__(self) -> None:
        """Checks every setting; raises `ConfigError` on one that cannot work."""
        grid.check_map(self.rows, self.columns, self.num_agents, self.radius, self.horizon)
        checks.integer("num_drifts", self.num_drifts, 1, self.rows * self.columns)
        checks.number("removal_reward", self.removal_reward)
        checks.number("removal_cost", self.removal_cost, 0.0)
        is_flag = isinstance(self.blocking, bool)
        checks.require(is_flag, "blocking", self.blocking, "use True or False")

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings."""
        whole = grid.spec(self, ACTIONS, ("drift",), EVENTS, max_return(self))
        return whole._replace(helps=("drifts_removed",))

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
                "cooperator": lambda key, obs, agent: remover(self, key, obs),
                "defector": lambda key, obs, agent: jax.random.randint(key, (), 0, REMOVE),
                "pretender": lambda key, obs, agent: grid.pretended(
                    remover(self, key, obs), REMOVE
                ),
                "random": lambda key, obs, agent: jax.random.randint(key, (), 0, len(ACTIONS)),
            },
        )


def max_return(params: Snowdrift) -> float:
    """The most a group can earn: every drift removed, if that pays."""
    each = params.removal_reward * params.num_agents - params.removal_cost
    return max(0.0, each * params.num_drifts)


def reset(params: Snowdrift, key: jax.Array) -> tuple[State, jax.Array]:
    """Draws distinct cells for the drifts, and distinct ones for agents. ``key`` is consumed."""
    key_drifts, key_agents = jax.random.split(key)
    shape = (params.rows, params.columns)
    state = State(
        position=grid.random_cells(key_agents, shape, params.num_agents),
        drifts=grid.mark(shape, grid.random_cells(key_drifts, shape, params.num_drifts)),
        time=jnp.int32(0),
    )
    return state, observe(params, state)


def draw(params: Snowdrift, key: jax.Array) -> Draws:
    """Draws the randomness of one step. ``key`` is consumed."""
    return Draws(priority=jax.random.uniform(key, (params.num_agents,)))


def transition(
    params: Snowdrift, state: State, action: jax.Array, draws: Draws
) -> tuple[State, Step]:
    """Moves agents, then removes drifts. Deterministic given `draws`."""
    target = grid.move(state.position, action, (params.rows, params.columns))
    if params.blocking:
        position = motion.resolve(state.position, target, draws.priority)
    else:
        position = target
    wants = (action == REMOVE) & grid.at(state.drifts, position)
    removes = motion.winners(grid.same_cell(position), wants, draws.priority)
    removed = removes.astype(jnp.float32)
    next_state = State(
        position=position,
        drifts=grid.clear(state.drifts, position, removes),
        time=state.time + 1,
    )
    return next_state, Step(
        obs=observe(params, next_state),
        reward=params.removal_reward * removed.sum() - params.removal_cost * removed,
        active=jnp.ones(params.num_agents, bool),
        terminated=jnp.bool_(False),
        truncated=next_state.time >= params.horizon,
        events={"drifts_removed": removed},
    )


def observe(params: Snowdrift, state: State) -> jax.Array:
    """Windows ``[N, h, w, N + 2]`` bool: agents, drifts, inside of the map."""
    everyone = jnp.ones(params.num_agents, bool)
    return grid.observe(state.position, everyone, (state.drifts,), params.radius)


def remover(params: Snowdrift, key: jax.Array, obs: jax.Array) -> jax.Array:
    """The scripted cooperator: walks to the nearest drift in view and removes it.

    With none in view it moves at random, as the defector always does. ``key`` is consumed.
    """
    key_walk, key_wander = jax.random.split(key)
    drifts = obs[..., params.num_agents]
    wander = jax.random.randint(key_wander, (), 0, grid.STAY)
    walk = grid.step_towards(drifts, key_walk, wander)
    return jnp.where(drifts[params.radius, params.radius], REMOVE, walk).astype(jnp.int32)


def picture(params: Snowdrift, state: State) -> np.ndarray:
    """A picture ``[h, w, 3]`` uint8 of the map."""
    objects = ((state.drifts, render.DRIFT),)
    return render.picture((params.rows, params.columns), objects, state.position)
