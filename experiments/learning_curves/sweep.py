"""Trains every algorithm on every game of Fig. 5 and on the IPD, with equal budgets.

    python -m experiments.learning_curves.sweep [--games ssh ssg] [--algos lase a2c]

Each run has a folder of its own under ``runs/learning_curves``; what it shows is kept in
``findings`` beside this file. Runs that are kept there are skipped and interrupted ones are
continued, so that the command can be repeated.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from envs import checks
from envs.registry import GAMES as CONFIGS
from experiments.curves import Runs
from experiments.study import load, train_all
from experiments.variants import settings
from lase_jax.cli import guarded
from lase_jax.runs.config import RunConfig

GAMES = ("ssh", "ssg", "coingame", "cleanup", "ipd")
ALGORITHMS = (
    *("a2c", "ia", "si", "lio", "lio_unpaid", "lola"),
    *("gift", "moments", "lase_wo", "lase", "go"),
)
BY_PPO = ("ppo", "gift_ppo", "untrained_ppo", "shuffled_ppo", "moments_ppo", "lase_ppo", "go_ppo")
"""Algorithms that are also trained by PPO, with the settings that trials with A2C have chosen."""
TRAINED = (*ALGORITHMS, *BY_PPO)
ONLY = {
    "lola": tuple(game for game in GAMES if CONFIGS[game].spec().num_agents == 2),
    "untrained_ppo": ("ssh",),
    "shuffled_ppo": ("ssh",),
    "moments_ppo": ("coingame", "ipd"),
}
"""Games of those that do not play all: LOLA is for two agents, and by PPO controls of LASE stand
where it earns more than selfish agents; with one co-player there is no other to be given to."""
SEEDS = 5
OUT = Path("runs/learning_curves")
KEPT = Path(__file__).parent / "findings"
"""Where what the runs have shown is kept."""


@dataclass(frozen=True)
class Sweep:
    """What to train."""

    games: tuple[str, ...] = GAMES
    """Names of games."""
    algos: tuple[str, ...] = ()
    """Names of algorithms and variants; none for all that can play the games."""
    seeds: int = SEEDS
    """Seeds of each run."""
    workers: int = 0
    """Runs that are trained at a time, a core each; 0 for one on every core of a CPU."""
    out: Path = OUT
    """Parent of the run folders."""


def pairs(games: tuple[str, ...], algos: tuple[str, ...]) -> list[tuple[str, str]]:
    """The pairs of a game and an algorithm that can play it; of all algorithms if none is named.

    Raises:
        ConfigError: an algorithm is named without any of its games.
    """
    for algo in algos:
        its = ONLY.get(algo, games)
        checks.require(
            bool(set(games) & set(its)),
            "algos",
            algo,
            f"name one of its games too: {', '.join(its)}",
        )
    named = algos or TRAINED
    return [(game, algo) for game in games for algo in named if game in ONLY.get(algo, games)]


def runs(games: tuple[str, ...], algos: tuple[str, ...], seeds: int) -> dict[str, RunConfig]:
    """Settings of every run by its name, ``<game>-<algorithm>``; arguments as in `pairs`."""
    return {"-".join(pair): settings(*pair, seeds) for pair in pairs(games, algos)}


def kept(games: tuple[str, ...] = GAMES, folder: Path = KEPT) -> Runs:
    """What has been found, by game and algorithm.

    Raises:
        ConfigError: a file in `folder` is of other settings, or cannot be read.
    """
    found = load(runs(games, (), SEEDS), folder)
    return {tuple(name.split("-")): finding for name, finding in found.items()}


def main() -> int:
    """Trains what is not trained yet and returns an exit code."""
    sweep = tyro.cli(Sweep, description=__doc__)
    chosen = runs(sweep.games, sweep.algos, sweep.seeds)
    return train_all(
        chosen, sweep.out, KEPT, "python -m experiments.learning_curves.sweep", sweep.workers
    )


if __name__ == "__main__":
    sys.exit(guarded(main))
