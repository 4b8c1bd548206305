"""Box Trapped: who is locked in a box eats only if another opens it (after Jaques et al. 2019).

Letters: N agents, M of them outside.

The first M agents are outside, among apples that never run out; each other agent is locked in a
box. In each step an agent waits, opens the box of the next agent (the last agent's lever opens the
first agent's box), or eats, which pays if it is outside or its own box is open. A box that is open
stays open. An agent that opens a box gains nothing by it and misses a meal, or pays for it, so it
never learns to open from its own reward alone. But opening changes what the freed agent does in the
next step, so it has influence on another's next action.

`box_trapped` is the game of the paper's supplement (10.3): two agents, one outside, and no price of
opening but the meal. Its map and its length are not known; there is no map here, and an episode has
20 steps. `box_ring` is ours: everyone is locked in, and opening costs 1.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks, render
from envs.types import Env, EnvSpec, Step

ACTIONS = ("wait", "open", "eat")
WAIT, OPEN, EAT = range(len(ACTIONS))
EVENTS = ("opened", "meals")
MAX_AGENTS = 16


class State(NamedTuple):
    """Everything that changes during an episode."""

    is_open: jax.Array  # [N] bool, which boxes are open
    time: jax.Array  # [] int32


@dataclass(frozen=True)
class BoxTrapped:
    """Settings of Box Trapped."""

    name: ClassVar[str] = "box_trapped"
    version: ClassVar[int] = 2

    num_agents: int = 2
    """N, number of agents, 2 to 16."""
    outside: int = 1
    """M, number of agents that begin outside, the first ones; 0 to N - 1."""
    horizon: int = 20
    """Steps of an episode, 1 or more."""
    meal_reward: float = 1.0
    """Reward of a step of eating, outside or in an open box."""
    open_cost: float = 0.0
    """Cost of the action "open", whether the box is already open or not, 0 or more."""

    def __post_init__(self) -> None:
        """Checks every setting; raises `ConfigError` on one that cannot work."""
        checks.integer("num_agents", self.num_agents, 2, MAX_AGENTS)
        checks.integer("outside", self.outside, 0, self.num_agents - 1)
        checks.integer("horizon", self.horizon, 1)
        checks.number("meal_reward", self.meal_reward)
        checks.number("open_cost", self.open_cost, 0.0)

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings."""
        return EnvSpec(
            name=self.name,
            version=self.version,
            num_agents=self.num_agents,
            num_actions=len(ACTIONS),
            obs_shape=(self.num_agents,),
            obs_dtype=np.dtype(bool),
            horizon=self.horizon,
            action_names=ACTIONS,
            plane_names=("own", *(f"other_{i}" for i in range(1, self.num_agents))),
            event_names=EVENTS,
            agent_planes=False,
            can_see_all=True,
            max_return=max_return(self),
            helps=("opened",),
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
                "cooperator": lambda key, obs, agent: jnp.where(obs[1], EAT, OPEN).astype(
                    jnp.int32
                ),
                "defector": lambda key, obs, agent: jnp.int32(EAT),
                "random": lambda key, obs, agent: jax.random.randint(key, (), 0, len(ACTIONS)),
            },
        )


def max_return(params: BoxTrapped) -> float:
    """The most a group can earn: all boxes are opened in the first step, or none ever."""
    num, out = params.num_agents, params.outside
    meals = num * (params.horizon - 1) + max(0, out - 1)  # the last one outside opens, too
    all_opened = params.meal_reward * meals - params.open_cost * (num - out)
    return max(0.0, all_opened, params.meal_reward * params.horizon * out)


def reset(params: BoxTrapped, key: jax.Array) -> tuple[State, jax.Array]:
    """All boxes are shut; those outside count as open. ``key`` is not needed."""
    del key
    is_open = jnp.arange(params.num_agents) < params.outside
    state = State(is_open, time=jnp.int32(0))
    return state, observe(params, state)


def transition(params: BoxTrapped, state: State, action: jax.Array) -> tuple[State, Step]:
    """All agents act at once; an agent freed in this step can eat from the next step on."""
    pushes = action == OPEN
    eats = (action == EAT) & state.is_open
    freed = jnp.roll(pushes, 1) & ~state.is_open
    after = State(state.is_open | freed, state.time + 1)
    reward = params.meal_reward * eats.astype(jnp.float32)
    return after, Step(
        obs=observe(params, after),
        reward=reward - params.open_cost * pushes.astype(jnp.float32),
        active=jnp.ones(params.num_agents, bool),
        terminated=jnp.bool_(False),
        truncated=after.time >= params.horizon,
        events={
            "opened": jnp.roll(freed, -1).astype(jnp.float32),
            "meals": eats.astype(jnp.float32),
        },
    )


def observe(params: BoxTrapped, state: State) -> jax.Array:
    """Which boxes are open, ``[N, N]`` bool: the agent's own, the next agent's, and so on."""
    num = params.num_agents
    order = (np.arange(num)[:, None] + np.arange(num)[None]) % num
    return state.is_open[order]


def picture(params: BoxTrapped, state: State) -> np.ndarray:
    """A picture ``[h, w, 3]`` uint8: agents below, above each a wall or, once freed, food."""
    is_open = np.asarray(state.is_open)
    above, below = np.stack([~is_open, is_open]), np.zeros_like(is_open)
    objects = (
        (np.stack([above[0], below]), render.WALL),
        (np.stack([above[1], below]), render.APPLE),
    )
    seats = np.arange(params.num_agents)
    position = np.stack([np.ones_like(seats), seats], axis=-1)
    return render.picture((2, params.num_agents), objects, position)
