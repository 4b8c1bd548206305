"""Recordings of tiny societies that have not been trained, for tests of pages."""

from functools import cache

import jax
import jax.numpy as jnp
from probes import settings

import envs
from lase_jax.loop.society import society
from lase_jax.reports.replay.recording import Label, recorder

SSH = envs.make(
    "ssh", num_agents=3, rows=4, columns=4, radius=1, horizon=8, num_hares=8, num_stags=1
)
IPD = envs.make("ipd", horizon=5)
GAMES = {
    "ssh": SSH,
    "ipd": IPD,
    "escape": envs.make("escape_room"),
    "box": envs.make("box_ring"),
}
"""A map, and games without one."""


def moved(state, seed):
    """The same agents with other parameters, so that none of their policies is uniform."""

    def move(leaf):
        floats = jnp.issubdtype(leaf.dtype, jnp.floating) and leaf.ndim > 1
        return leaf + 0.5 * jax.random.normal(jax.random.key(seed), leaf.shape) if floats else leaf

    return jax.tree.map(move, state)


@cache
def played(name, algos=("lase",)):
    """A society in a game of `GAMES`, two states of it, and two recorded episodes of each state.

    Returns:
        Names by seat, the society, its states by their updates of training, and the recordings.
    """
    game = GAMES[name]
    names = algos * game.spec.num_agents if len(algos) == 1 else algos
    seats = {name: tuple(i for i, each in enumerate(names) if each == name) for name in names}
    groups = [(settings(name).build(game, held), held) for name, held in seats.items()]
    everyone = society(game.spec, groups)
    first = jax.jit(everyone.init)(jax.random.key(0), everyone.hyper)
    states = {100: moved(first, 1), 900: moved(first, 2)}
    record = recorder(game, everyone, "sample")
    recordings = [
        record(state, Label(seed=4, update=update, steps=10 * update, episode=episode))
        for update, state in states.items()
        for episode in (0, 1)
    ]
    return names, everyone, states, recordings
