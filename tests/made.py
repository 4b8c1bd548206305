"""Findings and results with made-up numbers."""

import numpy as np

from experiments.findings import Finding
from experiments.paper import report
from experiments.paper.book import Results
from experiments.paper.scales import SCALES
from lase_jax.core import metrics
from lase_jax.runs.config import to_json

SEEDS, ROWS = 10, 20
RISING = np.linspace(0.0, 0.9, SEEDS)
"""A number of each seed."""


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
    settings = dict(env="made", game=dict(horizon=horizon), schedule=dict(rollout_length=0))
    return Finding(settings, facts, env_steps, course, numbers, played)


def results(**runs):
    return Results({name.replace("__", "-"): run for name, run in runs.items()}, {})


def of_all_runs(paper, numbers):
    """Findings of all runs of scale "cpu" of a paper, the later ones with more return.

    Args:
        paper: its stages say what is kept.
        numbers: takes the number of a run and of its agents, and returns what was played and the
            last values of metrics, by name.
    """
    runs = {}
    for stage in paper.stages.values():
        for name, run in stage.runs(SCALES["cpu"]).items():
            agents, index = run.game.spec().num_agents, len(runs)
            axes = {"N": (agents,), "NN": (agents, agents), "": ()}
            curves = {
                key: np.ones((ROWS, SEEDS, *axes[metrics.describe(key).axes]))
                for key in stage.keep(name).curves
            }
            played, final = numbers(index, agents)
            found = made(RISING + index, agents, curves=curves, played=played, **final)
            runs[name] = found._replace(settings=to_json(run))
    return runs


def reported(paper, found, folder):
    """The report of some results; every figure is drawn in a folder and stands in it."""
    for name, draw in paper.figures.items():
        draw(found, folder / f"{name}.png")
        assert (folder / f"{name}.png").stat().st_size > 10_000
    images = {name: f"{name}.png" for name in paper.figures}
    verdicts = paper.judge_all(found)
    text = report.compose(paper, found, verdicts, SCALES["cpu"], images)
    assert all(f"![{name}]({path})" in text for name, path in images.items())
    assert not any(verdict.lacks for verdict in verdicts.values())
    return text
