"""Societies of scripted players, all of them in one compiled program.

Letters: N seats, E episodes, K kinds of players.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from envs.types import Env
from lase_jax.types import Array


def returns(env: Env, names: Sequence[str], kinds: Array, key: Array) -> Array:
    """Plays one episode for each row of `kinds`; can be jitted.

    Args:
        env: the game.
        names: K names of its scripted policies.
        kinds: ``[E, N]`` int32, the place in `names` of each seat's policy.
        key: consumed.

    Returns:
        ``[E, N]`` extrinsic return of each seat.
    """
    seats = jnp.arange(env.spec.num_agents)
    policies = [env.scripted[name] for name in names]

    def act(key: Array, obs: Array, seat: Array, kind: Array) -> Array:
        keys = jax.random.split(key, len(policies))
        every = [policy(k, obs, seat) for policy, k in zip(policies, keys, strict=True)]
        return jnp.stack(every).astype(jnp.int32)[kind]

    def episode(key: Array, kinds: Array) -> Array:
        def step(now: Any, key: Array) -> tuple[Any, Array]:
            state, obs = now
            key_act, key_env = jax.random.split(key)
            action = jax.vmap(act)(jax.random.split(key_act, len(seats)), obs, seats, kinds)
            state, after = env.step(key_env, state, action)
            return (state, after.obs), after.reward

        key_reset, key_play = jax.random.split(key)
        keys = jax.random.split(key_play, env.spec.horizon)
        return jax.lax.scan(step, env.reset(key_reset), keys)[1].sum(0)

    return jax.vmap(episode)(jax.random.split(key, len(kinds)), kinds)
