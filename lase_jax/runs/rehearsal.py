"""What a run or a sweep would need, found by compiling and playing a few updates; makes no folder.

Settings of a sweep that share a program are timed side by side, as they are trained.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from lase_jax.runs import devices, overview, program
from lase_jax.runs.config import RunConfig, program_key
from lase_jax.runs.parts import plan_of
from lase_jax.runs.setup import Setup, set_up

UPDATES = 16
"""Largest number of updates of the program that is timed."""
SECONDS = 3.0
"""How long the program is timed, after it has run once; once more at least."""
NAMED = 8
"""Most settings of a program that are named."""
NOTHING_MADE = "This was a dry run: no folder was made."


class Need(NamedTuple):
    """Seconds that something takes."""

    compiling: float
    training: float


def rehearse(config: RunConfig, say: Callable[[str], None]) -> None:
    """Prints the shapes, the memory and the time of a run.

    Args:
        config: its settings.
        say: prints a line.

    Raises:
        ConfigError: settings that do not fit, or too little memory.
    """
    setup = set_up(config)
    _show(setup, say)
    _measured([setup], say)
    say(NOTHING_MADE)


def rehearse_sweep(
    settings: Mapping[str, Setup], say: Callable[[str], None], share: float = 1.0, stages: int = 1
) -> None:
    """Prints the same of the programs of a sweep, and the time of all.

    Args:
        settings: what is built from each setting, by its name.
        say: prints a line.
        share: of all updates of all settings, the share that is played.
        stages: how often programs are compiled, as the settings become fewer.

    Raises:
        ConfigError: too little memory for one setting.
    """
    groups: dict[str, dict[str, Setup]] = {}
    for name, setup in settings.items():
        groups.setdefault(program_key(setup.config), {})[name] = setup
    needs = []
    for number, group in enumerate(groups.values(), 1):
        seeds = sum(len(setup.seeds) for setup in group.values())
        say(f"Program {number} of {len(groups)}: {len(group)} settings, {seeds} seeds.")
        _fact("Settings", _listed(list(group)), say)
        _show(next(iter(group.values())), say)
        needs += _measured(list(group.values()), say)
    training = share * sum(need.training for need in needs)
    compiling = stages * sum(need.compiling for need in needs)
    _fact("In all", _spent(Need(compiling, training)), say)
    say(NOTHING_MADE)


def _fact(name: str, text: str, say: Callable[[str], None]) -> None:
    say(f"{name + ':' if name else '':12}{text}")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return "; ".join(names[:NAMED]) + (f"; and {more} more" if more > 0 else "")


def _show(setup: Setup, say: Callable[[str], None]) -> None:
    """Prints what a run is, and the shapes of its game."""
    spec = setup.env.spec
    for line in overview.lines(setup, plan_of(setup.config), setup.config.wandb):
        say(line)
    shape = " x ".join(map(str, spec.obs_shape))
    axes = " (rows x columns x planes)" if len(spec.obs_shape) == 3 else ""
    kind = np.dtype(spec.obs_dtype).name
    _fact("Sees", f"{shape}{axes} of {kind}: {', '.join(spec.plane_names)}", say)
    _fact("Does", f"one of {spec.num_actions} actions: {', '.join(spec.action_names)}", say)


def _measured(setups: Sequence[Setup], say: Callable[[str], None]) -> list[Need]:
    """Prints what the program of some runs side by side needs; of two if memory is too small.

    Raises:
        ConfigError: too little memory for one run.
    """
    first, whole = setups[0], plan_of(setups[0].config)
    num_envs = first.config.schedule.num_envs
    seeds = sum(len(setup.seeds) for setup in setups)
    grid = devices.mesh(seeds, num_envs)
    start = program.start_of([(setup.algorithm, setup.seeds) for setup in setups], grid)
    plan = whole._replace(part=min(whole.part, UPDATES))
    initial = program.initial_program(first.trainer, start, grid)
    one_part, times = program.part_program(first.trainer, initial.out_info, plan, grid, say)
    if devices.in_halves(one_part, grid, len(setups), say):
        middle = len(setups) // 2
        return _measured(setups[:middle], say) + _measured(setups[middle:], say)
    devices.admit_training(one_part, grid, num_envs)
    needed, there = devices.needed(one_part), devices.free(grid) / devices.USABLE
    _fact("Memory", f"{needed / 2**20:,.0f} of {there / 2**20:,.0f} MiB on each device", say)

    carry, _ = jax.block_until_ready(one_part(initial.lower().compile()(start)))
    began, played = time.perf_counter(), 0
    while not played or (time.perf_counter() - began < SECONDS and played < whole.updates):
        carry, _ = jax.block_until_ready(one_part(carry))
        played += plan.part
    speed = played * plan.steps * seeds / (time.perf_counter() - began)
    training = whole.updates * plan.steps * seeds / speed
    need = Need(times.trace + times.compile, training)
    _fact("Time", _spent(need), say)
    _fact("", f"({speed:,.0f} steps/s of all seeds, measured on {played} updates)", say)
    return [need]


def _spent(need: Need) -> str:
    of_training = f"about {duration(need.training)} of training"
    return f"{of_training}, after {duration(need.compiling)} of tracing and compiling"


def duration(seconds: float) -> str:
    """A time in words, e.g. ``"12 s"``, ``"6 min"`` or ``"1.5 h"``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
