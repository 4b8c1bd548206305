"""The whole interface between games and learners.

Letters: N agents, A actions, H W C rows, columns and planes of an observation window.
A game is a value of type `Env`: a bundle of pure functions that can be jitted, vmapped and scanned.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np


class EnvSpec(NamedTuple):
    """What a learner may know about a game before it plays.

    Attributes:
        name: the game's name, e.g. ``"stag_hunt"``.
        version: increases whenever the dynamics change, so that results record the rules that they
            were obtained with.
        num_agents: N.
        num_actions: A, the same for every agent.
        obs_shape: shape of one agent's observation, ``(H, W, C)`` for windows, ``(F,)`` for
            vectors.
        obs_dtype: NumPy dtype of observations; ``bool`` for binary planes, float32 in [0, 1] for
            colours. Learners cast it to float32 and scale nothing.
        horizon: number of steps of every episode, never fewer.
        action_names: A names, index by index.
        plane_names: names of the last axis of an observation.
        event_names: keys of `Step.events`, each an ``[N]`` count.
        agent_planes: True if the first N planes show where the agents are, in seat order, with
            agent i itself at the centre of its window: learners read from them which agents are in
            view.
        can_see_all: True if every agent sees every other at all times.
        max_return: an upper bound of the collective return of an episode, or None if none is
            known.
        helps: names of the events by which an agent does others good, at least in the long run.
        harms: names of the events by which an agent does others harm.
    """

    name: str
    version: int
    num_agents: int
    num_actions: int
    obs_shape: tuple[int, ...]
    obs_dtype: Any
    horizon: int
    action_names: tuple[str, ...]
    plane_names: tuple[str, ...]
    event_names: tuple[str, ...]
    agent_planes: bool
    can_see_all: bool
    max_return: float | None
    helps: tuple[str, ...] = ()
    harms: tuple[str, ...] = ()


class Step(NamedTuple):
    """What happened in one step.

    Attributes:
        obs: ``[N, *obs_shape]`` of `EnvSpec.obs_dtype`, observed after the step.
        reward: ``[N]`` float32, extrinsic, never shaped.
        active: ``[N]`` bool, the agent took part in this step (False once it has been removed).
        terminated: ``[]`` bool, the game ended by its rules.
        truncated: ``[]`` bool, the clock ran out.
        events: one ``[N]`` float32 count per name in `EnvSpec.event_names`.
    """

    obs: jax.Array
    reward: jax.Array
    active: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    events: dict[str, jax.Array]


class Env(NamedTuple):
    """A game as a bundle of pure functions.

    `draw` draws all random numbers of a step and `transition` is deterministic given them, so that
    a rollout can draw for all its steps at once (JAX's threefry generator inside a loop over steps
    costs more than the game itself) and a test can choose the numbers. `step` calls both.

    Attributes:
        spec: static facts.
        reset: ``(key) -> (state, obs[N, *obs_shape])``. ``key`` is consumed.
        draw: ``(key) -> draws``, any pytree, ``()`` if the game has no chance. ``key`` is consumed.
        transition: ``(state, action[N] int32, draws) -> (state, Step)``. Never resets.
        render: ``(state) -> uint8[h, w, 3]`` on the host, outside jit.
        scripted: hand-written policies by name, each ``(key, obs[*obs_shape], agent) -> action``,
            where ``agent`` is the int32 seat; every game has ``"cooperator"``, ``"defector"`` and
            ``"random"``. They see only what a learner in that seat sees. ``key`` is consumed.
        settings: the `GameConfig` that the game was built from, which a run's folder needs; None if
            it is not known.
    """

    spec: EnvSpec
    reset: Callable[[jax.Array], tuple[Any, jax.Array]]
    draw: Callable[[jax.Array], Any]
    transition: Callable[[Any, jax.Array, Any], tuple[Any, Step]]
    render: Callable[[Any], Any]
    scripted: Mapping[str, Callable[[jax.Array, jax.Array, jax.Array], jax.Array]]
    settings: Any = None  # GameConfig

    def __repr__(self) -> str:
        spec = self.spec
        shape = "x".join(map(str, spec.obs_shape))
        seen = f"observations {shape} {np.dtype(spec.obs_dtype).name}"
        acts = f"{spec.num_agents} agents, {spec.num_actions} actions, {spec.horizon} steps"
        return f"Env({spec.name} version {spec.version}: {acts}, {seen})"

    def step(self, key: jax.Array, state: Any, action: jax.Array) -> tuple[Any, Step]:
        """One step from ``state`` with ``action [N]``. ``key`` is consumed."""
        return self.transition(state, action, self.draw(key))


@runtime_checkable
class GameConfig(Protocol):
    """Settings of a game: a frozen dataclass of plain values, whose `build` makes the game.

    Its fields become options of the command line, with the docstrings below them as help.
    """

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings; the same as those of what is built."""
        ...

    def build(self) -> Env:
        """The game as pure functions."""
        ...
