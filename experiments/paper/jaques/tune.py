"""Finds what each arm on the small games has of its own: the same number of trials for all.

    python -m experiments.paper.jaques.tune

See `trials`. Arms without settings of their own have nothing to tune: all else is the same in all
arms. Writes ``tuning.md`` beside this file; `arms.TUNED` has the best of each arm.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from experiments.findings import Finding
from experiments.paper.jaques.arms import OF_ITS_OWN, SMALL, small
from experiments.paper.jaques.claims import starved
from experiments.paper.jaques.stages import SPURIOUS
from experiments.paper.trials import Fields, Trials
from lase_jax.cli import guarded

IN_BOXES = (3.0, 10.0, 30.0, 100.0)
WEIGHTS = {
    "box_trapped": IN_BOXES,
    "box_ring": IN_BOXES,
    "cleanup_small": (0.6, 3.0, 10.0, 30.0),
    "harvest_small": (0.6, 2.5, 10.0, 30.0),
}
"""Weights of influence by game. The paper has .146 and .620 in Cleanup, .224 and 2.521 in Harvest;
small Cleanup pays eight times as much per step as the paper's, the boxes ten times as much."""
CANDIDATES: Mapping[str, tuple[Fields, ...]] = {
    "ia": (
        dict(alpha=0.0, beta=0.05),  # Hughes et al. 2018, Cleanup
        dict(alpha=5.0, beta=0.0),  # Hughes et al. 2018, Harvest
        dict(alpha=0.0, beta=0.2),
        dict(alpha=0.05, beta=0.05),
    ),
}
"""What is tried of arms with other settings than a weight of influence."""
TALK = {"box_trapped": 0.3, "box_ring": 0.3, "cleanup_small": 1.0, "harvest_small": 1.0}
"""The smallest weight of influence of symbols by game; ten and a hundred times as much, too."""


def candidates(game: str, arm: str) -> tuple[Fields, ...]:
    """What is tried of an arm in a game."""
    if arm == "comm":
        beside = (dict(weight=TALK[game] * times, alpha=1.0) for times in (1, 10, 100))
        return *beside, dict(weight=3.0, alpha=0.0)  # from influence alone, as in their Cleanup
    weights = tuple(dict(weight=weight) for weight in WEIGHTS[game])
    return CANDIDATES.get(arm, weights)


def score(found: Finding) -> float:
    """The mean return; in `SPURIOUS` all agents must have learnt to eat."""
    spurious = found.settings["env"] in SPURIOUS and starved(found).any()
    return -np.inf if spurious else found.final["return/collective"].mean()


TRIALS = Trials(
    games=tuple(SMALL),
    arms=OF_ITS_OWN,
    candidates=candidates,
    run=small,
    home=Path(__file__).parent,
    score=score,
    command="python -m experiments.paper.jaques.tune",
)


def main() -> int:
    """Trains what is not trained yet, writes the table and returns an exit code."""
    return TRIALS.main(__doc__)


if __name__ == "__main__":
    sys.exit(guarded(main))
