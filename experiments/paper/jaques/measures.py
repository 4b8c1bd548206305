"""When boxes are opened, how rare influence is, and what symbols tell (Jaques et al. 2019).

Sections 5 and 10.3, Figs. 5 and 13, over episodes without epsilon.

Letters: S seeds, T steps, E episodes, N seats.
"""

from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from experiments.findings import EPISODES, Numbers, of_each_seed
from lase_jax import api
from lase_jax.algorithms.influence import communication
from lase_jax.presets.jaques import GAMES as FULL_SIZE
from lase_jax.reports import stats
from lase_jax.reports.evaluate import Played
from lase_jax.runs.setup import load_config
from lase_jax.types import Array, Metrics, PyTree

FEW = 10
"""Episodes of the paper's games, which are five times as long as the small ones' or more."""
AROUND = 6
"""Steps before and after the opening of a box over which influence is shown."""


class Course(NamedTuple):
    """What influence and boxes do in some episodes without epsilon."""

    influence: np.ndarray  # [S, T, E, N] nats, on all co-players together
    opened: np.ndarray  # [S, T, E, N] bool, a box was opened by this agent
    active: np.ndarray  # [S, T, E, N] bool


def courses(
    result: api.Result, vocabulary: int = 0, episodes: int = EPISODES
) -> tuple[Course, Numbers]:
    """Plays some episodes of every seed.

    Args:
        result: the trained agents.
        vocabulary: number of symbols, if agents on all seats talk; else 0.
        episodes: how many.

    Returns:
        What influence and boxes do, and how consistent speakers are and what symbols and actions
        tell of what others do next (`communication.measures`), if they talk.
    """
    algorithm, actions = result.society.algorithm, result.game.spec.num_actions

    def course(state: PyTree, played: Played) -> tuple[tuple[Array, Array, Array], Metrics]:
        rollout = played.rollout
        active, events = rollout.active, rollout.events
        opened = events["opened"] > 0 if "opened" in events else jnp.zeros_like(active)
        told = algorithm.explain(state, rollout).influence
        influence = jnp.zeros(active.shape) if isinstance(told, tuple) else jnp.nansum(told, -1)
        facts = influence, opened, active
        if not vocabulary:
            return facts, {}
        (said,) = rollout.notes  # of all seats, as one kind of agent has them
        moved, counts = jnp.nan_to_num(told), communication.reaches(rollout)
        return facts, communication.measures(rollout, said, moved, counts, vocabulary, actions)

    facts, talk = of_each_seed(result, algorithm, course, episodes)
    return Course(*facts), talk


def rare(course: Course) -> Numbers:
    """Share of an agent's steps in which it has at least its mean influence, ``[S]``."""
    influence = np.where(course.active, course.influence, np.nan)
    mean = stats.mean(influence, (1, 2))[:, None, None]
    paid = course.active & (mean > 0)
    return {"influence/moments": stats.mean(np.where(paid, influence >= mean, np.nan), (1, 2, 3))}


def openings(course: Course) -> Numbers:
    """When boxes are opened, and the opener's influence around that step.

    Returns:
        ``opening/by_step [S, T]``, the share of episodes in which a first box has been opened by
        then, and ``opening/influence [S, 2 AROUND + 1]`` nats, the mean influence of who opens
        it, from `AROUND` steps before to as many after; NaN where there is no such step.
    """
    seeds, steps, episodes, _ = course.opened.shape
    by_step = np.maximum.accumulate(course.opened.any(-1), 1).mean(-1)
    around = np.full((seeds, episodes, 2 * AROUND + 1), np.nan)
    for seed, episode in np.ndindex(seeds, episodes):
        when, who = np.nonzero(course.opened[seed, :, episode])
        if len(when):
            for place, step in enumerate(range(when[0] - AROUND, when[0] + AROUND + 1)):
                if 0 <= step < steps:
                    around[seed, episode, place] = course.influence[seed, step, episode, who[0]]
    return {"opening/by_step": by_step, "opening/influence": stats.mean(around, 1)}


def measure(path: Path, result: api.Result, game: str, influences: bool) -> Numbers:
    """What is measured of trained agents of a game, and of influence where they compute it."""
    vocabulary = getattr(load_config(path)[0].agent, "vocabulary", 0)
    course, talk = courses(result, vocabulary, FEW if game in FULL_SIZE else EPISODES)
    numbers = dict(openings(course)) if game.startswith("box_") else {}
    return {**numbers, **(rare(course) if influences else {}), **talk}
