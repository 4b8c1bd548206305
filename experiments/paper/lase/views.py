"""LASE's weights with imagined and with co-players' real views (Kong et al. 2024, Table 8).

Letters: S seeds, T steps, E episodes, N seats.
"""

import dataclasses
from pathlib import Path

import jax.numpy as jnp

from experiments.findings import Numbers, of_each_seed
from lase_jax import api
from lase_jax.core.metrics import masked_mean, masked_variance
from lase_jax.core.settings import changed
from lase_jax.reports.evaluate import Played
from lase_jax.runs.config import seated
from lase_jax.runs.setup import load_config
from lase_jax.types import Array, PyTree

VIEWS = ("imagined", "real_view")


def views(path: Path, result: api.Result) -> Numbers:
    """Mean and standard deviation over time of each pair's weight, in the agents' own play.

    Weights are computed at all steps and not only where there is a reward to share. The same
    episodes are played with both kinds of views, as weights do not act back on them.

    Args:
        path: of the run folder, of LASE on all seats.
        result: the same run.

    Returns:
        ``views/<imagined or real_view>/<mean or deviation>``, each ``[S, N, N]``.
    """
    config, _ = load_config(path)
    numbers = {}
    for view in VIEWS:
        agent = changed(config.agent, dict(weigh="all", foresee=view))
        algorithm = seated(result.game, dataclasses.replace(config, agent=agent).kinds())

        def spread(state: PyTree, played: Played) -> tuple[Array, Array]:
            del state
            active = played.rollout.active
            both = active[..., :, None] & active[..., None, :]
            mean = masked_mean(played.weights, both, (0, 1), jnp.nan)
            return mean, jnp.sqrt(masked_variance(played.weights, both, (0, 1), jnp.nan))

        found = of_each_seed(result, algorithm, spread)
        for name, values in zip(("mean", "deviation"), found, strict=True):
            numbers[f"views/{view}/{name}"] = values
    return numbers
