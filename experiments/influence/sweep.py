"""Trains every arm of the three experiments on social influence.

    python -m experiments.influence.sweep                # small games, an hour on two cores
    python -m experiments.influence.sweep --scale full   # the paper's games and steps, for a GPU

Each run has a folder of its own. Finished runs are skipped and interrupted ones are continued, so
that the command can be repeated.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from envs import checks
from experiments.influence.arms import ARMS, SMALL, full, small
from experiments.presets import jaques
from experiments.study import train_all
from lase_jax.cli import guarded
from lase_jax.runs.config import RunConfig

Scale = Literal["small", "full"]
SEEDS = 5
OUT = Path("runs/influence")
KEPT = Path(__file__).parent / "findings"
"""Where what the runs have shown is kept."""


@dataclass(frozen=True)
class Sweep:
    """What to train."""

    scale: Scale = "small"
    """The reduced protocol, or the paper's."""
    games: tuple[str, ...] = ()
    """Names of games; () for all of the scale."""
    arms: tuple[str, ...] = tuple(ARMS)
    """Names of arms."""
    seeds: int = SEEDS
    """Seeds of each run."""
    moa_weight: jaques.Convention = "multiplies"
    """Whether the paper's weight of the model's loss multiplies or divides it (full scale)."""
    curriculum_unit: float = 1e6
    """Environment steps of one unit of the paper's curriculum (full scale)."""
    out: Path = OUT
    """Parent of the run folders."""


def settings(game: str, arm: str, sweep: Sweep) -> RunConfig:
    """Settings of one run."""
    if sweep.scale == "full":
        run = full(game, arm, sweep.moa_weight, sweep.curriculum_unit)
    else:
        run = small(game, arm)
    return dataclasses.replace(run, seeds=sweep.seeds, wandb="disabled")


def pairs(sweep: Sweep) -> list[tuple[str, str]]:
    """The games and arms of a sweep.

    Raises:
        ConfigError: an unknown name.
    """
    games = tuple(SMALL) if sweep.scale == "small" else jaques.GAMES
    for game in sweep.games:
        checks.choice("games", game, games)
    for arm in sweep.arms:
        checks.choice("arms", arm, tuple(ARMS))
    return [(game, arm) for game in sweep.games or games for arm in sweep.arms]


def main() -> int:
    """Trains what is not trained yet and returns an exit code."""
    sweep = tyro.cli(Sweep, description=__doc__)
    runs = {f"{game}-{arm}": settings(game, arm, sweep) for game, arm in pairs(sweep)}
    return train_all(runs, sweep.out, KEPT, "python -m experiments.influence.sweep")


if __name__ == "__main__":
    sys.exit(guarded(main))
