"""Tunes the settings that only one baseline has, with the same number of trials for each.

    python -m experiments.learning_curves.tune [--games ssg] [--algos ia si]

Every setting is trained with two seeds (0 and 1, which are among those reported) for half of the
game's budget, with the game's actor-critic, in a folder of its own under ``runs/tuning``. Finished
runs are skipped, so that the command can be repeated. Writes ``tuning.md`` beside this file;
`experiments.presets` has the best setting of each algorithm.
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
"""Games in which settings are chosen. The papers of all three algorithms used a Cleanup game: there
only the published setting is tried, and kept unless it earns less than A2C. If it does, and in the
Stag-Hunt, whose agents learn late, the best setting of Snowdrift is used."""
ONE_TRIAL = ("cleanup",)
"""Games in which only the first candidate is tried."""
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
"""Settings that are tried for each algorithm, by its name."""
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
    """The settings that are tried for an algorithm in a game."""
    return CANDIDATES[algo][:1] if game in ONE_TRIAL else CANDIDATES[algo]


def settings(game: str, algo: str, own: dict[str, Any]) -> RunConfig:
    """Settings of one run."""
    run = preset(game, algo)
    return trial(dataclasses.replace(run, agent=changed(run.agent, own)))


def name(game: str, algo: str, own: dict[str, Any]) -> str:
    """Name of a run's folder."""
    return "-".join((game, algo, *(f"{field}_{value:g}" for field, value in own.items())))


def trials(games: tuple[str, ...], algos: tuple[str, ...]) -> dict[str, RunConfig]:
    """Settings of all runs by their folders' names."""
    return {
        name(game, algo, overrides): settings(game, algo, overrides)
        for game in games
        for algo in algos
        for overrides in tried(game, algo)
    }


def table(out: Path) -> str:
    """A Markdown table of the trials and the returns they reached."""
    rows = []
    for game in GAMES:
        for algo in CANDIDATES:
            for overrides in tried(game, algo):
                path = out / name(game, algo, overrides)
                if not results.finished(path):
                    continue
                require_same(path, settings(game, algo, overrides))
                returns = score(path)["return"]
                fields = ", ".join(f"{field} {value:g}" for field, value in overrides.items())
                each = ", ".join(f"{value:.1f}" for value in returns["seeds"])
                mean, paid = f"**{returns['mean']:.1f}**", fraction(incentives(path))
                rows.append([game, algo, fields, mean, each, paid])
    header = ("game", "algorithm", "settings", "collective return", "seeds", "incentives")
    return markdown(header, rows) + (
        f"\n{TRIAL_SEEDS} seeds, {TRIAL_SHARE:.0%} of the game's budget, means over its last "
        "tenth; incentives are what all pay per episode. "
        "`python -m experiments.learning_curves.tune`\n"
    )


def incentives(path: Path) -> float | None:
    """Incentives that all agents paid per episode over a run's last tenth; None if it has none."""
    paid = final(path).get("incentive/paid")
    return None if paid is None else float(np.nansum(paid, axis=(1, 2)).mean())


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
