"""Finds how each arm learns on LIO's maps of Cleanup: the same number of trials for all.

    python -m experiments.paper.lio.tune

See `trials`. LIO's authors have an entropy bonus of .1 for all methods; on the large map, where
apples are rarer, LIO was found to need .01 (see the log). Writes ``tuning.md`` beside this file;
`stages.TUNED` has the best of each arm.
"""

import sys
from pathlib import Path

from experiments.paper.lio.stages import MAPS, settings
from experiments.paper.trials import Fields, Trials
from lase_jax.cli import guarded
from lase_jax.presets.games import falling

ARMS = ("a2c", "giving_d", "giving_c", "ia", "lio")
"""Arms with settings of their own."""
CONSTANT = dict(entropy_end=1.0, entropy_episodes=1)
"""A bonus for entropy that does not fall."""


def candidates(game: str, arm: str) -> tuple[Fields, ...]:
    """What is tried of an arm in a game: its step size with three bonuses, and another.

    Every candidate sets the same fields. LIO, whose plain steps are of another kind, begins from
    the settings that were found before (see the log). Inequity aversion is tried with more guilt,
    too; gifts that are chosen with the action have the bonus that actions have in the end.
    """
    run = settings(game, arm)
    learner, episodes = run.agent.learner, run.schedule.steps // run.game.horizon
    is_lio, lr = arm == "lio", learner.lr
    other = (1e-3 if lr < 1e-3 else 3e-4) if is_lio else 3e-4
    tried: list[Fields] = [
        dict(lr=lr, entropy=learner.entropy if is_lio else 0.1) | CONSTANT,
        dict(lr=lr, entropy=0.03) | CONSTANT,
        dict(lr=lr, entropy=0.1) | falling(episodes),
        dict(lr=other, entropy=0.01 if is_lio else 0.03) | CONSTANT,
    ]
    if arm == "ia":
        guilt = (0.05, 0.05, 0.05, 0.2)
        return tuple(each | dict(alpha=0.0, beta=of) for each, of in zip(tried, guilt, strict=True))
    if arm == "giving_d":
        return tuple(
            each | dict(gift_entropy=each["entropy"] * each["entropy_end"]) for each in tried
        )
    return tuple(tried)


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
