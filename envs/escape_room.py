"""Escape Room: some must pull the lever so that others can leave (Yang et al. 2020, section 5).

Letters: N agents.

An agent is at the lever, at the start or at the door. In each step it chooses one of these places
and goes there, or stays if it is there already. The door is open in a step in which enough agents
choose the lever; every agent that chooses the door in this step leaves, with a reward of 10, and
the game ends for all. Any other move costs 1, staying costs nothing. Pulling the lever brings no
reward, only the cost of going there, so no agent pulls it unless the others pay.

The rules are those of the authors' code: the registry's games are its (2, 1) and (3, 2), the
numbers of agents and of levers to be pulled. Differences: an observation does not hold the
incentives given so far; after the end no agent takes part any more and the clock runs on, so that
all episodes are equally long.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks, render
from envs.types import Env, EnvSpec, Step

PLACES = ("lever", "start", "door")
LEVER, START, DOOR = range(len(PLACES))
EVENTS = ("pulls", "escapes")
MAX_AGENTS = 16


class State(NamedTuple):
    """Everything that changes during an episode."""

    place: jax.Array  # [N] int32, index into PLACES
    over: jax.Array  # [] bool, somebody has left
    time: jax.Array  # [] int32


@dataclass(frozen=True)
class EscapeRoom:
    """Settings of Escape Room."""

    name: ClassVar[str] = "escape_room"
    version: ClassVar[int] = 1

    num_agents: int = 2
    """Number of agents, 2 to 16."""
    levers: int = 1
    """Agents that must choose the lever in the same step to open the door, 1 to N - 1."""
    horizon: int = 5
    """Steps of an episode, 1 or more."""
    escape_reward: float = 10.0
    """Reward of each agent that leaves."""
    move_cost: float = 1.0
    """Cost of a move to another place, 0 or more."""

    def __post_init__(self) -> None:
        """Checks every setting; raises `ConfigError` on one that cannot work."""
        checks.integer("num_agents", self.num_agents, 2, MAX_AGENTS)
        checks.integer("levers", self.levers, 1, self.num_agents - 1)
        checks.integer("horizon", self.horizon, 1)
        checks.number("escape_reward", self.escape_reward)
        checks.number("move_cost", self.move_cost, 0.0)

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings."""
        whose = ("own", *(f"other_{i}" for i in range(1, self.num_agents)))
        leaving = self.num_agents - self.levers
        best = self.escape_reward * leaving - self.move_cost * self.levers
        return EnvSpec(
            name=self.name,
            version=self.version,
            num_agents=self.num_agents,
            num_actions=len(PLACES),
            obs_shape=(len(PLACES) * self.num_agents,),
            obs_dtype=np.dtype(bool),
            horizon=self.horizon,
            action_names=PLACES,
            plane_names=tuple(f"{who}_{place}" for who in whose for place in PLACES),
            event_names=EVENTS,
            agent_planes=False,
            can_see_all=True,
            max_return=max(0.0, best),
            helps=("pulls",),
        )

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
                "cooperator": lambda key, obs, agent: jnp.int32(LEVER),
                "defector": lambda key, obs, agent: jnp.int32(DOOR),
                "random": lambda key, obs, agent: jax.random.randint(key, (), 0, len(PLACES)),
            },
        )


def reset(params: EscapeRoom, key: jax.Array) -> tuple[State, jax.Array]:
    """Puts all agents at the start. ``key`` is not needed."""
    del key
    place = jnp.full(params.num_agents, START, jnp.int32)
    state = State(place, over=jnp.bool_(False), time=jnp.int32(0))
    return state, observe(params, state)


def transition(params: EscapeRoom, state: State, action: jax.Array) -> tuple[State, Step]:
    """Moves agents to the places they chose; the door is open if enough chose the lever."""
    present = jnp.full(params.num_agents, True) & ~state.over
    place = jnp.where(present, action, state.place)
    pulls = present & (place == LEVER)
    is_open = pulls.sum() >= params.levers
    leaves = present & (place == DOOR) & is_open
    moves = present & (place != state.place) & ~leaves
    paid = jnp.where(leaves, params.escape_reward, jnp.where(moves, -params.move_cost, 0.0))
    after = State(place, state.over | leaves.any(), state.time + 1)
    return after, Step(
        obs=observe(params, after),
        reward=paid.astype(jnp.float32),
        active=present,
        terminated=jnp.bool_(False),
        truncated=after.time >= params.horizon,
        events={"pulls": pulls.astype(jnp.float32), "escapes": leaves.astype(jnp.float32)},
    )


def observe(params: EscapeRoom, state: State) -> jax.Array:
    """All agents' places, one-hot ``[N, 3 N]`` bool, the own first; all False after the end."""
    num = params.num_agents
    order = [[i, *(j for j in range(num) if j != i)] for i in range(num)]
    place = state.place[np.array(order, np.int32)]
    one_hot = place[..., None] == jnp.arange(len(PLACES))[None, None]
    return (one_hot & ~state.over).reshape(num, -1)


def picture(params: EscapeRoom, state: State) -> np.ndarray:
    """A picture ``[h, w, 3]`` uint8: the lever left, the start, the door right."""
    place = np.asarray(state.place)
    position = np.stack([np.zeros_like(place), place], axis=-1)
    everyone = np.full(params.num_agents, not state.over)
    spots = np.eye(len(PLACES), dtype=bool)[:, None]
    objects = ((spots[LEVER], render.LEVER), (spots[DOOR], render.DOOR))
    return render.picture((1, len(PLACES)), objects, position, everyone)
