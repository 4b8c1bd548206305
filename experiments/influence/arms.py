"""The arms of the three experiments of Jaques et al. 2019.

I, basic influence: influencers act first, and others see what they did. II, influential
communication: symbols, heard in the next step. III, a model of other agents in the place of their
policies. Each has two controls, the plain actor-critic and one that has all but the influence.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from envs import checks
from envs.registry import GAMES as CONFIGS
from experiments import jaques
from experiments.presets import preset
from lase_jax.config import RunConfig, default

EXPERIMENTS = ("I", "II", "III")


@dataclass(frozen=True)
class Arm:
    """One line in a figure."""

    label: str
    """What it is called there."""
    algo: str
    """Name of the algorithm."""
    own: dict[str, Any]
    """What makes it this arm."""
    experiments: tuple[str, ...]
    """Where it appears."""


ARMS: dict[str, Arm] = {
    "a2c": Arm("A2C", "a2c", {}, EXPERIMENTS),
    "visible": Arm("visible actions", "si_basic", dict(weight=0.0), ("I",)),
    "basic": Arm("basic influence", "si_basic", {}, ("I",)),
    "talk": Arm("communication", "si_comm", dict(weight=0.0, alpha=1.0), ("II",)),
    "comm": Arm("influential communication", "si_comm", {}, ("II",)),
    "moa": Arm("model of others", "si", dict(weight=0.0, train_visible=False), ("III",)),
    "si": Arm("influence by a model", "si", {}, ("III",)),
}
"""All arms by name; those of weight 0 are controls."""

SMALL = ("box_trapped", "cleanup_small", "harvest_small")
"""Games of the reduced protocol."""


def arms_of(game: str) -> tuple[str, ...]:
    """The arms that a game can have: a model can share convolutions only where there are some."""
    spec = CONFIGS[game].spec()
    return tuple(arm for arm in ARMS if arm != "moa" or len(spec.obs_shape) == 3)


def full(
    game: str,
    arm: str,
    moa_weight: jaques.Convention = "multiplies",
    curriculum_unit: float = 1e6,
) -> RunConfig:
    """An arm as the paper played it; see `jaques.fields` for the two conventions."""
    checks.choice("game", game, jaques.GAMES)
    fields = jaques.fields(game, arm, moa_weight, curriculum_unit)
    run = default(game, ARMS[arm].algo)
    agent = dataclasses.replace(run.agent, **fields | ARMS[arm].own)
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
    return dataclasses.replace(run, agent=dataclasses.replace(run.agent, **ARMS[arm].own | own))
