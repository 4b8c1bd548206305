"""What a run would need, found by compiling it and playing a few updates; makes no folder."""

import time
from collections.abc import Callable

import jax
import numpy as np

from lase_jax.runs import devices, overview, program
from lase_jax.runs.config import RunConfig
from lase_jax.runs.parts import plan_of
from lase_jax.runs.setup import set_up

UPDATES = 16
"""Largest number of updates of the program that is timed."""
SECONDS = 3.0
"""How long the program is timed, after it has run once; once more at least."""


def rehearse(config: RunConfig, say: Callable[[str], None]) -> None:
    """Prints the shapes, the memory and the time of a run.

    Args:
        config: its settings.
        say: prints a line.

    Raises:
        ConfigError: settings that do not fit, or too little memory.
    """
    setup, whole = set_up(config), plan_of(config)
    spec = setup.env.spec
    for line in overview.lines(setup, whole, config.wandb):
        say(line)
    shape = " x ".join(map(str, spec.obs_shape))
    axes = " (rows x columns x planes)" if len(spec.obs_shape) == 3 else ""
    kind = np.dtype(spec.obs_dtype).name
    say(f"{'Sees:':12}{shape}{axes} of {kind}: {', '.join(spec.plane_names)}")
    say(f"{'Does:':12}one of {spec.num_actions} actions: {', '.join(spec.action_names)}")
    grid = devices.mesh(config.seeds, config.schedule.num_envs)
    plan = whole._replace(part=min(whole.part, UPDATES))
    first = program.initial_program(setup.trainer, setup.start, grid)
    one_part, times = program.part_program(setup.trainer, first.out_info, plan, grid, say)
    devices.admit_training(one_part, grid, config.schedule.num_envs)
    needed, there = devices.needed(one_part), devices.free(grid) / devices.USABLE
    say(f"{'Memory:':12}{needed / 2**20:,.0f} of {there / 2**20:,.0f} MiB on each device")

    carry, _ = jax.block_until_ready(one_part(first.lower().compile()(setup.start)))
    began, played = time.perf_counter(), 0
    while not played or (time.perf_counter() - began < SECONDS and played < whole.updates):
        carry, _ = jax.block_until_ready(one_part(carry))
        played += plan.part
    speed = played * plan.steps * config.seeds / (time.perf_counter() - began)
    seconds = whole.updates * plan.steps * config.seeds / speed
    say(
        f"{'Time:':12}about {duration(seconds)} of training, after "
        f"{duration(times.trace + times.compile)} of tracing and compiling"
    )
    say(f"{'':12}({speed:,.0f} steps/s of all seeds, measured on {played} updates)")
    say("This was a dry run: no folder was made.")


def duration(seconds: float) -> str:
    """A time in words, e.g. ``"12 s"``, ``"6 min"`` or ``"1.5 h"``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
