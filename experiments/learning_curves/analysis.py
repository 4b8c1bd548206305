"""Section 5.2's learning curves and a table of the final returns, from run folders.

    python -m experiments.learning_curves.analysis

Writes ``curves.png`` and ``results.md`` beside this file.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from experiments import style
from experiments.curves import Line, load, plot, table
from experiments.learning_curves.sweep import ALGORITHMS, GAMES, OUT, command, pairs, settings
from lase_jax.cli import guarded
from lase_jax.runs import folder

HERE = Path(__file__).parent
LINES = {algo: Line(style.LABELS[algo], style.COLOURS[algo]) for algo in ALGORITHMS}


@dataclass(frozen=True)
class Analysis:
    """Where to read and write."""

    runs: Path = OUT
    """Parent of the run folders."""
    out: Path = HERE
    """Where the table and the figure go."""


def main() -> int:
    """Writes the table and the figure, and returns an exit code."""
    where = tyro.cli(Analysis, description=__doc__)
    runs = load(where.runs, pairs(GAMES, ALGORITHMS), settings)
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
