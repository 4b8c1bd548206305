"""The arms of the three experiments of Jaques et al. 2019.

I, basic influence: influencers act first, and the others see their actions. II, influential
communication: agents send symbols, which the others receive in the next step. III, influence is
computed by a learned model of other agents instead of their policies. Each experiment has two
controls: the plain actor-critic, and the same arm without the reward for influence.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from envs import checks
from experiments.presets import jaques, preset
from lase_jax.core.settings import changed
from lase_jax.runs.config import RunConfig, default


@dataclass(frozen=True)
class Arm:
    """One line in a figure."""

    label: str
    """Its label in the legend."""
    algo: str
    """Name of the algorithm."""
    own: dict[str, Any]
    """Settings of the algorithm that define the arm."""

    @property
    def influences(self) -> bool:
        """Whether its agents are rewarded for influence: it is not a control."""
        return self.algo != "a2c" and "weight" not in self.own


ARMS: dict[str, Arm] = {
    "a2c": Arm("A2C", "a2c", {}),
    "visible": Arm("visible actions", "si_basic", dict(weight=0.0)),
    "basic": Arm("basic influence", "si_basic", {}),
    "talk": Arm("communication", "si_comm", dict(weight=0.0, alpha=1.0)),
    "comm": Arm("influential communication", "si_comm", {}),
    "moa": Arm("model of others", "si", dict(weight=0.0, train_visible=False, share_eyes=True)),
    "si": Arm("influence by a model", "si", dict(share_eyes=True)),
}
"""All arms by name; those of weight 0 are controls."""

SMALL: dict[str, dict[str, Any]] = {
    "box_ring": {},
    "cleanup_small": dict(fire=False),
    "harvest_small": dict(fire=False),
}
"""Games of the reduced protocol and their settings: without the firing beam,
because short training learns about nothing but its fines of 50 (see the log)."""
WEIGHTS: dict[tuple[str, str], float] = {
    ("box_ring", "basic"): 30.0,
    ("box_ring", "comm"): 0.3,
    ("box_ring", "si"): 30.0,
    ("cleanup_small", "basic"): 3.0,
    ("cleanup_small", "comm"): 0.3,
    ("cleanup_small", "si"): 30.0,
    ("harvest_small", "basic"): 30.0,
    ("harvest_small", "comm"): 3.0,
    ("harvest_small", "si"): 0.3,
}
"""Weight of influence by game of the reduced protocol and arm, found by `tune`."""


def full(
    game: str,
    arm: str,
    moa_weight: jaques.Convention = "multiplies",
    curriculum_unit: float = 1e6,
) -> RunConfig:
    """An arm with the paper's settings; see `jaques.fields` for the two conventions."""
    checks.choice("game", game, jaques.GAMES)
    fields = jaques.fields(game, arm, moa_weight, curriculum_unit)
    run = default(game, ARMS[arm].algo)
    agent = changed(run.agent, fields | ARMS[arm].own)
    return dataclasses.replace(run, agent=agent, schedule=jaques.SCHEDULE)


def small(game: str, arm: str, **own: Any) -> RunConfig:
    """An arm of the reduced protocol: our own settings of the game, the same in all arms.

    Args:
        game: one of `SMALL`.
        arm: one of `ARMS`.
        own: further settings of the algorithm.
    """
    checks.choice("game", game, SMALL)
    run = preset(game, ARMS[arm].algo)
    tuned = {"weight": WEIGHTS[game, arm]} if (game, arm) in WEIGHTS else {}
    return dataclasses.replace(
        run,
        game=dataclasses.replace(run.game, **SMALL[game]),
        agent=changed(run.agent, tuned | ARMS[arm].own | own),
    )
