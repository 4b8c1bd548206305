"""Cross-play: agents that were trained in different societies play together.

Every agent plays on the seat that it was trained on, and no agent learns. Agents that see or hear
each other beside the game (`si_basic`, `si_comm`) do so with those of their own society alone. A
matrix of returns per seat shows which agents gain and which lose when societies are mixed.

Letters: S seeds, N seats, R rows (seatings: for each seat, the society its agent comes from).
"""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from envs.checks import require
from lase_jax.loop.rollout import begin, play
from lase_jax.loop.society import society
from lase_jax.reports import stats, tables
from lase_jax.runs import devices
from lase_jax.runs.config import Kind
from lase_jax.runs.setup import Setup
from lase_jax.types import Carry, Mode, PyTree

LIMIT = 81
"""All seatings of some societies are played if there are at most this many."""
LONGEST = 150
"""Most characters of the name of a result's file."""


class Guest(NamedTuple):
    """A trained agent, ready for its seat; or all of its kind, if they see or hear each other."""

    kind: Kind
    seats: tuple[int, ...]  # that `acting` is for
    acting: PyTree  # leaves [S, ...], what is needed to act, see `types.Prepare`


def seatings(num_societies: int, num_seats: int) -> list[tuple[int, ...]]:
    """The seatings to play: for each seat, the number of the society its agent comes from.

    All seatings if there are at most `LIMIT`; else one for every ordered pair of societies, with
    the first half of the seats for the first society and the rest for the second.
    """
    everyone = range(num_societies)
    if num_societies**num_seats <= LIMIT:
        return list(itertools.product(everyone, repeat=num_seats))
    half = num_seats // 2
    return [
        (a,) * half + (b,) * (num_seats - half) for a, b in itertools.product(everyone, everyone)
    ]


def guests(setup: Setup, carry: Carry) -> list[Guest]:
    """The agents of one society, in the order of their seats."""
    kinds = setup.config.kinds()
    everyone = jax.vmap(setup.algorithm.prepare)(carry.state)
    groups = list(dict.fromkeys(kinds))
    agents = []
    for seat, kind in enumerate(kinds):
        acting = everyone[groups.index(kind)]
        seats = tuple(other for other, each in enumerate(kinds) if each == kind)
        if getattr(kind.agent, "TOGETHER", False):
            agents.append(Guest(kind, seats, acting))
            continue
        place, alone = seats.index(seat), kind.agent.actors(setup.env, seats, (seat,))
        shapes = jax.eval_shape(
            lambda key, a=alone: a.prepare(a.init(key, a.hyper)), jax.random.key(0)
        )

        def pick(leaf: jax.Array, like: Any, place: int = place) -> jax.Array:
            """The agent's own slice, where a leaf has one for each agent of its kind."""
            return leaf if leaf.shape[1:] == like.shape else leaf[:, place : place + 1]

        agents.append(Guest(kind, (seat,), jax.tree.map(pick, acting, shapes)))
    return agents


class Party(NamedTuple):
    """Agents at a table that act as one group."""

    kind: Kind
    seats: tuple[int, ...]  # that they were trained on
    present: tuple[int, ...]  # those of them that they take


def parties(
    societies: Sequence[Sequence[Guest]], row: Sequence[int]
) -> tuple[tuple[Party, ...], list[PyTree]]:
    """Who sits at a table: groups of agents, and what each of them needs to act.

    Args:
        societies: the guests of every run.
        row: for each seat, the number of the run its agent comes from.
    """
    taken: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for seat, number in enumerate(row):
        taken.setdefault((number, societies[number][seat].seats), []).append(seat)
    found, acting = [], []
    for (number, seats), present in taken.items():
        guest = societies[number][present[0]]
        found.append(Party(guest.kind, seats, tuple(present)))
        acting.append(guest.acting)
    return tuple(found), acting


def meet(
    runs: Sequence[tuple[Setup, Carry]], num_episodes: int, seed: int, mode: Mode
) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """Lets agents of several runs play together.

    Args:
        runs: trained societies of one game; S is the smallest number of seeds among them.
        num_episodes: episodes per seed and seating.
        seed: seed of the episodes.
        mode: how actions are chosen.

    Returns:
        The seatings, R tuples of run numbers, and the extrinsic returns ``[R, S, N]``.

    Raises:
        ConfigError: the runs are of different games.
    """
    first = runs[0][0]
    for setup, _ in runs[1:]:
        same = setup.config.game == first.config.game
        remedy = f"its settings differ from those of the first run, {first.config.env}"
        require(same, "game", setup.config.env, f"{remedy}; name runs of one game")
    env, seeds = first.env, min(len(setup.seeds) for setup, _ in runs)
    societies = [guests(setup, carry) for setup, carry in runs]
    keys = jax.random.split(jax.random.key(seed), seeds)

    programs: dict[tuple[Party, ...], Any] = {}

    def program(table: tuple[Party, ...], acting: tuple[PyTree, ...]) -> Any:
        """The compiled program that plays some parties of agents."""
        if table in programs:
            return programs[table]
        groups = [
            (party.kind.agent.actors(env, party.seats, party.present), party.present)
            for party in table
        ]
        algorithm = society(env.spec, groups)

        def one(acting: PyTree, key: jax.Array) -> jax.Array:
            key_begin, key_play = jax.random.split(key)
            world = begin(env, algorithm, key_begin, num_episodes)
            played = play(env, algorithm, acting, world, key_play, env.spec.horizon, mode)[1]
            return played.reward.sum(0).mean(0)

        programs[table] = jax.jit(jax.vmap(one)).lower(acting, keys).compile()
        devices.admit_episodes(programs[table], num_episodes)
        return programs[table]

    rows = seatings(len(runs), env.spec.num_agents)
    returns = []
    for row in rows:
        table, every = parties(societies, row)
        acting = tuple(jax.tree.map(lambda leaf: leaf[:seeds], each) for each in every)
        returns.append(np.asarray(program(table, acting)(acting, keys)))
    return rows, np.stack(returns)


def report(
    names: Sequence[str], rows: Sequence[tuple[int, ...]], returns: np.ndarray
) -> dict[str, Any]:
    """The result of `meet` as JSON: means over seeds per seat, the group's with an interval."""
    met = []
    for row, values in zip(rows, returns, strict=True):
        mean, half = stats.mean_and_band(values.sum(-1)[None])
        met.append(
            {
                "seats": [names[number] for number in row],
                "return": [stats.number(value) for value in values.mean(0)],
                "collective": {"mean": stats.number(mean[0]), "ci95": stats.number(half[0])},
                "seeds": values.tolist(),
            }
        )
    return {"runs": list(names), "tables": met}


def place(parent: Path, names: Sequence[str], mode: Mode) -> Path:
    """The JSON file for the result of some runs: no file of that name, nor a picture, is there yet.

    Args:
        parent: the folder.
        names: of the runs.
        mode: how actions were chosen.
    """
    text = "-".join(["crossplay", *names] + ([mode] if mode != "sample" else []))
    stem = re.sub(r"[^\w.=-]+", "-", text)[:LONGEST].strip("-")
    for count in itertools.count(1):
        file = parent / f"{stem if count == 1 else f'{stem}-{count}'}.json"
        if not (file.exists() or file.with_suffix(".png").exists()):
            return file
    raise AssertionError("there is always a next number")


def table(result: dict[str, Any]) -> tuple[list[Any], list[list[Any]]]:
    """The result of `report` as titles of columns, and a line for every seating."""
    seats = range(len(result["tables"][0]["seats"]))
    titles = [title for seat in seats for title in (f"seat {seat}", f"return {seat}")]
    lines = [
        [cell for pair in zip(row["seats"], row["return"], strict=True) for cell in pair]
        + [row["collective"]["mean"], row["collective"]["ci95"]]
        for row in result["tables"]
    ]
    return [*titles, "collective", "ci95"], lines


def show(result: dict[str, Any], title: str) -> None:
    """Prints the result of `report` as a table."""
    from rich.table import Table

    table = Table(title=title)
    for seat in range(len(result["tables"][0]["seats"])):
        table.add_column(f"seat {seat}")
    table.add_column("group", justify="right")
    for row in result["tables"]:
        cells = [f"{who} {paid:.2f}" for who, paid in zip(row["seats"], row["return"], strict=True)]
        mean, half = row["collective"]["mean"], row["collective"]["ci95"]
        table.add_row(*cells, f"{mean:.2f}" if half is None else f"{mean:.2f} ± {half:.2f}")
    tables.show(table, tables.console())
