"""Weights & Biases as a place for metrics, pictures, and results of evaluation.

Letters: R rows (each the mean over some updates), S seeds, N seats.
"""

import inspect
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.checks import require
from lase_jax.reports import heatmap, stats
from lase_jax.reports.record import Record
from lase_jax.runs import dashboards, folder, lock, tools
from lase_jax.runs.config import RunConfig, WandbMode
from lase_jax.runs.dashboards import Destination
from lase_jax.runs.files import reason
from lase_jax.runs.setup import load_config

HEATMAPS = 4
"""How many heat maps of weights a seed gets in a whole training."""
WEIGHTS = ("relation/weight", "gift/weight")
"""Metrics ``[R, S, N, N]`` that may be drawn as heat maps, the best first."""


class Table(NamedTuple):
    """A table that W&B shows."""

    titles: list[Any]
    rows: list[list[Any]]


class Wandb:
    """Logs to Weights & Biases: a run per seed in one group, or one aggregate run for many seeds.

    The runs of a sweep are one group, with one aggregate run for each setting. An agent of
    ``wandb sweep`` has one run, whose name and id it has set itself. Rows have the number of
    updates as their step, so that those which a resumed run repeats are taken once.

    Args:
        path: run folder; the files of W&B lie inside it.
        config: the run's settings.
        content: what W&B shows as the run's settings: all of its config.json.
        destination: where it logs to; what W&B makes of it is noted in the run folder.
        done: updates that are finished.
        updates: number of updates of the whole training.
        say: prints a line.
    """

    def __init__(
        self,
        path: Path,
        config: RunConfig,
        content: dict[str, Any],
        destination: Destination,
        done: int,
        updates: int,
        say: Callable[[str], None],
    ):
        self.agent = "WANDB_SWEEP_ID" in os.environ
        each = len(destination.runs) == config.seeds and not self.agent
        self.aggregate = dashboards.together(config, content) or not each
        self.newest, self.updates = done, updates
        self.shares: np.ndarray | None = None  # [S, N, N] the newest weights
        self.runs: list[Any] = []
        settings = _settings(config, content, self.aggregate)
        mode = destination.mode
        if mode == "online" and not has_key():
            say(f"W&B has no API key ({login()}): logging offline. {later(path)}")
            mode = "offline"
        try:
            self._open(path, destination, mode, settings)
        except Exception as error:
            if mode == "offline":
                raise
            say(f"W&B cannot be reached ({reason(error)}): logging offline. {later(path)}")
            self.finish()
            # W&B may still take the first ids for open runs.
            ids = {
                name: dashboards.identifier(f"{first}-offline")
                for name, first in destination.runs.items()
            }
            destination = destination._replace(runs=ids)
            self._open(path, destination, "offline", settings)
        dashboards.write(path, self._found(destination))

    def _open(
        self, path: Path, to: Destination, mode: WandbMode, configs: list[dict[str, Any]]
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
        for config, (name, each) in zip(configs, to.runs.items(), strict=False):
            place: dict[str, Any] = (
                {} if self.agent else {"id": each, "name": name, "group": to.group}
            )
            run = wandb.init(
                project=to.project,
                entity=to.entity or None,
                tags=to.tags,
                job_type=to.job_type,
                notes=to.notes or None,
                resume="allow" if mode == "online" else None,
                config=config,
                dir=path,
                mode=mode,
                reinit="create_new",
                settings=settings,
                **place,
            )
            run.define_metric("*", step_metric="env_steps")
            self.runs.append(run)

    def _found(self, to: Destination) -> Destination:
        """The destination with what W&B has decided itself."""
        runs = {run.name or name: run.id for name, run in zip(to.runs, self.runs, strict=False)}
        first = self.runs[0]
        return to._replace(
            runs=runs, project=first.project or to.project, entity=first.entity or to.entity
        )

    def write(self, record: Record) -> None:
        """Logs every row; to an aggregate run, means and half widths of their 95 % intervals."""
        name = next((each for each in WEIGHTS if each in record.metrics), "")
        for row, (update, steps, curves) in enumerate(dashboards.rows(record, self.aggregate)):
            due = HEATMAPS * update // self.updates > HEATMAPS * self.newest // self.updates
            self.newest = update
            if name:
                self.shares = _known(record.metrics[name][row], self.shares)
            for index, (run, numbers) in enumerate(zip(self.runs, curves, strict=True)):
                media = self._heatmap(index, steps) if due else {}
                run.log({"env_steps": steps, **numbers, **media}, step=update)

    def _heatmap(self, index: int, steps: int) -> dict[str, Any]:
        """The newest weights of one of W&B's runs as a picture; nothing where nobody gives."""
        import wandb

        if self.shares is None:
            return {}
        one = stats.mean(self.shares, 0) if self.aggregate else self.shares[index]
        if not (one * (1 - np.eye(len(one))) > 0).any():
            return {}
        return {"weights/heatmap": wandb.Image(heatmap.weights(one, f"w_ij, {steps:,} steps"))}

    def close(self, files: dict[str, Path]) -> None:
        """Adds the pictures and finishes."""
        if self.runs and files:
            self.runs[0].log(dict(_media(files)), step=self.newest)
        self.finish()

    def conclude(
        self, metrics: dict[str, np.ndarray], tables: dict[str, Table], files: dict[str, Path]
    ) -> None:
        """Adds results to the summaries of the runs, and finishes.

        Args:
            metrics: ``[S, ...]`` by name; the seeds may be fewer than those of the run.
            tables: by name; for the first of the runs.
            files: pictures by name; for the first of the runs.
        """
        import wandb

        record = Record(
            np.zeros(1), np.zeros(1), {name: each[None] for name, each in metrics.items()}
        )
        (_, _, curves) = next(dashboards.rows(record, self.aggregate))
        for run, numbers in zip(self.runs, curves, strict=False):
            run.summary.update(numbers)
        shown = {
            name: wandb.Table(columns=each.titles, data=list[Any](each.rows))
            for name, each in tables.items()
        }
        self.runs[0].summary.update({**shown, **dict(_media(files))})
        self.finish()

    def finish(self) -> None:
        """Closes the runs."""
        for run in self.runs:
            run.finish()
        self.runs = []


def add_results(
    path: Path,
    say: Callable[[str], None],
    metrics: dict[str, np.ndarray],
    tables: dict[str, Table] | None = None,
    files: dict[str, Path] | None = None,
) -> None:
    """Adds results to what W&B has of a run; nothing if it was not logged to W&B.

    Args:
        path: run folder.
        say: prints a line, also where the results cannot be sent.
        metrics: see `Wandb.conclude`.
        tables: see `Wandb.conclude`.
        files: see `Wandb.conclude`.
    """
    try:
        to = dashboards.read(path)
        if to is None or to.mode == "disabled":
            return
        with lock.alone(path):
            folder.require_own(path / folder.WANDB)
            sink = Wandb(path, *load_config(path), to, done=0, updates=1, say=say)
            sink.conclude(metrics, tables or {}, files or {})
    except Exception as error:
        say(f"W&B does not get these results ({reason(error)}).")


def require_key() -> None:
    """Requires that W&B can log in without asking a person.

    Raises:
        ConfigError: it has no API key; names the command that asks for it.
    """
    require(has_key(), "WANDB_API_KEY", "", f"{login()}, or set it")


def login() -> str:
    """What to do where W&B has no API key."""
    return f"run `{tools.typed('wandb')} login`"


def later(path: Path) -> str:
    """A sentence that says how what was logged offline is sent to W&B."""
    return f"To send it later: {tools.typed('lase')} sync {shlex.quote(str(path))}"


def _settings(config: RunConfig, content: dict[str, Any], aggregate: bool) -> list[dict[str, Any]]:
    """What each of W&B's runs shows as its settings: all, with what they are grouped by on top."""
    seeds = range(config.seed, config.seed + config.seeds)
    whole = content | {"env": config.env, "algo": dashboards.society(config)}
    return [whole | {"seeds": list(seeds)}] if aggregate else [whole | {"seed": s} for s in seeds]


def _known(new: np.ndarray, old: np.ndarray | None) -> np.ndarray:
    """The new weights, and the old ones where there are no new ones."""
    return new if old is None else np.where(np.isfinite(new), new, old)


def _media(files: dict[str, Path]) -> Iterator[tuple[str, Any]]:
    """Pictures and animations as W&B shows them, named by kind and file."""
    import wandb

    for path in files.values():
        if path.suffix == ".png":
            yield f"picture/{path.stem}", wandb.Image(str(path))
        if path.suffix == ".gif":
            yield f"replay/{path.stem}", wandb.Video(str(path), format="gif")


def _require_home(otherwise: Path) -> None:
    """Sets HOME where it is missing: W&B's other process floods standard error without it."""
    if os.name == "posix" and not os.environ.get("HOME"):
        os.environ.pop("HOME", None)
        try:
            os.environ["HOME"] = str(Path.home())
        except RuntimeError:  # the machine does not know its user, as in containers
            os.environ["HOME"] = str(otherwise)


def has_key() -> bool:
    """Whether W&B can log in without asking a person."""
    import wandb

    wandb.setup(wandb.Settings(silent=True))
    if "prompt" in inspect.signature(wandb.login).parameters:  # not in older versions
        return wandb.login(prompt=False, verify=False)
    return bool(wandb.api.api_key)


def default_entity() -> str:
    """The user or team that W&B takes where none is named; asks W&B."""
    import wandb

    return wandb.Api().default_entity or ""
