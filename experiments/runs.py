"""Training a list of runs, each into a folder of its own, so that a sweep can be repeated."""

import json
from collections.abc import Mapping
from pathlib import Path

from lase_jax import folder, host
from lase_jax.config import RunConfig


def finished(path: Path) -> bool:
    """Whether a run has reached its last update."""
    file = path / folder.SUMMARY
    return file.is_file() and json.loads(file.read_text())["finished"]


def train_all(runs: Mapping[str, RunConfig], parent: Path, command: str) -> None:
    """Trains what is not trained yet: finished runs are left alone, interrupted ones go on.

    Args:
        runs: settings by the name of the run's folder.
        parent: where the folders lie.
        command: what a person types to go on after an interruption.

    Raises:
        SystemExit: a run was stopped by a signal.
    """
    for name, config in runs.items():
        path = parent / name
        if finished(path):
            continue
        if not (path / folder.CONFIG).is_file():
            host.create(config, path, overwrite=False)
        if code := host.run(path, command):
            raise SystemExit(code)
