"""Figures about LIO."""

from collections.abc import Callable, Mapping
from pathlib import Path

from experiments.curves import RETURN, course, in_steps, legend, save
from experiments.paper import drawing
from experiments.paper.book import Results
from experiments.paper.drawing import new
from experiments.paper.lio.stages import ARMS, DILEMMAS, MAPS, ROOMS

PLAYED = (*ROOMS, *DILEMMAS, *MAPS)


def ends(results: Results, path: Path) -> None:
    """Every seed of every arm at the end."""
    games = results.some("{}-lio", PLAYED)
    figure, axes = drawing.panels(len(games), 2)
    for axis, game in zip(axes, games, strict=True):
        drawing.ends(axis, results, game, ARMS)
        axis.set(ylabel=RETURN)
    save(figure, path)


def labour(results: Results, path: Path) -> None:
    """What each agent of the first seed cleans and is paid on both maps, by our settings."""
    figure, axes = new(2, len(MAPS), width=4.6, height=3.0)
    for row, game in enumerate(MAPS):
        found = results.run(game, "lio")
        panels = {
            "waste cleaned per episode": found.curves["event/waste_cleaned"][:, :1],
            "incentives received per episode": found.curves["incentive/paid"][:, :1].sum(-2),
        }
        for axis, (title, values) in zip(axes[2 * row :], panels.items(), strict=False):
            for seat, colour in enumerate(("#dc2626", "#2563eb")):
                course(axis, found, values[..., seat], colour, f"agent {seat}")
            axis.set(title=f"{game}: {title}")
            axis.title.set_fontsize(9)
            in_steps(axis)
    legend(figure, axes[:1])
    save(figure, path)


FIGURES: Mapping[str, Callable[[Results, Path], None]] = {
    "courses": lambda results, path: drawing.courses(results, path, PLAYED, tuple(ARMS)),
    "ends": ends,
    "labour": labour,
}
"""Figures by the names of their files."""
