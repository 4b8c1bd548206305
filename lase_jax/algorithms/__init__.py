"""The menu of algorithms: a name for every ready-made kind of agent."""

from typing import Any

from envs import checks
from lase_jax.algorithms.a2c import A2C
from lase_jax.algorithms.gift import Gift
from lase_jax.algorithms.group import Group
from lase_jax.algorithms.inequity import Inequity
from lase_jax.algorithms.influence.basic import BasicInfluence
from lase_jax.algorithms.influence.communication import Communication
from lase_jax.algorithms.influence.moa import Influence
from lase_jax.algorithms.lase.agent import Lase
from lase_jax.algorithms.lio.agent import Lio
from lase_jax.algorithms.lola.agent import Lola
from lase_jax.algorithms.scripted import Scripted

AlgorithmConfig = (
    A2C
    | BasicInfluence
    | Communication
    | Gift
    | Group
    | Inequity
    | Influence
    | Lase
    | Lio
    | Lola
    | Scripted
)

ALGORITHMS: dict[str, AlgorithmConfig] = {
    "a2c": A2C(),
    "gift": Gift(),
    "go": Group(),
    "ia": Inequity(),
    "lase": Lase(),
    "lase_wo": Lase(perspective=False),
    "lio": Lio(),
    "lola": Lola(),
    "random": Scripted("random"),
    "si": Influence(),
    "si_basic": BasicInfluence(),
    "si_comm": Communication(),
}


def names() -> tuple[str, ...]:
    """Names of all ready-made algorithms, sorted."""
    return tuple(sorted(ALGORITHMS))


def config(name: str, /, **overrides: Any) -> AlgorithmConfig:
    """The settings of a ready-made algorithm, some of them changed.

    Raises:
        ConfigError: unknown name or field (with the nearest ones), or a value that cannot work.
    """
    return checks.pick("algorithm", ALGORITHMS, name, overrides)
