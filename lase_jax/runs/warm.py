"""Warm starts: a new run begins with the parameters that another run has learnt.

Every learning seat gets the parameters of the agent that held the same seat in the other run, which
must be of the same kind and size. What else an agent's state holds under the names of `ANEW` begins
as in any new run: traced settings are the new run's, and all schedules (exploration, learning rate,
entropy bonus) begin at their start.

A run in its folder then has a checkpoint after 0 updates, so that it can be stopped at any time.

Letters: S seeds, n seats of one kind of agent.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs.checks import refusal, require
from lase_jax.algorithms import Scripted
from lase_jax.runs import folder
from lase_jax.runs.config import Kind
from lase_jax.runs.setup import Setup, checkpoints_of, restore_run
from lase_jax.types import Array, Carry, PyTree

ANEW = frozenset({"hyper", "episodes", "opt", "buffer"})
"""Fields of states that are not copied: traced settings, the clock of schedules, optimisers' states
and replay buffers."""


class Source(NamedTuple):
    """A trained society, from which another one starts."""

    name: str  # of its run, for messages
    kinds: Sequence[Kind]  # of each seat
    state: PyTree  # an entry per kind of agent, leaves [S, ...]
    facts: dict[str, Any]  # what config.json of the new run says about it


def read(path: Path, say: Any = print) -> Source:
    """The society in a run folder, after its newest checkpoint.

    Raises:
        ConfigError: not a run folder, or it has no checkpoint that can be read.
    """
    setup, update, carry = restore_run(path, say)
    facts = {"run": str(path), "id": folder.read(path).get("id", ""), "update": update}
    return Source(str(path), setup.config.kinds(), carry.state, facts)


def started(kinds: Sequence[Kind], state: PyTree, source: Source) -> PyTree:
    """The initial state of a new society with the parameters of another one.

    Args:
        kinds: the kind of agent on each seat of the new society.
        state: its initial state, leaves ``[S, ...]``; its seeds take the other one's in turn.
        source: the other society.

    Raises:
        ConfigError: seats, kinds of agents or shapes that differ; names the first.
    """
    count, theirs = len(kinds), len(source.kinds)
    remedy = f"it has {theirs} seats and this run {count}, use one of as many seats"
    require(count == theirs, "start_from", source.name, remedy)
    groups = []
    for kind, group in zip(dict.fromkeys(kinds), state, strict=True):
        seats = [seat for seat, other in enumerate(kinds) if other == kind]
        groups.append(
            group if isinstance(kind.agent, Scripted) else _group(seats, kind, group, source)
        )
    return tuple(groups)


def _group(seats: list[int], kind: Kind, group: PyTree, source: Source) -> PyTree:
    """The state of one kind of agent, with what the agents on the same seats have learnt."""
    for seat in seats:
        other = source.kinds[seat]
        same = type(other.agent) is type(kind.agent)
        remedy = (
            f"seat {seat} is {other.name!r} there and {kind.name!r} here, use agents of one kind"
        )
        require(same, "start_from", source.name, remedy)
    kinds = list(dict.fromkeys(source.kinds))
    homes = [kinds.index(source.kinds[seat]) for seat in seats]
    sizes = [sum(other == source.kinds[seat] for other in source.kinds) for seat in seats]
    places = [source.kinds[:seat].count(source.kinds[seat]) for seat in seats]
    learnt = [dict(_leaves(entry)) for entry in source.state]

    def leaf_of(path: Any, leaf: Array) -> Array:
        if any(getattr(key, "name", None) in ANEW for key in path):
            return leaf
        parts = []
        for seat, home, size, place in zip(seats, homes, sizes, places, strict=True):
            found = learnt[home].get(jax.tree_util.keystr(path))
            own = leaf.ndim > 1 and leaf.shape[1] == len(seats)
            if own and found is not None and found.ndim > 1 and found.shape[1] == size:
                found = found[:, place]
            wanted = leaf[:, 0] if own else leaf
            _require_shape(seat, path, found, wanted, source)
            parts.append(found)
        whole = jnp.stack(parts, 1) if own else parts[0]
        return whole[np.arange(len(leaf)) % len(whole)].astype(leaf.dtype)

    return jax.tree_util.tree_map_with_path(leaf_of, group)


def _leaves(entry: PyTree) -> list[tuple[str, Array]]:
    found, _ = jax.tree_util.tree_flatten_with_path(entry)
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in found]


def _require_shape(seat: int, path: Any, found: Any, wanted: Array, source: Source) -> None:
    name = jax.tree_util.keystr(path, simple=True, separator=".")
    here, there = list(wanted.shape[1:]), None if found is None else list(found.shape[1:])
    if there != here:
        differs = f"{name} of seat {seat} is {there or 'missing'} there and {here} here"
        remedy = f"{differs}, use the same game and networks"
        raise refusal("start_from", source.name, remedy)


def carry(setup: Setup, source: Source) -> Carry:
    """The carry before the first update of a run that starts from another one.

    Raises:
        ConfigError: they do not fit.
    """
    first = setup.initial_carry()
    return first._replace(state=started(setup.config.kinds(), first.state, source))


def save(path: Path, setup: Setup, first: Carry, say: Any) -> None:
    """Writes the checkpoint after 0 updates of a run whose folder has just been made.

    Raises:
        ConfigError: it cannot be written.
    """
    checkpoints = checkpoints_of(path, setup.config, folder.read(path), say)
    try:
        checkpoints.save(0, first, -np.inf)
        there = checkpoints.newest() == 0
    finally:
        checkpoints.close()
    remedy = "its first checkpoint cannot be written, make room or use another place"
    require(there, "start_from", str(path), remedy)
