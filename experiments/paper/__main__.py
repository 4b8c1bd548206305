"""Makes every figure and table of Kong et al. 2024, with controls, and judges its claims.

    make paper [SCALE=cpu] [ARGS="--stages ipd methods"]

Stages train what is not trained yet and keep what it shows; an interrupted one goes on where it
was. Then the report is written from what is kept. Scales: ``quick`` only shows that everything
works, ``cpu`` is what ``experiments/REPORT.md`` reports, ``full`` has the paper's networks.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jax
import tyro

from envs import checks
from experiments.paper import report
from experiments.paper.cost import about, minutes
from experiments.paper.scales import SCALES, Name, Scale
from experiments.paper.stages import STAGES, Runs
from experiments.schelling import analysis as schelling
from experiments.study import load, train_all
from experiments.theory import analysis as theory
from lase_jax.cli import guarded
from lase_jax.runs import devices
from lase_jax.runs.signals import stop_signals

OUT = Path("runs/paper")
WITHOUT_TRAINING: dict[str, Callable[[Scale, Path], None]] = {
    "theory": lambda scale, out: theory.write(theory.Analysis(points=scale.points, out=out)),
    "schelling": lambda scale, out: schelling.write(
        schelling.Analysis(
            schelling.PAPER + (schelling.OTHERS if scale.whole else ()), scale.episodes, out
        )
    ),
}
"""Stages that train nothing, by name."""


@dataclass(frozen=True)
class Paper:
    """What to do."""

    scale: Name = "cpu"
    """Size of the runs."""
    stages: tuple[str, ...] = ()
    """Names of stages; none for all."""
    do: Literal["all", "train", "report", "list"] = "all"
    """Train and write the report, one of both, or list the stages and about how long they take."""
    out: Path = OUT
    """Parent of run folders, and of the results of other scales than "cpu"."""


def train(name: str, scale: Scale, paper: Paper) -> int:
    """Trains what a stage lacks and returns an exit code."""
    again = f"make paper SCALE={scale.name} ARGS='--stages {name}'"
    stage, runs = STAGES[name], STAGES[name].runs(scale)
    parent, kept = paper.out / scale.name / "runs", scale.kept(paper.out)
    keep = {name: stage.keep(name) for name in runs}
    return train_all(runs, parent, kept, again, keep, pictures=scale.whole)


def headline(name: str, runs: Runs, kept: Path) -> str:
    """What a stage is for, what is still to be trained, and about how long that takes."""
    missing = {run: runs[run] for run in runs.keys() - load(runs, kept).keys()}
    if not missing:
        return f"{name}: {STAGES[name].title}; all {len(runs)} runs are kept"
    left = about([minutes(run, config) for run, config in missing.items()])
    return f"{name}: {STAGES[name].title}; {len(missing)} of {len(runs)} runs to train, {left}"


def one_by_one(names: Sequence[str], scale: Scale, paper: Paper) -> int:
    """Runs stages, or lists them, and returns an exit code."""
    code = 0
    for name in names:
        if name in WITHOUT_TRAINING:
            print(f"{name}: a minute or two, nothing to train", flush=True)
            if paper.do != "list":
                WITHOUT_TRAINING[name](scale, report.folder_of(name, scale, paper.out))
            continue
        print(headline(name, STAGES[name].runs(scale), scale.kept(paper.out)), flush=True)
        if paper.do != "list":
            code = max(code, train(name, scale, paper))
        if code > 1:  # stopped by a signal
            return code
    return code


def side_by_side(names: Sequence[str], scale: Scale, paper: Paper) -> int:
    """Runs stages in a process each, as many at once as there are cores; returns an exit code.

    For runs that are compiled for longer than they train. A signal is passed on.
    """
    options = ["--scale", scale.name, "--do", "train", "--out", str(paper.out), "--stages"]
    command = [sys.executable, "-m", "experiments.paper", *options]
    waiting, running, codes = list(names), list[subprocess.Popen](), [0]
    with stop_signals() as received:
        while waiting or running:
            while waiting and len(running) < devices.cores():
                running.append(subprocess.Popen([*command, waiting.pop(0)]))
            if received and 128 + received[0] not in codes:
                codes.append(128 + received[0])
                waiting.clear()
                for child in running:
                    child.send_signal(received[0])
            codes += [abs(child.returncode) for child in running if child.poll() is not None]
            running = [child for child in running if child.returncode is None]
            time.sleep(0.1)
    return max(codes)


def main() -> int:
    """Runs the stages, writes the report, and returns an exit code."""
    paper = tyro.cli(Paper, description=__doc__)
    scale, every = SCALES[paper.scale], (*WITHOUT_TRAINING, *STAGES)
    for name in paper.stages:
        checks.choice("stages", name, every)
    names, code = paper.stages or every, 0
    jax.config.update("jax_disable_most_optimizations", not scale.whole)
    if paper.do != "report":
        quickly = not scale.whole and len(names) > 1 and paper.do != "list"
        code = (side_by_side if quickly else one_by_one)(names, scale, paper)
    if code <= 1 and paper.do in ("all", "report"):
        report.write(scale, paper.out)
    return code


if __name__ == "__main__":
    sys.exit(guarded(main))
