"""Finds the weight of influence in each arm of the reduced protocol: the same trials for all.

    python -m experiments.influence.tune

Every weight is trained with two seeds that are not reported, and the best mean return over the last
tenth is chosen. Arms without influence have nothing to tune: all else is the same in all arms.
Writes ``tuning.md`` beside this file; `arms.WEIGHTS` has the best weight of each arm.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from experiments.curves import interval
from experiments.influence.arms import ARMS, SMALL, small
from experiments.study import TRIAL_SEEDS, load, train_all, trial
from lase_jax.cli import guarded
from lase_jax.reports.tables import markdown
from lase_jax.runs import files
from lase_jax.runs.config import RunConfig

CANDIDATES = (0.3, 3.0, 30.0)
"""Weights that are tried."""
INFLUENTIAL = tuple(arm for arm, what in ARMS.items() if what.influences)
HERE = Path(__file__).parent
KEPT = HERE / "trials"
"""Where what the trials have shown is kept."""


@dataclass(frozen=True)
class Tune:
    """What to try."""

    games: tuple[str, ...] = tuple(SMALL)
    """Names of games."""
    arms: tuple[str, ...] = INFLUENTIAL
    """Names of arms."""
    out: Path = Path("runs/influence_tuning")
    """Parent of the run folders."""


def settings(game: str, arm: str, weight: float) -> RunConfig:
    """Settings of one run."""
    return trial(small(game, arm, weight=weight))


def trials(games: tuple[str, ...], arms: tuple[str, ...]) -> dict[str, RunConfig]:
    """Settings of all runs by their folders' names."""
    return {
        f"{game}-{arm}-{weight:g}": settings(game, arm, weight)
        for game in games
        for arm in arms
        for weight in CANDIDATES
    }


def table() -> str:
    """A Markdown table of the trials and the returns they reached."""
    rows = []
    for name, finding in load(trials(tuple(SMALL), INFLUENTIAL), KEPT).items():
        game, arm, weight = name.split("-")
        returns = finding.final["return/collective"]
        each = ", ".join(f"{value:.2f}" for value in returns)
        rows.append([game, ARMS[arm].label, weight, f"**{interval(returns)[0]:.2f}**", each])
    seeds, command = f"{TRIAL_SEEDS} seeds", "`python -m experiments.influence.tune`"
    return (
        markdown(("game", "arm", "weight", "collective return", "seeds"), rows)
        + f"\n{seeds}, means over the last tenth of the budget. {command}\n"
    )


def main() -> int:
    """Trains what is not trained yet, writes the table and returns an exit code."""
    tune = tyro.cli(Tune, description=__doc__)
    code = train_all(
        trials(tune.games, tune.arms), tune.out, KEPT, "python -m experiments.influence.tune"
    )
    files.write(HERE / "tuning.md", table())
    return code


if __name__ == "__main__":
    sys.exit(guarded(main))
