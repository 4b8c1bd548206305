"""The contract of `envs.types`, held against a game from outside before anything is trained."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env, EnvSpec, GameConfig, Step


def require_game(config: Any) -> None:
    """Requires settings whose game has the shapes and dtypes that it says; plays no step.

    Raises:
        ConfigError: names the part that is missing or differs.
    """
    remedy = "give its class the methods spec() and build(), see envs.types.GameConfig"
    checks.require(isinstance(config, GameConfig), "game", config, remedy)
    env = config.build()
    checks.require(isinstance(env, Env), "build()", env, "let it return an envs.Env")
    checks.require(isinstance(env.spec, EnvSpec), "spec", env.spec, "use an envs.EnvSpec")
    same = env.spec == config.spec()
    checks.require(same, "spec()", config.spec(), "let it return the spec of what is built")
    _require_spec(env.spec)
    _require_functions(env)


def _require_spec(spec: EnvSpec) -> None:
    checks.integer("version", spec.version, 0)
    checks.integer("num_agents", spec.num_agents, 1)
    checks.integer("num_actions", spec.num_actions, 1)
    checks.integer("horizon", spec.horizon, 1)
    named = len(spec.action_names) == spec.num_actions
    checks.require(named, "action_names", spec.action_names, f"name {spec.num_actions} actions")
    known = {*spec.helps, *spec.harms} <= {*spec.event_names}
    checks.require(known, "helps, harms", (spec.helps, spec.harms), "use names of event_names")


def _require_functions(env: Env) -> None:
    """Requires the declared shapes of what `reset`, `draw` and `transition` return."""
    spec, count = env.spec, env.spec.num_agents
    try:
        state, obs = jax.eval_shape(env.reset, jax.random.key(0))
        action = jax.ShapeDtypeStruct((count,), jnp.int32)
        draws = jax.eval_shape(env.draw, jax.random.key(0))
        after, step = jax.eval_shape(env.transition, state, action, draws)
    except Exception as error:
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        raise checks.refusal("game", spec.name, f"it cannot be played ({why})") from error
    checks.require(isinstance(step, Step), "step", step, "let transition return (state, envs.Step)")
    _require("obs of reset", obs, (count, *spec.obs_shape), spec.obs_dtype)
    _require("obs of transition", step.obs, (count, *spec.obs_shape), spec.obs_dtype)
    _require("reward", step.reward, (count,), jnp.float32)
    _require("active", step.active, (count,), bool)
    _require("terminated", step.terminated, (), bool)
    _require("truncated", step.truncated, (), bool)
    names = sorted(step.events)
    remedy = f"use those of event_names, {sorted(spec.event_names)}"
    checks.require(names == sorted(spec.event_names), "events", names, remedy)
    for name, values in step.events.items():
        _require(f"events[{name!r}]", values, (count,), jnp.float32)
    before, then = _form(state), _form(after)
    checks.require(before == then, "state after a step", then, f"make it {before}, as at the start")


def _form(state: Any) -> str:
    """The structure of a state, with shapes and dtypes."""
    return str(jax.tree.map(lambda leaf: f"{np.dtype(leaf.dtype).name}{list(leaf.shape)}", state))


def _require(what: str, found: Any, shape: tuple[int, ...], dtype: Any) -> None:
    """Requires the shape and dtype of an array."""
    given = f"{np.dtype(found.dtype).name}{list(found.shape)}"
    wanted = f"{np.dtype(dtype).name}{list(shape)}"
    checks.require(given == wanted, what, given, f"make it {wanted}")
