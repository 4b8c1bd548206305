"""Finds how each arm explores on LIO's maps of Cleanup: the same number of trials for all.

    python -m experiments.paper.lio.tune

See `trials`. LIO's authors have an entropy bonus of .1 for all methods on the small map, and of .01
for LIO on the large one, where apples are rarer. Writes ``tuning.md`` beside this file;
`stages.TUNED` has the best of each arm.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from experiments.paper.lio.stages import MAPS, settings
from experiments.paper.trials import Fields, Trials
from lase_jax.cli import guarded
from lase_jax.presets.games import falling

ARMS = ("a2c", "giving_d", "giving_c", "ia", "lio")
"""Arms with settings of their own."""
EXPLORING = tuple(dict(entropy=weight) for weight in (0.1, 0.03, 0.01))
CANDIDATES: Mapping[str, tuple[Fields, ...]] = {
    "ia": (
        *(dict(alpha=0.0, beta=0.05) | each for each in EXPLORING),
        dict(alpha=0.0, beta=0.2, entropy=0.03),
    ),
}
"""What is tried of arms with more than an entropy bonus."""


def candidates(game: str, arm: str) -> tuple[Fields, ...]:
    """What is tried of an arm in a game: a constant bonus, or one that falls over the budget."""
    run = settings(game, arm)
    episodes = run.schedule.steps // run.game.horizon
    return CANDIDATES.get(arm, (*EXPLORING, dict(entropy=0.1) | falling(episodes)))


TRIALS = Trials(
    games=MAPS,
    arms=ARMS,
    candidates=candidates,
    run=settings,
    home=Path(__file__).parent,
    command="python -m experiments.paper.lio.tune",
)


def main() -> int:
    """Trains what is not trained yet, writes the table and returns an exit code."""
    return TRIALS.main(__doc__)


if __name__ == "__main__":
    sys.exit(guarded(main))
