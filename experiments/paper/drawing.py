"""Panels and points of the reports' figures.

Letters: S seeds.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import comparison, curves, style
from experiments.curves import Line
from experiments.findings import Finding
from experiments.paper.book import Results
from experiments.paper.verdicts import MissingError, label

Measure = Callable[[Finding], np.ndarray]
"""A number ``[S]`` of each seed of a run."""


def collective(found: Finding) -> np.ndarray:
    """Collective return at the end."""
    return found.final["return/collective"]


def new(columns: int, rows: int = 1, width: float = 4.2, height: float = 3.4) -> tuple[Any, list]:
    """A figure and its panels in reading order; a page shows about nine inches of width."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.ravel())


def panels(count: int, columns: int, width: float = 4.2, height: float = 3.4) -> tuple[Any, list]:
    """A figure and so many panels in rows of `columns`; what is left of the last row is empty."""
    figure, axes = new(columns, -(-count // columns), width, height)
    for axis in axes[count:]:
        axis.set_axis_off()
    return figure, axes[:count]


def points(
    axis: Any,
    place: float,
    values: np.ndarray,
    colour: Any,
    crosses: np.ndarray | None = None,
    width: float = 1.0,
) -> None:
    """Every seed of ``values [S]``, their mean and its interval, at a place of the x-axis.

    Seeds in ``crosses [S]``, bool, are crosses; `width` is below 1 where several share a place.
    """
    where = place + width * np.linspace(-0.18, 0.18, len(values))
    plain = np.ones(len(values), bool) if crosses is None else ~crosses
    axis.plot(where[plain], values[plain], "o", color=colour, alpha=0.45, markersize=3.5, mew=0)
    axis.plot(where[~plain], values[~plain], "x", color=colour, alpha=0.8, markersize=4, mew=1)
    found = comparison.mean(values)
    axis.hlines(found.value, place - 0.28 * width, place + 0.28 * width, color=colour, linewidth=2)
    axis.vlines(place, found.low, found.high, color=colour, linewidth=1.2)


def key(axis: Any, arm: str) -> None:
    """What a legend says of the `points` of an arm."""
    axis.plot([], [], "o", color=colour_of(arm), label=label(arm))


def places(axis: Any, names: Sequence[str]) -> None:
    """Writes names below places 0, 1, ... of the x-axis."""
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=8)
    axis.grid(axis="y", alpha=0.25)


def from_zero(axes: Sequence[Any]) -> None:
    """One y-axis for some panels, that shows 0, so that heights can be compared."""
    limits = np.array([axis.get_ylim() for axis in axes])
    low, high = min(0.0, limits.min()), limits.max()
    room = (high - low) / 20
    for axis in axes:
        axis.set_ylim(low - room * (low < 0.0), high + room)


def colour_of(arm: str) -> str:
    """The colour of an arm."""
    return style.COLOURS[arm]


def ends(
    axis: Any,
    results: Results,
    game: str,
    arms: Iterable[str],
    of: Measure = collective,
    marked: Measure | None = None,
) -> None:
    """Every seed of every arm that is kept in a game, at the end of training.

    Args:
        axis: the panel.
        results: all that is kept.
        game: its name.
        arms: in this order.
        of: what is shown of a run.
        marked: seeds that are shown as crosses.
    """
    kept = results.kept(game + "-{}", arms)
    for place, arm in enumerate(kept):
        found = results.run(game, arm)
        crosses = None if marked is None else marked(found)
        points(axis, place, of(found), colour_of(arm), crosses)
    places(axis, [label(arm) for arm in kept])
    axis.set(title=game)


def courses(results: Results, path: Path, games: Sequence[str], arms: Sequence[str]) -> None:
    """A figure of the learning curves of all arms that are kept, a panel for each game.

    Raises:
        MissingError: none is.
    """
    runs = {
        (game, arm): results.run(game, arm)
        for game in games
        for arm in results.kept(game + "-{}", arms)
    }
    if not runs:
        raise MissingError(f"{games[0]}-{arms[0]}")
    looks = {arm: Line(label(arm), colour_of(arm), *style.DASHES[arm]) for arm in arms}
    curves.plot(runs, path, games, looks)
