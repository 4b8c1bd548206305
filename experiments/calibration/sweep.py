"""Compares learning rules of pi_SR by its predictions and LASE's weights, not by return.

    python -m experiments.calibration.sweep [--seeds 5]

For each rule, one LASE agent plays Cleanup with a perpetual cleaner, a defector and a random player
(Fig. 8 of Kong et al. 2024), so that its predictions of its own and the others' actions and its
weights can be judged. Besides, four LASE agents play Cleanup among themselves.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from experiments.study import train_all
from lase_jax.cli import guarded
from lase_jax.presets import preset
from lase_jax.runs.config import RunConfig

RULES = ("clone", "importance", "literal", "acting")
SEATS = {
    "scripted": ("lase", "cleaner", "defector", "random"),
    "self-play": ("lase", "lase", "lase", "lase"),
}
SEEDS = 5
STEPS = 1_000_000
OUT = Path("runs/calibration")
KEPT = Path(__file__).parent / "findings"
"""Where what the runs have shown is kept."""


@dataclass(frozen=True)
class Sweep:
    """What to train."""

    seeds: int = SEEDS
    """Seeds of each run."""
    steps: int = STEPS
    """Environment steps per seed."""
    workers: int = 0
    """Runs that are trained at a time, a core each; 0 for one on every core of a CPU."""
    out: Path = OUT
    """Parent of the run folders."""


def runs(seeds: int, steps: int) -> dict[str, RunConfig]:
    """Settings of every run by its name, ``<society>-<rule>``."""
    base = preset("cleanup", "lase")
    base = dataclasses.replace(
        base,
        seeds=seeds,
        wandb="disabled",
        schedule=dataclasses.replace(base.schedule, steps=steps),
    )
    return {
        f"{society}-{rule}": dataclasses.replace(
            base, agent=dataclasses.replace(base.agent, imagine=rule)
        ).with_seats(seats)
        for society, seats in SEATS.items()
        for rule in RULES
    }


def main() -> int:
    """Trains what is not trained yet and returns an exit code."""
    sweep = tyro.cli(Sweep, description=__doc__)
    trained = runs(sweep.seeds, sweep.steps)
    return train_all(
        trained, sweep.out, KEPT, "python -m experiments.calibration.sweep", sweep.workers
    )


if __name__ == "__main__":
    sys.exit(guarded(main))
