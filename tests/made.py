"""Findings and results with made-up numbers."""

import numpy as np

from experiments.findings import Finding
from experiments.paper.book import Results
from lase_jax.core import metrics

SEEDS, ROWS = 10, 20


def made(returns=0.0, agents=4, horizon=100, curves=None, played=None, steps=1_000_000, **final):
    """A finding of ten seeds with some numbers; others are zero."""
    returns = np.broadcast_to(np.asarray(returns, float), SEEDS)
    axes = {"": (), "N": (agents,), "NN": (agents, agents)}
    zeros = {name: np.zeros((SEEDS, *axes[row.axes])) for name, row in metrics.TABLE.items()}
    given = {name.replace("__", "/"): np.asarray(values, float) for name, values in final.items()}
    zeros["event/waste_cleaned"] = np.zeros((SEEDS, agents))
    numbers = zeros | {"return/collective": returns} | given
    course = {"return/collective": np.tile(returns, (ROWS, 1))} | (curves or {})
    facts = dict(date="2026-01-01", device="cpu", env_steps=steps, minutes=1.0)
    env_steps = np.linspace(0, steps, ROWS + 1)[1:]
    played = {"return/collective": returns} | (played or {})
    return Finding(dict(game=dict(horizon=horizon)), facts, env_steps, course, numbers, played)


def results(**runs):
    return Results({name.replace("__", "-"): run for name, run in runs.items()}, {})
