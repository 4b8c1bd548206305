"""Trains a list of runs, each in a folder of its own, so that a sweep can be repeated."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path

from envs.checks import ConfigError
from lase_jax.runs import devices, folder, results
from lase_jax.runs.checkpoint import check_same
from lase_jax.runs.config import RunConfig, to_json
from lase_jax.runs.parts import DivergedError
from lase_jax.runs.run import train_run
from lase_jax.runs.setup import create_run, load_config

TUNING_SEED = 100
"""The first seed of runs by which settings are chosen; tables report runs of seeds from 0 on."""
TRIAL_SEEDS = 2
TRIAL_SHARE = 0.5
"""Part of the budget that a trial uses."""


def train_all(runs: Mapping[str, RunConfig], parent: Path, command: str) -> int:
    """Trains all runs: finished ones are skipped, interrupted ones are continued.

    If a run diverges, a message says so and the other runs are still trained.

    Args:
        runs: settings by the name of the run's folder.
        parent: where the folders lie.
        command: what to type to continue after an interruption.

    Returns:
        An exit code: 0 when all are trained, 1 when some diverged, 130 or 143 when stopped.

    Raises:
        ConfigError: a folder holds a run of other settings, or settings cannot work.
    """
    for name, config in runs.items():
        require_same(parent / name, config)
    devices.use_cores()
    diverged = []
    for name, config in runs.items():
        path = parent / name
        if results.finished(path):
            continue
        if not made(path):
            create_run(config, path, overwrite=False)
        try:
            code = train_run(path, command)
        except DivergedError as error:
            print(f"{path} diverged: {error}", file=sys.stderr)
            diverged.append(name)
        else:
            if code:
                return code
    if diverged:
        print(f"These runs diverged: {', '.join(diverged)}.", file=sys.stderr)
    return 1 if diverged else 0


def trial(run: RunConfig) -> RunConfig:
    """A short version of a run, to try its settings: fewer seeds, and a part of the budget."""
    schedule = dataclasses.replace(run.schedule, steps=int(run.schedule.steps * TRIAL_SHARE))
    seeds = dict(seeds=TRIAL_SEEDS, seed=TUNING_SEED)
    return dataclasses.replace(run, schedule=schedule, wandb="disabled", **seeds)


def made(path: Path) -> bool:
    """Whether a run's folder has been made."""
    return (path / folder.CONFIG).is_file()


def require_same(path: Path, config: RunConfig) -> None:
    """Requires that the run in `path`, if there is one, has the settings `config`.

    Raises:
        ConfigError: it has other settings, or cannot be read.
    """
    if not made(path):
        return
    saved, _ = load_config(path)
    try:
        check_same(to_json(saved), to_json(config))
    except ConfigError as error:
        raise ConfigError(f"{path} holds a run of other settings: {error}") from error
