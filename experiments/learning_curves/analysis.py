"""Section 5.2's learning curves and a table of what was reached, from run folders.

    python -m experiments.learning_curves.analysis

Writes ``curves.png`` and ``results.md`` beside this file.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from envs.registry import GAMES as CONFIGS
from experiments import style
from experiments.learning_curves.sweep import ALGORITHMS, GAMES, OUT, command, pairs, settings
from experiments.runs import require_same
from lase_jax import folder, host, plots, results, sinks, stats
from lase_jax.cli import guarded

HERE = Path(__file__).parent
Runs = dict[tuple[str, str], Path]


@dataclass(frozen=True)
class Analysis:
    """Where to read and write."""

    runs: Path = OUT
    """Parent of the run folders."""
    out: Path = HERE
    """Where the table and the figure go."""


def load(parent: Path) -> Runs:
    """The finished runs by game and algorithm.

    Raises:
        ConfigError: a run has other settings than today's preset, so that the command beside its
            numbers would not make them.
    """
    paths = {pair: parent / "-".join(pair) for pair in pairs(GAMES, ALGORITHMS)}
    runs = {pair: path for pair, path in paths.items() if results.finished(path)}
    for (game, algo), path in runs.items():
        require_same(path, settings(game, algo, host.load_config(path)[0].seeds))
    return runs


def score(path: Path) -> dict[str, Any]:
    """A run's final numbers (means over its last tenth), what it cost and what made it."""
    summary = json.loads((path / folder.SUMMARY).read_text())
    _, config = host.load_config(path)
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


def table(runs: Runs) -> str:
    """The scores as Markdown."""
    lines = [
        "| game | algorithm | collective return | seeds | E before | E after | steps/seed | min "
        "| command |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (game, algo), path in runs.items():
        row = score(path)
        mean, half = row["return"]["mean"], row["return"]["ci95"]
        band = "" if half is None else f" ± {half:.1f}"
        each = ", ".join(f"{value:.1f}" for value in row["return"]["seeds"])
        lines.append(
            f"| {game} | {algo} | **{mean:.1f}**{band} | {each} | {fraction(row['equality'])} "
            f"| {fraction(row['equality_after'])} | {row['steps'] / 1e6:.1f}M "
            f"| {fraction(row['minutes'], 1)} "
            f"| `{command(game, algo, row['seeds'])}` |"
        )
    made = sorted({(score(path)["date"], score(path)["device"]) for path in runs.values()})
    notes = "; ".join(f"{date}, {device}" for date, device in made)
    lines += [
        "",
        f"Means over the last tenth of training, epsilon included, ± 95 % interval ({notes}).",
    ]
    return "\n".join(lines) + "\n"


def fraction(value: float | None, digits: int = 2) -> str:
    """Some digits, or a dash where there is no number."""
    return "-" if value is None else f"{value:.{digits}f}"


def plot(runs: Runs, path: Path) -> None:
    """One panel per game: mean over seeds and its 95 % band, for every algorithm."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, MaxNLocator

    games = [game for game in GAMES if any(game == found for found, _ in runs)]
    figure = Figure(figsize=(4.2 * len(games), 3.4), layout="constrained")
    for index, game in enumerate(games):
        axis = figure.add_subplot(1, len(games), index + 1)
        for algo in ALGORITHMS:
            if (game, algo) not in runs:
                continue
            record = plots.thinned(sinks.load(runs[game, algo] / folder.METRICS))
            mean, half = stats.mean_and_band(record.metrics["return/collective"])
            colour = style.COLOURS[algo]
            axis.plot(record.env_steps, mean, color=colour, label=style.LABELS[algo], linewidth=1.5)
            low, high = mean - np.nan_to_num(half), mean + np.nan_to_num(half)
            axis.fill_between(record.env_steps, low, high, color=colour, alpha=0.15, linewidth=0)
        best = CONFIGS[game].spec().max_return
        if game in style.SHOW_MAXIMUM and best is not None:
            axis.axhline(best, color=style.INK, linewidth=0.8, linestyle=":")
        axis.set(title=game, xlabel="environment steps per seed")
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.grid(alpha=0.25)
        if index == 0:
            axis.set_ylabel("collective return per episode")
    found = {
        text: line
        for axis in figure.axes
        for line, text in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    order = [style.LABELS[algo] for algo in ALGORITHMS if style.LABELS[algo] in found]
    figure.legend([found[text] for text in order], order, loc="outside right center", fontsize=9)
    figure.savefig(path, dpi=110, format="png")


def main() -> int:
    """Writes the table and the figure, and returns an exit code."""
    where = tyro.cli(Analysis, description=__doc__)
    runs = load(where.runs)
    if not runs:
        raise SystemExit(f"No finished runs in {where.runs}; run the sweep first.")
    text = table(runs)
    print(text)
    where.out.mkdir(parents=True, exist_ok=True)
    folder.write(where.out / "results.md", text)
    folder.replace(where.out / "curves.png", lambda file: plot(runs, file))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
