"""Games in the form of JaxMARL's ``MultiAgentEnv``: ``multi_agent_env(envs.make("ssh"))``.

Agents are called ``agent_0``, ``agent_1``, ... in the order of their seats. Observations are the
game's windows as float32, as JaxMARL's networks expect them. ``step`` begins a new episode where
one has ended; ``dones`` is true for all agents at once, as in all games here. ``infos`` holds every
event and ``active``, ``[N]`` each.

Letters: N agents.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from envs.types import Env
from lase_jax.adapters import library
from lase_jax.core import typed


class State(NamedTuple):
    """A game between two steps."""

    game: Any  # the game's own state
    obs: jax.Array  # [N, *obs_shape] float32
    done: jax.Array  # [] bool, whether the episode has ended
    step: jax.Array  # [] int32, steps of the episode


@typed.arguments
def multi_agent_env(game: Env) -> Any:
    """A game as a ``jaxmarl.environments.multi_agent_env.MultiAgentEnv``.

    Raises:
        ConfigError: JaxMARL is not installed.
    """
    return _class()(game)


@cache
def _class() -> type:
    """The class, which can only be made once its base has been imported."""
    base: Any = library("jaxmarl", "jaxmarl.environments.multi_agent_env").MultiAgentEnv
    spaces: Any = library("jaxmarl", "jaxmarl.environments.spaces")

    class MultiAgentGame(base):
        """A game for JaxMARL's learners."""

        def __init__(self, game: Env):
            super().__init__(num_agents=game.spec.num_agents)
            self.game = game
            window = spaces.Box(-jnp.inf, jnp.inf, game.spec.obs_shape, jnp.float32)
            self.observation_spaces = dict.fromkeys(self.agents, window)
            action = spaces.Discrete(game.spec.num_actions)
            self.action_spaces = dict.fromkeys(self.agents, action)

        @property
        def name(self) -> str:
            return self.game.spec.name

        @property
        def agent_classes(self) -> dict[str, list[str]]:
            return {"agent": list(self.agents)}

        @partial(jax.jit, static_argnums=0)
        def reset(self, key: jax.Array) -> tuple[dict[str, jax.Array], State]:
            now, obs = self.game.reset(key)
            state = State(now, obs.astype(jnp.float32), jnp.bool_(False), jnp.int32(0))
            return self.get_obs(state), state

        def step_env(self, key: jax.Array, state: State, actions: dict[str, jax.Array]) -> tuple:
            action = jnp.stack([actions[agent] for agent in self.agents]).astype(jnp.int32)
            now, step = self.game.step(key, state.game, action)
            done = step.terminated | step.truncated
            after = State(now, step.obs.astype(jnp.float32), done, state.step + 1)
            rewards = self._by_agent(step.reward)
            dones = dict.fromkeys([*self.agents, "__all__"], done)
            return self.get_obs(after), after, rewards, dones, step.events | {"active": step.active}

        def get_obs(self, state: State) -> dict[str, jax.Array]:
            return self._by_agent(state.obs)

        @partial(jax.jit, static_argnums=0)
        def get_avail_actions(self, state: State) -> dict[str, jax.Array]:
            del state
            return dict.fromkeys(self.agents, jnp.ones(self.game.spec.num_actions, bool))

        def _by_agent(self, values: jax.Array) -> dict[str, jax.Array]:
            return {agent: values[seat] for seat, agent in enumerate(self.agents)}

    return MultiAgentGame
