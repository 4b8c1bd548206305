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
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TextIO

import jax

from lase_jax.cli import guarded
from lase_jax.runs import devices
from lase_jax.runs.signals import known, stop_signals

Job = Callable[[], int | None]
"""What can be pickled, so nothing of a ``__main__``, and returns an exit code: 0 or None if done, 1
if it failed by itself, above if the others are not to be begun either."""
INHERITED = ("jax_disable_most_optimizations",)
"""Settings of jax that workers have as their parent has them."""
CRASHED = 3
"""Exit code of a worker that met a fault of the program, or of several that could not begin."""


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
    if min(workers, len(jobs)) > 1:
        return _side_by_side(jobs, min(workers, len(jobs)))
    with stop_signals() as received:
        return _in_turn(jobs, iter(jobs), received)


def _in_turn(jobs: Mapping[str, Job], names: Iterator[str], received: list[int]) -> int:
    """Does those of the jobs that are named, until one says that no other is to be begun.

    Args:
        jobs: by name.
        names: of those to do.
        received: signals, after which none is begun.

    Returns:
        As `run_all`.
    """
    code = 0
    for name in names:
        if received or code > 1:
            break
        code = max(code, jobs[name]() or 0)
    return 128 + received[0] if received else code


def _side_by_side(jobs: Mapping[str, Job], workers: int) -> int:
    """`run_all` with several workers."""
    spawn = multiprocessing.get_context("spawn")
    begun = spawn.Value("i", 0)
    options = {name: jax.config.read(name) for name in INHERITED}
    children = [
        spawn.Process(target=_work, args=(jobs, begun, core, options)) for core in range(workers)
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
    never_begun = begun.value < len(jobs) and not received
    return max(CRASHED * never_begun, *(code if code >= 0 else 128 - code for code in codes))


def _work(jobs: Mapping[str, Job], begun: Any, core: int, options: Mapping[str, Any]) -> None:
    """A worker's process: does jobs that no other has begun until none is left.

    Args:
        jobs: all of them, by name.
        begun: how many have been begun by any worker, a shared integer.
        core: the number of the worker, which has one of the cores for itself.
        options: settings of jax.
    """
    if hasattr(os, "sched_setaffinity"):
        every = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {every[core % len(every)]})
    for name, value in options.items():
        jax.config.update(name, value)
    jax.config.update("jax_num_cpu_devices", 1)

    def work() -> int:
        with stop_signals() as received:
            _unblock()
            return _in_turn(
                {name: partial(_labelled, name, job) for name, job in jobs.items()},
                _not_begun(list(jobs), begun),
                received,
            )

    try:
        code = guarded(work)
    except Exception:  # a fault of the program, which the others would meet as well
        traceback.print_exc()
        code = CRASHED
    if code > 1:
        begun.value = len(jobs)
    sys.exit(code)


def _not_begun(names: Sequence[str], begun: Any) -> Iterator[str]:
    """Names of jobs that no other worker has begun, each when it is asked for."""
    while True:
        with begun.get_lock():
            number = begun.value
            begun.value += 1
        if number >= len(names):
            return
        yield names[number]


def _labelled(name: str, job: Job) -> int | None:
    """Does a job; its name stands before each line that it prints."""
    with (
        contextlib.redirect_stdout(Labelled(name, sys.stdout)),
        contextlib.redirect_stderr(Labelled(name, sys.stderr)),
    ):
        return job()


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
def _blocked() -> Iterator[None]:
    """Signals wait, here and in processes that are started meanwhile, until these are ready."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, known())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _unblock() -> None:
    """Lets signals in that waited for this process to be ready."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, known())
