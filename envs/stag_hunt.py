"""Sequential Stag-Hunt (SSH): hunt a hare alone, or a stag together (Kong et al. 2024, section 5).

Letters: N agents, H W rows and columns.

Paper: 8x8 map, 4 agents, 30 steps, moves plus "hunt hare" and "hunt stag"; a hare pays 1, a stag
pays 10 shared equally by the two or more agents that hunt it together; no respawn; an agent leaves
the game right after a successful hunt, so the most a group of four can earn is 20.

Ours, where the paper has no rule (from the author's prototype where that has one): 2 stags and
4 hares on distinct cells that do not move, agents start on distinct cells and may share cells
later, a hare that several agents hunt in the same step is shared, windows are 5x5, and what
"together" means (`hunt`).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks, grid, render
from envs.types import Env, EnvSpec, Step

HUNT_HARE, HUNT_STAG = len(grid.MOVES), len(grid.MOVES) + 1
ACTIONS = (*grid.MOVES, "hunt_hare", "hunt_stag")
EVENTS = ("hares", "stags")


class State(NamedTuple):
    """Everything that changes during an episode."""

    position: jax.Array  # [N, 2] int32
    present: jax.Array  # [N] bool, still in the game
    hares: jax.Array  # [H, W] bool
    stags: jax.Array  # [H, W] bool
    time: jax.Array  # [] int32


@dataclass(frozen=True)
class StagHunt:
    """Settings of the Sequential Stag-Hunt."""

    name: ClassVar[str] = "stag_hunt"
    version: ClassVar[int] = 1

    num_agents: int = 4
    """Number of agents, 2 to 16."""
    rows: int = 8
    """Rows of the map, 2 to 64."""
    columns: int = 8
    """Columns of the map, 2 to 64."""
    radius: int = 2
    """Cells that an agent sees to each side, 1 to 7 (2: a 5x5 window)."""
    horizon: int = 30
    """Steps of an episode, 1 or more."""
    num_hares: int = 4
    """Hares at the start, 0 or more; with the stags at most as many as cells."""
    num_stags: int = 2
    """Stags at the start, 1 or more."""
    hare_reward: float = 1.0
    """Reward of a hare, shared by the agents that hunt it in the same step."""
    stag_reward: float = 10.0
    """Reward of a stag, shared by the agents that hunt it together."""
    hunt: Literal["present", "choose"] = "present"
    """What hunting a stag together means: "present", one agent hunts it and all agents on its cell,
    two or more, share it; "choose", two or more agents choose to hunt it in the same step (the
    strict reading)."""

    def __post_init__(self) -> None:
        """Checks every setting; raises `ConfigError` on one that cannot work."""
        grid.check_map(self.rows, self.columns, self.num_agents, self.radius, self.horizon)
        checks.integer("num_hares", self.num_hares, 0)
        checks.integer("num_stags", self.num_stags, 1)
        prey, cells = self.num_hares + self.num_stags, self.rows * self.columns
        checks.require(
            prey <= cells,
            "num_hares + num_stags",
            prey,
            f"use at most {cells}, the cells of a {self.rows}x{self.columns} map",
        )
        checks.number("hare_reward", self.hare_reward)
        checks.number("stag_reward", self.stag_reward)
        checks.choice("hunt", self.hunt, ("present", "choose"))

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings."""
        whole = grid.spec(self, ACTIONS, ("hare", "stag"), EVENTS, max_return(self))
        return whole._replace(helps=("stags",))

    def build(self) -> Env:
        """The game as pure functions."""
        return Env(
            spec=self.spec(),
            settings=self,
            reset=lambda key: reset(self, key),
            draw=lambda key: (),
            transition=lambda state, action, draws: transition(self, state, action),
            render=lambda state: picture(self, state),
            scripted={
                "cooperator": lambda key, obs, agent: hunter(self, key, obs, HUNT_STAG),
                "defector": lambda key, obs, agent: hunter(self, key, obs, HUNT_HARE),
                "random": lambda key, obs, agent: jax.random.randint(key, (), 0, len(ACTIONS)),
            },
        )


def max_return(params: StagHunt) -> float:
    """The most a group can earn: each agent hunts once, stags in pairs and the rest hares alone."""

    def earned(pairs: int) -> float:
        hares = min(params.num_agents - 2 * pairs, params.num_hares)
        return params.stag_reward * pairs + max(0.0, params.hare_reward) * hares

    return max(map(earned, range(min(params.num_agents // 2, params.num_stags) + 1)))


def reset(params: StagHunt, key: jax.Array) -> tuple[State, jax.Array]:
    """Draws distinct cells for the prey and distinct cells for the agents. ``key`` is consumed."""
    key_prey, key_agents = jax.random.split(key)
    shape = (params.rows, params.columns)
    prey = grid.random_cells(key_prey, shape, params.num_hares + params.num_stags)
    state = State(
        position=grid.random_cells(key_agents, shape, params.num_agents),
        present=jnp.ones(params.num_agents, bool),
        hares=grid.mark(shape, prey[: params.num_hares]),
        stags=grid.mark(shape, prey[params.num_hares :]),
        time=jnp.int32(0),
    )
    return state, observe(params, state)


def transition(params: StagHunt, state: State, action: jax.Array) -> tuple[State, Step]:
    """Moves agents, lets them hunt, then removes those that caught something."""
    act = jnp.where(state.present, action, grid.STAY)
    position = grid.move(state.position, act, (params.rows, params.columns))
    together = grid.same_cell(position)

    hunts_hare = state.present & (act == HUNT_HARE) & grid.at(state.hares, position)
    hare_hunters = (together & hunts_hare[None]).sum(-1, dtype=jnp.float32)

    on_stag = state.present & grid.at(state.stags, position)
    hunts_stag = on_stag & (act == HUNT_STAG)
    party = hunts_stag if params.hunt == "choose" else on_stag
    party_size = (together & party[None]).sum(-1, dtype=jnp.float32)
    catches = party & (together & hunts_stag[None]).any(-1) & (party_size >= 2)

    reward = jnp.where(hunts_hare, params.hare_reward / jnp.maximum(hare_hunters, 1.0), 0.0)
    reward += jnp.where(catches, params.stag_reward / jnp.maximum(party_size, 1.0), 0.0)
    next_state = State(
        position=position,
        present=state.present & ~hunts_hare & ~catches,
        hares=grid.clear(state.hares, position, hunts_hare),
        stags=grid.clear(state.stags, position, catches),
        time=state.time + 1,
    )
    return next_state, Step(
        obs=observe(params, next_state),
        reward=reward.astype(jnp.float32),
        active=state.present,
        terminated=jnp.bool_(False),
        truncated=next_state.time >= params.horizon,
        events={
            "hares": hunts_hare.astype(jnp.float32),
            "stags": catches.astype(jnp.float32),
        },
    )


def observe(params: StagHunt, state: State) -> jax.Array:
    """Windows ``[N, h, w, N + 3]`` bool: agents, hares, stags, inside of the map."""
    return grid.observe(state.position, state.present, (state.hares, state.stags), params.radius)


def hunter(params: StagHunt, key: jax.Array, obs: jax.Array, hunt: int) -> jax.Array:
    """A scripted hunter of one kind of prey: walks to the nearest in view and hunts it.

    With none in view it moves at random. The cooperator hunts stags and waits on them for a
    partner, the defector hunts hares (Kong et al. 2024, appendix B.2). ``key`` is consumed.
    """
    key_walk, key_wander = jax.random.split(key)
    prey = obs[..., params.num_agents + (hunt - HUNT_HARE)]
    wander = jax.random.randint(key_wander, (), 0, grid.STAY)
    walk = grid.step_towards(prey, key_walk, wander)
    return jnp.where(prey[params.radius, params.radius], hunt, walk).astype(jnp.int32)


def picture(params: StagHunt, state: State) -> np.ndarray:
    """A picture ``[h, w, 3]`` uint8 of the map."""
    objects = ((state.hares, render.HARE), (state.stags, render.STAG))
    return render.picture((params.rows, params.columns), objects, state.position, state.present)
