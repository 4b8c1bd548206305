"""JaxMARL's environments as games: ``game(jaxmarl.make("coin_game"), horizon=100)``.

What a game here needs and an environment does not have is made or left out:

- Every episode has `horizon` steps. Where an environment ends earlier, its state stays as it is,
  and nobody takes part in what is left (`Step.active`); where it would go on, it is cut off.
- An agent whose ``dones`` is true takes part no more, and earns nothing more.
- Observations keep their dtypes. All but windows ``[H, W, C]`` become vectors.
- It has no events and no bound of its return, ``infos`` are not read, and of scripted players there
  is only "random", so that there is no Schelling diagram.
- A picture shows what each agent sees.

JaxMARL adds numbers of different dtypes and ranks, which is allowed inside it.

Letters: N agents, H W C rows, columns and planes of a window, F numbers of a vector.
"""

import ast
import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.registry import GAMES
from envs.render import AGENT_COLOURS, TILE
from envs.types import Env, EnvSpec, Step
from lase_jax.adapters import library
from lase_jax.core import typed
from lase_jax.runs import files

PANEL = 6 * TILE
"""Pixels of the side of what a picture has for each agent."""
MASKS = ("get_avail_actions", "get_legal_moves")
"""Methods of environments that say which actions are allowed."""
PAPER, EMPTY = 255, 244
"""Brightness of a picture's background, and of a cell in which there is nothing."""
VERSION = 1
"""Of the rules above; those of the environments are JaxMARL's."""


class State(NamedTuple):
    """A game between two steps."""

    inner: Any  # the environment's own state
    obs: jax.Array  # [N, *obs_shape] what the agents see
    present: jax.Array  # [N] bool, who takes part in the next step
    time: jax.Array  # [] int32, steps of the episode


class Form(NamedTuple):
    """What is fixed in an environment."""

    agents: tuple[Any, ...]  # N names, which need not be text
    num_actions: int
    obs_shape: tuple[int, ...]  # (H, W, C) or (F,)
    obs_dtype: np.dtype
    dtypes: Any  # of the leaves of its state


@dataclass(frozen=True)
class JaxMarl:
    """An environment that JaxMARL makes by its name."""

    environment: str = "coin_game"
    """Its name, one of `jaxmarl.registered_envs`."""
    arguments: tuple[str, ...] = ()
    """What it is made with, each as in Python, e.g. num_agents=4."""
    horizon: int = 100
    """Steps of an episode, 1 or more."""
    can_see_all: bool = False
    """Whether every agent sees every other at all times, which LASE and SI may ask."""

    def __post_init__(self) -> None:
        """Checks what can be checked without JaxMARL."""
        checks.integer("horizon", self.horizon, 1)
        for argument in self.arguments:
            _argument(argument)

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings; makes the environment."""
        return self.build().spec

    def build(self) -> Env:
        """The game as pure functions.

        Raises:
            ConfigError: JaxMARL is not installed or cannot make it, or it does not fit, see `game`.
        """
        return _built(self)


GAMES.know(JaxMarl)  # a run's config.json may name it wherever this module has been imported


@functools.cache
def _built(settings: JaxMarl) -> Env:
    jaxmarl = _jaxmarl("jaxmarl")
    checks.choice("environment", settings.environment, jaxmarl.registered_envs)
    given = dict(map(_argument, settings.arguments))
    try:
        with _as_theirs():
            env = jaxmarl.make(settings.environment, **given)
    except Exception as error:
        remedy = f"JaxMARL cannot make it with the arguments {given} ({files.reason(error)})"
        raise checks.refusal("environment", settings.environment, remedy) from error
    made = game(env, settings.horizon, settings.can_see_all, settings.environment)
    return made._replace(settings=settings)


def _jaxmarl(module: str) -> Any:
    """A module of JaxMARL, which is not strict while it is imported, either.

    Raises:
        ConfigError: it is not installed.
    """
    with _as_theirs():
        return library("jaxmarl", module)


def _argument(text: str) -> tuple[str, Any]:
    """Name and value of an argument, written as in Python."""
    name, equals, value = text.partition("=")
    try:
        checks.require(bool(equals), "arguments", text, "")
        return name.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError) as error:
        remedy = "write name=value with a value of Python, e.g. num_agents=4 or action_type='x'"
        raise checks.refusal("arguments", text, remedy) from error


@typed.arguments
def game(env: Any, horizon: int, can_see_all: bool = False, name: str = "") -> Env:
    """An environment of JaxMARL as a game.

    Args:
        env: a ``MultiAgentEnv`` without wrappers. Its agents all see one array of the same shape,
            and choose among the same number of actions, all of them at all times.
        horizon: steps of an episode, 1 or more.
        can_see_all: whether every agent sees every other at all times.
        name: of the game; "" for the environment's own.

    Returns:
        The game. It does not know its settings, so that it trains in memory; `JaxMarl` does.

    Raises:
        ConfigError: JaxMARL is not installed, or something does not fit; says what, and the remedy.
    """
    base = _jaxmarl("jaxmarl.environments.multi_agent_env").MultiAgentEnv
    remedy = "give a MultiAgentEnv without wrappers, e.g. jaxmarl.make('coin_game')"
    checks.require(isinstance(env, base), "env", type(env).__name__, remedy)
    checks.integer("horizon", horizon, 1)
    name = name or env.name
    form = _form(env, name)
    _require_free(env, base, name)
    count = len(form.agents)

    def reset(key: jax.Array) -> tuple[State, jax.Array]:
        obs, inner = _begin(env, form.agents, key)
        seen = _seen(form, obs)
        present = jnp.ones(count, bool)
        return State(_fixed(form, inner), seen, present, jnp.int32(0)), seen

    def transition(now: State, action: jax.Array, key: jax.Array) -> tuple[State, Step]:
        obs, inner, reward, done = _play(env, form.agents, now.inner, action, key)
        goes_on = now.present.any()
        kept = functools.partial(jnp.where, goes_on)
        seen = kept(_seen(form, obs), now.obs)
        after = State(
            inner=jax.tree.map(kept, _fixed(form, inner), now.inner),
            obs=seen,
            present=now.present & ~jnp.stack(done),
            time=now.time + 1,
        )
        earned = jnp.stack([each.reshape(()).astype(jnp.float32) for each in reward])
        return after, Step(
            obs=seen,
            reward=jnp.where(now.present, earned, 0.0),
            active=now.present,
            terminated=jnp.bool_(False),
            truncated=after.time >= horizon,
            events={},
        )

    def anything(key: jax.Array, obs: jax.Array, agent: jax.Array) -> jax.Array:
        del obs, agent
        return jax.random.randint(key, (), 0, form.num_actions)

    return Env(
        spec=_spec(form, name, horizon, can_see_all),
        reset=reset,
        draw=lambda key: key,
        transition=transition,
        render=lambda state: picture(np.asarray(state.obs)),
        scripted={"random": anything},
    )


def _spec(form: Form, name: str, horizon: int, can_see_all: bool) -> EnvSpec:
    planes = form.obs_shape[-1]
    return EnvSpec(
        name=name,
        version=VERSION,
        num_agents=len(form.agents),
        num_actions=form.num_actions,
        obs_shape=form.obs_shape,
        obs_dtype=form.obs_dtype,
        horizon=horizon,
        action_names=tuple(f"action_{index}" for index in range(form.num_actions)),
        plane_names=tuple(f"seen_{index}" for index in range(planes)),
        event_names=(),
        agent_planes=False,
        can_see_all=can_see_all,
        max_return=None,
    )


@contextlib.contextmanager
def _as_theirs() -> Iterator[None]:
    """Where numbers of different dtypes and ranks may be added, as in JaxMARL."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def _begin(env: Any, agents: tuple, key: jax.Array) -> tuple[list, Any]:
    """What each agent sees at the start, and the environment's state."""
    with _as_theirs():
        obs, inner = env.reset(key)
    return _each("observations", obs, agents), inner


def _play(
    env: Any, agents: tuple, inner: Any, action: jax.Array, key: jax.Array
) -> tuple[list, Any, list, list]:
    """What each agent sees after a step, the state, each one's reward, and whether it is done."""
    with _as_theirs():
        actions = {agent: action[seat] for seat, agent in enumerate(agents)}
        obs, inner, reward, done, _ = env.step_env(key, inner, actions)
    every = jnp.asarray(done["__all__"], bool)
    ends = [every | done.get(agent, every) for agent in agents]
    earned = [jnp.asarray(each) for each in _each("rewards", reward, agents)]
    return _each("observations", obs, agents), inner, earned, ends


def _each(what: str, values: Any, agents: tuple) -> list:
    """What each agent has, of a mapping by agent or an array.

    Raises:
        ConfigError: some agents have none.
    """
    named = sorted(map(str, values)) if isinstance(values, Mapping) else type(values).__name__
    lacking = [agent for agent in agents if isinstance(values, Mapping) and agent not in values]
    remedy = f"let there be those of all agents, also of {lacking}"
    checks.require(not lacking, what, named, remedy)
    return [values[agent] for agent in agents]


def _seen(form: Form, obs: list) -> jax.Array:
    """Observations ``[N, *obs_shape]`` of all agents."""
    return jnp.stack([each.reshape(form.obs_shape).astype(form.obs_dtype) for each in obs])


def _fixed(form: Form, inner: Any) -> Any:
    """The environment's state with the dtypes that it always has."""

    def cast(leaf: Any, dtype: np.dtype) -> jax.Array:
        is_key = jnp.issubdtype(dtype, jax.dtypes.prng_key)
        return leaf if is_key else jax.lax.convert_element_type(leaf, dtype)

    return jax.tree.map(cast, inner, form.dtypes)


def _form(env: Any, name: str) -> Form:
    """The environment's form.

    Raises:
        ConfigError: agents differ in what they see or may do, or it cannot be played.
    """
    agents = tuple(env.agents)
    num_actions = _num_actions(env, agents)
    key, action = jax.random.key(0), jax.ShapeDtypeStruct((len(agents),), jnp.int32)
    try:
        obs, inner = jax.eval_shape(functools.partial(_begin, env, agents), key)
        play = functools.partial(_play, env, agents)
        then, after, reward, _ = jax.eval_shape(play, inner, action, key)
    except checks.ConfigError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {files.reason(error)}"
        remedy = f"it does not play as a MultiAgentEnv of {len(agents)} agents ({why})"
        raise checks.refusal("environment", name, remedy) from error
    shape = _shape(agents, obs, then)
    single = all(math.prod(each.shape) == 1 for each in reward)
    shapes = [each.shape for each in reward]
    checks.require(single, "rewards", shapes, "let each agent have one number")
    before, behind = (jax.tree.map(jnp.shape, tree) for tree in (inner, after))
    remedy = f"let it have the shapes of the start, {before}"
    checks.require(before == behind, "state after a step", behind, remedy)
    with _as_theirs():
        dtypes = jax.tree.map(_common, inner, after)
        dtype = functools.reduce(jnp.promote_types, (each.dtype for each in (*obs, *then)))
    return Form(agents, num_actions, shape, dtype, dtypes)


def _common(one: Any, other: Any) -> Any:
    """The dtype of a leaf of the state, which in some environments changes with the first step."""
    same = one.dtype == other.dtype
    return one.dtype if same else jnp.promote_types(one.dtype, other.dtype)


def _num_actions(env: Any, agents: tuple) -> int:
    """A, the number of actions of every agent."""
    spaces = {str(agent): env.action_space(agent) for agent in agents}
    kinds = {agent: type(space).__name__ for agent, space in spaces.items()}
    discrete = set(kinds.values()) == {"Discrete"}
    remedy = "agents here choose one of some actions, use an environment with Discrete spaces"
    checks.require(discrete, "action spaces", kinds, remedy)
    counts = {agent: int(space.n) for agent, space in spaces.items()}
    remedy = "agents here all have the same actions, give those with fewer some that do nothing"
    checks.require(len(set(counts.values())) == 1, "numbers of actions", counts, remedy)
    return next(iter(counts.values()))


def _shape(agents: tuple, *times: list) -> tuple[int, ...]:
    """The shape of what every agent sees, as a window or as a vector."""
    arrays = all(hasattr(each, "shape") for obs in times for each in obs)
    kinds = {str(agent): type(each).__name__ for agent, each in zip(agents, times[0], strict=True)}
    remedy = "agents here see one array each, join its parts in reset and step_env"
    checks.require(arrays, "observations", kinds, remedy)
    shapes = {
        str(agent): each.shape for obs in times for agent, each in zip(agents, obs, strict=True)
    }
    remedy = "agents here all see the same shape, pad the smaller ones in reset and step_env"
    same = len({each.shape for obs in times for each in obs}) == 1
    checks.require(same, "shapes of observations", shapes, remedy)
    shape = times[0][0].shape
    return shape if len(shape) == 3 else (math.prod(shape),)


def _require_free(env: Any, base: type, name: str) -> None:
    """Requires an environment that forbids no action at the start."""
    asked = [
        getattr(env, method)
        for method in MASKS
        if getattr(type(env), method, None) is not getattr(base, method, None)
    ]
    if not asked:
        return
    remedy = "some actions are forbidden at the start, use one that allows all of them always"
    free = all(_allows_all(env, ask) for ask in asked)
    checks.require(free, "environment", name, remedy)


def _allows_all(env: Any, ask: Callable[[Any], Mapping]) -> bool:
    with _as_theirs():
        masks = ask(env.reset(jax.random.key(0))[1])
    return all(bool(np.all(np.asarray(masks[agent]))) for agent in env.agents)


def picture(obs: np.ndarray) -> np.ndarray:
    """What each agent sees, side by side.

    Of a window each cell has the mixed colours of its planes. The numbers of a vector fill cells
    row by row: the further above zero the bluer, the further below zero the redder.

    Args:
        obs: ``[N, H, W, C]`` or ``[N, F]``.

    Returns:
        ``[PANEL + TILE, N * (PANEL + TILE), 3]`` uint8.
    """
    shown = _of_windows(obs) if obs.ndim == 4 else _of_vectors(obs)
    rows, columns = shown.shape[1:3]
    size = max(1, PANEL // max(rows, columns))
    large = shown.repeat(size, 1).repeat(size, 2)[:, :PANEL, :PANEL]
    whole = np.full((len(obs), PANEL + TILE, PANEL + TILE, 3), PAPER, np.uint8)
    whole[:, : large.shape[1], : large.shape[2]] = large
    return np.concatenate(list(whole), axis=1)


def _of_windows(obs: np.ndarray) -> np.ndarray:
    """``[N, H, W, C]`` to colours ``[N, H, W, 3]`` uint8: planes take away from white."""
    colours = np.array(AGENT_COLOURS, np.float32)[np.arange(obs.shape[-1]) % len(AGENT_COLOURS)]
    there = (obs != 0).astype(np.float32)
    share = there / np.maximum(there.sum(-1, keepdims=True), 1.0)
    mixed = share @ colours
    return np.where(there.any(-1, keepdims=True), mixed, EMPTY).astype(np.uint8)


def _of_vectors(obs: np.ndarray) -> np.ndarray:
    """``[N, F]`` to colours ``[N, R, S, 3]`` uint8, in rows of S, the root of F rounded up."""
    side = math.ceil(math.sqrt(obs.shape[1]))
    rows = math.ceil(obs.shape[1] / side)
    values = obs.astype(np.float32)[..., None]
    strength = np.abs(values) / (1.0 + np.abs(values))
    towards = np.where(values > 0, AGENT_COLOURS[0], AGENT_COLOURS[1])
    mixed = (1.0 - strength) * EMPTY + strength * towards
    cells = np.full((len(obs), rows * side, 3), PAPER, np.uint8)
    cells[:, : obs.shape[1]] = mixed.astype(np.uint8)
    return cells.reshape(len(obs), rows, side, 3)
