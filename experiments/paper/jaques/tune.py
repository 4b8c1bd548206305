"""Finds what each arm on the small games has of its own: the same number of trials for all.

    python -m experiments.paper.jaques.tune

Every candidate is trained with two seeds that are not reported, and the best mean return over the
last tenth is chosen. Arms without settings of their own have nothing to tune: all else is the same
in all arms. Writes ``tuning.md`` beside this file; `arms.TUNED` has the best of each arm.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from experiments import comparison
from experiments.findings import Finding
from experiments.paper.jaques.arms import SMALL, small
from experiments.paper.verdicts import label
from experiments.study import TRIAL_SEEDS, load, train_all, trial
from lase_jax.cli import guarded
from lase_jax.reports.tables import markdown
from lase_jax.runs import files
from lase_jax.runs.config import RunConfig

IN_BOXES = (3.0, 10.0, 30.0, 100.0)
WEIGHTS = {
    "box_trapped": IN_BOXES,
    "box_ring": IN_BOXES,
    "cleanup_small": (0.05, 0.15, 0.6, 3.0),
    "harvest_small": (0.2, 0.6, 2.5, 10.0),
}
"""Weights of influence by game. The paper has .146 and .620 in Cleanup, .224 and 2.521 in Harvest,
where the game pays about as much per step; in the boxes it pays ten times as much."""
CANDIDATES: Mapping[str, tuple[dict[str, Any], ...]] = {
    "ia": (
        dict(alpha=0.0, beta=0.05),  # Hughes et al. 2018, Cleanup
        dict(alpha=5.0, beta=0.0),  # Hughes et al. 2018, Harvest
        dict(alpha=0.0, beta=0.2),
        dict(alpha=0.05, beta=0.05),
    ),
    "comm": (
        dict(weight=0.3, alpha=1.0),
        dict(weight=3.0, alpha=1.0),
        dict(weight=30.0, alpha=1.0),
        dict(weight=3.0, alpha=0.0),  # symbols learn from influence alone, as in Cleanup
    ),
}
"""What is tried of arms with more than a weight of influence, which has four values by game."""
ARMS = ("ia", "basic", "comm", "si")
"""Arms with settings of their own."""
HERE = Path(__file__).parent
KEPT = HERE / "trials"
"""Where what the trials have shown is kept."""
COMMAND = "python -m experiments.paper.jaques.tune"


@dataclass(frozen=True)
class Tune:
    """What to try."""

    games: tuple[str, ...] = tuple(SMALL)
    """Names of games."""
    arms: tuple[str, ...] = ARMS
    """Names of arms."""
    workers: int = 0
    """Runs that are trained at a time, a core each; 0 for one on every core of a CPU."""
    out: Path = Path("runs/jaques_tuning")
    """Parent of the run folders."""


def candidates(game: str, arm: str) -> tuple[dict[str, Any], ...]:
    """What is tried of an arm in a game."""
    weights = tuple(dict(weight=weight) for weight in WEIGHTS[game])
    return CANDIDATES.get(arm, weights)


def named(own: Mapping[str, Any]) -> str:
    """Settings as a part of a run's name."""
    return "-".join(f"{field}_{value:g}" for field, value in own.items())


def trials(game: str, arm: str) -> dict[str, RunConfig]:
    """Settings of an arm's trials by their folders' names."""
    return {
        f"{game}-{arm}-{named(own)}": trial(small(game, arm, **own))
        for own in candidates(game, arm)
    }


def best(game: str, arm: str, found: Mapping[str, Finding]) -> dict[str, Any] | None:
    """The candidate with the largest return, or None while not all have been tried."""
    names = {f"{game}-{arm}-{named(own)}": own for own in candidates(game, arm)}
    if not names.keys() <= found.keys():
        return None
    return names[max(names, key=lambda name: found[name].final["return/collective"].mean())]


def table() -> str:
    """A Markdown table of the trials and the returns they reached; what was chosen is bold."""
    rows = []
    for game in SMALL:
        for arm in ARMS:
            found = load(trials(game, arm), KEPT)
            chosen = best(game, arm, found)
            for name, finding in found.items():
                returns = finding.final["return/collective"]
                each = ", ".join(f"{value:.2f}" for value in returns)
                setting = name.split("-", 2)[2].replace("_", " ").replace("-", ", ")
                if chosen and name.endswith(named(chosen)):
                    setting = f"**{setting}**"
                mean = f"{comparison.mean(returns).value:.2f}"
                rows.append([game, label(arm), setting, mean, each])
    heads = ("game", "arm", "setting", "collective return", "seeds")
    return (
        markdown(heads, rows)
        + f"\n{TRIAL_SEEDS} seeds, means over the last tenth of the budget. `{COMMAND}`\n"
    )


def main() -> int:
    """Trains what is not trained yet, writes the table and returns an exit code."""
    tune = tyro.cli(Tune, description=__doc__)
    runs = {
        name: run
        for game in tune.games
        for arm in tune.arms
        for name, run in trials(game, arm).items()
    }
    code = train_all(runs, tune.out, KEPT, COMMAND, tune.workers)
    files.write(HERE / "tuning.md", table())
    return code


if __name__ == "__main__":
    sys.exit(guarded(main))
