"""Tables and learning curves of findings, for every study."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.registry import GAMES as CONFIGS
from experiments import ceilings, comparison, style
from experiments.findings import EPISODES, Finding
from lase_jax.reports import stats
from lase_jax.reports.tables import markdown
from lase_jax.runs.config import from_json

Runs = Mapping[tuple[str, str], Finding]
"""What has been found by game and algorithm, or arm."""


class Line(NamedTuple):
    """How an algorithm or an arm looks in a figure."""

    label: str
    colour: str
    dash: str = "-"
    """Style of the line, as Matplotlib names it."""
    marker: str = ""
    """Shape that is drawn on the line a few times."""


COLUMNS = (
    "game",
    "algorithm",
    "collective return",
    "seeds",
    "E before",
    "E after",
    "without epsilon",
    "steps/seed",
    "min",
    "command",
)


def table(runs: Runs, command: Callable[[str, str, int], str]) -> str:
    """The scores as Markdown.

    Args:
        runs: what was trained.
        command: gives the command that trains a game, an algorithm or arm, and some seeds.
    """
    lines = []
    for (game, algo), found in runs.items():
        returns = found.final["return/collective"]
        facts = found.facts
        cells = (
            game,
            algo,
            plus_minus(returns, "**"),
            ", ".join(f"{value:.1f}" for value in returns),
            *(average(found.final[f"social/equality{when}"]) for when in ("", "_after")),
            average(found.played["return/collective"], 1),
            f"{facts['env_steps'] / 1e6:.1f}M",
            fraction(facts["minutes"], 1),
            f"`{command(game, algo, found.seeds)}`",
        )
        lines.append(cells)
    made = sorted({(found.facts["date"], found.facts["device"]) for found in runs.values()})
    notes = "; ".join(f"{date}, {device}" for date, device in made)
    note = (
        "Means over the last tenth of training, epsilon included, ± 95 % interval; without "
        f"epsilon: {EPISODES} episodes per seed, actions drawn from the final policies ({notes})."
    )
    return f"{markdown(COLUMNS, lines)}\n{note}\n"


def summary(runs: Runs, lines: Mapping[str, Line]) -> str:
    """Final returns as Markdown, a row per game and a column per algorithm or arm of `lines`."""
    games = list(dict.fromkeys(game for game, _ in runs))
    shown = [algo for algo in lines if any((game, algo) in runs for game in games)]

    def cell(game: str, algo: str) -> str:
        if (game, algo) not in runs:
            return fraction(None)
        return plus_minus(runs[game, algo].final["return/collective"])

    rows = [[game, *(cell(game, algo) for algo in shown)] for game in games]
    return markdown(("collective return", *(lines[algo].label for algo in shown)), rows)


def plus_minus(returns: np.ndarray, mark: str = "") -> str:
    """Mean of ``returns [S]``, between marks, and half width of its 95 % interval, as text."""
    mean, half = interval(returns)
    return f"{mark}{mean:.1f}{mark}" + ("" if np.isnan(half) else f" ± {half:.1f}")


HOW = {
    "explained": ("learn/explained", 2),
    "entropy, nats": ("learn/entropy", 2),
    "gradient": ("learn/grad_norm", 3),
    "critic's": ("learn/critic_grad_norm", 3),
    "shortened": ("learn/shortened", 2),
    "share given": ("gift/weight", 3),
    "floor": ("relation/floor", 3),
    "selectivity": ("relation/selectivity", 3),
}
"""Columns of `training`: metrics, and digits of their numbers."""
HOW_NOTE = (
    "Means over agents and seeds in the last tenth of training. Explained: share of the variance "
    "of returns that the critic foresaw; gradient: norm of the policy's before clipping, with the "
    "layers that it shares; shortened: share of gradient steps that were clipped; share given: "
    "away to all others together; floor: the same if Q_SR knew nothing; selectivity: by how much a "
    "weight is larger where its receiver does good."
)


def training(runs: Runs) -> str:
    """How each learner trained, as Markdown: numbers that show one that is starved or deaf."""
    rows = []
    for (game, algo), found in runs.items():
        numbers = (each(found, metric, digits) for metric, digits in HOW.values())
        rows.append([game, algo, *numbers])
    return f"{markdown(('game', 'algorithm', *HOW), rows)}\n{HOW_NOTE}\n"


def each(found: Finding, metric: str, digits: int) -> str:
    """Mean of a metric over agents and seeds; of shares, the sum over receivers."""
    values = found.final.get(metric)
    if values is None or np.isnan(values).all():
        return fraction(None)
    if metric in ("gift/weight", "relation/floor"):
        values = to_others(values)
    return fraction(float(np.nanmean(values)), digits)


def to_others(shares: np.ndarray) -> np.ndarray:
    """What each agent gives to all others, ``[..., N]`` of ``shares [..., N, N]``.

    NaN where none of an agent's shares is known, as of those who never have a reward to share.
    """
    own = np.eye(shares.shape[-1], dtype=bool)
    unknown = (np.isnan(shares) | own).all(-1)
    return np.where(unknown, np.nan, np.nansum(np.where(own, 0.0, shares), -1))


def interval(values: np.ndarray) -> tuple[float, float]:
    """Mean over seeds of ``values [S]``, and half width of its 95 % interval, NaN for one seed."""
    mean, half = stats.mean_and_band(values[None])
    return float(mean[0]), float(half[0])


def average(values: np.ndarray, digits: int = 2) -> str:
    """Mean over seeds of ``values [S]`` as text, without NaN."""
    return fraction(stats.number(stats.mean(values, 0)), digits)


def fraction(value: float | None, digits: int = 2) -> str:
    """A number with some digits, or a dash for None."""
    return "-" if value is None else f"{value:.{digits}f}"


RETURN = "collective return per episode"
"""Label of an axis."""


def course(
    axis: Any,
    found: Finding,
    values: np.ndarray,
    colour: Any,
    label: str,
    level: float = stats.LEVEL,
    each_seed: bool = False,
    **look: Any,
) -> None:
    """Draws the mean over seeds of ``values [R, S]`` and its band by bootstrap, of 95 % as a rule.

    With `each_seed` every seed is a thin line instead, where a band would hide that some differ.
    Further arguments are those of Matplotlib's ``plot``.
    """
    whole: dict[str, Any] = dict(color=colour, label=label, linewidth=1.5) | look
    axis.plot(found.env_steps, stats.mean(values, -1), **whole)
    if each_seed:
        axis.plot(found.env_steps, values, color=colour, alpha=0.3, linewidth=0.6)
        return
    ends = comparison.band(values, level)
    axis.fill_between(found.env_steps, *ends, color=colour, alpha=0.15, linewidth=0)


def in_steps(axis: Any) -> None:
    """Counts environment steps in thousands and millions along the x-axis."""
    from matplotlib.ticker import EngFormatter, MaxNLocator

    axis.set(xlabel="environment steps per seed")
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.grid(alpha=0.25)


def legend(figure: Any, axes: Sequence[Any], order: Sequence[str] = ()) -> None:
    """One legend of several panels, beside them; labels in an order, else as they come."""
    handles, shown = labelled(axes, order)
    if shown:
        figure.legend(handles, shown, loc="outside right center", fontsize=9, handlelength=3.2)


def labelled(axes: Sequence[Any], order: Sequence[str] = ()) -> tuple[list[Any], list[str]]:
    """What stands in a legend of several panels: handles and labels, each once."""
    handles = {
        text: handle
        for axis in axes
        for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    shown = [text for text in order or handles if text in handles]
    return [handles[text] for text in shown], shown


def save(figure: Any, path: Path, dpi: int = 110) -> None:
    """Writes a figure as PNG."""
    figure.savefig(path, dpi=dpi, format="png")


PANEL = 2.8, 2.35
"""Inches of a panel of `plot`, and `WIDEST` of them stand in a row: 840 pixels on a page."""
WIDEST = 3
MARKS = 6
"""Markers on a line."""


def plot(runs: Runs, path: Path, games: Sequence[str], lines: Mapping[str, Line]) -> None:
    """One panel per game: mean over seeds and its 95 % band by bootstrap, for every line.

    A dotted line shows what the best society known earns (see `ceilings`).

    Args:
        runs: what was trained.
        path: of the figure.
        games: in the order of the panels; those without runs are left out.
        lines: looks of each algorithm or arm, in the legend's order; the later ones lie on top.
    """
    from matplotlib.figure import Figure

    games = [game for game in games if any(game == trained for trained, _ in runs)]
    columns = min(WIDEST, len(games))
    rows = math.ceil(len(games) / columns)
    is_full = rows * columns == len(games)
    size = (PANEL[0] * (columns + 0.5 * is_full), PANEL[1] * rows)
    figure = Figure(figsize=size, layout="constrained")
    for index, game in enumerate(games):
        axis = figure.add_subplot(rows, columns, index + 1)
        panel(axis, runs, game, lines)
        axis.set_ylabel("" if index % columns else RETURN)
        axis.set_xlabel(axis.get_xlabel() if index + columns >= len(games) else "")
    shown = [line.label for line in lines.values()]
    if is_full:
        legend(figure, figure.axes, shown)
    else:
        legend_in_panel(figure.add_subplot(rows, columns, rows * columns), figure.axes, shown)
    save(figure, path, dpi=200)


def panel(axis: Any, runs: Runs, game: str, lines: Mapping[str, Line]) -> None:
    """Draws a game's lines, and what the best society known earns in the game as it is listed."""
    for number, (algo, line) in enumerate(lines.items()):
        if (game, algo) in runs:
            found = runs[game, algo]
            returns = found.curves["return/collective"]
            step = max(1, len(found.env_steps) // MARKS)
            first = (number * step) // len(lines)
            look = dict(linestyle=line.dash, marker=line.marker, markevery=(first, step))
            edges = dict(markersize=5, markeredgecolor="white", markeredgewidth=0.6)
            course(axis, found, returns, line.colour, line.label, **look, **edges)
    played = [from_json(found.settings["game"]) for (of, _), found in runs.items() if of == game]
    best = ceilings.reached(game) if all(each == CONFIGS[game] for each in played) else None
    if best is not None:
        axis.axhline(best, color=style.INK, linewidth=0.8, linestyle=":")
    axis.set_title(game, fontsize=11)
    in_steps(axis)


def legend_in_panel(axis: Any, axes: Sequence[Any], order: Sequence[str] = ()) -> None:
    """The legend of several panels, in one that is empty."""
    axis.axis("off")
    handles, shown = labelled(axes, order)
    axis.legend(handles, shown, loc="center", fontsize=10, frameon=False, handlelength=3.2)
