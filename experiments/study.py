"""Trains a list of runs and keeps what they show, so that a sweep can be repeated anywhere."""

import dataclasses
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from envs import checks
from envs.checks import ConfigError
from experiments import findings
from experiments.findings import Finding, Keep
from experiments.workers import Job, count, run_all
from lase_jax.runs import devices, folder, results, runtime
from lase_jax.runs.checkpoint import check_same
from lase_jax.runs.config import RunConfig, to_json
from lase_jax.runs.parts import DivergedError
from lase_jax.runs.run import train_run
from lase_jax.runs.setup import create_run, load_config

TUNING_SEED = 100
"""The first seed of runs by which settings are chosen; tables report runs of seeds from 0 on."""
TRIAL_SEEDS = 2
DIVERGED, UNSAVED = 1, 2
"""Exit codes of a run whose loss is not finite, and of one that could not be saved."""


def train_all(
    runs: Mapping[str, RunConfig],
    parent: Path,
    kept: Path,
    command: str,
    workers: int = 0,
) -> int:
    """Trains all runs whose findings are not kept yet, and continues interrupted ones.

    Args:
        runs: settings by the name of the run's folder.
        parent: where the folders lie.
        kept: where a file ``<name>.json`` with the findings of each run lies (see `findings`).
        command: what to type to continue after an interruption.
        workers: as in `do`.

    Returns:
        An exit code as of `do`.

    Raises:
        ConfigError: a folder or file holds a run of other settings, or settings cannot work.
    """
    return do(lacking(runs, parent, kept, command), workers)


def lacking(
    runs: Mapping[str, RunConfig],
    parent: Path,
    kept: Path,
    command: str,
    keep: Mapping[str, Keep] = MappingProxyType({}),
    pictures: bool = True,
) -> dict[str, Job]:
    """Jobs that train those runs whose findings are not kept yet, by the runs' names.

    Args:
        runs: as in `train_all`, as the next three.
        parent: where the folders lie.
        kept: where findings lie.
        command: what to type to continue.
        keep: what is kept of some runs, by name, besides what every study keeps.
        pictures: whether each run's folder gets pictures of its curves and of an episode.

    Raises:
        ConfigError: a folder or file holds a run of other settings.
    """
    known = load(runs, kept)
    missing = {name: runs[name] for name in runs if name not in known}
    for name, config in missing.items():
        require_same(parent / name, config)
    return {
        name: partial(
            train,
            config,
            parent / name,
            file(kept, name),
            command,
            keep.get(name, findings.NOTHING_ELSE),
            pictures,
        )
        for name, config in missing.items()
    }


def do(jobs: Mapping[str, Job], workers: int = 0) -> int:
    """Does all jobs, on a CPU one for each core at a time.

    If a run diverges, a message says so and the other runs are still trained.

    Args:
        jobs: by name.
        workers: how many are done at a time; 0 for as many as there are cores, on a CPU.

    Returns:
        0 when all are done, 1 when some runs diverged, 2 when something could not be saved or
            used, 128 + n when stopped by signal n.

    Raises:
        ConfigError: `workers` is below 0, or jax has no devices.
    """
    checks.integer("workers", workers, 0)
    devices.use_cores()
    devices.require_any()
    return run_all(jobs, workers or count())


def train(
    config: RunConfig, path: Path, target: Path, command: str, keep: Keep, pictures: bool
) -> int:
    """Trains a run, or continues it, and keeps what it shows.

    Args:
        config: its settings.
        path: of its folder, which is made if it is not there.
        target: where its findings are written.
        command: what to type to continue after an interruption.
        keep: what is kept besides what every study keeps.
        pictures: whether its folder gets pictures.

    Returns:
        An exit code, as of `do`.

    Raises:
        ConfigError: settings cannot work.
    """
    runtime.prepare(print)
    if not made(path):
        create_run(config, path, overwrite=False)
    try:
        code = 0 if results.finished(path) else train_run(path, command, pictures=pictures)
    except DivergedError as error:
        print(f"{path} diverged: {error}", file=sys.stderr)
        return DIVERGED
    if code == 0:
        findings.write(target, findings.of_run(path, keep))
    return UNSAVED if code == 1 else code


def load(runs: Mapping[str, RunConfig], kept: Path) -> dict[str, Finding]:
    """The findings of those runs that have been trained, by name.

    Args:
        runs: settings by name; the number of seeds may differ.
        kept: as in `train_all`.

    Raises:
        ConfigError: a run had other settings, so that the command beside its numbers would not
            reproduce them; or a file cannot be read.
    """
    found = {name: findings.read(file(kept, name), config) for name, config in runs.items()}
    return {name: finding for name, finding in found.items() if finding is not None}


def file(kept: Path, name: str) -> Path:
    """Where the findings of a run are kept."""
    return kept / f"{name}.json"


def trial(run: RunConfig) -> RunConfig:
    """A run to try its settings: with fewer seeds, and such as are not reported."""
    return dataclasses.replace(run, seeds=TRIAL_SEEDS, seed=TUNING_SEED, wandb="disabled")


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
