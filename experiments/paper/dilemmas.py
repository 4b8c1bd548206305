"""Whether games are social dilemmas, by scripted players (see `experiments.schelling`)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.curves import legend, save
from experiments.paper import drawing
from experiments.paper.book import Analysis, Results
from experiments.paper.verdicts import MissingError
from experiments.schelling import analysis
from lase_jax.reports.tables import markdown

NAME = "schelling"
"""Of the analysis, in every paper."""
ANALYSIS = Analysis(
    lambda scale, out: analysis.write(
        analysis.Analysis(
            analysis.PAPER + (analysis.OTHERS if scale.whole else ()), scale.episodes, out
        )
    ),
    analysis.HERE,
    "diagrams",
)
"""Plays all games but, at a toy scale, those of Kong et al. only."""
COLOURS = {"cooperators": "#16a34a", "defectors": "#dc2626"}


def table(results: Results, games: Sequence[str]) -> str:
    """What the numbers say of each game.

    Raises:
        MissingError: the analysis has not been made.
    """
    found = results.analysis(NAME)
    kept = [game for game in games if game in found]
    rows = [[game, *found[game]["verdicts"].values()] for game in kept]
    heads = found[kept[0]]["verdicts"] if kept else ()
    return markdown(("game", *heads), rows)


def figure(results: Results, path: Path, games: Sequence[str]) -> None:
    """Schelling diagrams: what an agent earns by how many others cooperate.

    Raises:
        MissingError: the analysis has not been made, or not of these games.
    """
    found = results.analysis(NAME)
    kept = [game for game in games if game in found]
    if not kept:
        raise MissingError(f"{NAME} of {games[0]}")
    drawn, axes = drawing.panels(len(kept), 2, width=3.8, height=2.6)
    for axis, game in zip(axes, kept, strict=True):
        for kind, others in (("cooperators", slice(1, None)), ("defectors", slice(None, -1))):
            earned = np.array(found[game][kind][others], float)
            axis.plot(range(len(earned)), earned, "o-", color=COLOURS[kind], label=kind)
        axis.set(title=game, xlabel="others who cooperate", ylabel="return per episode")
        axis.set_xticks(range(len(earned)))
        axis.grid(alpha=0.25)
    legend(drawn, axes[:1])
    save(drawn, path)
