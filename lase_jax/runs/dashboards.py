"""Where a run's metrics go besides metrics.csv: Weights & Biases and TensorBoard.

What a person chooses is a `Dashboards`, what is made of it a `Destination`. The destination stands
in the run's dashboards.json, so that a run that is resumed, evaluated or uploaded stays in the same
place, under the same names, and in the same mode.

Letters: R rows in time, S seeds.
"""

import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.checks import choice, refusal
from lase_jax.reports import stats
from lase_jax.reports.record import Record
from lase_jax.runs import files, folder, tools
from lase_jax.runs.config import RunConfig, WandbMode
from lase_jax.runs.metrics_csv import columns

PROJECT, JOB = "lase-jax", "train"
"""W&B's project and type of job where neither options nor its variables name any."""
SEEDS_AS_RUNS = 32
"""Up to this many seeds have a curve each; more become one, with a band."""
LONGEST = 128
"""Most characters of a run's name on W&B, and of its id."""


@dataclass(frozen=True)
class Dashboards:
    """What a run is called on W&B, and whether TensorBoard gets it as well."""

    wandb_project: str = ""
    """Project on W&B; empty for WANDB_PROJECT, else lase-jax."""
    wandb_entity: str = ""
    """User or team that owns the project; empty for WANDB_ENTITY, else your account's own."""
    wandb_tags: str = ""
    """Tags on W&B, separated by commas; empty for WANDB_TAGS."""
    wandb_job_type: str = ""
    """Type of job on W&B; empty for WANDB_JOB_TYPE, else train."""
    wandb_notes: str = ""
    """Notes on W&B; empty for WANDB_NOTES."""
    tensorboard: bool = False
    """Whether metrics also go to the run's folder tensorboard; a resumed run keeps doing it."""

    def __post_init__(self) -> None:
        """Requires the library of TensorBoard's files where they are wanted."""
        if self.tensorboard:
            tools.require_library("tensorboardX", "tensorboardX")


class Destination(NamedTuple):
    """Where the metrics of one run go; the content of dashboards.json."""

    mode: WandbMode
    project: str
    entity: str  # "" for the account's own
    group: str
    tags: list[str]
    job_type: str
    notes: str
    runs: dict[str, str]  # the id of each of W&B's runs, by its name
    tensorboard: bool


def read(path: Path) -> Destination | None:
    """The destination that stands in a run folder; None if nothing has been sent from it.

    Raises:
        ConfigError: its dashboards.json is damaged.
    """
    file = path / folder.DASHBOARDS
    if not file.is_file():
        return None
    try:
        found = files.structured(Destination, files.read_json(file))
    except (OSError, ValueError) as error:
        remedy = f"it cannot be read ({files.reason(error)}), mend or delete it"
        raise refusal("dashboards", str(file), remedy) from error
    return found


def write(path: Path, destination: Destination) -> None:
    """Writes the destination of a run into its folder."""
    files.write_json(path / folder.DASHBOARDS, destination._asdict())


def settled(
    path: Path,
    config: RunConfig,
    content: dict[str, Any],
    given: Dashboards | None = None,
    mode: WandbMode | None = None,
) -> Destination:
    """Where the metrics of a run go: by options, else as before, else by W&B's own variables.

    Args:
        path: run folder.
        config: the run's settings.
        content: what its config.json holds.
        given: options; None for no options.
        mode: W&B's mode, if one was given.

    Raises:
        ConfigError: a dashboards.json that is damaged.
    """
    given, saved = given or Dashboards(), read(path)
    variable = os.environ.get
    before = saved or Destination(
        mode=config.wandb,
        project=variable("WANDB_PROJECT") or PROJECT,
        entity=variable("WANDB_ENTITY") or "",
        group=content.get("sweep") or path.name,
        tags=_tags(variable("WANDB_TAGS") or ""),
        job_type=variable("WANDB_JOB_TYPE") or JOB,
        notes=variable("WANDB_NOTES") or "",
        runs=_runs(path, config, content),
        tensorboard=False,
    )
    return before._replace(
        mode=mode or before.mode,
        project=given.wandb_project or before.project,
        entity=given.wandb_entity or before.entity,
        tags=_tags(given.wandb_tags) or before.tags,
        job_type=given.wandb_job_type or before.job_type,
        notes=given.wandb_notes or before.notes,
        tensorboard=given.tensorboard or before.tensorboard,
    )


def choose(
    path: Path,
    config: RunConfig,
    content: dict[str, Any],
    given: Dashboards,
    mode: WandbMode | None,
) -> None:
    """Notes what options say about a run's destination, if they say anything, in its folder.

    Args:
        path: run folder.
        config: the run's settings.
        content: what its config.json holds.
        given: options.
        mode: W&B's mode, if one was given.

    Raises:
        ConfigError: a dashboards.json that is damaged or cannot be written.
    """
    if given == Dashboards() and mode in (None, settled(path, config, content).mode):
        return
    with files.writing("run", path):
        write(path, settled(path, config, content, given, mode))


def by_environment(config: RunConfig) -> RunConfig:
    """The same run with the mode that WANDB_MODE names, if it is set.

    Raises:
        ConfigError: it names none of ours.
    """
    mode: Any = os.environ.get("WANDB_MODE") or config.wandb
    choice("WANDB_MODE", mode, ("offline", "online", "disabled"))
    return replace(config, wandb=mode)


def _tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def society(config: RunConfig) -> str:
    """The names of the kinds of agents in a run, joined by "+"."""
    return "+".join(dict.fromkeys(kind.name for kind in config.kinds()))


def together(config: RunConfig, content: dict[str, Any]) -> bool:
    """Whether all seeds of a run are one curve: in sweeps, and where there are many."""
    return bool(content.get("sweep")) or config.seeds > SEEDS_AS_RUNS


def _runs(path: Path, config: RunConfig, content: dict[str, Any]) -> dict[str, str]:
    """The names and ids of the runs on W&B, for a run that nothing has been sent from."""
    identity = f"{path.name}-{content.get('created', '')}"
    title = f"{config.env} {society(config)}"
    if not together(config, content):
        numbers = range(config.seed, config.seed + config.seeds)
        return {f"{title} seed {each}": identifier(f"{identity}-seed {each}") for each in numbers}
    setting = f" {path.name}" if content.get("sweep") else ""
    seeds = f" seeds {config.seed}-{config.seed + config.seeds - 1}"
    name = f"{title}{setting}"[: LONGEST - len(seeds)] + seeds
    return {name: identifier(f"{identity}-{path.name if setting else 'all seeds'}")}


def identifier(name: str) -> str:
    """An id of characters that W&B allows, different for different names."""
    digest = f"-{zlib.crc32(name.encode()):08x}"
    return re.sub(r"[^A-Za-z0-9_]+", "-", name)[: LONGEST - len(digest)] + digest


def rows(record: Record, one: bool) -> Iterator[tuple[int, int, list[dict[str, float]]]]:
    """The finite numbers of every row of a record, for each curve.

    Args:
        record: R rows of S seeds; metrics of fewer seeds are those of the first.
        one: whether all seeds are one curve: then their mean, and the half width of its 95 %
            interval as ``<name>/ci95``; else every seed is a curve.

    Yields:
        Updates finished, environment steps per seed, and for each curve its numbers by name.
    """
    cells = list(columns(record.metrics))
    for row, (update, steps) in enumerate(zip(record.update, record.env_steps, strict=True)):
        seeds = 1 if one else max((values.shape[1] for _, values in cells), default=0)
        curves = [dict(_pair(cells, row) if one else _single(cells, row, s)) for s in range(seeds)]
        yield int(update), int(steps), [_finite(numbers) for numbers in curves]


def _single(cells: list, row: int, seed: int) -> Iterator[tuple[str, float]]:
    for name, values in cells:
        if seed < values.shape[1]:
            yield name, values[row, seed]


def _pair(cells: list, row: int) -> Iterator[tuple[str, float]]:
    for name, values in cells:
        mean, half = stats.mean_and_band(values[row][None])
        yield name, mean[0]
        yield f"{name}/ci95", half[0]


def _finite(numbers: dict[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items() if np.isfinite(value)}
