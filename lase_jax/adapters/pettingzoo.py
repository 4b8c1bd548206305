"""Games as PettingZoo's parallel environments: ``parallel_env(envs.make("ssh"))``.

Agents are called ``agent_0``, ``agent_1``, ... in the order of their seats. Observations and
rewards are NumPy's; boolean windows become 0 and 1 of int8. All agents leave together when the
episode ends, as in all games here; one that the game has removed before (`Step.active`) stays, its
actions have no effect, and ``infos`` says that it is not active.

Letters: N agents.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import jax
import numpy as np

from envs import checks
from envs.types import Env, Step
from lase_jax.adapters import library
from lase_jax.core import typed

RenderMode = Literal["rgb_array"]


@typed.arguments
def parallel_env(game: Env, render_mode: RenderMode | None = None) -> Any:
    """A game as a ``pettingzoo.ParallelEnv``.

    Args:
        game: the game.
        render_mode: "rgb_array" for pictures ``[h, w, 3]`` uint8 from ``render()``.

    Raises:
        ConfigError: PettingZoo is not installed.
    """
    return _class()(game, render_mode)


def names(game: Env) -> list[str]:
    """Name of each agent, in the order of seats."""
    return [f"agent_{seat}" for seat in range(game.spec.num_agents)]


@cache
def _class() -> type:
    """The class, which can only be made once its base has been imported."""
    base: Any = library("pettingzoo", "pettingzoo").ParallelEnv
    spaces: Any = library("gymnasium", "gymnasium.spaces")

    class ParallelGame(base):
        """One game, one episode at a time."""

        def __init__(self, game: Env, render_mode: RenderMode | None):
            self.game, self.render_mode = game, render_mode
            self.possible_agents = names(game)
            self.agents: list[str] = []
            self.metadata = {
                "name": f"{game.spec.name}_v{game.spec.version}",
                "render_modes": ["rgb_array"],
                "is_parallelizable": True,
                "render_fps": 4,
            }
            seats = self.possible_agents
            self.observation_spaces = {agent: _window(game, spaces) for agent in seats}
            self.action_spaces = {agent: spaces.Discrete(game.spec.num_actions) for agent in seats}
            self._reset, self._step = jax.jit(game.reset), jax.jit(game.step)
            self._key: Any = None
            self._state: Any = None

        def observation_space(self, agent: str) -> Any:
            return self.observation_spaces[agent]

        def action_space(self, agent: str) -> Any:
            return self.action_spaces[agent]

        def reset(self, seed: int | None = None, options: dict | None = None) -> tuple:
            """Begins an episode; without a seed the random numbers of the last one go on."""
            del options
            if seed is not None or self._key is None:
                fresh = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
                self._key = jax.random.key(fresh)
            self._key, key = jax.random.split(self._key)
            self._state, obs = self._reset(key)
            self.agents = list(self.possible_agents)
            return self._by_agent(_plain(obs)), {agent: {"active": True} for agent in self.agents}

        def step(self, actions: Mapping[str, int]) -> tuple:
            """Plays a step; actions of all agents are needed."""
            if not self.agents:
                return {}, {}, {}, {}, {}
            missing = [agent for agent in self.agents if agent not in actions]
            checks.require(not missing, "actions", list(actions), f"give those of {missing}, too")
            action = np.array([actions[agent] for agent in self.agents], np.int32)
            self._key, key = jax.random.split(self._key)
            self._state, step = self._step(key, self._state, action)
            step = jax.device_get(step)
            results = self._results(step)
            if step.terminated or step.truncated:
                self.agents = []
            return results

        def _results(self, step: Step) -> tuple:
            """Observations, rewards, ends and infos by agent."""
            every, count = self._by_agent, len(self.agents)
            infos = [
                {"active": bool(step.active[seat])}
                | {name: float(values[seat]) for name, values in step.events.items()}
                for seat in range(count)
            ]
            return (
                every(_plain(step.obs)),
                every(step.reward.astype(float).tolist()),
                every([bool(step.terminated)] * count),
                every([bool(step.truncated)] * count),
                every(infos),
            )

        def _by_agent(self, values: Any) -> dict[str, Any]:
            return dict(zip(self.possible_agents, values, strict=True))

        def render(self) -> np.ndarray | None:
            """The game as it is now ``[h, w, 3]`` uint8; None without a `render_mode`."""
            if self.render_mode is None:
                return None
            checks.require(self._state is not None, "state", None, "call reset() first")
            return np.asarray(self.game.render(self._state))

        def close(self) -> None:
            """Does nothing: there is no window."""

    return ParallelGame


def _window(game: Env, spaces: Any) -> Any:
    """The space of one agent's observations."""
    spec = game.spec
    if np.dtype(spec.obs_dtype) == bool:
        return spaces.Box(0, 1, spec.obs_shape, np.int8)
    return spaces.Box(-np.inf, np.inf, spec.obs_shape, np.dtype(spec.obs_dtype).type)


def _plain(obs: Any) -> np.ndarray:
    """Observations as NumPy's, booleans as int8."""
    found = np.asarray(obs)
    return found.astype(np.int8) if found.dtype == bool else found
