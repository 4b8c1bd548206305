"""Finds what each arm on the small games has of its own: the same number of trials for all.

    python -m experiments.paper.jaques.tune

See `trials`. Arms without settings of their own have nothing to tune: all else is the same in all
arms. Writes ``tuning.md`` beside this file; `arms.TUNED` has the best of each arm.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from experiments.paper.jaques.arms import SMALL, small
from experiments.paper.trials import Fields, Trials
from lase_jax.cli import guarded

IN_BOXES = (3.0, 10.0, 30.0, 100.0)
WEIGHTS = {
    "box_trapped": IN_BOXES,
    "box_ring": IN_BOXES,
    "cleanup_small": (0.05, 0.15, 0.6, 3.0),
    "harvest_small": (0.2, 0.6, 2.5, 10.0),
}
"""Weights of influence by game. The paper has .146 and .620 in Cleanup, .224 and 2.521 in Harvest,
where the game pays about as much per step; in the boxes it pays ten times as much."""
CANDIDATES: Mapping[str, tuple[Fields, ...]] = {
    "ia": (
        dict(alpha=0.0, beta=0.05),  # Hughes et al. 2018, Cleanup
        dict(alpha=5.0, beta=0.0),  # Hughes et al. 2018, Harvest
        dict(alpha=0.0, beta=0.2),
        dict(alpha=0.05, beta=0.05),
    ),
    "comm": (
        dict(weight=0.3, alpha=1.0),
        dict(weight=3.0, alpha=1.0),
        dict(weight=30.0, alpha=1.0),
        dict(weight=3.0, alpha=0.0),  # symbols learn from influence alone, as in Cleanup
    ),
}
"""What is tried of arms with more than a weight of influence, which has four values by game."""
ARMS = ("ia", "basic", "comm", "moa_influence")
"""Arms with settings of their own."""


def candidates(game: str, arm: str) -> tuple[Fields, ...]:
    """What is tried of an arm in a game."""
    weights = tuple(dict(weight=weight) for weight in WEIGHTS[game])
    return CANDIDATES.get(arm, weights)


TRIALS = Trials(
    games=tuple(SMALL),
    arms=ARMS,
    candidates=candidates,
    run=small,
    home=Path(__file__).parent,
    command="python -m experiments.paper.jaques.tune",
)


def main() -> int:
    """Trains what is not trained yet, writes the table and returns an exit code."""
    return TRIALS.main(__doc__)


if __name__ == "__main__":
    sys.exit(guarded(main))
