"""A table of what LASE's weights know about scripted players, by how Q_SR learns.

    python -m experiments.credit.analysis

Writes ``results.md`` beside this file, with the setting that the rule in `README.md` chooses.
Numbers are means over the last tenth of training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from experiments.credit.sweep import GAMES, KEPT, arms, runs, seats
from experiments.findings import Finding
from experiments.study import TUNING_SEED, load
from lase_jax.reports.tables import markdown
from lase_jax.runs import files

HEADS = ("game", "trace", "steps", "selectivity", "together", "w", "floor", "explained", "seeds")


@dataclass(frozen=True)
class Analysis:
    """Where to read and write."""

    kept: Path = KEPT
    """Where the findings lie."""
    out: Path = Path(__file__).parent
    """Where the table goes."""


def together(game: str, finding: Finding) -> np.ndarray:
    """Selectivity towards the helper and the random player, summed, ``[S]``; NaN counts as none."""
    judged = [k for k, name in enumerate(seats(game)) if k > 0 and name != "defector"]
    return np.nansum(finding.final["relation/selectivity"][:, 0, judged], axis=1)


def chosen(scores: Mapping[str, np.ndarray]) -> str:
    """The arm that the rule in `README.md` chooses, from selectivities ``[S]`` by arm.

    Of the arms whose mean is within one standard deviation of the best's, the first: `arms` lists
    the smallest trace first, and of equal traces the fewest steps.
    """
    best = max(scores.values(), key=np.mean)
    mark = best.mean() - best.std(ddof=1)
    return next(arm for arm in arms() if arm in scores and scores[arm].mean() >= mark)


def each(values: np.ndarray) -> str:
    """Mean over seeds of numbers ``[S, K]`` about co-players; a dash where there is none."""
    return ", ".join("-" if np.isnan(value) else f"{value:.3f}" for value in values.mean(0))


def cells(game: str, finding: Finding, score: np.ndarray) -> list[str]:
    """What agent 0 knows about its co-players: the columns of the table that are measured."""

    def about(metric: str) -> str:
        return each(finding.final[f"relation/{metric}"][:, 0, 1:])

    return [
        about("selectivity"),
        f"{score.mean():.3f} ± {score.std(ddof=1):.3f}",
        about("weight"),
        about("floor"),
        f"{finding.final['infer/explained'][:, 0].mean():.2f}",
        str(finding.seeds),
    ]


def table(kept: Path) -> str:
    """What agent 0 knows about its co-players, as Markdown, with what is chosen in bold."""
    rows = []
    every = load(runs(GAMES), kept)
    for game in GAMES:
        found = {arm: every[f"{game}-{arm}"] for arm in arms() if f"{game}-{arm}" in every}
        scores = {arm: together(game, finding) for arm, finding in found.items()}
        label = f"{game}: {', '.join(seats(game)[1:])}"
        for arm, finding in found.items():
            own = arms()[arm]
            setting = [f"{own['social_lam']:g}", f"{own['social_steps']}"]
            if arm == chosen(scores):
                setting = [f"**{value}**" for value in setting]
            rows.append([label, *setting, *cells(game, finding, scores[arm])])
    return (
        f"{markdown(HEADS, rows)}\n"
        f"Means over seeds from {TUNING_SEED} on, together ± one standard deviation over seeds. "
        "In bold: what the rule in [README.md](README.md) chooses.\n"
    )


def main() -> None:
    """Prints and writes the table."""
    where = tyro.cli(Analysis, description=__doc__)
    text = table(where.kept)
    print(text)
    files.write(where.out / "results.md", text)


if __name__ == "__main__":
    main()
