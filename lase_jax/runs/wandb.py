"""Weights & Biases as a place for metrics.

Letters: R rows (each the mean over some updates), S seeds.
"""

import inspect
import os
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lase_jax.reports import stats
from lase_jax.reports.record import Record
from lase_jax.runs import files
from lase_jax.runs.config import WandbMode
from lase_jax.runs.metrics_csv import columns

SEEDS_AS_RUNS = 32
"""Up to this many seeds are separate runs of a group on W&B; more become one aggregate run."""


class Wandb:
    """Logs to Weights & Biases: a run per seed in one group, or one aggregate run for many seeds.

    The runs of a sweep are one group, with one aggregate run for each setting. An agent of
    ``wandb sweep`` has one run, whose name and id it has set itself.

    Args:
        path: run folder; the files of W&B lie inside it.
        seeds: number of each seed.
        config: what W&B shows as the run's settings; its key "sweep", if any, names the sweep.
        mode: "online" or "offline".
        identity: a text that identifies the run and stays the same when it is resumed.
        say: prints a line.
    """

    def __init__(
        self,
        path: Path,
        seeds: range,
        config: dict[str, Any],
        mode: WandbMode,
        identity: str,
        say: Callable[[str], None],
    ):
        sweep = config.get("sweep")
        self.group = sweep or path.name
        self.agent = "WANDB_SWEEP_ID" in os.environ
        self.aggregate = bool(sweep) or self.agent or len(seeds) > SEEDS_AS_RUNS
        whole = path.name if sweep else "all seeds"
        names = [whole] if self.aggregate else [f"seed {seed}" for seed in seeds]
        if mode == "online" and not _has_key():
            say("W&B has no API key (run `wandb login`): logging offline.")
            mode = "offline"
        self.runs: list[Any] = []
        try:
            self._open(path, names, config, mode, identity)
        except Exception as error:
            if mode == "offline":
                raise
            say(f"W&B cannot be reached ({files.reason(error)}): logging offline.")
            self.finish()
            unused = f"{identity}-offline"  # W&B may still take the first ids for open runs
            self._open(path, names, config, "offline", unused)

    def _open(
        self, path: Path, names: list[str], config: dict[str, Any], mode: WandbMode, identity: str
    ) -> None:
        import wandb

        _require_home(path)
        settings = wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            init_timeout=20,
        )
        if "finish_timeout" in wandb.Settings.model_fields:  # not in older versions
            settings.finish_timeout = 60.0
        for name in names:
            run = wandb.init(
                project="lase-jax",
                group=None if self.agent else self.group,
                name=None if self.agent else name,
                id=None if self.agent else _identifier(f"{identity}-{name}"),
                resume="allow" if mode == "online" else None,
                config=config,
                dir=path,
                mode=mode,
                reinit="create_new",
                settings=settings,
            )
            run.define_metric("*", step_metric="env_steps")
            self.runs.append(run)

    def write(self, record: Record) -> None:
        """Logs every row; to an aggregate run, means and half widths of their 95 % intervals."""
        cells = list(columns(record.metrics))
        for row, env_steps in enumerate(record.env_steps):
            for index, run in enumerate(self.runs):
                values = dict(
                    self._summary(cells, row) if self.aggregate else self._one(cells, row, index)
                )
                finite = {
                    name: float(value) for name, value in values.items() if np.isfinite(value)
                }
                run.log({"env_steps": int(env_steps), **finite})

    @staticmethod
    def _one(cells: list, row: int, index: int) -> Iterator[tuple[str, float]]:
        for name, values in cells:
            yield name, values[row, index]

    @staticmethod
    def _summary(cells: list, row: int) -> Iterator[tuple[str, float]]:
        for name, values in cells:
            mean, half = stats.mean_and_band(values[row][None])
            yield name, mean[0]
            yield f"{name}/ci95", half[0]

    def close(self, files: dict[str, Path]) -> None:
        """Adds the pictures and finishes."""
        import wandb

        pictures = {name: path for name, path in files.items() if path.suffix in (".png", ".gif")}
        if self.runs and pictures:
            self.runs[0].log({name: wandb.Image(str(path)) for name, path in pictures.items()})
        self.finish()

    def finish(self) -> None:
        """Closes the runs."""
        for run in self.runs:
            run.finish()
        self.runs = []


def _identifier(name: str) -> str:
    """An id of characters that W&B allows, different for different names."""
    return f"{re.sub(r'[^A-Za-z0-9_]+', '-', name)}-{zlib.crc32(name.encode()):08x}"


def _require_home(otherwise: Path) -> None:
    """Sets HOME where it is missing: W&B's other process floods standard error without it."""
    if os.name == "posix" and not os.environ.get("HOME"):
        os.environ.pop("HOME", None)
        try:
            os.environ["HOME"] = str(Path.home())
        except RuntimeError:  # the machine does not know its user, as in containers
            os.environ["HOME"] = str(otherwise)


def _has_key() -> bool:
    """Whether W&B can log in without asking a person."""
    import wandb

    wandb.setup(wandb.Settings(silent=True))
    if "prompt" in inspect.signature(wandb.login).parameters:  # not in older versions
        return wandb.login(prompt=False, verify=False)
    return bool(wandb.api.api_key)
