"""Trains every algorithm on every game of Fig. 5 and on the IPD, with equal budgets.

    python -m experiments.learning_curves.sweep [--games ssh ssg] [--algos lase a2c]

Each run has a folder of its own under ``runs/learning_curves``; what it shows is kept in
``findings`` beside this file. Runs that are kept there are skipped and interrupted ones are
continued, so that the command can be repeated.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from envs import checks
from envs.registry import GAMES as CONFIGS
from experiments.presets import preset
from experiments.study import train_all
from lase_jax.cli import guarded
from lase_jax.core.settings import changed
from lase_jax.runs.config import RunConfig

GAMES = ("ssh", "ssg", "coingame", "cleanup", "ipd")
ALGORITHMS = ("a2c", "ia", "si", "lio", "lio_unpaid", "lola", "gift", "lase_wo", "lase", "go")
CONTROLS: dict[str, tuple[str, dict[str, Any]]] = {
    "lio_unpaid": ("lio", dict(max_incentive=1e-6)),
}
"""Controls by name, each an algorithm with other settings: LIO with incentives close to zero, as
its learner (a critic of its own, unclipped steps) differs from the one that the others share."""
OF_TWO = tuple(game for game in GAMES if CONFIGS[game].spec().num_agents == 2)
"""The games of two agents, the only ones that LOLA can play."""
SEEDS = 5
OUT = Path("runs/learning_curves")
KEPT = Path(__file__).parent / "findings"
"""Where what the runs have shown is kept."""


@dataclass(frozen=True)
class Sweep:
    """What to train."""

    games: tuple[str, ...] = GAMES
    """Names of games."""
    algos: tuple[str, ...] = ALGORITHMS
    """Names of algorithms and controls."""
    seeds: int = SEEDS
    """Seeds of each run."""
    out: Path = OUT
    """Parent of the run folders."""


def pairs(games: tuple[str, ...], algos: tuple[str, ...]) -> list[tuple[str, str]]:
    """The pairs of a game and an algorithm that can play it.

    Raises:
        ConfigError: LOLA is named without a game of two agents.
    """
    for algo in algos:
        fits = algo != "lola" or set(games) & set(OF_TWO)
        checks.require(bool(fits), "algos", algo, f"name one of its games too: {', '.join(OF_TWO)}")
    return [(game, algo) for game in games for algo in algos if algo != "lola" or game in OF_TWO]


def settings(game: str, algo: str, seeds: int) -> RunConfig:
    """Settings of one run, of an algorithm or a control."""
    algo, overrides = CONTROLS.get(algo, (algo, {}))
    run = preset(game, algo)
    agent = changed(run.agent, overrides)
    return dataclasses.replace(run, agent=agent, seeds=seeds, wandb="disabled")


def command(game: str, algo: str, seeds: int) -> str:
    """The command that trains this run alone."""
    algo, overrides = CONTROLS.get(algo, (algo, {}))
    line = f"make train ENV={game} ALGO={algo} SEEDS={seeds}"
    options = " ".join(f"--agent.{key.replace('_', '-')} {overrides[key]}" for key in overrides)
    return f'{line} ARGS="{options}"' if overrides else line


def main() -> int:
    """Trains what is not trained yet and returns an exit code."""
    sweep = tyro.cli(Sweep, description=__doc__)
    runs = {
        f"{game}-{algo}": settings(game, algo, sweep.seeds)
        for game, algo in pairs(sweep.games, sweep.algos)
    }
    return train_all(runs, sweep.out, KEPT, "python -m experiments.learning_curves.sweep")


if __name__ == "__main__":
    sys.exit(guarded(main))
