"""Makes every figure and table of a paper, with controls, and judges its claims.

    make paper [PAPER=lase] [SCALE=cpu] [ARGS="--stages ipd methods"]

Stages train what is not trained yet and keep what it shows; an interrupted one goes on where it
was. Then the report is written from what is kept. Scales: ``quick`` only shows that everything
works, ``cpu`` is what the committed reports report, ``full`` has the paper's own size.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jax
import tyro

from envs import checks
from experiments.paper import cost, papers, report
from experiments.paper.book import Paper, Runs
from experiments.paper.scales import SCALES, Name, Scale
from experiments.study import load, train_all
from lase_jax.cli import guarded
from lase_jax.runs import devices
from lase_jax.runs.signals import stop_signals

OUT = Path("runs/paper")


@dataclass(frozen=True)
class Make:
    """What to do."""

    paper: papers.Name = "lase"
    """Which paper."""
    scale: Name = "cpu"
    """Size of the runs."""
    stages: tuple[str, ...] = ()
    """Names of stages; none for all."""
    do: Literal["all", "train", "report", "list"] = "all"
    """Train and write the report, one of both, or list the stages and about how long they take."""
    out: Path = OUT
    """Parent of run folders, and of the results of other scales than "cpu"."""


def train(name: str, paper: Paper, scale: Scale, out: Path) -> int:
    """Trains what a stage lacks and returns an exit code."""
    again = f"make paper PAPER={paper.name} SCALE={scale.name} ARGS='--stages {name}'"
    stage, runs = paper.stages[name], paper.stages[name].runs(scale)
    parent = out / paper.name / scale.name / "runs"
    keep = {name: stage.keep(name) for name in runs}
    kept = paper.kept(scale, out)
    return train_all(runs, parent, kept, again, keep, pictures=scale.whole)


def headline(name: str, title: str, runs: Runs, kept: Path, timed: Path) -> str:
    """What a stage is for, what is still to be trained, and about how long that takes.

    Args:
        name: of the stage.
        title: what it is for.
        runs: its runs.
        kept: folder of their findings.
        timed: folder of findings of scale "cpu", which say how long runs take.
    """
    missing = {run: runs[run] for run in runs.keys() - load(runs, kept).keys()}
    if not missing:
        return f"{name}: {title}; all {len(runs)} runs are kept"
    left = cost.about([cost.minutes(timed, run, config) for run, config in missing.items()])
    return f"{name}: {title}; {len(missing)} of {len(runs)} runs to train, {left}"


def one_by_one(names: Sequence[str], paper: Paper, scale: Scale, make: Make) -> int:
    """Runs stages, or lists them, and returns an exit code."""
    code = 0
    for name in names:
        if name in paper.analyses:
            print(f"{name}: a minute or two, nothing to train", flush=True)
            if make.do != "list":
                paper.analyses[name].write(scale, paper.folder_of(name, scale, make.out))
            continue
        stage, kept = paper.stages[name], paper.kept(scale, make.out)
        timed = paper.kept(SCALES["cpu"], make.out)
        print(headline(name, stage.title, stage.runs(scale), kept, timed), flush=True)
        if make.do != "list":
            code = max(code, train(name, paper, scale, make.out))
        if code > 1:  # stopped by a signal
            return code
    return code


def side_by_side(names: Sequence[str], make: Make) -> int:
    """Runs stages in a process each, as many at once as there are cores; returns an exit code.

    For runs that are compiled for longer than they train. A signal is passed on.
    """
    options = ["--paper", make.paper, "--scale", make.scale, "--do", "train"]
    options += ["--out", str(make.out), "--stages"]
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
    make = tyro.cli(Make, description=__doc__)
    paper, scale = papers.PAPERS[make.paper], SCALES[make.scale]
    for name in make.stages:
        checks.choice("stages", name, paper.parts)
    names, code = make.stages or paper.parts, 0
    jax.config.update("jax_disable_most_optimizations", not scale.whole)
    if make.do != "report":
        quickly = not scale.whole and len(names) > 1 and make.do != "list"
        code = side_by_side(names, make) if quickly else one_by_one(names, paper, scale, make)
    if code <= 1 and make.do in ("all", "report"):
        report.write(paper, scale, make.out)
    return code


if __name__ == "__main__":
    sys.exit(guarded(main))
