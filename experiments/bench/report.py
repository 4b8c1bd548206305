"""Markdown tables, written into their places in a file, and figures."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import jax

from experiments import places
from experiments.bench import clock
from lase_jax.reports.tables import markdown


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    return markdown(header, rows, len(header) - 1)


def number(value: float | None, digits: int = 1) -> str:
    """A number for a table, a dash for None."""
    return "-" if value is None else f"{value:,.{digits}f}"


def source(command: str, arguments: Sequence[str]) -> str:
    """The line below a table: the command that makes it, the date and the machine."""
    options = [
        a
        for a, before in zip(arguments, ["", *arguments], strict=False)
        if "--into" not in (a, before)
    ]
    given = " ".join([command, *options])
    made = f"{date.today().isoformat()}, {clock.device()}, jax {jax.__version__}"
    return f'`make bench ARGS="{given}"` ({made}).\n'


def publish(name: str, text: str, into: Path | None) -> None:
    """Prints a report, and fills the place of that name in a page, if there is one.

    Raises:
        SystemExit: as `places.fill`.
    """
    print(text)
    if into is not None:
        places.fill(name, text, into)


def draw(panels: Mapping[str, Mapping[str, Mapping[float, float]]], unit: str, path: Path) -> None:
    """Draws lines over powers of two, in one panel per quantity that grows.

    Args:
        panels: points ``x -> y`` by the label of the x-axis, then by the line's label.
        unit: of all y.
        path: file to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.0 * len(panels), 3.2), layout="constrained")
    for index, (along, lines) in enumerate(panels.items()):
        axis = figure.add_subplot(1, len(panels), index + 1)
        for label, points in lines.items():
            axis.plot(list(points), list(points.values()), marker="o", markersize=3, label=label)
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set(xlabel=along, ylabel=unit if index == 0 else "")
        axis.grid(alpha=0.25)
        axis.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, format="png")
