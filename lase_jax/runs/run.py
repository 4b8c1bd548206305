"""Trains runs in their folders, with progress, checkpoints and a clean stop.

Letters: S seeds of one run, P places for all seeds (see `devices`), U updates of a part.

Runs that differ only in traced settings share a program: their seeds lie side by side in one carry,
and every run has the folder, the metrics and the checkpoints that it would have alone.
"""

import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from envs import checks
from envs.checks import ConfigError
from lase_jax.reports.record import Record
from lase_jax.runs import (
    dashboards,
    devices,
    files,
    folder,
    lock,
    metrics_csv,
    overview,
    parts,
    program,
    results,
    sinks,
    status,
)
from lase_jax.runs.config import RunConfig
from lase_jax.runs.parts import DivergedError
from lase_jax.runs.program import Times
from lase_jax.runs.progress import Progress
from lase_jax.runs.results import Outcome
from lase_jax.runs.setup import checkpoints_of, load_config, set_up
from lase_jax.runs.signals import stop_signals, stopped
from lase_jax.runs.tensorboard import TensorBoard
from lase_jax.runs.wandb import Wandb
from lase_jax.types import Carry

Say = Callable[[str], None]
LONG = 60.0
"""A part of training that takes more seconds than this gives a warning."""
PATIENCE = 300.0
"""Seconds that a run waits at its end for a disk that is full."""
GRACE = 10.0
"""The same for a run that was stopped by a signal, which may be killed soon."""
RETRY = 2.0
"""Seconds between two tries to save on a full disk."""
SAVING = 20.0
"""The time from one save to the next is at least this many times as long as the save took."""


class Run:
    """A run during training: its folder, its progress, and the sinks for its metrics.

    Args:
        path: run folder.
        say: prints a line.
        pictures: whether to draw its curves and an episode at the end.

    Attributes:
        setup: what is built from its settings.
        plan: how it is cut into parts.
        outcome: how far it has been trained; before `begin`, as far as its newest checkpoint.
        diverged: why it stopped before its end, or None.
        score: its newest collective return, mean over seeds.
        begun: whether its checkpoint has been read.
        unsaved: what could not be written, as words.
        full: whether that is because the disk is full.

    Raises:
        ConfigError: settings that do not fit, or checkpoints that are missing.
    """

    def __init__(self, path: Path, say: Say, pictures: bool = True):
        config, self.content = load_config(path)
        self.path, self.say, self.pictures = path, say, pictures
        self.destination = dashboards.settled(path, config, self.content)
        self.setup = set_up(config)
        self.plan = parts.plan_of(config)
        devices.first_alone(lambda: require_checkpoints(path))
        self.checkpoints = checkpoints_of(path, config, self.content, say)
        self.diverged: DivergedError | None = None
        self.score, self.begun, self.concluded = -np.inf, False, False
        self.unsaved: list[str] = []
        self.full = False
        self.outputs: list[sinks.Guarded] = []
        self.rows: metrics_csv.Csv | None = None
        done = self.checkpoints.newest() or 0
        self.outcome = Outcome(None, done, done, Times(0.0, 0.0), 0.0)

    @property
    def done(self) -> int:
        """Updates finished."""
        return self.outcome.done

    @property
    def finished(self) -> bool:
        """Whether its last update is done, and its results and their rows are there."""
        if self.done < self.plan.updates or not results.finished(self.path):
            return False
        try:
            record = metrics_csv.load(self.path / folder.METRICS)
        except ConfigError:
            return False
        return int(record.update[-1]) == self.done

    def begin(self) -> None:
        """Reads the newest checkpoint that can be read, if any, and opens the sinks for metrics.

        A second call does nothing.

        Raises:
            ConfigError: a checkpoint of other settings, or none that can be read.
        """
        if self.begun:
            return
        self.begun = True
        done, carry = 0, None
        if not self.checkpoints.empty:
            done, carry = self.checkpoints.restore(self.setup.shapes()) or (0, None)
        self.outcome = Outcome(carry, done, done, Times(0.0, 0.0), 0.0)
        status.write(self.path, "running", done)
        self.outputs = open_sinks(self, self.checkpoints.rows_of(done) if done else "")

    def take(self, metrics: dict[str, np.ndarray], done: int) -> None:
        """Writes a part's metrics ``[U, S, ...]`` after `done` updates, and checks for divergence.

        Does nothing if the run has diverged before.
        """
        if self.diverged:
            return
        self.put(parts.to_record(metrics, done, self.plan))
        try:
            parts.check_health(metrics, done, self.setup.seeds)
        except DivergedError as error:
            self.diverged = DivergedError(f"{error} {self.kept()}")
            self.diverged.__suppress_context__ = True

    def put(self, record: Record) -> None:
        """Writes rows of metrics."""
        self.score = parts.collective(record)
        for sink in self.outputs:
            sink.write(record)

    def kept(self) -> str:
        """A sentence that says which checkpoint is on the disk."""
        newest = self.checkpoints.newest()
        sentence = f"Kept: the checkpoint after update {newest}."
        return sentence if newest else "There is no checkpoint yet."

    def save(self, done: int, carry: Carry) -> None:
        """Starts to save a checkpoint after `done` updates, unless the run has diverged.

        A checkpoint is only saved when all rows up to it are on the disk: those that a resumed run
        lacks could not be had again.
        """
        if not self.diverged and self._rows_are_written():
            rows = self.rows.digest if self.rows else ""
            self.checkpoints.save(done, carry, self.score, rows)

    def _rows_are_written(self) -> bool:
        waiting = [sink for sink in self.outputs if not sink.complete]
        for sink in waiting:
            sink.flush()
        return not devices.agreed(not all(sink.complete for sink in waiting))

    def arrive(self, carry: Carry, done: int, seconds: float, received: list[int]) -> None:
        """Records that training has ended after `done` updates and `seconds`, with a checkpoint.

        Further signals in `received` end the waiting for a disk that is full.
        """
        if self.diverged:
            return
        self.outcome = self.outcome._replace(done=done, seconds=seconds)
        if done > self.outcome.began:
            self._save_at_last(carry, done, received)
        if self.pictures:
            self.outcome = self.outcome._replace(carry=carry)

    def _save_at_last(self, carry: Carry, done: int, received: list[int]) -> None:
        """Saves the last checkpoint; waits for a while if the disk is full."""
        patience, signals = (GRACE if received else PATIENCE), len(received)
        end, said = time.monotonic() + patience, False
        while not self._saved(done, carry):
            waits = self._full() and len(received) == signals and time.monotonic() < end
            if not devices.agreed(waits):
                return
            if not said:
                self.say(f"The disk is full: waiting up to {patience:.0f} s for room.")
            said = True
            time.sleep(RETRY)

    def _saved(self, done: int, carry: Carry) -> bool:
        """Whether all rows and the checkpoint after `done` updates are on the disk; tries it."""
        if devices.agreed(self.checkpoints.newest() != done):
            self.save(done, carry)
            self.checkpoints.wait()
        return not devices.agreed(self.checkpoints.newest() != done)

    def _full(self) -> bool:
        return self.checkpoints.full or any(files.is_full(sink.problem) for sink in self.outputs)

    def conclude(self) -> None:
        """Writes the results of a run that has ended or was stopped, and closes the sinks."""
        saved = self.checkpoints.newest() == self.done
        if self.done and not self.diverged:
            self.unsaved = [] if saved else [f"the training up to update {self.done}"]
            self.unsaved += [] if (self.path / folder.CONFIG).is_file() else [folder.CONFIG]
            self.unsaved += results.write(
                self.path, self.setup, self.plan, self.outcome, self.pictures, saved, self.say
            )
        drawn = (folder.CURVES, folder.REPLAY) if self.pictures else ()
        close(self.outputs, {name: self.path / name for name in drawn})
        self.full = self._full()
        self.outputs = []
        self.concluded = True
        status.write(self.path, self._state(), self.done)

    def _state(self) -> status.State:
        if self.diverged or self.unsaved:
            return "failed"
        return "finished" if self.done >= self.plan.updates else "stopped"

    def close(self) -> None:
        """Closes the checkpoints."""
        if self.begun and not self.concluded:
            status.write(self.path, "failed", self.done)
        self.checkpoints.close()


def require_checkpoints(path: Path) -> None:
    """Requires that the checkpoints of a run are there, if it ever had any.

    Raises:
        ConfigError: the folder of checkpoints is missing or empty, although there are results.
    """
    place = path / folder.CHECKPOINTS
    trained = (path / folder.SUMMARY).is_file() or (
        not place.is_dir() and metrics_csv.has_rows(path / folder.METRICS)
    )
    there = place.is_dir() and any(place.iterdir())
    remedy = "the run's checkpoints are gone, put them back or begin a new run"
    checks.require(there or not trained, folder.CHECKPOINTS, str(place), remedy)


def train_run(
    path: Path,
    command: str,
    say: Say = print,
    pictures: bool = True,
) -> int:
    """Trains the run whose config.json lies in `path`, from its newest checkpoint if it has one.

    Args:
        path: run folder.
        command: the command that resumes this run, for messages.
        say: prints a line.
        pictures: whether to draw the curves and an episode in the end.

    Returns:
        An exit code: 0 when finished, 1 when something could not be saved, 128 + n when stopped by
        signal n.

    Raises:
        ConfigError: not a run folder, one that another process trains, settings that do not fit, a
            checkpoint of other settings, or `DivergedError`.
    """
    folder.read(path)  # what is no run gets no lock
    with (
        lock.held(path),
        stop_signals() as received,
        contextlib.closing(Run(path, say, pictures)) as one,
    ):
        if one.finished:
            say(f"{path} is finished: {one.plan.updates} updates.")
            return 0
        one.begin()
        for line in overview.lines(one.setup, one.plan, one.destination.mode):
            say(line)
        if one.done:
            say(f"Going on after update {one.done} of {one.plan.updates}.")
        train_together([one], one.plan.updates, received, say)
        stopped(received)
        one.conclude()
        return told(one, received, command, say)


def write_run(path: Path, record: Record, carry: Carry, say: Say, pictures: bool = True) -> None:
    """Writes what training in memory gave into a folder that holds a run's config.json alone.

    Args:
        path: run folder.
        record: all rows of the run.
        carry: after the last of them, ``[S, ...]``.
        say: prints a line.
        pictures: whether to draw the curves and an episode.

    Raises:
        ConfigError: something cannot be written; names it.
    """
    with lock.held(path), contextlib.closing(Run(path, say, pictures)) as one:
        one.begin()
        one.put(record)
        one.arrive(carry, int(record.update[-1]), 0.0, [])
        one.conclude()
        missing = ", ".join(one.unsaved)
    checks.require(not missing, "path", str(path), f"{missing} could not be written, make room")


def told(one: Run, received: list[int], command: str, say: Say) -> int:
    """Says how training has ended and what was saved; returns the exit code.

    Raises:
        DivergedError: the run has diverged.
    """
    if one.diverged:
        raise one.diverged
    if not one.done:
        say(f"Stopped before the first update. To go on: {command}")
        return 128 + received[0]
    if one.unsaved:
        remedy = "Make room" if one.full else "See what is wrong with the folder"
        missing = ", ".join(one.unsaved)
        say(f"Not saved in {one.path}: {missing}. {one.kept()} {remedy}, then go on: {command}")
        return 1
    say(f"Results are in {one.path}")
    if one.done < one.plan.updates:
        say(f"Stopped after update {one.done}. {one.kept()} To go on: {command}")
        return 128 + received[0]
    return 0


def train_together(runs: Sequence[Run], until: int, received: list[int], say: Say) -> None:
    """Trains runs side by side until a given update, a signal, or until all have diverged.

    If they do not fit into memory together, first one half of them is trained, then the other.

    Args:
        runs: runs that share a program (`config.program_key`) and have done equally many updates.
        until: number of updates after which to stop, a multiple of `plan.part`.
        received: list to which signals are added.
        say: prints a line.

    Raises:
        ConfigError: a checkpoint of other settings, or none that can be read.
    """
    first = runs[0]
    if stopped(received) or first.done >= until:
        return
    trainer = first.setup.trainer
    seeds = sum(len(run.setup.seeds) for run in runs)
    grid = devices.mesh(seeds, first.setup.config.schedule.num_envs)
    start = program.start_of([(run.setup.algorithm, run.setup.seeds) for run in runs], grid)
    first_carry = program.initial_program(trainer, start, grid)
    one_part, times = program.part_program(trainer, first_carry.out_info, first.plan, grid, say)
    say(f"Traced in {times.trace:.1f} s, compiled in {times.compile:.1f} s.")
    if devices.in_halves(one_part, grid, len(runs), say):
        for half in (runs[: len(runs) // 2], runs[len(runs) // 2 :]):
            train_together(half, until, received, say)
        return
    devices.admit_training(one_part, grid, first.setup.config.schedule.num_envs)
    for run in runs:
        run.begin()
    if len({run.done for run in runs}) > 1:  # some had a damaged checkpoint
        for group in grouped(runs, lambda run: run.done):
            train_together(group, until, received, say)
        return
    carry = (
        devices.joined([run.outcome.carry for run in runs], grid)
        if first.outcome.carry is not None
        else first_carry.lower().compile()(start)
    )
    for run in runs:
        run.outcome = run.outcome._replace(carry=None, times=times)
    advance(runs, one_part, carry, until, received, say)


def advance(
    runs: Sequence[Run],
    one_part: Callable[..., Any],
    carry: Carry,
    until: int,
    received: list[int],
    say: Say,
) -> None:
    """The loop over parts: train one, write its metrics, save.

    Args:
        runs: as in `train_together`.
        one_part: ``carry -> (carry, metrics)``.
        carry: the present one, of all runs.
        until: as in `train_together`.
        received: list to which signals are added.
        say: prints a line.
    """
    config, plan, first_done = runs[0].setup.config, runs[0].plan, runs[0].done
    done = first_done
    sizes = [len(run.setup.seeds) for run in runs]
    shares = list(zip(runs, itertools.accumulate(sizes, initial=0), sizes, strict=False))
    seeds, steps = sum(sizes), plan.steps * sum(sizes)
    saving, began = Saving(config.save_every), time.perf_counter()
    warned = False
    most = runs[0].setup.env.spec.max_return
    with Progress(plan.updates * steps, done * steps, say, seeds, most) as progress:
        while done < until and training(runs) and not stopped(received):
            carry, metrics = one_part(carry)
            metrics = devices.fetch(metrics, seeds)
            for run, begin, size in shares:
                run_metrics = {
                    name: part[:, begin : begin + size] for name, part in metrics.items()
                }
                run.take(run_metrics, done)
            done += plan.part
            took = (time.perf_counter() - began) * plan.part / (done - first_done)
            if took > LONG and not warned:
                warned = True
                say(f"A part takes {took:.0f} s; with more --chunks it saves and can stop sooner.")
            if keeps(config, done // plan.part) or devices.agreed(saving.due()):
                with saving:
                    for run, begin, size in shares:
                        run.save(done, devices.part(carry, begin, size))
            returns = [run.score for run in runs if not run.diverged] or [np.nan]
            progress.update(done * steps, float(np.mean(returns)))
        seconds = time.perf_counter() - began
    for run, begin, size in shares:
        run.arrive(devices.part(carry, begin, size), done, seconds, received)


def grouped(runs: Sequence[Run], key: Callable[[Run], Any]) -> list[list[Run]]:
    """Runs of equal keys, in the order in which the keys first occur."""
    groups: dict[Any, list[Run]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return list(groups.values())


def keeps(config: RunConfig, parts: int) -> bool:
    """Whether the checkpoint after `parts` parts is kept for good."""
    return config.keep_every > 0 and parts % config.keep_every == 0


def training(runs: Sequence[Run]) -> bool:
    """Whether any run has not diverged."""
    return not all(run.diverged for run in runs)


class Saving:
    """Decides when to save, so that saving takes only a small part of the time.

    Args:
        every: least number of seconds between checkpoints; 0 saves after every part.
    """

    def __init__(self, every: float):
        self._every, self._pause = every, every
        self._saved = -np.inf

    def due(self) -> bool:
        """Whether it is time to save."""
        return time.perf_counter() - self._saved >= self._pause

    def __enter__(self) -> None:
        """Notes the time at which saving begins."""
        self._saved = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        """Sets the pause before the next save by the time that this one took."""
        took = time.perf_counter() - self._saved
        self._pause = max(self._every, SAVING * took) if self._every else 0.0


def open_sinks(run: Run, sealed: str) -> list[sinks.Guarded]:
    """The csv file, W&B unless its mode is "disabled", and TensorBoard where it is wanted.

    In the first process only.
    """
    if not devices.first_process():
        return []
    path, config, content, to = run.path, run.setup.config, run.content, run.destination
    done, say = run.done, run.say

    def csv() -> sinks.Sink:
        run.rows = metrics_csv.Csv(path / folder.METRICS, run.setup.seeds, done, say, sealed)
        return run.rows

    def wandb() -> sinks.Sink:
        folder.require_own(path / folder.WANDB)
        return Wandb(path, config, content, to, done, run.plan.updates, say)

    def tensorboard() -> sinks.Sink:
        return TensorBoard(path, config, content, done * run.plan.steps)

    outputs = [sinks.Guarded(folder.METRICS, csv, say, patient=True)]
    if to.mode != "disabled":
        outputs.append(sinks.Guarded("W&B", wandb, say, patient=False))
    if to.tensorboard:
        outputs.append(sinks.Guarded("TensorBoard", tensorboard, say, patient=False))
    return outputs


def close(outputs: list[sinks.Guarded], files: dict[str, Path]) -> None:
    """Closes every sink with the files that exist."""
    present = {name: file for name, file in files.items() if file.is_file()}
    for sink in outputs:
        sink.close(present)
