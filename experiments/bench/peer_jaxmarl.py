"""JaxMARL's coin game under random actions: ``peer_jaxmarl.py 1024 500 5``; see `coin`, `peers`.

This program needs JaxMARL and nothing of this project, so that it runs in any Python where JaxMARL
is installed. JaxMARL's public ``step`` resets episodes by itself.
"""

import json
import os
import sys
import time
from importlib.metadata import version

import jax
import jax.numpy as jnp
from jaxmarl.environments.coin_game.coin_game import CoinGame

HORIZON = 100


def seconds() -> float:
    """The time, as in `clock`: on one core of a CPU this process's CPU time."""
    alone = len(os.sched_getaffinity(0)) == 1 and jax.default_backend() == "cpu"
    return time.process_time() if alone else time.perf_counter()


def main() -> None:
    """Measures and prints JSON."""
    envs, steps, repeats = map(int, sys.argv[1:])
    env = CoinGame(num_inner_steps=HORIZON, num_outer_steps=1)

    def step(carry: tuple, key: jax.Array) -> tuple[tuple, None]:
        state, paid = carry
        key_act, key_step = jax.random.split(key)
        drawn = jax.random.randint(key_act, (len(env.agents), envs), 0, 5)
        actions = dict(zip(env.agents, drawn, strict=True))
        keys = jax.random.split(key_step, envs)
        obs, state, reward, *_ = jax.vmap(env.step)(keys, state, actions)
        total = sum(leaf.sum(dtype=jnp.float32) for leaf in jax.tree.leaves((obs, reward)))
        return (state, paid + total), None

    def play(key: jax.Array) -> jax.Array:
        key_reset, key_play = jax.random.split(key)
        _, state = jax.vmap(env.reset)(jax.random.split(key_reset, envs))
        start = (state, jnp.float32(0.0))
        return jax.lax.scan(step, start, jax.random.split(key_play, steps))[0][1]

    run = jax.jit(play).lower(jax.random.key(0)).compile()
    rates = []
    for _ in range(repeats + 1):
        begin = seconds()
        jax.block_until_ready(run(jax.random.key(0)))
        rates.append(envs * steps / (seconds() - begin))
    label = f"JaxMARL {version('jaxmarl')}, jax {jax.__version__}"
    print(json.dumps({"label": label, "rates": rates[1:]}))


if __name__ == "__main__":
    main()
