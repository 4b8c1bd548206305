"""Trains one LASE agent among scripted players, to see whether its weights single out good deeds.

    python -m experiments.credit.sweep [--games cleanup]

In every game of four, LASE plays with a player that does good, a defector and a random player; in
every game of two, with a random player. Settings of Q_SR's learning vary: the decay of its trace
and its gradient steps per update, which comes after whole episodes. Seeds are 100 to 102 (in two
games to 109), which no other table reports.
"""

import dataclasses
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import tyro

from envs.registry import GAMES as CONFIGS
from experiments.study import TUNING_SEED, train_all
from lase_jax.cli import guarded
from lase_jax.core.settings import changed
from lase_jax.presets import preset
from lase_jax.runs.config import RunConfig

GAMES = ("cleanup", "ssg", "ssh", "ssh_strict", "coingame", "ipd")
TRACES, STEPS = (0.0, 0.5, 0.9, 1.0), (1, 4)
HELPERS = {"cleanup": "cleaner"}
"""The scripted player that does good, where it is not the cooperator."""
STEADY = dict(entropy_end=1.0, entropy_episodes=1)
"""The entropy bonus stays as it is, because the budget is a part of a training."""
BUDGET = 400_000
"""Environment steps per seed."""
SEEDS = 3
"""Seeds of each run where `MORE_SEEDS` does not say otherwise."""
MORE_SEEDS = {"ssh": 10, "coingame": 10}
"""Games in which three seeds leave the choice to less than .01."""
OUT = Path("runs/credit")
KEPT = Path(__file__).parent / "findings"
"""Where what the runs have shown is kept."""


@dataclass(frozen=True)
class Sweep:
    """What to train."""

    games: tuple[str, ...] = GAMES
    """Names of games."""
    workers: int = 0
    """Runs that are trained at a time, a core each; 0 for one on every core of a CPU."""
    out: Path = OUT
    """Parent of the run folders."""


def seats(game: str) -> tuple[str, ...]:
    """Who sits where; LASE is in seat 0."""
    if CONFIGS[game].spec().num_agents == 2:
        return ("lase", "random")
    return ("lase", HELPERS.get(game, "cooperator"), "defector", "random")


def arms() -> dict[str, dict[str, Any]]:
    """Settings of LASE by the name of the arm."""
    return {
        f"lam_{lam:g}-steps_{steps}": dict(social_lam=lam, social_steps=steps)
        for lam, steps in product(TRACES, STEPS)
    }


def runs(games: tuple[str, ...]) -> dict[str, RunConfig]:
    """Settings of every run by its name, ``<game>-<arm>``."""

    def one(game: str, own: dict[str, Any]) -> RunConfig:
        base = preset(game, "lase")
        schedule = dataclasses.replace(base.schedule, steps=BUDGET, rollout_length=0)
        agent = changed(base.agent, STEADY | own)
        seeds = MORE_SEEDS.get(game, SEEDS)
        run = dataclasses.replace(base, seeds=seeds, seed=TUNING_SEED, schedule=schedule)
        return dataclasses.replace(run, agent=agent, wandb="disabled").with_seats(seats(game))

    return {f"{game}-{arm}": one(game, own) for game in games for arm, own in arms().items()}


def main() -> int:
    """Trains what is not trained yet and returns an exit code."""
    sweep = tyro.cli(Sweep, description=__doc__)
    return train_all(
        runs(sweep.games), sweep.out, KEPT, "python -m experiments.credit.sweep", sweep.workers
    )


if __name__ == "__main__":
    sys.exit(guarded(main))
