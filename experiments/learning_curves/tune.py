"""Tunes every algorithm of the learning curves with the same number of trials for each.

    python -m experiments.learning_curves.tune [--games ssg] [--algos ia si]

First come settings that all learners have: each algorithm tries the same four, a constant or a
falling entropy bonus with updates after whole episodes or after parts of them. Then baselines with
settings that only they have try four of these. Every trial is a run of the game's whole budget with
seeds 100 and 101, which no table reports; the best mean return over its last tenth is chosen, and
`experiments.presets` has it. What LASE alone has is chosen by `experiments.credit`, not by return.

What a trial shows is kept in ``trials`` beside this file, and kept trials are skipped, so that the
command can be repeated. Writes ``tuning.md``, too.
"""

import dataclasses
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from envs import checks
from experiments.curves import fraction, interval
from experiments.findings import Finding
from experiments.learning_curves.sweep import ALGORITHMS, GAMES
from experiments.presets import preset
from experiments.study import TRIAL_SEEDS, TUNING_SEED, load, train_all, trial
from lase_jax.cli import guarded
from lase_jax.core.settings import changed
from lase_jax.reports.tables import markdown
from lase_jax.runs import folder
from lase_jax.runs.config import RunConfig

BONUS = {"constant": 1.0, "falling": 0.1}
"""Multiple of the weight of the entropy bonus that is reached at the end of training."""
PARTS = {"ssh": 10, "ssg": 25, "coingame": 25, "cleanup": 25, "ipd": 25}
"""Steps of an update that does not wait for the end of the episode, by game."""
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
"""Settings of single algorithms that are tried, by the algorithm's name."""
TUNED = tuple(algo for algo in ALGORITHMS if algo not in ("lio_unpaid", "lola"))
"""Algorithms that are tuned here: no controls, and not LOLA, whose learner is another."""
HERE = Path(__file__).parent
KEPT = HERE / "trials"
"""Where what the trials have shown is kept."""


@dataclass(frozen=True)
class Tune:
    """What to try."""

    games: tuple[str, ...] = GAMES
    """Names of games."""
    algos: tuple[str, ...] = TUNED
    """Names of algorithms."""
    out: Path = Path("runs/tuning")
    """Parent of the run folders."""


def shared(game: str, algo: str) -> dict[str, RunConfig]:
    """Trials of the settings that all learners have, by their names.

    An algorithm that learns from whole episodes only has no trials with parts of them.
    """
    base = preset(game, algo)
    found = {}
    for (bonus, end), part in product(BONUS.items(), (0, PARTS[game])):
        if part and base.agent.WHOLE_EPISODES:
            continue
        name = f"{bonus}, {part or 'all'} steps"
        schedule = dataclasses.replace(base.schedule, rollout_length=part)
        own = dict(entropy_end=end, entropy_episodes=base.schedule.steps // base.game.horizon)
        found[name] = dataclasses.replace(base, schedule=schedule, agent=changed(base.agent, own))
    return found


def own(game: str, algo: str) -> dict[str, RunConfig]:
    """Trials of the settings that only this algorithm has, by their names."""
    base = preset(game, algo)

    def words(fields: dict[str, Any]) -> str:
        return ", ".join(f"{field} {value:g}" for field, value in fields.items())

    return {
        words(fields): dataclasses.replace(base, agent=changed(base.agent, fields))
        for fields in CANDIDATES.get(algo, ())
    }


def trials(game: str, algo: str) -> dict[str, RunConfig]:
    """All trials of an algorithm in a game, by their names."""
    return {name: trial(run) for name, run in (shared(game, algo) | own(game, algo)).items()}


def name(game: str, algo: str, trial_name: str) -> str:
    """Name of a trial's folder."""
    return "-".join((game, algo, trial_name.replace(", ", "-").replace(" ", "_")))


def runs(games: tuple[str, ...], algos: tuple[str, ...]) -> dict[str, RunConfig]:
    """Settings of all trials by their folders' names."""
    return {
        name(game, algo, words): run
        for game, algo in product(games, algos)
        for words, run in trials(game, algo).items()
    }


def incentives(finding: Finding) -> float | None:
    """Incentives that all agents paid per episode at a run's end; None if it has none."""
    paid = finding.final.get("incentive/paid")
    return None if paid is None else float(np.nansum(paid, axis=(1, 2)).mean())


def table() -> str:
    """A Markdown table of the trials and the returns they reached."""
    rows = []
    for game, algo in product(GAMES, TUNED):
        every = trials(game, algo)
        found = load({name(game, algo, words): run for words, run in every.items()}, KEPT)
        for words in every:
            if (finding := found.get(name(game, algo, words))) is None:
                continue
            returns = finding.final["return/collective"]
            each = ", ".join(f"{value:.1f}" for value in returns)
            paid = fraction(incentives(finding))
            rows.append([game, algo, words, f"**{interval(returns)[0]:.1f}**", each, paid])
    header = ("game", "algorithm", "settings", "collective return", "seeds", "incentives")
    seeds = f"Seeds {TUNING_SEED} to {TUNING_SEED + TRIAL_SEEDS - 1}"
    return markdown(header, rows) + (
        f"\n{seeds}, means over the last tenth of the game's budget; incentives are what all pay "
        "per episode. `python -m experiments.learning_curves.tune`\n"
    )


def main() -> int:
    """Trains what is not trained yet, writes the table and returns an exit code."""
    tune = tyro.cli(Tune, description=__doc__)
    for algo in tune.algos:
        checks.choice("algos", algo, TUNED)
    for game in tune.games:
        checks.choice("games", game, GAMES)
    every = runs(tune.games, tune.algos)
    code = train_all(every, tune.out, KEPT, "python -m experiments.learning_curves.tune")
    folder.write(HERE / "tuning.md", table())
    return code


if __name__ == "__main__":
    sys.exit(guarded(main))
