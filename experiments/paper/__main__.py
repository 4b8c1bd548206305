"""Makes every figure and table of a paper, with controls, and judges its claims.

    make paper [PAPER=lase] [SCALE=cpu] [ARGS="--stages ipd methods"]

Stages train what is not trained yet and keep what it shows; an interrupted one goes on where it
was. Then the report is written from what is kept. Scales: ``quick`` only shows that everything
works, ``cpu`` is what the committed reports report, ``full`` has the paper's own size.
"""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import jax
import tyro

from envs import checks
from experiments import study
from experiments.paper import cost, papers, report
from experiments.paper.book import Paper, Runs
from experiments.paper.scales import SCALES, Name, Scale
from experiments.workers import Job
from lase_jax.cli import guarded

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
    workers: int = 0
    """Runs that are trained at a time, a core each; 0 for one on every core of a CPU."""
    out: Path = OUT
    """Parent of run folders, and of the results of other scales than "cpu"."""


def lacking(name: str, runs: Runs, paper: Paper, scale: Scale, out: Path) -> dict[str, Job]:
    """Jobs that train what a stage lacks, by the runs' names.

    Args:
        name: of the stage.
        runs: its runs at this scale.
        paper: which one.
        scale: how large.
        out: parent of run folders.

    Raises:
        ConfigError: a run folder or a finding is of other settings.
    """
    again = f"make paper PAPER={paper.name} SCALE={scale.name} ARGS='--stages {name}'"
    parent = out / paper.name / scale.name / "runs"
    keep = {run: paper.stages[name].keep(run) for run in runs}
    kept = paper.kept(scale, out)
    return study.lacking(runs, parent, kept, again, keep, pictures=scale.whole)


def headline(name: str, title: str, runs: Runs, missing: Collection[str], timed: Path) -> str:
    """What a stage is for, what is still to be trained, and about how long that takes.

    Args:
        name: of the stage.
        title: what it is for.
        runs: its runs.
        missing: names of those that are still to be trained.
        timed: folder of findings of scale "cpu", which say how long runs take.
    """
    if not missing:
        return f"{name}: {title}; all {len(runs)} runs are kept"
    left = cost.about([cost.minutes(timed, run, runs[run]) for run in missing])
    return f"{name}: {title}; {len(missing)} of {len(runs)} runs to train, {left}"


def jobs_of(names: Sequence[str], paper: Paper, scale: Scale, make: Make) -> dict[str, Job]:
    """Says what stages and analyses lack and about how long that takes; returns their jobs.

    Raises:
        ConfigError: a run folder or a finding is of other settings.
    """
    timed = paper.kept(SCALES["cpu"], make.out)
    jobs: dict[str, Job] = {}
    for name in names:
        if name in paper.analyses:
            print(f"{name}: a minute or two, nothing to train", flush=True)
            jobs[name] = partial(papers.analyse, make.paper, name, scale, make.out)
            continue
        runs = paper.stages[name].runs(scale)
        missing = lacking(name, runs, paper, scale, make.out)
        print(headline(name, paper.stages[name].title, runs, missing, timed), flush=True)
        jobs |= missing
    return jobs


def main() -> int:
    """Runs the stages, writes the report, and returns an exit code."""
    make = tyro.cli(Make, description=__doc__)
    paper, scale = papers.PAPERS[make.paper], SCALES[make.scale]
    for name in make.stages:
        checks.choice("stages", name, paper.parts)
    names, code = make.stages or paper.parts, 0
    jax.config.update("jax_disable_most_optimizations", not scale.whole)
    if make.do != "report":
        jobs = jobs_of(names, paper, scale, make)
        code = 0 if make.do == "list" else study.do(jobs, make.workers)
    if code <= 1 and make.do in ("all", "report"):
        report.write(paper, scale, make.out)
    return code


if __name__ == "__main__":
    sys.exit(guarded(main))
