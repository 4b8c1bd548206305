"""Which rule should pi_SR learn by? Judged by what it predicts and whom it trusts, not by return.

    python -m experiments.calibration.sweep

For each rule, one LASE agent plays Cleanup with a perpetual cleaner, a defector and a random player
(Fig. 8 of Kong et al. 2024): its own actions, the others' actions and its weights can be judged.
And four LASE agents play Cleanup among themselves.
"""

import dataclasses
import sys
from pathlib import Path

from experiments.presets import preset
from experiments.study import train_all
from lase_jax.cli import guarded
from lase_jax.runs.config import RunConfig

RULES = ("clone", "importance", "literal", "acting")
SEATS = {
    "scripted": ("lase", "cleaner", "defector", "random"),
    "self-play": ("lase", "lase", "lase", "lase"),
}
SEEDS = 5
STEPS = 1_000_000
OUT = Path("runs/calibration")


def runs() -> dict[str, RunConfig]:
    """Settings of every run by its name, ``<society>-<rule>``."""
    base = preset("cleanup", "lase")
    base = dataclasses.replace(
        base,
        seeds=SEEDS,
        wandb="disabled",
        schedule=dataclasses.replace(base.schedule, steps=STEPS),
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
    return train_all(runs(), OUT, "python -m experiments.calibration.sweep")


if __name__ == "__main__":
    sys.exit(guarded(main))
