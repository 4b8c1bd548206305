"""Jobs side by side: a process for each core of a CPU, which takes one job after the other.

A core with a run of its own trains more than its share of a run that all cores train together, as
it waits for no other. An accelerator trains one run at a time.
"""

import contextlib
import io
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TextIO

import jax

from lase_jax.cli import guarded
from lase_jax.runs import devices
from lase_jax.runs.signals import NAMES, stop_signals

Job = Callable[[], int | None]
"""What can be pickled and returns an exit code: 0 or None if done, 1 if it failed by itself, above
if the others are not to be begun either."""
INHERITED = ("jax_disable_most_optimizations",)
"""Settings of jax that workers have as their parent has them."""


def count() -> int:
    """How many jobs can be done at a time: one for each core of a CPU, one on an accelerator."""
    alone = jax.default_backend() != "cpu" or jax.distributed.is_initialized()
    return 1 if alone else devices.cores()


def run_all(jobs: Mapping[str, Job], workers: int) -> int:
    """Does all jobs, side by side if there are several workers; a signal ends them all.

    Args:
        jobs: by name. Workers print what a job says with its name before each line.
        workers: how many jobs are done at a time; with one worker, in this process.

    Returns:
        The highest exit code of a job, or 128 + n when stopped by signal n.
    """
    begun: Any = multiprocessing.get_context("spawn").Value("i", 0)
    if min(workers, len(jobs)) <= 1:
        return _take(jobs, begun, alone=True)
    return _side_by_side(jobs, begun, min(workers, len(jobs)))


def _side_by_side(jobs: Mapping[str, Job], begun: Any, workers: int) -> int:
    """`run_all` with several workers; `begun` counts the jobs that have been begun."""
    options = {name: jax.config.read(name) for name in INHERITED}
    children = [
        multiprocessing.get_context("spawn").Process(
            target=_work, args=(jobs, begun, core, options), name=f"worker {core}"
        )
        for core in range(workers)
    ]
    with stop_signals() as received:
        with _blocked():
            for child in children:
                child.start()
        told = False
        while any(child.is_alive() for child in children):
            if received and not told:
                told = True
                for child in children:
                    if child.pid and child.is_alive():
                        os.kill(child.pid, received[0])
            for child in children:
                child.join(0.1)
    codes = [child.exitcode or 0 for child in children]
    killed = [-code for code in codes if code < 0]
    if killed:
        print(
            f"A worker was ended by signal {killed[0]}; if memory was short, go on with fewer "
            "--workers.",
            file=sys.stderr,
        )
    return max(code if code >= 0 else 128 - code for code in codes)


def _work(jobs: Mapping[str, Job], begun: Any, core: int, options: Mapping[str, Any]) -> None:
    """A worker's process: takes jobs until none is left."""
    if hasattr(os, "sched_setaffinity"):
        every = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {every[core % len(every)]})
    for name, value in options.items():
        jax.config.update(name, value)
    jax.config.update("jax_num_cpu_devices", 1)
    sys.exit(guarded(partial(_take, jobs, begun, alone=False)))


def _take(jobs: Mapping[str, Job], begun: Any, alone: bool) -> int:
    """Takes jobs until none is left, a signal comes, or one says that no other is to be begun.

    Args:
        jobs: by name.
        begun: counts those that have been begun by any worker.
        alone: whether this process is no worker but does all of them.

    Returns:
        As `run_all`.
    """
    code = 0
    with stop_signals() as received:
        if not alone:
            _unblock()
        while not received:
            with begun.get_lock():
                number = begun.value
                begun.value += 1
            if number >= len(jobs):
                return code
            name = list(jobs)[number]
            with contextlib.nullcontext() if alone else _labelled(name):
                own = jobs[name]() or 0
            code = max(code, own)
            if own > 1:
                begun.value = len(jobs)
                return code
    return 128 + received[0]


class Labelled(io.TextIOBase):
    """A stream that writes whole lines, each with a label before it.

    Args:
        label: stands before each line.
        stream: where the lines are written.
    """

    def __init__(self, label: str, stream: TextIO):
        self._label, self._stream, self._begun = label, stream, ""

    def write(self, text: str) -> int:
        """Keeps text until its line ends."""
        *lines, self._begun = (self._begun + text).split("\n")
        self._stream.write("".join(f"{self._label}: {line}\n" for line in lines))
        self._stream.flush()
        return len(text)


@contextlib.contextmanager
def _labelled(name: str) -> Iterator[None]:
    """Labels all that is printed."""
    with (
        contextlib.redirect_stdout(Labelled(name, sys.stdout)),
        contextlib.redirect_stderr(Labelled(name, sys.stderr)),
    ):
        yield


@contextlib.contextmanager
def _blocked() -> Iterator[None]:
    """Signals wait, here and in processes that are started meanwhile, until these are ready."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    numbers = {getattr(signal, name) for name in NAMES if hasattr(signal, name)}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _unblock() -> None:
    """Lets signals in that waited for this process to be ready."""
    if hasattr(signal, "pthread_sigmask"):
        numbers = {getattr(signal, name) for name in NAMES if hasattr(signal, name)}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
