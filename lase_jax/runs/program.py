"""The compiled program of a part of training, and the carry that training begins with.

Letters: S seeds, P places for them (see `devices`).
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from lase_jax.loop.train import Trainer
from lase_jax.runs import devices
from lase_jax.runs.parts import Plan
from lase_jax.types import Algorithm, Array, Carry, PyTree

COMPILING = (1, 3), (2, 8)
"""The shortest and the longest that compiling may take: seconds, and in multiples of tracing."""


class Times(NamedTuple):
    """Seconds spent before the first update."""

    trace: float
    compile: float


class Start(NamedTuple):
    """The seeds and traced settings that training begins from."""

    seeds: np.ndarray  # [P] uint32
    hyper: PyTree  # leaves [P]


def seed_keys(seeds: Array | np.ndarray) -> Array:
    """One key per seed, ``[P]``; a seed's key does not depend on the other seeds."""
    return jax.vmap(jax.random.key)(seeds)


def start_of(
    algorithms: Sequence[tuple[Algorithm, Sequence[int]]], grid: Mesh | None = None
) -> Start:
    """The seeds and traced settings of some runs side by side.

    Args:
        algorithms: algorithm and seeds of each run; the algorithms differ in `hyper` only.
        grid: mesh over which seeds will be split; places that are left over repeat the last seed.
    """
    numbers = np.concatenate([seeds for _, seeds in algorithms]).astype(np.uint32)
    repeats = [len(seeds) for _, seeds in algorithms]
    if grid is not None:
        repeats[-1] += devices.places(len(numbers), grid) - len(numbers)
        numbers = np.pad(numbers, (0, sum(repeats) - len(numbers)), "edge")
    settings = [algorithm.hyper for algorithm, _ in algorithms]

    def side_by_side(*values: float) -> np.ndarray:
        return np.repeat(np.array(values, np.float32), repeats)

    return Start(numbers, jax.tree.map(side_by_side, *settings))


def initial_carry(trainer: Trainer, start: Start) -> Carry:
    """The carry before the first update, ``[P, ...]``; not jitted yet."""
    return trainer.init(seed_keys(start.seeds), start.hyper)


def initial_program(trainer: Trainer, start: Start, grid: Mesh) -> jax.stages.Traced:
    """The program that makes the carry before the first update, split over the mesh.

    Its `out_info` holds the carry's shapes, so one trace is enough for both.
    """
    place = devices.of_carry(grid)
    return jax.jit(partial(initial_carry, trainer), out_shardings=place).trace(start)


def placed_carry(trainer: Trainer, start: Start, grid: Mesh) -> Carry:
    """The carry before the first update, split over the mesh."""
    return initial_program(trainer, start, grid).lower().compile()(start)


def expected(tracing: float) -> str:
    """How long compiling may take after so many seconds of tracing, in words."""
    low, high = (max(least, float(f"{times * tracing:.1g}")) for least, times in COMPILING)
    cached = getattr(jax.config, "jax_compilation_cache_dir", None)
    kept = ", or a few where it was compiled before" if cached else ""
    return f"{low:.0f} to {high:.0f} s{kept}"


def part_program(
    trainer: Trainer,
    like: Carry,
    plan: Plan,
    grid: Mesh,
    say: Callable[[str], None] | None = None,
) -> tuple[Callable[..., Any], Times]:
    """The program of one part, compiled ahead of time; its input carry is donated.

    Args:
        trainer: the training to compile.
        like: the carry ``[P, ...]``, arrays or shapes.
        plan: how long a part is.
        grid: the mesh over which the carry is split.
        say: prints a line before the compiler begins; None for none.
    """
    began = time.perf_counter()
    place = devices.of_carry(grid)
    jitted = jax.jit(
        devices.on(grid, trainer.run),
        static_argnums=1,
        donate_argnums=0,
        in_shardings=(place,),
        out_shardings=(place, devices.of_metrics(grid)),
    )
    lowered = jitted.lower(like, plan.part)
    traced = time.perf_counter()
    if say is not None:
        say(f"Compiling, {expected(traced - began)}.")
    executable = lowered.compile()
    return executable, Times(traced - began, time.perf_counter() - traced)
