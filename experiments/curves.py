"""Scores and learning curves of runs, for every study."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.registry import GAMES as CONFIGS
from experiments import style
from experiments.study import require_same
from lase_jax.reports import plots, stats
from lase_jax.reports.tables import markdown
from lase_jax.runs import folder, results, sinks
from lase_jax.runs.config import RunConfig
from lase_jax.runs.setup import load_config

Runs = Mapping[tuple[str, str], Path]
"""Folders of finished runs by game and algorithm, or arm."""


class Line(NamedTuple):
    """How an algorithm or an arm looks in a figure."""

    label: str
    colour: str


def load(
    parent: Path, pairs: Iterable[tuple[str, str]], settings: Callable[[str, str, int], RunConfig]
) -> Runs:
    """The finished runs of a sweep.

    Args:
        parent: where the folders lie.
        pairs: games and algorithms, or arms.
        settings: today's settings of a game, an algorithm or arm, and a number of seeds.

    Raises:
        ConfigError: a run has other settings than today's, so that the command beside its numbers
            would not reproduce them.
    """
    paths = {pair: parent / "-".join(pair) for pair in pairs}
    runs = {pair: path for pair, path in paths.items() if results.finished(path)}
    for (game, algo), path in runs.items():
        require_same(path, settings(game, algo, load_config(path)[0].seeds))
    return runs


def score(path: Path) -> dict[str, Any]:
    """A run's final numbers (means over its last tenth), its duration, device and date."""
    summary = json.loads((path / folder.SUMMARY).read_text())
    _, config = load_config(path)
    final = summary["final"]
    seeds, speed = len(final["return/collective"]["seeds"]), summary["steps_per_second"]
    return {
        "return": final["return/collective"],
        "equality": final["social/equality"]["mean"],
        "equality_after": final["social/equality_after"]["mean"],
        "steps": summary["env_steps_per_seed"],
        "minutes": seeds * summary["env_steps_per_seed"] / speed / 60 if speed else None,
        "device": config["device"]["kind"],
        "date": config["created"][:10],
        "seeds": seeds,
    }


def final(path: Path) -> dict[str, np.ndarray]:
    """Every metric's mean over the last tenth of a run, ``[S, ...]``."""
    metrics = sinks.load(path / folder.METRICS).metrics
    return {name: stats.final(values) for name, values in metrics.items()}


COLUMNS = (
    "game",
    "algorithm",
    "collective return",
    "seeds",
    "E before",
    "E after",
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
    rows = {pair: score(path) for pair, path in runs.items()}
    for (game, algo), row in rows.items():
        mean, half = row["return"]["mean"], row["return"]["ci95"]
        band = "" if half is None else f" ± {half:.1f}"
        each = ", ".join(f"{value:.1f}" for value in row["return"]["seeds"])
        cells = (
            game,
            algo,
            f"**{mean:.1f}**{band}",
            each,
            fraction(row["equality"]),
            fraction(row["equality_after"]),
            f"{row['steps'] / 1e6:.1f}M",
            fraction(row["minutes"], 1),
            f"`{command(game, algo, row['seeds'])}`",
        )
        lines.append(cells)
    made = sorted({(row["date"], row["device"]) for row in rows.values()})
    notes = "; ".join(f"{date}, {device}" for date, device in made)
    note = f"Means over the last tenth of training, epsilon included, ± 95 % interval ({notes})."
    return f"{markdown(COLUMNS, lines)}\n{note}\n"


def fraction(value: float | None, digits: int = 2) -> str:
    """A number with some digits, or a dash for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def plot(runs: Runs, path: Path, games: Sequence[str], lines: Mapping[str, Line]) -> None:
    """One panel per game: mean over seeds and its 95 % band, for every line.

    Args:
        runs: what was trained.
        path: of the figure.
        games: in the order of the panels; those without runs are left out.
        lines: label and colour of each algorithm or arm, in the legend's order.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, MaxNLocator

    games = [game for game in games if any(game == trained for trained, _ in runs)]
    figure = Figure(figsize=(4.2 * len(games), 3.4), layout="constrained")
    for index, game in enumerate(games):
        axis = figure.add_subplot(1, len(games), index + 1)
        for algo, line in lines.items():
            if (game, algo) not in runs:
                continue
            record = plots.thinned(sinks.load(runs[game, algo] / folder.METRICS))
            mean, half = stats.mean_and_band(record.metrics["return/collective"])
            axis.plot(record.env_steps, mean, color=line.colour, label=line.label, linewidth=1.5)
            low, high = mean - np.nan_to_num(half), mean + np.nan_to_num(half)
            axis.fill_between(
                record.env_steps, low, high, color=line.colour, alpha=0.15, linewidth=0
            )
        best = CONFIGS[game].spec().max_return
        if game in style.SHOW_MAXIMUM and best is not None:
            axis.axhline(best, color=style.INK, linewidth=0.8, linestyle=":")
        axis.set(title=game, xlabel="environment steps per seed")
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.grid(alpha=0.25)
        if index == 0:
            axis.set_ylabel("collective return per episode")
    handles = {
        text: handle
        for axis in figure.axes
        for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    order = [line.label for line in lines.values() if line.label in handles]
    figure.legend([handles[text] for text in order], order, loc="outside right center", fontsize=9)
    figure.savefig(path, dpi=110, format="png")
