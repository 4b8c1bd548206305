"""Tunes every algorithm of the learning curves by the same trials.

    python -m experiments.learning_curves.tune [--games ssg] [--algos ia si]

Baselines with settings that only they have first try four of these, with updates after whole
episodes. Then each algorithm, with the best of its own settings, tries updates after whole episodes
and after parts of them, and with the better of these an entropy bonus that is constant instead of
falling to a tenth over the budget. Every trial is a run of the game's whole budget with seeds 100
and 101, which no table reports; the best mean return over its last tenth is chosen, and a test
requires that `lase_jax.presets` has it. What LASE alone has is chosen by `experiments.credit`,
not by return.

What a trial shows is kept in ``trials`` beside this file, and kept trials are skipped, so that the
command can be repeated. Writes ``tuning.md``, too.
"""

import dataclasses
import sys
from collections.abc import Callable
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
from experiments.study import TRIAL_SEEDS, TUNING_SEED, load, train_all, trial
from lase_jax.cli import guarded
from lase_jax.core.settings import changed
from lase_jax.presets import preset
from lase_jax.presets.games import FALLS, STEADY
from lase_jax.reports.tables import markdown
from lase_jax.runs import files
from lase_jax.runs.config import RunConfig

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
TUNED = tuple(algo for algo in ALGORITHMS if algo not in ("lio_unpaid", "moments", "lola"))
"""Algorithms that are tuned here: not those with the settings of another, and not LOLA, whose
learner is another."""
Trials = Callable[[str, str], dict[str, RunConfig]]
"""``(game, algorithm) -> trials`` by their names."""
COMMAND = "python -m experiments.learning_curves.tune"
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
    workers: int = 0
    """Runs that are trained at a time, a core each; 0 for one on every core of a CPU."""
    out: Path = Path("runs/tuning")
    """Parent of the run folders."""


def own(game: str, algo: str) -> dict[str, RunConfig]:
    """Trials of the settings that only this algorithm has, by their names."""
    return {words(fields): updating(game, algo, 0, fields) for fields in CANDIDATES.get(algo, ())}


def lengths(game: str, algo: str) -> dict[str, RunConfig]:
    """Trials of the steps between updates, by their names.

    Baselines with settings of their own have tried whole episodes already, and try parts of them
    with the best of these settings; there are no trials as long as it is not known. An algorithm
    that learns from whole episodes only tries no parts.
    """
    tried = own(game, algo)
    best = chosen(game, algo, tried)
    if tried and best is None:
        return {}
    if preset(game, algo).agent.WHOLE_EPISODES:
        return {}
    parts = (PARTS[game],) if best else (0, PARTS[game])
    fields = next((each for each in CANDIDATES.get(algo, ()) if words(each) == best), {})
    return {f"{part or 'all'} steps": updating(game, algo, part, fields) for part in parts}


def bonuses(game: str, algo: str) -> dict[str, RunConfig]:
    """The trial of a constant entropy bonus; none as long as the best other one is not known."""
    tried = own(game, algo) | lengths(game, algo)
    best = chosen(game, algo, tried)
    if best is None:
        return {}
    agent = changed(tried[best].agent, STEADY)
    return {"constant bonus": dataclasses.replace(tried[best], agent=agent)}


def trials(game: str, algo: str) -> dict[str, RunConfig]:
    """All trials that are known so far, by their names."""
    return own(game, algo) | lengths(game, algo) | bonuses(game, algo)


def chosen(game: str, algo: str, tried: dict[str, RunConfig]) -> str | None:
    """The name of the best of some trials; None if there are none, or not all are kept."""
    found = known(game, algo, tried)
    if len(found) < max(len(tried), 1):
        return None
    return max(found, key=lambda words: float(np.mean(found[words].final["return/collective"])))


def known(game: str, algo: str, tried: dict[str, RunConfig]) -> dict[str, Finding]:
    """What those of some trials that are kept have shown, by the trials' names."""
    folders = {name(game, algo, words): words for words in tried}
    found = load({folder: tried[words] for folder, words in folders.items()}, KEPT)
    return {folders[folder]: finding for folder, finding in found.items()}


def words(fields: dict[str, Any]) -> str:
    """Settings as the name of a trial."""
    return ", ".join(f"{field} {value:g}" for field, value in fields.items())


def updating(game: str, algo: str, part: int, fields: dict[str, Any]) -> RunConfig:
    """A trial with updates every `part` steps (0: after whole episodes) and other settings."""
    base = preset(game, algo)
    schedule = dataclasses.replace(base.schedule, rollout_length=part)
    agent = changed(base.agent, {"entropy_end": FALLS} | fields)
    return trial(dataclasses.replace(base, schedule=schedule, agent=agent))


def name(game: str, algo: str, trial_name: str) -> str:
    """Name of a trial's folder."""
    return "-".join((game, algo, trial_name.replace(", ", "-").replace(" ", "_")))


def runs(games: tuple[str, ...], algos: tuple[str, ...], trials: Trials) -> dict[str, RunConfig]:
    """Settings of the trials of one kind, by their folders' names."""
    return {
        name(game, algo, trial_name): run
        for game, algo in product(games, algos)
        for trial_name, run in trials(game, algo).items()
    }


def incentives(finding: Finding) -> float | None:
    """Incentives that all agents paid per episode at a run's end; None if it has none."""
    paid = finding.final.get("incentive/paid")
    return None if paid is None else float(np.nansum(paid, axis=(1, 2)).mean())


def table() -> str:
    """A Markdown table of the trials and the returns they reached."""
    rows = []
    for game, algo in product(GAMES, TUNED):
        for tried, finding in known(game, algo, trials(game, algo)).items():
            values = finding.final["return/collective"]
            each = ", ".join(f"{value:.1f}" for value in values)
            paid = fraction(incentives(finding))
            rows.append([game, algo, tried, f"**{interval(values)[0]:.1f}**", each, paid])
    header = ("game", "algorithm", "settings", "collective return", "seeds", "incentives")
    seeds = f"Seeds {TUNING_SEED} to {TUNING_SEED + TRIAL_SEEDS - 1}"
    return markdown(header, rows) + (
        f"\n{seeds}, means over the last tenth of the game's budget; incentives are what all pay "
        f"per episode. `{COMMAND}`\n"
    )


def main() -> int:
    """Trains what is not trained yet, writes the table and returns an exit code."""
    tune = tyro.cli(Tune, description=__doc__)
    for algo in tune.algos:
        checks.choice("algos", algo, TUNED)
    for game in tune.games:
        checks.choice("games", game, GAMES)
    code = 0
    for kind in (own, lengths, bonuses):
        code = max(
            code,
            train_all(runs(tune.games, tune.algos, kind), tune.out, KEPT, COMMAND, tune.workers),
        )
        if code > 1:  # stopped by a signal
            break
    files.write(HERE / "tuning.md", table())
    return code


if __name__ == "__main__":
    sys.exit(guarded(main))
