"""Trains a list of runs and keeps what they show, so that a sweep can be repeated anywhere."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from envs.checks import ConfigError
from experiments import findings
from experiments.findings import Finding, Keep
from lase_jax.runs import devices, folder, results, runtime
from lase_jax.runs.checkpoint import check_same
from lase_jax.runs.config import RunConfig, to_json
from lase_jax.runs.parts import DivergedError
from lase_jax.runs.run import train_run
from lase_jax.runs.setup import create_run, load_config

TUNING_SEED = 100
"""The first seed of runs by which settings are chosen; tables report runs of seeds from 0 on."""
TRIAL_SEEDS = 2


def train_all(
    runs: Mapping[str, RunConfig],
    parent: Path,
    kept: Path,
    command: str,
    keep: Mapping[str, Keep] = MappingProxyType({}),
    pictures: bool = True,
) -> int:
    """Trains all runs whose findings are not kept yet, and continues interrupted ones.

    If a run diverges, a message says so and the other runs are still trained.

    Args:
        runs: settings by the name of the run's folder.
        parent: where the folders lie.
        kept: where a file ``<name>.json`` with the findings of each run lies (see `findings`).
        command: what to type to continue after an interruption.
        keep: what is kept of some runs, by name, besides what every study keeps.
        pictures: whether each run's folder gets pictures of its curves and of an episode.

    Returns:
        An exit code: 0 when all are trained, 1 when some diverged, 128 + n when stopped by
            signal n.

    Raises:
        ConfigError: a folder or file holds a run of other settings, or settings cannot work.
    """
    known = load(runs, kept)
    missing = {name: runs[name] for name in runs if name not in known}
    for name, config in missing.items():
        require_same(parent / name, config)
    runtime.prepare(print)
    devices.use_cores()
    devices.require_any()
    diverged = []
    for name, config in missing.items():
        path = parent / name
        if not made(path):
            create_run(config, path, overwrite=False)
        try:
            code = 0 if results.finished(path) else train_run(path, command, pictures=pictures)
        except DivergedError as error:
            print(f"{path} diverged: {error}", file=sys.stderr)
            diverged.append(name)
        else:
            if code:
                return code
            found = findings.of_run(path, keep.get(name, findings.NOTHING_ELSE))
            findings.write(file(kept, name), found)
    if diverged:
        print(f"These runs diverged: {', '.join(diverged)}.", file=sys.stderr)
    return 1 if diverged else 0


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
