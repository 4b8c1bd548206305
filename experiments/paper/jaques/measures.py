"""When boxes are opened, and how rare influence is (Jaques et al. 2019, section 10.3 and Fig. 13).

Letters: S seeds, T steps, E episodes, N seats.
"""

from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from experiments.findings import Numbers, of_each_seed
from lase_jax import api
from lase_jax.reports import stats
from lase_jax.reports.evaluate import Played
from lase_jax.types import Array

AROUND = 6
"""Steps before and after the opening of a box over which influence is shown."""


class Course(NamedTuple):
    """What influence and boxes do in some episodes without epsilon."""

    influence: np.ndarray  # [S, T, E, N] reward for influence
    opened: np.ndarray  # [S, T, E, N] bool, a box was opened by this agent
    active: np.ndarray  # [S, T, E, N] bool


def courses(result: api.Result) -> Course:
    """Plays some episodes of every seed."""

    def course(played: Played) -> tuple[Array, Array, Array]:
        active, events = played.rollout.active, played.rollout.events
        opened = events["opened"] > 0 if "opened" in events else jnp.zeros_like(active)
        return played.delta, opened, active

    return Course(*of_each_seed(result, result.society.algorithm, course))


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
        then, and ``opening/influence [S, 2 AROUND + 1]``, the mean reward for influence of who
        opens it, from `AROUND` steps before to as many after; NaN where there is no such step.
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


def measure(path: Path, result: api.Result, game: str, influential: bool) -> Numbers:
    """What is measured of trained agents of a game; how rare influence is where it is paid."""
    del path
    course = courses(result)
    of_boxes = openings(course) if game.startswith("box_") else {}
    return {**of_boxes, **(rare(course) if influential else {})}
