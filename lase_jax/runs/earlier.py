"""What earlier versions wrote into config.json, in the form of this one.

Before December 2026 the settings of learners stood among those of the agents, whose network's
settings had the widths of all networks of all mechanisms.
"""

import dataclasses
from typing import Any

from lase_jax.learners import A2C

TAG = "kind"
"""Key under which JSON names the class of a value."""
RENAMED = {"A2C": "Independent"}
"""Names of agents' classes that have another name now."""
WIDTHS = {
    "social": ("social_width", ("Lase",)),
    "perspective": ("perspective_width", ("Lase",)),
    "moa": ("moa_width", ("Influence",)),
    "moa_dense": ("moa_dense", ("Influence",)),
    "incentive": ("incentive_width", ("Lio",)),
}
"""Fields of networks' settings that are now fields of some agents, and of which."""


def converted(value: dict[str, Any]) -> dict[str, Any]:
    """A class's fields as this version has them; they are not checked.

    Args:
        value: what JSON holds of one value, with its class under `TAG`.
    """
    agent = value.get("agent")
    if not isinstance(agent, dict) or "learner" in agent or "net" not in agent:
        return value
    return value | {"agent": _with_learner(agent)}


def _with_learner(agent: dict[str, Any]) -> dict[str, Any]:
    """An agent's settings, in which those of its learner stood beside its own."""
    kind = RENAMED.get(agent[TAG], agent[TAG])
    inner = [field.name for field in dataclasses.fields(A2C) if field.name in agent]
    net: dict[str, Any] = agent["net"]
    learner = {TAG: A2C.__name__} | {name: agent[name] for name in inner}
    learner["net"] = {name: net[name] for name in net if name not in WIDTHS}
    widths = {new: net[old] for old, (new, kinds) in WIDTHS.items() if kind in kinds and old in net}
    own = {name: agent[name] for name in agent if name not in inner}
    return own | widths | {TAG: kind, "learner": learner}
