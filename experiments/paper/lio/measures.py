"""For which deeds trained agents pay each other (Yang et al. 2020, the figures of incentives).

Letters: S seeds, T steps, E episodes, N seats.
"""

from pathlib import Path

import jax
import numpy as np

from experiments.findings import EPISODES, Numbers
from lase_jax import api
from lase_jax.reports import evaluate, stats
from lase_jax.types import Array, PyTree


def deeds(path: Path, result: api.Result) -> Numbers:
    """What an agent receives in a step in which it does what helps, and in any other step.

    Incentives that are paid for are counted net of their price.

    Returns:
        ``paid/deed`` and ``paid/else``, each ``[S, N]`` reward per step without epsilon; NaN where
        there is no such step.
    """
    del path
    game, algorithm = result.game, result.society.algorithm

    def one(state: PyTree, key: Array) -> tuple[Array, Array, Array]:
        played = evaluate.episodes(game, algorithm, state, key, EPISODES, "sample")
        helped = sum(played.rollout.events[event] for event in game.spec.helps) > 0
        return played.delta, helped, played.rollout.active

    keys = jax.random.split(jax.random.key(0), len(result.seeds))
    paid, helped, active = map(np.asarray, jax.jit(jax.vmap(one))(result.state, keys))
    cases = {"deed": helped & active, "else": ~helped & active}
    return {
        f"paid/{name}": stats.mean(np.where(where, paid, np.nan), (1, 2))
        for name, where in cases.items()
    }
