"""Section 5.2's learning curves and a table of what was reached, from run folders.

    python -m experiments.learning_curves.analysis

Writes ``curves.png`` and ``results.md`` beside this file.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from experiments import style
from experiments.curves import Line, Runs, plot, table
from experiments.learning_curves.sweep import ALGORITHMS, GAMES, OUT, command, pairs, settings
from experiments.runs import require_same
from lase_jax import folder, host, results
from lase_jax.cli import guarded

HERE = Path(__file__).parent
LINES = {algo: Line(style.LABELS[algo], style.COLOURS[algo]) for algo in ALGORITHMS}


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


def main() -> int:
    """Writes the table and the figure, and returns an exit code."""
    where = tyro.cli(Analysis, description=__doc__)
    runs = load(where.runs)
    if not runs:
        raise SystemExit(f"No finished runs in {where.runs}; run the sweep first.")
    text = table(runs, command)
    print(text)
    where.out.mkdir(parents=True, exist_ok=True)
    folder.write(where.out / "results.md", text)
    folder.replace(where.out / "curves.png", lambda file: plot(runs, file, GAMES, LINES))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
