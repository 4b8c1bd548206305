"""A table of what LASE's weights know about scripted players, by how Q_SR learns.

    python -m experiments.credit.analysis

Writes ``results.md`` beside this file. Numbers are means over the last tenth of training.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from experiments.credit.sweep import GAMES, KEPT, SEEDS, arms, runs, seats
from experiments.study import TUNING_SEED, load
from lase_jax.reports.tables import markdown
from lase_jax.runs import files

HEADS = ("game", "trace", "steps", "selectivity", "w", "floor", "explained")


@dataclass(frozen=True)
class Analysis:
    """Where to read and write."""

    kept: Path = KEPT
    """Where the findings lie."""
    out: Path = Path(__file__).parent
    """Where the table goes."""


def each(values: np.ndarray) -> str:
    """Mean over seeds of numbers ``[S, K]`` about co-players; a dash where there is none."""
    return ", ".join("-" if np.isnan(value) else f"{value:.3f}" for value in values.mean(0))


def table(kept: Path) -> str:
    """What agent 0 knows about its co-players, as Markdown."""
    rows = []
    every = load(runs(GAMES), kept)
    for game in GAMES:
        for arm, own in arms().items():
            name = f"{game}-{arm}"
            if name not in every:
                continue
            found = every[name].final

            def about(metric: str, found: dict[str, np.ndarray] = found) -> str:
                return each(found[f"relation/{metric}"][:, 0, 1:])

            knows = f"{found['infer/explained'][:, 0].mean():.2f}"
            label = f"{game}: {', '.join(seats(game)[1:])}"
            cells = about("selectivity"), about("weight"), about("floor"), knows
            rows.append([label, f"{own['social_lam']:g}", str(own["social_steps"]), *cells])
    last = TUNING_SEED + SEEDS - 1
    return f"{markdown(HEADS, rows)}\nMeans over seeds {TUNING_SEED} to {last}.\n"


def main() -> None:
    """Prints and writes the table."""
    where = tyro.cli(Analysis, description=__doc__)
    text = table(where.kept)
    print(text)
    files.write(where.out / "results.md", text)


if __name__ == "__main__":
    main()
