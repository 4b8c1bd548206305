"""The algorithms by name: those of this project and registered ones."""

from typing import Any

from envs import checks
from envs.menu import Menu
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
from lase_jax.learners.agents import AgentConfig
from lase_jax.nets.layers import DENSE, PAPER
from lase_jax.types import AlgorithmConfig

READY: dict[str, AlgorithmConfig] = {
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
"""The algorithms of this project."""


def require_algorithm(config: Any) -> None:
    """Requires settings that can build agents.

    Raises:
        ConfigError: a method is missing.
    """
    remedy = (
        "give its class the methods of lase_jax.types.AlgorithmConfig, all but build() are those "
        "of lase_jax.learners.agents.AgentConfig"
    )
    complete = isinstance(config, AlgorithmConfig) and type(config).build is not AgentConfig.build
    checks.require(complete, "algorithm", config, remedy)


ALGORITHMS: Menu[AlgorithmConfig] = Menu(
    "algorithm", READY, "lase_jax.algorithms", require_algorithm
)
"""All algorithms: these, registered ones, and entry points of installed packages."""


def register(name: str, settings: AlgorithmConfig, replace: bool = False) -> None:
    """Puts an algorithm on the menu: whatever takes the name of one then takes this one.

    Its class must be a frozen dataclass in a module (not in a script that is run as ``__main__``),
    so that other processes can find it: a run's config.json names it as ``module:qualname``. On the
    command line ``--plugin module`` imports the module that registers.

    Args:
        name: as it is typed, e.g. after ``--algo`` and in ``--seats``.
        settings: the settings, see `lase_jax.types.AlgorithmConfig`.
        replace: whether an algorithm of that name makes room.

    Raises:
        ConfigError: the name is taken, or the settings break the contract.
    """
    ALGORITHMS.register(name, settings, replace)


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
    """Names of all algorithms, sorted."""
    return tuple(sorted(ALGORITHMS))


def config(name: str, /, **overrides: Any) -> AlgorithmConfig:
    """Returns the settings of an algorithm of the menu, with some fields changed.

    Raises:
        ConfigError: unknown name or field (the message lists the nearest ones), or a bad value.
    """
    checks.choice("algorithm", name, ALGORITHMS)
    return settings.changed(ALGORITHMS[name], overrides, f"field of {name}")
