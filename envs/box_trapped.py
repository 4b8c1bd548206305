"""Box Trapped: each agent sits in a box that only another can open (after Jaques et al. 2019).

Letters: N agents.

Every agent is locked in a box. In each step it waits, pushes at a cost the lever that opens the
box of the next agent (the last agent's lever opens the first agent's box), or eats, which pays once
its own box is open. A box that is open stays open. An agent that opens a box gains nothing by it,
so it never learns to open from its own reward alone, though all could eat if all opened. But
opening changes what the freed agent does in the next step, so it has influence on another's next
action.

The paper's supplement has a game of this name, with two agents, costly levers and rewards after
release; its numbers and map are not known to us, and this form is ours: no map, an episode of 10
steps, 1 for a meal and 1 for a push of the lever, also where the box is already open.
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
    version: ClassVar[int] = 1

    num_agents: int = 2
    """Number of agents, 2 to 16."""
    horizon: int = 10
    """Steps of an episode."""
    meal_reward: float = 1.0
    """Reward of a step of eating, in an open box."""
    open_cost: float = 1.0
    """Cost of the action "open", whether the box is already open or not, 0 or more."""

    def __post_init__(self) -> None:
        """Checks every setting; raises `ConfigError` on one that cannot work."""
        checks.integer("num_agents", self.num_agents, 2, MAX_AGENTS)
        checks.integer("horizon", self.horizon, 1)
        checks.number("meal_reward", self.meal_reward)
        checks.number("open_cost", self.open_cost, 0.0)

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings."""
        best = self.meal_reward * (self.horizon - 1) - self.open_cost
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
            max_return=max(0.0, self.num_agents * best),
            helps=("opened",),
        )

    def build(self) -> Env:
        """The game as pure functions."""
        return Env(
            spec=self.spec(),
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


def reset(params: BoxTrapped, key: jax.Array) -> tuple[State, jax.Array]:
    """All boxes are shut. ``key`` is not needed."""
    del key
    state = State(is_open=jnp.zeros(params.num_agents, bool), time=jnp.int32(0))
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
