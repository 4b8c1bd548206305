"""For which deeds trained agents pay each other (Yang et al. 2020, the figures of incentives).

Letters: S seeds, T steps, E episodes, N seats.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from experiments.findings import EPISODES, Numbers, of_each_seed
from lase_jax import api
from lase_jax.core.metrics import Metrics, by_deed, masked_mean
from lase_jax.reports import evaluate
from lase_jax.reports.evaluate import Played
from lase_jax.types import Algorithm, Array, PyTree

RECIPIENTS = ("cooperator", "defector")
"""Scripted players on all seats, for whose play trained agents' incentives are computed."""


def measure(path: Path, result: api.Result, gives: bool) -> Numbers:
    """What is measured of trained agents; `gives`: by a choice of their own, in their own play."""
    del path
    return deeds(result) | ({} if gives else scripted(result))


def deeds(result: api.Result) -> dict[str, np.ndarray]:
    """What an agent receives in a step in which it does what helps, and in any other step.

    Incentives that are paid for are counted net of their price.

    Returns:
        ``paid/deed`` and ``paid/else``, each ``[S, N]`` reward per step without epsilon; NaN where
        there is no such step.
    """
    spec = result.game.spec

    def received(state: PyTree, played: Played) -> Metrics:
        del state
        seats = range(spec.num_agents)
        return by_deed(played.delta, played.rollout, spec.helps, seats)

    found = of_each_seed(result, result.society.algorithm, received)
    return {name.replace("incentive", "paid"): np.asarray(of) for name, of in found.items()}


def scripted(result: api.Result) -> dict[str, np.ndarray]:
    """What trained agents would pay to scripted players in their seats.

    Returns:
        ``paid/<player> [S, N]``, incentives received per step, if all seats play that policy.
    """
    game, algorithm = result.game, result.society.algorithm
    keys = jax.random.split(jax.random.key(0), len(result.seeds))
    found = {}
    for name in RECIPIENTS:
        players = api.society(game, name).algorithm

        def one(state: PyTree, key: Array, players: Algorithm = players) -> Array:
            key_init, key_play, key_weigh = jax.random.split(key, 3)
            theirs = players.init(key_init, players.hyper)
            played = evaluate.episodes(game, players, theirs, key_play, EPISODES, "sample")
            paid = algorithm.weigh(state, played.rollout, key_weigh).delta
            return masked_mean(paid, played.rollout.active, (0, 1), jnp.nan)

        found[f"paid/{name}"] = np.asarray(jax.jit(jax.vmap(one))(result.state, keys))
    return found
