"""Figures about social influence.

Letters: S seeds, T steps.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from experiments import style
from experiments.curves import RETURN, course, in_steps, save
from experiments.paper import dilemmas, drawing
from experiments.paper.book import Results, equalities
from experiments.paper.drawing import colour_of, new
from experiments.paper.jaques.arms import ARMS, EXPERIMENTS
from experiments.paper.jaques.claims import (
    COORDINATION,
    beyond_chance,
    fair,
    judged,
    opened,
    over_conditions,
    starved,
)
from experiments.paper.jaques.measures import AROUND
from experiments.paper.jaques.stages import BOXES, DILEMMAS
from experiments.paper.verdicts import label
from lase_jax.reports import stats

LEVEL = 0.995
"""Of the paper's intervals."""
OFTEN = 0.1
"""Share of episodes in which a seed must open the box to have an opener's influence."""
TALKING = [arm for arm, what in ARMS.items() if what.algo == "si_comm"]


def experiments(results: Results, path: Path) -> None:
    """Learning curves of the three experiments, with the paper's intervals of 99.5 %."""
    games = judged(results)
    figure, axes = new(len(games), len(EXPERIMENTS), height=3.0)
    for row, (name, (ablation, arm, others)) in enumerate(EXPERIMENTS.items()):
        for column, game in enumerate(games):
            axis = axes[row * len(games) + column]
            for each in ("a2c", ablation, arm, *others):
                found = results.run(game, each)
                curve = found.curves["return/collective"]
                course(axis, found, curve, colour_of(each), label(each), LEVEL)
            axis.set(title=f"{game}: experiment {name}", ylabel="" if column else RETURN)
            in_steps(axis)
            axis.legend(fontsize=8)
    save(figure, path)


def ends(results: Results, path: Path) -> None:
    """Every seed of every arm: collective return, and the same times equality.

    Crosses are seeds in which an agent has not learnt to eat.
    """
    games = results.some("{}-a2c", judged(results))
    figure, axes = new(2, len(games), width=4.6)
    for row, game in enumerate(games):
        plain, equal = axes[2 * row : 2 * row + 2]
        drawing.ends(plain, results, game, ARMS, marked=starved)
        drawing.ends(equal, results, game, ARMS, fair, marked=starved)
        plain.set(ylabel=RETURN)
        equal.set(ylabel="return x (1 - Gini)")
    save(figure, path)


def shared(results: Results, path: Path) -> None:
    """Fig. 16: learning curves of the collective return times equality."""
    games = results.some("{}-a2c", judged(results))
    figure, axes = new(len(games), height=3.0)
    for axis, game in zip(axes, games, strict=True):
        for arm in results.kept(game + "-{}", ("a2c", "basic", "comm", "moa_influence")):
            found = results.run(game, arm)
            own = found.curves["return/extrinsic"]
            curve = np.nan_to_num(equalities(own)) * own.sum(-1)
            course(axis, found, curve, colour_of(arm), label(arm), LEVEL)
        axis.set(title=game, ylabel="return x (1 - Gini)")
        in_steps(axis)
        axis.legend(fontsize=8)
    save(figure, path)


def talk(results: Results, path: Path) -> None:
    """Fig. 5: speaker consistency, and coordination at influential moments, beyond chance."""
    games = results.some("{}-comm", judged(results))
    names = {"consistency": "speaker consistency", COORDINATION: "coordination, nats"}
    figure, axes = new(len(names), len(games), height=3.0)
    for axis, (game, name) in zip(axes, product(games, names), strict=True):
        drawing.ends(axis, results, game, TALKING, partial(beyond_chance, name=name))
        axis.set(ylabel=f"{names[name]} above chance")
        axis.axhline(0, color=style.INK, linewidth=0.8, linestyle=":")
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
    """Fig. 13: when the box is opened, and the opener's influence around that step.

    Of those seeds in which it is opened in a tenth of the episodes at least.
    """
    figure, (when, around) = new(2)
    for arm in ("a2c", "moa", "basic", "moa_influence", "moa_agents", "moa_moments"):
        found = results.run("box_trapped", arm).played
        steps = np.arange(1, found["opening/by_step"].shape[-1] + 1)
        when.plot(steps, found["opening/by_step"].mean(0), color=colour_of(arm), label=label(arm))
    when.set(title="Box Trapped", xlabel="step", ylabel="opened by then", ylim=(-0.02, 1.02))
    steps = np.arange(-AROUND, AROUND + 1)
    for arm in ("basic", "moa_influence"):
        found = results.run("box_trapped", arm)
        influence = found.played["opening/influence"][opened(found) >= OFTEN]
        around.plot(steps, influence.T, color=colour_of(arm), alpha=0.25, linewidth=0.8)
        mean = stats.mean(influence, 0)
        text = f"{label(arm)}, {len(influence)} of {found.seeds} seeds"
        around.plot(steps, mean, color=colour_of(arm), label=text, marker="o", markersize=3)
    around.axvline(0, color=style.INK, linewidth=0.8, linestyle=":")
    around.set(title="the opener", xlabel="steps after the opening", ylabel="influence, nats")
    for axis in (when, around):
        axis.grid(alpha=0.25)
        axis.legend(fontsize=7)
    save(figure, path)


def conditions(results: Results, path: Path) -> None:
    """Own return by influence suffered, a point for each condition and seed."""
    games = judged(results)
    figure, axes = new(len(games))
    for axis, game in zip(axes, games, strict=True):
        axis.plot(
            *map(np.ravel, over_conditions(results, game)), "o", color=colour_of("comm"), alpha=0.5
        )
        axis.set(title=game, xlabel="influence suffered, nats", ylabel="own return")
        axis.grid(alpha=0.25)
    save(figure, path)


FIGURES: Mapping[str, Callable[[Results, Path], None]] = {
    "experiments": experiments,
    "ends": ends,
    "shared": shared,
    "talk": talk,
    "boxes": boxes,
    "spike": spike,
    "conditions": conditions,
    "dilemmas": partial(dilemmas.figure, games=(*DILEMMAS, *BOXES)),
}
"""Figures by the names of their files."""
