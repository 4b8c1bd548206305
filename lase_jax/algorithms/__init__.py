"""The ready-made algorithms, by name."""

from typing import Any

from envs import checks
from lase_jax.algorithms.gift import Gift
from lase_jax.algorithms.giving import Giving
from lase_jax.algorithms.group import Group
from lase_jax.algorithms.independent import Independent
from lase_jax.algorithms.inequity import Inequity
from lase_jax.algorithms.influence.basic import BasicInfluence
from lase_jax.algorithms.influence.communication import Communication
from lase_jax.algorithms.influence.moa import Influence
from lase_jax.algorithms.lase.agent import Lase
from lase_jax.algorithms.lio.agent import Lio
from lase_jax.algorithms.lola.agent import Lola
from lase_jax.algorithms.scripted import Scripted
from lase_jax.algorithms.svo import Svo
from lase_jax.core import settings
from lase_jax.learners import PPO
from lase_jax.nets.layers import DENSE, PAPER

AlgorithmConfig = (
    BasicInfluence
    | Communication
    | Gift
    | Giving
    | Group
    | Independent
    | Inequity
    | Influence
    | Lase
    | Lio
    | Lola
    | Scripted
    | Svo
)

ALGORITHMS: dict[str, AlgorithmConfig] = {
    "a2c": Independent(),
    "gift": Gift(),
    "giving": Giving(),
    "go": Group(),
    "ia": Inequity(),
    "lase": Lase(),
    "lase_wo": Lase(perspective=False),
    "lio": Lio(),
    "lola": Lola(),
    "ppo": Independent(learner=PPO()),
    "random": Scripted("random"),
    "si": Influence(),
    "si_basic": BasicInfluence(),
    "si_comm": Communication(),
    "svo": Svo(),
}


NETS: dict[str, dict[str, Any]] = {
    "dense": {
        "net": DENSE,
        **dict.fromkeys(("social_width", "perspective_width", "moa_width"), 64),
    },
    "paper": {
        "net": PAPER,
        **dict.fromkeys(("social_width", "perspective_width", "moa_width"), 128),
    },
}
"""Named networks: each sets those of its fields that the algorithm has."""


def names() -> tuple[str, ...]:
    """Names of all ready-made algorithms, sorted."""
    return tuple(sorted(ALGORITHMS))


def config(name: str, /, **overrides: Any) -> AlgorithmConfig:
    """Returns the settings of a ready-made algorithm, with some fields changed.

    Raises:
        ConfigError: unknown name or field (the message lists the nearest ones), or a bad value.
    """
    checks.choice("algorithm", name, ALGORITHMS)
    return settings.changed(ALGORITHMS[name], overrides, f"field of {name}")
