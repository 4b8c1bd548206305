"""Animates the moment of the largest influence in runs of experiments I and III.

    python -m experiments.paper.jaques.moments

Reads run folders, so it comes after ``make paper PAPER=jaques`` on the same machine, and writes
``moment-<game>-<arm>.gif`` beside this file.
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import numpy as np
import tyro

from envs.checks import ConfigError
from experiments.paper.jaques.stages import BOXES, DILEMMAS
from experiments.study import made
from lase_jax.cli import guarded
from lase_jax.reports import animate, evaluate
from lase_jax.runs import files
from lase_jax.runs.setup import restore_run

PAID_AT_ONCE = ("basic", "moa_influence")
"""Arms whose influence is paid as the environment's reward is."""
AROUND = 8
"""Steps before and after the moment that are shown."""


@dataclass(frozen=True)
class Moments:
    """Where to read and write."""

    runs: Path = Path("runs/paper/jaques/cpu/runs")
    """Parent of the run folders."""
    games: tuple[str, ...] = (*BOXES, *DILEMMAS)
    """Names of games."""
    out: Path = Path(__file__).parent
    """Where the animations go."""


def moment(path: Path, file: Path) -> None:
    """Animates the steps around the one with the largest influence reward of any agent."""
    setup, _, carry = restore_run(path)
    state = jax.tree.map(lambda leaf: leaf[0], carry.state)
    play = partial(
        evaluate.episodes,
        setup.env,
        setup.algorithm,
        num_episodes=4,
        mode="sample",
        keep_states=True,
    )
    played = jax.device_get(jax.jit(play)(state, jax.random.key(0)))
    time, episode, seat = np.unravel_index(played.delta.argmax(), played.delta.shape)
    steps = len(played.delta)
    start, end = max(0, time - AROUND), min(steps, time + AROUND + 1)
    reward = played.rollout.reward[start : end - 1, episode]
    nothing = np.zeros((*reward.shape, reward.shape[-1]))
    title = f"agent {seat}'s influence peaks after step {time - start}"

    def picture(now: int) -> np.ndarray:
        return evaluate.picture(setup.env, played, int(episode), start + now)

    scene = animate.Scene(picture, reward, nothing, setup.seats, title)
    files.write(file, animate.gif(scene, milliseconds=600))


def main() -> int:
    """Animates every game of which there is a run folder, and returns an exit code."""
    where = tyro.cli(Moments, description=__doc__)
    names = [f"{game}-{arm}" for game in where.games for arm in PAID_AT_ONCE]
    found = [name for name in names if made(where.runs / name)]
    if not found:
        raise ConfigError(f"runs is {where.runs}: give a folder with runs of make paper")
    where.out.mkdir(parents=True, exist_ok=True)
    for name in found:
        moment(where.runs / name, where.out / f"moment-{name}.gif")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
