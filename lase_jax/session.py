"""Training as a person sees it: runs in their folders, with progress, checkpoints, a clean stop.

Letters: S seeds of one run, P places for all seeds (see `devices`), U updates of a part.

Runs whose settings differ in what is traced alone share a program: their seeds lie side by side in
one carry, and every run has the folder, the metrics and the checkpoints that it would have alone.
"""

import contextlib
import itertools
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lase_jax import devices, folder, host, results, sinks
from lase_jax.config import RunConfig
from lase_jax.host import DivergedError, Times
from lase_jax.progress import Progress
from lase_jax.types import Carry

Say = Callable[[str], None]
SAVING = 20.0
"""Training lasts at least so many times as long as saving it did, before it is saved again."""


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM instead of dying from them; a second one acts as usual."""
    received: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def handle(number: int, frame: Any) -> None:
        del frame
        received.append(number)
        for other in signals:
            signal.signal(other, before[other])

    try:
        for number in signals:
            signal.signal(number, handle)
    except ValueError:  # not in the main thread, where Python takes no signals
        yield received
        return
    try:
        yield received
    finally:
        for number in signals:
            signal.signal(number, before[number])


class Session(NamedTuple):
    """What training left behind."""

    carry: Any  # Carry; None while it trains, and before the first update
    done: int  # updates finished
    began: int  # updates that an earlier session had finished
    times: Times
    seconds: float  # of running, without tracing and compiling


class Run:
    """A run while it is trained: its folder, where it has got to, and where its metrics go.

    Args:
        path: run folder.
        say: prints a line.
        wandb: W&B's mode, where it is another than the run began with.

    Attributes:
        setup: what its settings stand for.
        plan: how it is cut into parts.
        session: how far it is.
        diverged: why it stopped before its end, or None.
        score: its newest collective return, mean over seeds.

    Raises:
        ConfigError: settings that do not fit, or a checkpoint of other settings.
    """

    def __init__(self, path: Path, say: Say, wandb: sinks.Mode | None = None):
        config, self.content = host.load_config(path)
        self.path, self.say = path, say
        self.wandb: sinks.Mode = wandb or config.wandb
        self.setup = host.set_up(config)
        self.plan = host.plan_of(config)
        self.checkpoints = host.checkpoints_of(path, config, say)
        self.diverged: DivergedError | None = None
        self.score = -np.inf
        self.outputs: list[sinks.Guarded] = []
        done, carry = 0, None
        if not self.checkpoints.empty:
            done, carry = self.checkpoints.restore(self.setup.shapes()) or (0, None)
        self.session = Session(carry, done, done, Times(0.0, 0.0), 0.0)

    @property
    def done(self) -> int:
        """Updates finished."""
        return self.session.done

    @property
    def finished(self) -> bool:
        """Whether its last update is done and its results are written."""
        return self.done >= self.plan.updates and results.finished(self.path)

    def open(self) -> None:
        """Opens the places for metrics, if they are not."""
        if not self.outputs:
            self.outputs = open_sinks(self)

    def take(self, metrics: dict[str, np.ndarray], done: int) -> None:
        """Writes a part's metrics ``[U, S, ...]`` after `done` updates, and sees if it diverged."""
        record = host.to_record(metrics, done, self.plan)
        self.score = host.collective(record)
        for sink in self.outputs:
            sink.write(record)
        try:
            host.check_health(metrics, done, self.setup.seeds)
        except DivergedError as error:
            self.diverged = DivergedError(f"{error} {self.kept()}")
            self.diverged.__suppress_context__ = True

    def kept(self) -> str:
        """Which checkpoint is on the disk, as a sentence."""
        newest = self.checkpoints.newest()
        known = f"Kept: the checkpoint after update {newest}."
        return known if newest else "There is no checkpoint yet."

    def save(self, done: int, carry: Carry) -> None:
        """Starts to save a checkpoint after `done` updates, unless it has diverged."""
        if not self.diverged:
            self.checkpoints.save(done, carry, self.score)

    def arrive(self, carry: Carry, done: int, seconds: float) -> None:
        """Comes to rest after `done` updates and `seconds` of training, with a checkpoint."""
        if self.diverged:
            return
        session = self.session
        self.session = session._replace(carry=carry, done=done, seconds=session.seconds + seconds)
        if done > session.began and self.checkpoints.newest() != done:
            self.checkpoints.save(done, carry, self.score)
            self.checkpoints.wait()

    def conclude(self, pictures: bool = True) -> None:
        """Writes what there is to say of a run at its end, or where it was stopped."""
        files: dict[str, Path] = {}
        if self.done and not self.diverged:
            files = results.write(self, pictures)
        close(self.outputs, files)
        self.outputs = []

    def close(self) -> None:
        """Lets go of the folder."""
        self.checkpoints.close()


def run(path: Path, command: str, say: Say = print, wandb: sinks.Mode | None = None) -> int:
    """Trains the run whose config.json lies in `path`, from its newest checkpoint if it has one.

    Args:
        path: run folder.
        command: what a person types to go on with this run.
        say: prints a line.
        wandb: W&B's mode, where it is another than the run began with.

    Returns:
        An exit code: 0 when finished, 130 or 143 when stopped by SIGINT or SIGTERM.

    Raises:
        ConfigError: settings that do not fit, a checkpoint of other settings, or `DivergedError`.
    """
    one = Run(path, say, wandb)
    try:
        if one.finished:
            say(f"{path} is finished: {one.plan.updates} updates.")
            return 0
        if one.done:
            say(f"Going on after update {one.done} of {one.plan.updates}.")
        one.open()
        with stop_signals() as received:
            train([one], one.plan.updates, received, say)
        one.conclude()
        if one.diverged:
            raise one.diverged
        if not one.done:
            say(f"Stopped before the first update. To go on: {command}")
            return 128 + received[0]
        say(f"Results are in {path}")
        if one.done < one.plan.updates:
            say(f"Stopped after update {one.done}. {one.kept()} To go on: {command}")
            return 128 + received[0]
        return 0
    finally:
        one.close()


def train(runs: Sequence[Run], until: int, received: list[int], say: Say) -> None:
    """Trains runs side by side up to an update, a signal, or until all have diverged.

    Where they do not fit into the memory together, one half of them is trained after the other.

    Args:
        runs: runs that share a program (`config.program`) and have done as many updates.
        until: update to stop after, whole parts.
        received: fills up with signals.
        say: prints a line.
    """
    first = runs[0]
    if first.done >= until or received:
        return
    config, plan, trainer = first.setup.config, first.plan, first.setup.trainer
    sizes = [len(run.setup.seeds) for run in runs]
    shares = list(zip(runs, itertools.accumulate(sizes, initial=0), sizes, strict=False))
    seeds = sum(sizes)
    grid = devices.mesh(seeds, config.schedule.num_envs)
    start = host.start([(run.setup.algorithm, run.setup.seeds) for run in runs], grid)
    program, times = host.compiled(trainer, host.shapes(trainer, start), plan, grid)
    say(f"Traced in {times.trace:.1f} s, compiled in {times.compile:.1f} s.")
    needed, free = devices.needed(program), devices.free()
    if needed > free and len(runs) > 1:
        say(f"{len(runs)} runs need {needed / 2**30:.1f} GiB: one half after the other.")
        for half in (runs[: len(runs) // 2], runs[len(runs) // 2 :]):
            train(half, until, received, say)
        return
    carry = (
        devices.joined([run.session.carry for run in runs], grid)
        if first.done
        else host.begin(trainer, start, grid)
    )
    for run in runs:
        run.session = run.session._replace(carry=None, times=times)
    done, steps = first.done, plan.steps * seeds
    saving, began = Saving(config.save_every), time.perf_counter()
    with Progress(plan.updates * steps, done * steps, say) as progress:
        while done < until and not devices.agreed(bool(received)) and training(runs):
            carry, metrics = program(carry)
            metrics = devices.fetch(metrics, seeds)
            returns = []
            for run, begin, size in shares:
                if not run.diverged:
                    own = {name: part[:, begin : begin + size] for name, part in metrics.items()}
                    run.take(own, done)
                    returns.append(run.score)
            done += plan.part
            if saving.due() or keeps(config, done // plan.part):
                with saving:
                    for run, begin, size in shares:
                        run.save(done, devices.part(carry, begin, size))
            progress.update(done * steps, float(np.mean(returns)))
        seconds = time.perf_counter() - began
    for run, begin, size in shares:
        run.arrive(devices.part(carry, begin, size), done, seconds)


def keeps(config: RunConfig, parts: int) -> bool:
    """Whether the checkpoint after so many parts is kept for good."""
    return config.keep_every > 0 and parts % config.keep_every == 0


def training(runs: Sequence[Run]) -> bool:
    """Whether any of them has not diverged."""
    return not all(run.diverged for run in runs)


class Saving:
    """When to save, such that it neither comes too often nor takes too long.

    Args:
        every: seconds between checkpoints, at least; 0 for always.
    """

    def __init__(self, every: float):
        self._every, self._pause = every, every
        self._saved = -np.inf

    def due(self) -> bool:
        """Whether it is time."""
        return time.perf_counter() - self._saved >= self._pause

    def __enter__(self) -> None:
        """Begins to save."""
        self._saved = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        """Has saved."""
        took = time.perf_counter() - self._saved
        self._pause = max(self._every, SAVING * took) if self._every else 0.0


def open_sinks(run: Run) -> list[sinks.Guarded]:
    """The csv file, and W&B unless its mode is "disabled"; in the first process alone."""
    if not devices.first_process():
        return []
    path, content, say = run.path, run.content, run.say
    seeds = run.setup.seeds

    def csv() -> sinks.Sink:
        return sinks.Csv(path / folder.METRICS, seeds, run.done)

    def wandb() -> sinks.Sink:
        identity = f"{path.name}-{content.get('created', '')}"
        return sinks.Wandb(path, seeds, content, run.wandb, identity, say)

    outputs = [sinks.Guarded(folder.METRICS, csv, say, patient=True)]
    if run.wandb != "disabled":
        outputs.append(sinks.Guarded("W&B", wandb, say, patient=False))
    return outputs


def close(outputs: list[sinks.Guarded], files: dict[str, Path]) -> None:
    """Closes every sink with the files that exist."""
    present = {name: file for name, file in files.items() if file.is_file()}
    for sink in outputs:
        sink.close(present)
