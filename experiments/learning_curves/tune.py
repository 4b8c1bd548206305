"""Tunes what the baselines have of their own, with equal effort: the same number of settings each.

    python -m experiments.learning_curves.tune [--games ssg] [--algos ia si]

Every setting trains two seeds (0 and 1, which are among those reported) for half of the game's
budget, with the game's actor-critic, into a folder of its own under ``runs/tuning``; finished ones
are left alone, so that the command can be repeated. Writes ``tuning.md`` beside this file. The best
of each stands in `experiments.presets`.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from envs import checks
from experiments.curves import final, fraction, score
from experiments.presets import preset
from experiments.study import TRIAL_SEEDS, TRIAL_SHARE, require_same, train_all, trial
from lase_jax.cli import guarded
from lase_jax.core.settings import changed
from lase_jax.reports.tables import markdown
from lase_jax.runs import folder, results
from lase_jax.runs.config import RunConfig

GAMES = ("coingame", "ssg", "cleanup")
"""Games by which settings are chosen. The papers of all three algorithms played a Cleanup: there
the published setting is tried and kept unless it earns less than A2C; else, and in the Stag-Hunt,
whose agents learn late, Snowdrift's best is taken."""
ONE_TRIAL = ("cleanup",)
"""Games in which the first candidate alone is tried."""
CANDIDATES: dict[str, tuple[dict[str, Any], ...]] = {
    "ia": (
        dict(alpha=0.0, beta=0.05),  # Hughes et al. 2018, Cleanup
        dict(alpha=5.0, beta=0.0),  # Hughes et al. 2018, Harvest
        dict(alpha=0.0, beta=0.2),
        dict(alpha=0.05, beta=0.05),
    ),
    "si": (
        dict(weight=0.62),  # Jaques et al. 2019, Cleanup with a model of others
        dict(weight=2.521),  # Jaques et al. 2019, Harvest with a model of others
        dict(weight=10.0),
        dict(weight=40.0),
    ),
    "lio": (
        dict(max_incentive=2.0, cost=1e-4),  # Yang et al. 2020, Cleanup
        dict(max_incentive=0.5, cost=1e-2),
        dict(max_incentive=0.1, cost=1e-2),
        dict(max_incentive=0.1, cost=1e-4),
    ),
}
"""What each algorithm tries, by its name."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Tune:
    """What to try."""

    games: tuple[str, ...] = GAMES
    """Names of games."""
    algos: tuple[str, ...] = tuple(CANDIDATES)
    """Names of algorithms."""
    out: Path = Path("runs/tuning")
    """Parent of the run folders."""


def tried(game: str, algo: str) -> tuple[dict[str, Any], ...]:
    """What an algorithm tries in a game."""
    return CANDIDATES[algo][:1] if game in ONE_TRIAL else CANDIDATES[algo]


def settings(game: str, algo: str, own: dict[str, Any]) -> RunConfig:
    """Settings of one run."""
    run = preset(game, algo)
    return trial(dataclasses.replace(run, agent=changed(run.agent, own)))


def name(game: str, algo: str, own: dict[str, Any]) -> str:
    """Name of a run's folder."""
    return "-".join((game, algo, *(f"{field}_{value:g}" for field, value in own.items())))


def trials(games: tuple[str, ...], algos: tuple[str, ...]) -> dict[str, RunConfig]:
    """All runs by their folders' names."""
    return {
        name(game, algo, own): settings(game, algo, own)
        for game in games
        for algo in algos
        for own in tried(game, algo)
    }


def table(out: Path) -> str:
    """What was tried and what it reached, as Markdown."""
    rows = []
    for game in GAMES:
        for algo in CANDIDATES:
            for own in tried(game, algo):
                path = out / name(game, algo, own)
                if not results.finished(path):
                    continue
                require_same(path, settings(game, algo, own))
                found = score(path)["return"]
                told = ", ".join(f"{field} {value:g}" for field, value in own.items())
                each = ", ".join(f"{value:.1f}" for value in found["seeds"])
                mean, paid = f"**{found['mean']:.1f}**", fraction(incentives(path))
                rows.append([game, algo, told, mean, each, paid])
    header = ("game", "algorithm", "settings", "collective return", "seeds", "incentives")
    return markdown(header, rows) + (
        f"\n{TRIAL_SEEDS} seeds, {TRIAL_SHARE:.0%} of the game's budget, means over its last "
        "tenth; incentives are what all pay per episode. "
        "`python -m experiments.learning_curves.tune`\n"
    )


def incentives(path: Path) -> float | None:
    """What all agents of a run paid per episode over its last tenth; None where nobody pays."""
    found = final(path).get("incentive/paid")
    return None if found is None else float(np.nansum(found, axis=(1, 2)).mean())


def main() -> int:
    """Trains what is not trained yet, writes the table and returns an exit code."""
    tune = tyro.cli(Tune, description=__doc__)
    for algo in tune.algos:
        checks.choice("algos", algo, tuple(CANDIDATES))
    runs = trials(tune.games, tune.algos)
    code = train_all(runs, tune.out, "python -m experiments.learning_curves.tune")
    folder.write(HERE / "tuning.md", table(tune.out))
    return code


if __name__ == "__main__":
    sys.exit(guarded(main))
