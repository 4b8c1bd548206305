"""Timing compiled programs, and facts about where they ran."""

import multiprocessing
import platform
import resource
import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple, TypeVar

import jax

from lase_jax.runs import devices

Name = TypeVar("Name", bound=Hashable)


class Program(NamedTuple):
    """A program compiled for one argument."""

    run: Any
    arguments: tuple
    trace_seconds: float
    compile_seconds: float
    lines: int
    """Lines of the program before XLA optimises it: its size."""

    def __call__(self) -> Any:
        """Runs the program and waits for its results."""
        return jax.block_until_ready(self.run(*self.arguments))


def compiled(function: Callable, *arguments: Any) -> Program:
    """Compiles a function ahead of time."""
    start = seconds()
    lowered = jax.jit(function).lower(*arguments)
    traced = seconds()
    run = lowered.compile()
    done = seconds()
    return Program(run, arguments, traced - start, done - traced, lowered.as_text().count("\n"))


def alone() -> bool:
    """Whether to time programs by the process's CPU time: on one core of a CPU."""
    return devices.cores() == 1 and jax.default_backend() == "cpu"


def seconds() -> float:
    """The time: if `alone` this process's CPU time, which other processes do not affect."""
    return time.process_time() if alone() else time.perf_counter()


def since(begin: float) -> float:
    """Seconds since ``begin``, a time before this process was started; see `seconds`."""
    return time.process_time() if alone() else time.time() - begin


def times(programs: Mapping[Name, Callable[[], Any]], repeats: int) -> dict[Name, list[float]]:
    """Seconds of every program, run in turns, so that a slow minute affects all of them equally."""
    for program in programs.values():
        program()
    durations: dict[Name, list[float]] = {name: [] for name in programs}
    for _ in range(repeats):
        for name, program in programs.items():
            begin = seconds()
            program()
            durations[name].append(seconds() - begin)
    return durations


def medians(programs: Mapping[Name, Callable[[], Any]], repeats: int) -> dict[Name, float]:
    """Median seconds of every program."""
    return {name: statistics.median(all_) for name, all_ in times(programs, repeats).items()}


def peak_memory() -> float:
    """Peak memory in MiB: of the accelerator where there is one, else of this process."""
    stats = jax.devices()[0].memory_stats()
    if stats and "peak_bytes_in_use" in stats:
        return stats["peak_bytes_in_use"] / 2**20
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def isolated(function: Callable, *arguments: Any) -> Any:
    """A function's value, from a fresh process with cold compiles and memory of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def device() -> str:
    """The device that computes, e.g. ``cpu, 2 cores``."""
    kind = jax.devices()[0].device_kind
    return f"{kind}, {devices.cores()} cores" if devices.cores() > 1 else f"{kind}, 1 core"
