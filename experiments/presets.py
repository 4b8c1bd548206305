"""The settings behind ``make train ENV=... ALGO=...``: what options start from.

Within a game all algorithms get the same budget and the same settings of their actor-critic.
"""

from dataclasses import replace

from lase_jax.config import RunConfig, default
from lase_jax.train import Schedule

SCHEDULES: dict[str, Schedule] = {}
"""Budget of each game; the default of `Schedule` where it is not named."""


def preset(env: str, algo: str) -> RunConfig:
    """The run that is meant by a game's and an algorithm's name.

    Raises:
        ConfigError: an unknown name, with the nearest ones.
    """
    run = default(env, algo)
    return replace(run, schedule=SCHEDULES.get(env, run.schedule))
