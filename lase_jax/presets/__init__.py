"""The settings from which ``make train ENV=... ALGO=...`` starts; options change them.

Within a game all algorithms get the same budget and the same settings of their actor-critic, so
that they differ only in how they value rewards. LIO and LOLA, which differentiate through learning,
are exceptions with update steps of their own. The share of the control ``gift`` is what LASE gave
away on average in that game. ``experiments/LOG.md`` tells how the settings were found.
"""

import dataclasses

from envs import checks
from lase_jax.core.settings import changed, fitting
from lase_jax.loop.train import Schedule
from lase_jax.presets.games import SETTINGS, Settings
from lase_jax.presets.published import PUBLISHED, published
from lase_jax.runs.config import RunConfig, default

__all__ = ["PUBLISHED", "SETTINGS", "preset", "published", "whole_episodes"]


def preset(env: str, algo: str, name: str = "") -> RunConfig:
    """The run with the preset settings of a game and an algorithm.

    Args:
        env: name of the game.
        algo: name of the algorithm.
        name: "" for our settings, "published" for those of the algorithm's authors.

    Raises:
        ConfigError: an unknown name; the message suggests the nearest.
    """
    checks.choice("preset", name or "published", ("published",))
    if name:
        return published(env, algo)
    run = default(env, algo)
    game = SETTINGS.get(env, Settings())
    agent, schedule = fitting(run.agent, game.shared), game.schedule
    agent = changed(agent, game.own.get(algo, {}))
    length = game.lengths.get(algo, schedule.rollout_length)
    schedule = dataclasses.replace(schedule, rollout_length=length)
    if getattr(agent, "WHOLE_EPISODES", False) and schedule.rollout_length:
        schedule = whole_episodes(schedule, run.game.spec().horizon)
    return dataclasses.replace(run, schedule=schedule, agent=agent)


def whole_episodes(schedule: Schedule, horizon: int) -> Schedule:
    """A schedule with about as many steps between updates, but in whole episodes."""
    num_envs = max(1, round(schedule.num_envs * schedule.rollout_length / horizon))
    return dataclasses.replace(schedule, num_envs=num_envs, rollout_length=0)
