"""Converts what earlier versions wrote into config.json to the form of this version.

The settings of learners once stood among those of the agents, whose network's settings had the
widths of all networks of all mechanisms. Critics once had the policy's layers and the unit of
rewards. Policies of agents with a model of others once read their own window alone. In Box Trapped
nobody was outside.
"""

import dataclasses
from typing import Any

from lase_jax.learners import A2C

TAG = "kind"
"""Key under which JSON names the class of a value."""
CRITIC = {"critic_trunk": "shared", "scale_values": False}
"""How critics learnt before there was a choice."""
BLIND = {"Influence": {"see_actions": False}}
"""What agents did before there was a choice, by their class."""
LOCKED_IN = {"BoxTrapped": {"outside": 0}}
"""What games were before there was a choice, by their class."""
RENAMED = {"A2C": "Independent"}
"""Old name of each class of agents that was renamed, and its name now."""
WIDTHS = {
    "social": ("social_width", ("Lase",)),
    "perspective": ("perspective_width", ("Lase",)),
    "moa": ("moa_width", ("Influence",)),
    "moa_dense": ("moa_dense", ("Influence",)),
    "incentive": ("incentive_width", ("Lio",)),
}
"""Old field of the network settings, the field that replaces it, and the agents that have it."""


def converted(value: dict[str, Any]) -> dict[str, Any]:
    """The fields of one value in the form of this version; they are not checked.

    Args:
        value: the fields as they stand in JSON, with the name of the class under `TAG`.
    """
    value = LOCKED_IN.get(str(value.get(TAG)), {}) | value
    agent = value.get("agent")
    if not isinstance(agent, dict):
        return value
    if "learner" not in agent and "net" in agent:
        agent = _with_learner(agent)
    if isinstance(agent.get("learner"), dict):
        agent = agent | {"learner": CRITIC | agent["learner"]}
    agent = BLIND.get(str(agent.get(TAG)), {}) | agent
    return value | {"agent": agent}


def _with_learner(agent: dict[str, Any]) -> dict[str, Any]:
    """Moves the learner's settings from among an agent's settings to its field ``learner``."""
    kind = RENAMED.get(str(agent.get(TAG)), agent.get(TAG))
    inner = [field.name for field in dataclasses.fields(A2C) if field.name in agent]
    net: dict[str, Any] = agent["net"] if isinstance(agent["net"], dict) else {TAG: agent["net"]}
    learner = {TAG: A2C.__name__} | {name: agent[name] for name in inner}
    learner["net"] = {name: net[name] for name in net if name not in WIDTHS}
    widths = {new: net[old] for old, (new, kinds) in WIDTHS.items() if kind in kinds and old in net}
    agent_fields = {name: agent[name] for name in agent if name not in inner}
    return agent_fields | widths | {TAG: kind, "learner": learner}
