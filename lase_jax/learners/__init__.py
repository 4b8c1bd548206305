"""Learners: how an agent's policy and critic learn from a rollout and the reward they get.

A learner is one of an agent's settings. The mechanisms of `lase_jax.algorithms`, which change
rewards, are the same for all learners.
"""

import dataclasses
from typing import Any

from envs import checks
from lase_jax.core import settings
from lase_jax.learners.a2c import A2C
from lase_jax.learners.ppo import PPO

LearnerConfig = A2C | PPO

LEARNERS: dict[str, LearnerConfig] = {"a2c": A2C(), "ppo": PPO()}
"""Ready-made learners by name."""


def with_learner(agent: Any, name: str) -> Any:
    """An agent's settings with another kind of learner; unchanged for "" and for scripted agents.

    Settings that both kinds of learners have keep their values.

    Raises:
        ConfigError: an unknown name (with the nearest ones), or one that the agent cannot have.
    """
    if not name:
        return agent
    checks.choice("learner", name, LEARNERS)
    now, cls = getattr(agent, "learner", None), type(LEARNERS[name])
    if now is None or type(now) is cls:
        return agent
    return dataclasses.replace(agent, learner=settings.fitting(LEARNERS[name], vars(now)))
