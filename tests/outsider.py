"""A game and an algorithm of somebody else; tests copy it to a folder of its own as `commons.py`.

Nothing here may import it: it registers what it has.
"""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import envs
from envs import Env, EnvSpec, Step
from lase_jax import algorithms
from lase_jax.core.rewards import give
from lase_jax.core.seats import Seats
from lase_jax.learners.actor_critic import Learner
from lase_jax.learners.agents import AgentConfig, agent
from lase_jax.types import Agent


class State(NamedTuple):
    stock: jax.Array
    time: jax.Array


@dataclass(frozen=True)
class Commons:
    """A stock that halves whenever somebody takes from it."""

    name: ClassVar[str] = "commons"
    version: ClassVar[int] = 1

    num_agents: int = 2
    """Agents."""
    horizon: int = 4
    """Steps of an episode."""
    stock: float = 1.0
    """Stock at the start."""

    def spec(self) -> EnvSpec:
        return EnvSpec(
            name=self.name,
            version=self.version,
            num_agents=self.num_agents,
            num_actions=2,
            obs_shape=(2,),
            obs_dtype=np.dtype(np.float32),
            horizon=self.horizon,
            action_names=("wait", "take"),
            plane_names=("stock", "time"),
            event_names=("taken",),
            agent_planes=False,
            can_see_all=True,
            max_return=None,
            harms=("taken",),
        )

    def build(self) -> Env:
        return Env(
            spec=self.spec(),
            reset=lambda key: self.reset(),
            draw=lambda key: (),
            transition=lambda state, action, draws: self.transition(state, action),
            render=lambda state: np.full((8, 8, 3), int(255 * state.stock), np.uint8),
            scripted={
                "cooperator": lambda key, obs, agent: jnp.int32(0),
                "defector": lambda key, obs, agent: jnp.int32(1),
                "random": lambda key, obs, agent: jax.random.randint(key, (), 0, 2),
            },
        )

    def reset(self):
        state = State(jnp.float32(self.stock), jnp.int32(0))
        return state, self.observe(state)

    def observe(self, state):
        seen = jnp.stack([state.stock, state.time / self.horizon]).astype(jnp.float32)
        return jnp.broadcast_to(seen, (self.num_agents, 2))

    def transition(self, state, action):
        takes = action == 1
        reward = jnp.where(takes, state.stock, 0.1)
        after = State(state.stock * 0.5 ** takes.sum(dtype=jnp.float32), state.time + 1)
        return after, Step(
            obs=self.observe(after),
            reward=reward,
            active=jnp.ones(self.num_agents, bool),
            terminated=jnp.bool_(False),
            truncated=after.time >= self.horizon,
            events={"taken": takes.astype(jnp.float32)},
        )


@dataclass(frozen=True)
class Rule:
    """How much is given."""

    share: float = 0.2
    """Share of own reward."""


@dataclass(frozen=True)
class Tithe(AgentConfig):
    """Actor-critics that give by a rule."""

    rule: Rule = field(default_factory=Rule)
    """The rule."""

    def build(self, env: Env, seats: Seats) -> Agent:
        def shape(state, rollout, key):
            del state, key
            steps, count, num = rollout.reward.shape
            each = jnp.full((steps, count, len(seats), num), self.rule.share / (num - 1))
            return give(each, rollout, seats, {})

        learner = Learner(self.learner, env.spec, len(seats))
        return agent(learner, seats, self.hyper(), shape)


envs.register("commons", Commons())
algorithms.register("tithe", Tithe())
