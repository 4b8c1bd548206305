"""Learning curves of runs and results of sweeps and cross-play as pictures.

Curves show the mean over seeds and its 95 % interval by the bootstrap over seeds.

Letters: R points in time, S seeds, N seats.
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.render import AGENT_COLOURS
from lase_jax.core import metrics as table
from lase_jax.reports import stats
from lase_jax.reports.record import Record, Row
from lase_jax.reports.schelling import Diagram


class Line(NamedTuple):
    """A curve of a panel."""

    label: str
    values: np.ndarray  # [R, S]
    colour: Any


Seats = Sequence[str]
Lines = Callable[[dict[str, np.ndarray], Seats], Iterator[Line]]
"""The curves that some metrics make; of each seat it is known what kind of agent holds it."""


class Panel(NamedTuple):
    """A group of curves with one scale."""

    title: str
    unit: str
    meaning: str  # a sentence
    lines: Lines
    limits: tuple[float | None, float | None] = (None, None)  # of what is shown
    floor: float = -np.inf  # numbers below it would hide the others, and are cut off


POINTS = 100
"""Largest number of points of a curve."""
COLLECTIVE, COOPERATE, DEFECT = "#292524", "#16a34a", "#dc2626"
QUIET = "#57534e"
NAMED = 10
"""Largest number of settings in a legend, and of values at the ticks of an axis."""
WIDE = 20
"""An axis is logarithmic if its largest and smallest number differ by more than this factor."""
NEAR = 2.5
"""What is possible is drawn as a line if it is no more than so many times what has been earned."""
CLOSE = 1.25
"""The same in a sweep, whose curves are compared with each other."""
KEYS = 16
"""Largest number of lines that a key names."""
ROUNDING = 1e-4
"""What differs by no more, absolutely or as a share, is the same in a picture."""


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


def curves(
    record: Record, title: str, path: Path, seats: Seats = (), most: float | None = None
) -> None:
    """Draws one panel for each group of metrics that the run has.

    Panels whose numbers never change, or are those of an earlier panel, are left out.

    Args:
        record: all rows of a run.
        title: above the panels.
        path: file to write.
        seats: name of the kind of agent on each seat; () if that is not known.
        most: an upper bound of the collective return; None if none is known.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, MaxNLocator

    record = thinned(record)
    drawn = list(filled(record.metrics, seats))
    across = min(3, len(drawn))
    down = -(-len(drawn) // max(across, 1))
    figure = Figure(figsize=(4.8 * across, 3.6 * down + 0.8), layout="constrained")
    figure.suptitle(title, fontsize=13)
    figure.supxlabel(spread_of(len(record.metrics["return/collective"][0])), fontsize=9)
    for index, (panel, lines) in enumerate(drawn):
        axis = figure.add_subplot(down, across, index + 1)
        for line in lines:
            _curve(axis, record.env_steps, line)
        if panel is PANELS[0]:
            _possible(axis, most, lines)
        meaning = textwrap.fill(panel.meaning, 70)
        pad = 10 + 11 * len(meaning.splitlines())
        axis.set_title(named(panel, lines), fontsize=11, loc="left", pad=pad)
        place: dict[str, Any] = dict(
            xycoords="axes fraction", textcoords="offset points", va="bottom"
        )
        axis.annotate(meaning, (0, 1), (0, 4), fontsize=8, color=QUIET, **place)
        axis.set(ylabel=panel.unit, xlabel="environment steps per seed", ylim=panel.limits)
        axis.set_ylim(bottom=max(axis.get_ylim()[0], panel.floor))
        axis.set_xlim(0, 1.02 * record.env_steps[-1])
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.grid(alpha=0.25)
        if axis.get_legend_handles_labels()[0] and 1 < len(lines) <= KEYS:
            axis.legend(fontsize=8, framealpha=0.5, ncols=2 if len(lines) > 4 else 1)
    figure.savefig(path, dpi=110, format="png")


def filled(values: dict[str, np.ndarray], seats: Seats) -> Iterator[tuple[Panel, list[Line]]]:
    """The panels that have something to show, with their curves.

    The collective return is always shown.
    """
    seen: list[list[Line]] = []
    for panel in PANELS:
        lines = list(panel.lines(values, seats))
        changes = any(np.nanmax(line.values) > np.nanmin(line.values) for line in lines)
        again = any(
            len(lines) == len(others) and all(map(_equal, lines, others)) for others in seen
        )
        if lines and (panel is PANELS[0] or (changes and not again)):
            seen.append(lines)
            yield panel, lines


def _equal(one: Line, other: Line) -> bool:
    """Whether two curves are the same but for rounding."""
    same = one.values.shape == other.values.shape
    return same and np.allclose(one.values, other.values, ROUNDING, ROUNDING, equal_nan=True)


def named(panel: Panel, lines: Sequence[Line]) -> str:
    """The title of a panel: of events that are only one, the name of it."""
    alone = len(lines) == 1 and panel.title == EVENTS
    return f"{EVENTS}: {lines[0].label}" if alone else panel.title


def spread_of(seeds: int) -> str:
    """What curves and bands are, as a sentence."""
    if seeds == 1:
        return "Curves of one seed, without intervals."
    level = f"{100 * stats.LEVEL:.0f} %, {seeds} seeds"
    return f"Lines are means over seeds, bands their intervals ({level}; bootstrap over seeds)."


def _curve(axis: Any, steps: np.ndarray, line: Line) -> None:
    """Draws the mean over seeds and its band."""
    mean = stats.mean(line.values, 1)
    mark = "o" if len(mean) == 1 else None
    axis.plot(steps, mean, color=line.colour, label=line.label, linewidth=1.6, marker=mark)
    low, high = stats.bootstrap(line.values)
    if np.isfinite(low).any():
        axis.fill_between(steps, low, high, color=line.colour, alpha=0.18, linewidth=0)


def _possible(axis: Any, most: float | None, lines: Sequence[Line], near: float = NEAR) -> None:
    """Draws the largest return that is possible, as a line or, where it is far away, as words."""
    if most is None:
        return
    words, look = f"at most {most:g}", dict(fontsize=8, color=QUIET, va="top")
    if 0 < most <= near * max(np.nanmax(line.values) for line in lines):
        axis.axhline(most, color=QUIET, linestyle=":", linewidth=1.4)
        place: dict[str, Any] = dict(xycoords=("axes fraction", "data"), textcoords="offset points")
        axis.annotate(words, (0.01, most), (0, -3), **place, **look)
    else:
        beyond = f"{words}, above this picture"
        axis.text(0.01, 0.98, beyond, transform=axis.transAxes, **look)


def crossplay(result: dict[str, Any], title: str, path: Path, most: float | None = None) -> None:
    """Draws a matrix of runs: what an agent of a row's run earns at a table with a column's.

    A second one beside it shows what the whole table earns.

    Args:
        result: the result of `crossplay.report`.
        title: above the matrices.
        path: file to write.
        most: an upper bound of the collective return; None if none is known.
    """
    from matplotlib.figure import Figure

    names = result["runs"]
    own, group = pairs(result)
    side = 1.25 * len(names) + 2.4
    figure = Figure(figsize=(2 * side + 0.6, 0.75 * side + 1.4), layout="constrained")
    figure.suptitle(title, fontsize=12)
    seeds = own.shape[-1]
    interval = f"; ± 95 % interval, {seeds} seeds" if seeds > 1 else "; one seed"
    figure.supxlabel(
        f"Means over the seatings that were played of agents of both runs{interval}.", fontsize=9
    )
    bound = "" if most is None else f" (at most {most:g})"
    heads = "An agent of the row's run earns", f"The table earns together{bound}"
    for index, (head, values) in enumerate(zip(heads, (own, group), strict=True)):
        axis = figure.add_subplot(1, 2, index + 1)
        mean, half = stats.mean_and_band(values.reshape(-1, seeds))
        mean, half = mean.reshape(values.shape[:2]), half.reshape(values.shape[:2])
        image = axis.imshow(mean, cmap="viridis")
        middle = (np.nanmin(mean) + np.nanmax(mean)) / 2
        for (row, column), value in np.ndenumerate(mean):
            spread = half[row, column]
            text = f"{value:.2f}" + (f"\n± {spread:.2f}" if np.isfinite(spread) else "")
            ink = "black" if value > middle else "white"
            axis.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)
        shown = [_lines(name) for name in names]
        axis.set_xticks(range(len(names)), shown, rotation=30, ha="right", fontsize=9)
        axis.set_yticks(range(len(names)), shown, fontsize=9)
        axis.set_xlabel("with agents of")
        axis.set_title(head, fontsize=10)
        figure.colorbar(image, ax=axis, label="reward per episode", shrink=0.8)
    figure.axes[0].set_ylabel("an agent of")
    figure.savefig(path, dpi=110, format="png")


def _lines(name: str, width: int = 16) -> str:
    """A run's name in short lines, broken between settings rather than inside their values."""
    parts = [name] if len(name) <= width else re.split(r"(?<=,)", name)
    return "\n".join(textwrap.fill(part, width, break_on_hyphens=False) for part in parts)


def pairs(result: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """What an agent and its table earn, by its run and that of the others: both ``[M, M, S]``.

    On the diagonal sit agents of one run; beside it, means over all seatings that were played of
    agents of the row's and of the column's run alone.

    Args:
        result: the result of `crossplay.report`, of M runs.
    """
    names = result["runs"]
    seats = [np.array([names.index(name) for name in each["seats"]]) for each in result["tables"]]
    paid = [np.array(each["seeds"], float) for each in result["tables"]]  # [S, N] each

    def mean(row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
        both = {row, column}
        found = [(who, each) for who, each in zip(seats, paid, strict=True) if set(who) == both]
        own = np.concatenate([each[:, who == row] for who, each in found], 1)
        return own.mean(1), np.mean([each.sum(1) for _, each in found], 0)

    every = [[mean(row, column) for column in range(len(names))] for row in range(len(names))]
    own, group = np.moveaxis(np.array(every), 2, 0)
    return own, group


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


def sweep(rows: Sequence[Row], metric: str, path: Path, most: float | None = None) -> None:
    """Draws the curves of all settings of a sweep, and the final metric against each varied field.

    Args:
        rows: the settings, the best first, one or more.
        metric: name of the metric.
        path: file to write.
        most: an upper bound of the metric; None if none is known.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    labels, seeds = list(rows[0].setting), len(rows[0].final)
    figure = Figure(figsize=(6.2 + 3.2 * len(labels), 4.6), layout="constrained")
    name, unit = of_metric(metric)
    figure.suptitle(f"{name}: {len(rows)} settings, {seeds} seeds of each", fontsize=12)
    widths = [1.8, *[1.0] * len(labels)]
    first, *others = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    for axis in others:
        axis.sharey(others[0])
    shades = colormaps["viridis"](np.linspace(0.0, PALEST, len(rows)))
    for place, (row, shade) in enumerate(zip(rows, shades, strict=True)):
        label = row.name if place < NAMED else None
        mean = stats.mean(row.curve, 1)
        width = 2.4 if place == 0 else 1.5
        first.plot(row.steps, mean, color=shade, label=label, linewidth=width, zorder=3 - place)
        if row.note:
            first.plot(row.steps[-1:], mean[-1:], "x", color=shade, markersize=7, zorder=4)
    if metric == COLLECTIVE_RETURN:
        _possible(first, most, [Line(row.name, row.curve, None) for row in rows], CLOSE)
    first.set(xlabel="environment steps per seed", ylabel=unit)
    first.set_title("In training, mean over seeds", fontsize=10)
    first.xaxis.set_major_formatter(EngFormatter(sep=""))
    first.grid(alpha=0.25)
    best = "settings, the best first" if len(rows) <= NAMED else f"the {NAMED} best settings"
    first.legend(fontsize=8, framealpha=0.6, title=best, title_fontsize=8)
    for axis, label in zip(others, labels, strict=True):
        texts = [row.setting[label] for row in rows]
        distinct = _in_order(texts)
        measured = _numbers(distinct)
        spots = measured or dict(zip(distinct, range(len(distinct)), strict=True))
        for row, text, shade in zip(rows, texts, shades, strict=True):
            spot = np.full(len(row.final), spots[text])
            axis.plot(spot, row.final, "x" if row.note else "o", color=shade, markersize=6)
        low, high = min(spots.values()), max(spots.values())
        if not measured:
            axis.set_xticks(range(len(distinct)), distinct, rotation=45, fontsize=8)
            axis.margins(x=0.2)
        elif low > 0 and high / low > WIDE:
            axis.set_xscale("log")
        axis.set(xlabel=label)
        axis.set_title(f"At the end, by {label}", fontsize=10)
        axis.grid(alpha=0.25)
    figure.legend(handles=_marks(rows), loc="outside lower center", ncols=2, fontsize=9)
    figure.savefig(path, dpi=110, format="png")


PALEST = 0.85
"""Place in the colour map of the worst setting; what is beyond cannot be seen on white."""
COLLECTIVE_RETURN = "return/collective"


def _marks(rows: Sequence[Row]) -> list[Any]:
    """What the marks of a sweep's picture mean, as handles of a legend."""
    from matplotlib.lines import Line2D

    meanings = {"o": "a seed, trained to the end (mean of the last tenth)"}
    if any(row.note for row in rows):
        meanings["x"] = "a seed or a curve that ended early: stopped or diverged"
    look: dict[str, Any] = dict(color=QUIET, linestyle="", markersize=6)
    return [Line2D([], [], marker=mark, label=words, **look) for mark, words in meanings.items()]


def of_metric(name: str) -> tuple[str, str]:
    """A metric's name and unit for readers."""
    if name == COLLECTIVE_RETURN:
        return PANELS[0].title, PANELS[0].unit
    row = table.describe(name)
    meaning = _event(name) if name.startswith("event/") else row.meaning
    return meaning[0].upper() + meaning[1:], row.unit.replace("/", " per ")


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


def _labelled(names: dict[str, str], shares: bool = False) -> Lines:
    """One line per metric, averaged over its seats; a line like an earlier one is left out.

    Args:
        names: the label of each metric.
        shares: whether numbers only mean something between 0 and 1. Blank is left then where a
            seed has another one, or half of the seeds have none.
    """

    def lines(values: dict[str, np.ndarray], seats: Seats) -> Iterator[Line]:
        del seats
        found: list[Line] = []
        for name in names:
            if name in values:
                line = Line(names[name], over_seats(values[name]), colour(len(found)))
                line = line._replace(values=_meaningful(line.values)) if shares else line
                new = not any(_equal(line, other) for other in found)
                if np.isfinite(line.values).any() and new:
                    found.append(line)
        yield from [found[0]._replace(colour=COLLECTIVE)] if len(found) == 1 else found

    return lines


def _meaningful(shares: np.ndarray) -> np.ndarray:
    """Shares ``[R, S]`` without the rows in which seeds have none, or none that is a share."""
    unknown = np.isnan(shares).mean(1, keepdims=True) > 0.5
    outside = ((shares < 0) | (shares > 1 + ROUNDING)).any(1, keepdims=True)
    return np.where(unknown | outside, np.nan, shares)


def _events(values: dict[str, np.ndarray], seats: Seats) -> Iterator[Line]:
    """One line per event, averaged over seats."""
    names = {name: _event(name) for name in sorted(values) if name.startswith("event/")}
    yield from _labelled(names)(values, seats)


def _event(name: str) -> str:
    """The name of an event for readers: that of ``event/waste_cleaned`` is "waste cleaned"."""
    return name.split("/", 1)[-1].replace("_", " ")


def who(seat: int, seats: Seats) -> str:
    """What a seat is called: its kind too, where there are several."""
    return f"{seat}: {seats[seat]}" if len(set(seats)) > 1 else f"agent {seat}"


def _per_seat(name: str) -> Lines:
    """One line per seat."""

    def lines(values: dict[str, np.ndarray], seats: Seats) -> Iterator[Line]:
        for seat in range(values[name].shape[2] if name in values else 0):
            own = values[name][:, :, seat]
            if np.isfinite(own).any():
                yield Line(who(seat, seats), own, colour(seat))

    return lines


def _given(values: dict[str, np.ndarray], seats: Seats) -> Iterator[Line]:
    """One line per giver: the share that it gives away, all receivers together.

    Beside them stands the share that LASE would give if its Q_SR knew nothing.
    """
    weight = values.get("gift/weight")
    if weight is None:
        return
    for giver in range(weight.shape[2]):
        others = np.delete(weight[:, :, giver], giver, axis=-1)
        if np.isfinite(others).any():
            yield Line(who(giver, seats), others.sum(-1), colour(giver))
    floor = values.get("relation/floor")
    if floor is not None:
        receivers = floor.shape[-1] - 1
        yield Line("if Q_SR knew nothing", receivers * over_seats(floor), COLLECTIVE)


def _paid(values: dict[str, np.ndarray], seats: Seats) -> Iterator[Line]:
    """One line per giver: the incentives that it pays, all receivers together."""
    paid = values.get("incentive/paid")
    if paid is None:
        return
    for giver in range(paid.shape[2]):
        if np.isfinite(paid[:, :, giver]).any():
            yield Line(who(giver, seats), paid[:, :, giver].sum(-1), colour(giver))


def over_seats(values: np.ndarray) -> np.ndarray:
    """Mean over all axes after the seed's, without NaN: ``[R, S]``."""
    return stats.mean(values.reshape(*values.shape[:2], -1), -1)


EQUALITIES = {
    "social/equality": "of mean returns",
    "social/equality_after": "of mean returns after gifts",
    "social/episode_equality": "of each episode",
    "social/episode_equality_after": "of each episode after gifts",
}
SURPRISES = {
    "infer/own_cross_entropy": "own actions",
    "infer/other_cross_entropy": "others' actions",
    "infer/visible_cross_entropy": "others' actions, in view",
    "infer/uniform_cross_entropy": "guessing",
}
FORESEEN = {"learn/explained": "critic", "infer/explained": "Q_SR"}
FORETOLD = {"moa/cross_entropy": "model", "moa/uniform_cross_entropy": "guessing"}
INEQUITY = {"inequity/envy": "envy", "inequity/guilt": "guilt"}
EVENTS = "Events"
RETURN, SHARE = "reward per episode", "share of own reward"
PANELS = (
    Panel(
        "Collective return",
        RETURN,
        "What the game pays all agents together.",
        _labelled({COLLECTIVE_RETURN: "all"}),
    ),
    Panel(
        "Return of each agent",
        RETURN,
        "What the game pays each agent, before any gifts.",
        _per_seat("return/extrinsic"),
    ),
    Panel(
        "Return after gifts",
        RETURN,
        "What the game pays each agent, less what it gives, plus what it gets.",
        _per_seat("return/after_gifts"),
    ),
    Panel(
        "Given away",
        SHARE,
        "How much of its reward an agent gives to all others together.",
        _given,
    ),
    Panel(
        "Equality E",
        "E",
        "1: all earn the same; 1/N: one of N earns all. Blank where it is not defined, as "
        "losses cancel gains.",
        _labelled(EQUALITIES, shares=True),
        (0.0, 1.05),
    ),
    Panel(
        EVENTS,
        "per agent and episode",
        "How many of these an agent has in an episode, mean over agents.",
        _events,
    ),
    Panel(
        "Policy entropy",
        "nat",
        "How undecided a policy is: 0 if it always does the same, log A if it draws one of A "
        "actions blindly.",
        _per_seat("learn/entropy"),
    ),
    Panel(
        "Variance of returns foreseen",
        "share",
        "How well networks foresee returns: 1 all of it, 0 no better than their mean.",
        _labelled(FORESEEN),
        floor=-1.0,
    ),
    Panel(
        "More for good deeds",
        SHARE,
        "How much more LASE gives to a co-player that does what helps, or no harm.",
        _labelled({"relation/selectivity": "all"}),
    ),
    Panel(
        "Spread of Q_SR over others' actions",
        "reward",
        "How much a co-player's action matters to what LASE expects to earn.",
        _per_seat("relation/spread"),
    ),
    Panel(
        "Surprise of pi_SR",
        "nat",
        "How badly LASE's model of policies foretells actions; it is of use below guessing.",
        _labelled(SURPRISES),
    ),
    Panel(
        "Cost of inequity",
        "reward per step",
        "What an agent feels for having less than others (envy) or more (guilt).",
        _labelled(INEQUITY),
    ),
    Panel(
        "Reward for influence",
        "reward per step",
        "What an agent pays itself for its influence on others' next actions.",
        _per_seat("influence/reward"),
    ),
    Panel(
        "Surprise of the model of others",
        "nat",
        "How badly it foretells others' next actions; it is of use below guessing.",
        _labelled(FORETOLD),
    ),
    Panel(
        "Incentives paid",
        RETURN,
        "What each agent pays to all others together, so that they learn.",
        _paid,
    ),
)
"""Panels in reading order; those without lines are left out."""
