"""Learning curves of runs and results of sweeps and cross-play as pictures.

Curves show the mean over seeds and its 95 % band.

Letters: R points in time, S seeds, N seats.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.render import AGENT_COLOURS
from lase_jax.reports import stats
from lase_jax.reports.record import Record, Row
from lase_jax.reports.schelling import Diagram


class Line(NamedTuple):
    """A curve of a panel."""

    label: str
    values: np.ndarray  # [R, S]
    colour: Any


POINTS = 100
"""Largest number of points of a curve."""
COLLECTIVE, COOPERATE, DEFECT = "#292524", "#16a34a", "#dc2626"
NAMED = 10
"""Largest number of settings in a legend, and of values at the ticks of an axis."""
WIDE = 20
"""An axis is logarithmic if its largest and smallest number differ by more than this factor."""


def thinned(record: Record) -> Record:
    """The same rows as means over neighbours, at most `POINTS` of them."""
    stride = -(-len(record.update) // POINTS)
    starts = np.arange(stride, len(record.update), stride)
    ends = np.append(starts, len(record.update)) - 1

    return Record(
        record.update[ends],
        record.env_steps[ends],
        {
            name: np.stack([stats.mean(part, 0) for part in np.split(values, starts)])
            for name, values in record.metrics.items()
        },
    )


def curves(record: Record, title: str, path: Path) -> None:
    """Draws one panel for each group of metrics that the run has.

    Args:
        record: all rows of a run.
        title: above the panels.
        path: file to write.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, MaxNLocator

    record = thinned(record)
    drawn = [(name, unit, list(lines(record.metrics))) for name, unit, lines in PANELS]
    drawn = [panel for panel in drawn if panel[2]]
    across = min(3, len(drawn))
    down = -(-len(drawn) // max(across, 1))
    figure = Figure(figsize=(4.6 * across, 3.1 * down + 0.4), layout="constrained")
    figure.suptitle(title)
    for index, (name, unit, lines) in enumerate(drawn):
        axis = figure.add_subplot(down, across, index + 1)
        for line in lines:
            mean, half = stats.mean_and_band(line.values)
            axis.plot(
                record.env_steps,
                mean,
                color=line.colour,
                label=line.label,
                linewidth=1.4,
                marker="o" if len(mean) == 1 else None,
            )
            if np.isfinite(half).any():
                low, high = mean - half, mean + half
                axis.fill_between(
                    record.env_steps, low, high, color=line.colour, alpha=0.15, linewidth=0
                )
        axis.set(title=name, ylabel=unit, xlabel="environment steps per seed")
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.grid(alpha=0.25)
        if 1 < len(lines) <= 8:
            axis.legend(fontsize=7, framealpha=0.6)
    figure.savefig(path, dpi=110, format="png")


def crossplay(result: dict[str, Any], path: Path) -> None:
    """Draws returns per seat as a matrix, one row per seating, the best collective return first.

    Args:
        result: the result of `crossplay.report`.
        path: file to write.
    """
    from matplotlib.figure import Figure

    tables = sorted(result["tables"], key=lambda row: -row["collective"]["mean"])
    values = np.array([row["return"] for row in tables])
    size = (1.6 * values.shape[1] + 1.6, 0.34 * len(tables) + 1.2)
    figure = Figure(figsize=size, layout="constrained")
    axis = figure.add_subplot()
    image = axis.imshow(values, aspect="auto", cmap="viridis")
    middle = (values.min() + values.max()) / 2
    for (line, seat), value in np.ndenumerate(values):
        ink = "black" if value > middle else "white"
        text = f"{tables[line]['seats'][seat]} {value:.1f}"
        axis.text(seat, line, text, ha="center", va="center", color=ink, fontsize=7)
    axis.set_xticks(range(values.shape[1]), [f"seat {seat}" for seat in range(values.shape[1])])
    axis.set_yticks(range(len(tables)), [f"{row['collective']['mean']:.1f}" for row in tables])
    axis.set(ylabel="collective return")
    figure.colorbar(image, ax=axis, label="return per episode")
    figure.savefig(path, dpi=110, format="png")


def schelling(found: Sequence[Diagram], path: Path) -> None:
    """Draws Schelling diagrams beside each other: what one earns, by how many others cooperate."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(found) + 0.4, 3.2), layout="constrained")
    for index, each in enumerate(found):
        axis = figure.add_subplot(1, len(found), index + 1)
        others = np.arange(len(each.everyone) - 1)
        lines = (
            ("cooperate", each.cooperators[1:], COOPERATE, "-"),
            ("defect", each.defectors[:-1], DEFECT, "-"),
            ("all, if one defects", each.everyone[:-1], COLLECTIVE, ":"),
        )
        for label, values, colour, style in lines:
            mean, half = np.array(values).T
            look: dict[str, Any] = dict(
                color=colour, linestyle=style, marker="o", markersize=4, capsize=2
            )
            axis.errorbar(others, mean, half, label=label, **look)
        axis.set(title=each.game, xlabel="others who cooperate", xticks=others)
        axis.grid(alpha=0.25)
    figure.axes[0].set_ylabel("return per episode")
    figure.axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110, format="png")


def sweep(rows: Sequence[Row], metric: str, path: Path) -> None:
    """Draws the curves of all settings of a sweep, and the final metric against each varied field.

    Args:
        rows: the settings, the best first, one or more.
        metric: name of the metric.
        path: file to write.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    labels = list(rows[0].setting)
    figure = Figure(figsize=(5 + 3.2 * len(labels), 3.6), layout="constrained")
    widths = [1.6, *[1.0] * len(labels)]
    first, *others = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    shades = colormaps["viridis"](np.linspace(0.95, 0.0, len(rows)))
    for place, (row, shade) in enumerate(zip(rows, shades, strict=False)):
        label = row.name if place < NAMED else None
        mean = stats.mean(row.curve, 1)
        first.plot(row.steps, mean, color=shade, label=label, linewidth=1.2, zorder=-place)
        if row.note:
            first.plot(row.steps[-1:], mean[-1:], "x", color=shade, markersize=5)
    first.set(xlabel="environment steps per seed", ylabel=metric)
    first.xaxis.set_major_formatter(EngFormatter(sep=""))
    first.grid(alpha=0.25)
    first.legend(fontsize=6, framealpha=0.6, title="the best", title_fontsize=6)
    for axis, label in zip(others, labels, strict=True):
        texts = [row.setting[label] for row in rows]
        distinct = _in_order(texts)
        measured = _numbers(distinct)
        spots = measured or dict(zip(distinct, range(len(distinct)), strict=True))
        for row, text, shade in zip(rows, texts, shades, strict=True):
            spot = np.full(len(row.final), spots[text])
            axis.plot(spot, row.final, "x" if row.note else "o", color=shade, markersize=4)
        low, high = min(spots.values()), max(spots.values())
        if not measured:
            axis.set_xticks(range(len(distinct)), distinct, rotation=45, fontsize=7)
        elif low > 0 and high / low > WIDE:
            axis.set_xscale("log")
        axis.set(xlabel=label)
        axis.grid(alpha=0.25)
    figure.savefig(path, dpi=110, format="png")


def _numbers(texts: Sequence[str]) -> dict[str, float]:
    """The values of a setting as numbers; {} if one is no number, or if ticks can name all."""
    try:
        return {text: float(text) for text in texts} if len(texts) > NAMED else {}
    except ValueError:
        return {}


def _in_order(texts: Iterable[str]) -> list[str]:
    """The different values of a setting: numbers by size, then other words by the alphabet."""

    def place(text: str) -> tuple[float, str]:
        try:
            return float(text), text
        except ValueError:
            return np.inf, text

    return sorted(set(texts), key=place)


def colour(index: int) -> tuple[float, ...]:
    """The colour of a seat, as in the pictures of the games."""
    return tuple(part / 255 for part in AGENT_COLOURS[index % len(AGENT_COLOURS)])


Lines = Callable[[dict[str, np.ndarray]], Iterator[Line]]


def _labelled(names: dict[str, str]) -> Lines:
    """One line per metric, averaged over its seats; `names` has the label of each metric."""

    def lines(metrics: dict[str, np.ndarray]) -> Iterator[Line]:
        present = [name for name in names if name in metrics]
        for index, name in enumerate(present):
            shade = COLLECTIVE if len(present) == 1 else colour(index)
            yield Line(names[name], over_seats(metrics[name]), shade)

    return lines


def _single(*names: str) -> Lines:
    """One line per metric, averaged over its seats, under the last part of its name."""
    return _labelled({name: name.split("/", 1)[1] for name in names})


def _group(prefix: str) -> Lines:
    """One line per metric of a group, averaged over its seats."""

    def lines(metrics: dict[str, np.ndarray]) -> Iterator[Line]:
        yield from _single(*(name for name in sorted(metrics) if name.startswith(prefix)))(metrics)

    return lines


def _per_seat(name: str) -> Lines:
    """One line per seat."""

    def lines(metrics: dict[str, np.ndarray]) -> Iterator[Line]:
        for seat in range(metrics[name].shape[2] if name in metrics else 0):
            values = metrics[name][:, :, seat]
            if np.isfinite(values).any():
                yield Line(f"agent {seat}", values, colour(seat))

    return lines


def _given(metrics: dict[str, np.ndarray]) -> Iterator[Line]:
    """One line per giver: the share that it gives away, all receivers together.

    Beside them stands the share that LASE would give if its Q_SR knew nothing.
    """
    weight = metrics.get("gift/weight")
    if weight is None:
        return
    for giver in range(weight.shape[2]):
        others = np.delete(weight[:, :, giver], giver, axis=-1)
        if np.isfinite(others).any():
            yield Line(f"agent {giver}", others.sum(-1), colour(giver))
    floor = metrics.get("relation/floor")
    if floor is not None:
        receivers = floor.shape[-1] - 1
        yield Line("if Q_SR knew nothing", receivers * over_seats(floor), COLLECTIVE)


def _paid(metrics: dict[str, np.ndarray]) -> Iterator[Line]:
    """One line per giver: the incentives that it pays, all receivers together."""
    paid = metrics.get("incentive/paid")
    if paid is None:
        return
    for giver in range(paid.shape[2]):
        yield Line(f"agent {giver}", paid[:, :, giver].sum(-1), colour(giver))


def over_seats(values: np.ndarray) -> np.ndarray:
    """Mean over all axes after the seed's, without NaN: ``[R, S]``."""
    return stats.mean(values.reshape(*values.shape[:2], -1), -1)


SURPRISES = (
    "infer/own_cross_entropy",
    "infer/other_cross_entropy",
    "infer/visible_cross_entropy",
    "infer/uniform_cross_entropy",
)
FORESEEN = {"learn/explained": "critic", "infer/explained": "Q_SR"}
FORETOLD = ("moa/cross_entropy", "moa/uniform_cross_entropy")
PANELS: tuple[tuple[str, str, Lines], ...] = (
    ("Collective return", "reward per episode", _single("return/collective")),
    ("Return, extrinsic", "reward per episode", _per_seat("return/extrinsic")),
    ("Return, after gifts", "reward per episode", _per_seat("return/after_gifts")),
    ("Given away", "share of own reward", _given),
    ("Equality E", "1: all earn the same", _group("social/equality")),
    ("Events", "per agent and episode", _group("event/")),
    ("Policy entropy", "nat", _per_seat("learn/entropy")),
    ("Variance of returns foreseen", "share", _labelled(FORESEEN)),
    ("More for good deeds", "share of own reward", _single("relation/selectivity")),
    ("Spread of Q_SR over others' actions", "reward", _per_seat("relation/spread")),
    ("Surprise of pi_SR", "nat", _single(*SURPRISES)),
    ("Cost of inequity", "reward per step", _group("inequity/")),
    ("Influence on others", "reward per step", _per_seat("influence/reward")),
    ("Surprise of the model of others", "nat", _single(*FORETOLD)),
    ("Incentives paid", "reward per episode", _paid),
)
"""Panels in reading order: title, unit, lines; those without lines are left out."""
