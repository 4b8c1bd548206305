"""The arms of the three experiments of Jaques et al. 2019.

I, basic influence: influencers act first, and the others see their actions. II, influential
communication: agents send symbols, which the others receive in the next step. III, influence is
computed by a learned model of other agents instead of their policies. Each experiment has two
controls of the paper: the plain actor-critic, and the same arm without the reward for influence.
The controls that it lacks pay as much for company as influence does, but for no action more than
for another.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from envs import checks
from lase_jax.core.settings import changed
from lase_jax.presets import jaques, preset
from lase_jax.runs.config import RunConfig, default


@dataclass(frozen=True)
class Arm:
    """One line in a figure."""

    algo: str
    """Name of the algorithm."""
    own: dict[str, Any] = field(default_factory=dict)
    """Settings of the algorithm that define the arm."""
    tuned: str = ""
    """The arm whose tuned settings it has; "" for its own."""


MODEL = dict(share_eyes=True)
ARMS: Mapping[str, Arm] = {
    "a2c": Arm("a2c"),
    "ia": Arm("ia"),
    "prosocial": Arm("go", dict(eta=0.85)),
    "visible": Arm("si_basic", dict(weight=0.0)),
    "basic": Arm("si_basic"),
    "basic_moments": Arm("si_basic", dict(control="moments"), "basic"),
    "talk": Arm("si_comm", dict(weight=0.0, alpha=1.0)),
    "comm": Arm("si_comm"),
    "comm_agents": Arm("si_comm", dict(control="agents"), "comm"),
    "comm_moments": Arm("si_comm", dict(control="moments"), "comm"),
    "moa": Arm("si", MODEL | dict(weight=0.0)),
    "moa_influence": Arm("si", MODEL),
    "moa_agents": Arm("si", MODEL | dict(control="agents"), "moa_influence"),
    "moa_moments": Arm("si", MODEL | dict(control="moments"), "moa_influence"),
}
"""All arms by name; the prosocial control has the weight that the paper found best."""
EXPERIMENTS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "I": ("visible", "basic", ("basic_moments",)),
    "II": ("talk", "comm", ("comm_agents", "comm_moments")),
    "III": ("moa", "moa_influence", ("moa_agents", "moa_moments")),
}
"""The ablation, the arm with influence and the controls of each experiment."""

SMALL: Mapping[str, dict[str, Any]] = {
    "box_trapped": {},
    "box_ring": {},
    "cleanup_small": dict(fire=False),
    "harvest_small": dict(fire=False),
}
"""Games that two cores can learn and their settings: without the firing beam,
because short training learns about nothing but its fines of 50 (see the log)."""
OF_ITS_OWN = ("ia", "basic", "comm", "moa_influence")
"""Arms with settings of their own; all else is the same in all arms."""
TUNED: Mapping[tuple[str, str], dict[str, Any]] = {
    ("box_trapped", "ia"): dict(alpha=0.0, beta=0.05),
    ("box_trapped", "basic"): dict(weight=100.0),
    ("box_trapped", "comm"): dict(weight=3.0, alpha=0.0),
    ("box_trapped", "moa_influence"): dict(weight=100.0),
    ("box_ring", "ia"): dict(alpha=0.0, beta=0.2),
    ("box_ring", "basic"): dict(weight=100.0),
    ("box_ring", "comm"): dict(weight=30.0, alpha=1.0),
    ("box_ring", "moa_influence"): dict(weight=10.0),
}
"""Settings by game and arm, found by `tune`."""


def full(
    game: str,
    arm: str,
    moa_weight: jaques.Convention = "multiplies",
    curriculum_unit: float = 1e6,
) -> RunConfig:
    """An arm with the paper's settings; see `jaques.fields` for the two conventions.

    Controls have those of the arm that they are of, inequity aversion its own authors'.
    """
    checks.choice("game", game, jaques.GAMES)
    what = ARMS[arm]
    if what.algo == "ia":
        return dataclasses.replace(preset(game, "ia", "published"), schedule=jaques.SCHEDULE)
    theirs = "a2c" if what.algo == "go" else what.tuned or arm
    fields = jaques.fields(game, theirs, moa_weight, curriculum_unit)
    run = default(game, what.algo)
    agent = changed(run.agent, fields | what.own)
    return dataclasses.replace(run, agent=agent, schedule=jaques.SCHEDULE)


def small(game: str, arm: str, **own: Any) -> RunConfig:
    """An arm with our own settings of the game, the same in all arms.

    Args:
        game: one of `SMALL`, or a full-size game.
        arm: one of `ARMS`.
        own: further settings of the algorithm.
    """
    what = ARMS[arm]
    run = preset(game, what.algo)
    tuned = TUNED.get((game, what.tuned or arm), {})
    return dataclasses.replace(
        run,
        game=dataclasses.replace(run.game, **SMALL.get(game, {})),
        agent=changed(run.agent, tuned | what.own | own),
    )
