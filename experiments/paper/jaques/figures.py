"""Figures about social influence.

Letters: S seeds, T steps.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from experiments import style
from experiments.curves import RETURN, course, in_steps, save
from experiments.paper import drawing
from experiments.paper.book import Results
from experiments.paper.drawing import colour_of, new
from experiments.paper.jaques.arms import ARMS, EXPERIMENTS
from experiments.paper.jaques.claims import fair, opened, over_conditions
from experiments.paper.jaques.measures import AROUND
from experiments.paper.jaques.stages import BOXES, DILEMMAS
from experiments.paper.verdicts import label
from lase_jax.reports import stats


def experiments(results: Results, path: Path) -> None:
    """Learning curves of the three experiments: A2C, the ablation, and the arm with influence."""
    figure, axes = new(len(DILEMMAS), len(EXPERIMENTS), height=3.0)
    for row, (name, (ablation, arm, others)) in enumerate(EXPERIMENTS.items()):
        for column, game in enumerate(DILEMMAS):
            axis = axes[row * len(DILEMMAS) + column]
            for each in ("a2c", ablation, arm, *others):
                found = results.run(game, each)
                curve = found.curves["return/collective"]
                course(axis, found, curve, colour_of(each), label(each))
            axis.set(title=f"{game}: experiment {name}", ylabel="" if column else RETURN)
            in_steps(axis)
            axis.legend(fontsize=8)
    save(figure, path)


def ends(results: Results, path: Path) -> None:
    """Every seed of every arm: collective return, and the same times equality."""
    games = results.some("{}-a2c", DILEMMAS)
    figure, axes = new(2, len(games), width=4.6)
    for row, game in enumerate(games):
        plain, equal = axes[2 * row : 2 * row + 2]
        drawing.ends(plain, results, game, ARMS)
        drawing.ends(equal, results, game, ARMS, fair)
        plain.set(ylabel=RETURN)
        equal.set(ylabel="return x (1 - Gini)")
    save(figure, path)


def boxes(results: Results, path: Path) -> None:
    """Fig. 12: share of episodes in which a box is opened, seed by seed."""
    games = results.some("{}-moa_influence", BOXES)
    figure, axes = new(len(games), width=4.6)
    for axis, game in zip(axes, games, strict=True):
        drawing.ends(axis, results, game, ARMS, opened)
        axis.set(ylabel="episodes with an open box", ylim=(-0.05, 1.05))
    save(figure, path)


def spike(results: Results, path: Path) -> None:
    """Fig. 13: when the box is opened, and the opener's influence around that step."""
    figure, (when, around) = new(2)
    for arm in ("a2c", "moa", "basic", "moa_influence", "moa_agents", "moa_moments"):
        found = results.run("box_trapped", arm).played
        steps = np.arange(1, found["opening/by_step"].shape[-1] + 1)
        when.plot(steps, found["opening/by_step"].mean(0), color=colour_of(arm), label=label(arm))
    when.set(title="Box Trapped", xlabel="step", ylabel="opened by then", ylim=(-0.02, 1.02))
    steps = np.arange(-AROUND, AROUND + 1)
    for arm in ("basic", "moa_influence"):
        influence = results.run("box_trapped", arm).played["opening/influence"]
        around.plot(steps, influence.T, color=colour_of(arm), alpha=0.25, linewidth=0.8)
        mean = stats.mean(influence, 0)
        around.plot(steps, mean, color=colour_of(arm), label=label(arm), marker="o", markersize=3)
    around.axvline(0, color=style.INK, linewidth=0.8, linestyle=":")
    around.set(title="the opener", xlabel="steps after the opening", ylabel="influence reward")
    for axis in (when, around):
        axis.grid(alpha=0.25)
        axis.legend(fontsize=7)
    save(figure, path)


def conditions(results: Results, path: Path) -> None:
    """Own return by influence suffered, a point for each condition and seed."""
    figure, axes = new(len(DILEMMAS))
    for axis, game in zip(axes, DILEMMAS, strict=True):
        axis.plot(*over_conditions(results, game), "o", color=colour_of("comm"), alpha=0.5)
        axis.set(title=game, xlabel="influence suffered, nats", ylabel="own return")
        axis.grid(alpha=0.25)
    save(figure, path)


FIGURES: Mapping[str, Callable[[Results, Path], None]] = {
    "experiments": experiments,
    "ends": ends,
    "boxes": boxes,
    "spike": spike,
    "conditions": conditions,
}
"""Figures by the names of their files."""
