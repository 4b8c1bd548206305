"""Collective return of every arm, measures of communication, and a moment of high influence.

    python -m experiments.influence.analysis

Writes ``results.md``, ``curves.png`` and ``moment-<game>.gif`` beside this file.
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import numpy as np
import tyro
from scipy.stats import spearmanr

from experiments.curves import Line, Runs, fraction, plot, table
from experiments.influence.arms import ARMS, SMALL
from experiments.influence.sweep import KEPT, OUT, Scale, Sweep, pairs, settings
from experiments.presets import jaques
from experiments.study import load, made
from lase_jax.cli import guarded
from lase_jax.reports import animate, evaluate
from lase_jax.reports.tables import markdown
from lase_jax.runs import files
from lase_jax.runs.config import RunConfig
from lase_jax.runs.setup import restore_run

HERE = Path(__file__).parent
COLOURS = ("#78716c", "#93c5fd", "#1d4ed8", "#fdba74", "#c2410c", "#86efac", "#15803d")
LINES = {
    name: Line(arm.label, colour) for (name, arm), colour in zip(ARMS.items(), COLOURS, strict=True)
}
PAIR = "influence/pair"
Final = dict[str, np.ndarray]
"""Metrics of a run's end by name, see `findings.Finding`."""
SCALES: tuple[Scale, ...] = ("small", "full")
AROUND = 8
"""Steps before and after the moment of highest influence that its animation shows."""


@dataclass(frozen=True)
class Analysis:
    """Where to read and write."""

    kept: Path = KEPT
    """Where the findings lie."""
    runs: Path = OUT
    """Parent of the run folders, which the animations are made from."""
    out: Path = HERE
    """Where the tables, the figure and the animations go."""
    moa_weight: jaques.Convention = "multiplies"
    """As in the sweep."""
    curriculum_unit: float = 1e6
    """As in the sweep."""


def finished(where: Analysis) -> Runs:
    """The findings of both scales, see `study.load`."""

    def today(game: str, arm: str) -> RunConfig:
        scale = "small" if game in SMALL else "full"
        options = dict(moa_weight=where.moa_weight, curriculum_unit=where.curriculum_unit)
        return settings(game, arm, Sweep(scale, **options))

    every = {"-".join(pair): pair for size in SCALES for pair in pairs(Sweep(size))}
    found = load({name: today(*pair) for name, pair in every.items()}, where.kept)
    return {every[name]: finding for name, finding in found.items()}


def command(game: str, arm: str, seeds: int) -> str:
    """The command that trains this run alone."""
    scale = "" if game in SMALL else " --scale full"
    return (
        f"python -m experiments.influence.sweep{scale} --games {game} --arms {arm} --seeds {seeds}"
    )


def best_pair(found: Final, metric: str) -> float | None:
    """Mean over seeds of the largest value of any pair of agents; None without such a metric."""
    if metric not in found:
        return None
    return float(np.nanmax(found[metric], axis=(1, 2)).mean())


def influenced(found: Final) -> float | None:
    """Rank correlation over agents of influence suffered and own return, mean over seeds.

    None if fewer than three agents can be influenced.
    """
    pair = found[PAIR]
    suffered = np.where(np.isnan(pair).all(1), np.nan, np.nansum(pair, 1))
    ranks = [
        float(spearmanr(influence[valid], returns[valid]).statistic)
        for influence, returns in zip(suffered, found["return/extrinsic"], strict=True)
        if (valid := np.isfinite(influence)).sum() > 2 and np.ptp(influence[valid]) > 0
    ]
    return float(np.mean(ranks)) if ranks else None


MEASURES = (
    "game",
    "arm",
    "speaker consistency",
    "symbol/action",
    "at moments",
    "action/action",
    "at moments",
    "influence",
    "influenced and return",
)


def measures(runs: Runs) -> str:
    """A Markdown table of the measures of communication and influence."""
    rows = []
    for (game, arm), finding in runs.items():
        if arm == "a2c":
            continue
        metrics = finding.final
        consistency = metrics.get("talk/consistency")
        cells = [fraction(None if consistency is None else float(np.nanmean(consistency)), 3)]
        for name in ("symbol_action", "action_action"):
            for when in ("", "_influential"):
                true, chance = (
                    best_pair(metrics, f"talk/{name}{when}{control}")
                    for control in ("", "_shuffled")
                )
                cells.append(
                    "-" if true is None else f"{fraction(true, 3)} ({fraction(chance, 3)})"
                )
        cells += [fraction(number, 3) for number in (best_pair(metrics, PAIR), influenced(metrics))]
        rows.append([game, ARMS[arm].label, *cells])
    return markdown(MEASURES, rows) + (
        "\nMeans over the last tenth of training. Coordination and influence are in nats, of the "
        "pair of agents with the largest value. Estimates from counts are too large, the more so "
        "the fewer counts there are; so in brackets stands the same with the next actions of "
        "another game, which is due to chance alone. Moments are steps with more influence than "
        "the mean. The last column is a rank correlation over the agents of a seed.\n"
    )


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
    """Writes the tables, the figure and the animations, and returns an exit code."""
    where = tyro.cli(Analysis, description=__doc__)
    runs = finished(where)
    if not runs:
        raise SystemExit(f"No findings in {where.kept}; run the sweep first.")
    text = table(runs, command) + "\n" + measures(runs)
    print(text)
    where.out.mkdir(parents=True, exist_ok=True)
    files.write(where.out / "results.md", text)
    games = (*SMALL, *jaques.GAMES)
    files.replace(where.out / "curves.png", lambda file: plot(runs, file, games, LINES))
    for game, arm in runs:
        path = where.runs / f"{game}-{arm}"
        if arm == "si" and made(path):
            moment(path, where.out / f"moment-{game}.gif")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
