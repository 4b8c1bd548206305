"""Section 5.2's learning curves and a table of the final returns, from what is kept of the runs.

    python -m experiments.learning_curves.analysis

Writes ``curves.png`` and ``results.md`` beside this file.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from experiments import style
from experiments.curves import Line, Runs, plot, summary, table, training
from experiments.learning_curves.sweep import ALGORITHMS, BY_PPO, GAMES, KEPT, kept
from experiments.variants import command
from lase_jax.cli import guarded
from lase_jax.runs import files

HERE = Path(__file__).parent
LINES = {
    algo: Line(style.LABELS[algo], style.COLOURS[algo], *style.DASHES[algo]) for algo in ALGORITHMS
}
PPO_LINES = {
    algo: Line(f"{style.LABELS.get(algo.removesuffix('_ppo'), 'alone')}, PPO", style.INK)
    for algo in BY_PPO
}


@dataclass(frozen=True)
class Analysis:
    """Where to read and write."""

    kept: Path = KEPT
    """Where the findings lie."""
    out: Path = HERE
    """Where the table and the figure go."""


def tables(runs: Runs) -> str:
    """Returns by A2C and by PPO, every run's numbers, and how each learner trained, as Markdown."""
    returns = summary(runs, LINES), summary(runs, PPO_LINES)
    return "\n".join((*returns, table(runs, command), training(runs)))


def main() -> int:
    """Writes the table and the figure, and returns an exit code."""
    where = tyro.cli(Analysis, description=__doc__)
    runs = kept(folder=where.kept)
    if not runs:
        raise SystemExit(f"No findings in {where.kept}; run the sweep first.")
    text = tables(runs)
    print(text)
    where.out.mkdir(parents=True, exist_ok=True)
    files.write(where.out / "results.md", text)
    files.replace(where.out / "curves.png", lambda file: plot(runs, file, GAMES, LINES))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
