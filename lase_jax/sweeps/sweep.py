"""Sweeps: many settings and seeds trained side by side, the worse settings stopped early.

    runs/<sweep>/    sweep.json, table.md, table.csv, sweep.png, wandb.yaml
    runs/<sweep>/<setting>/    an ordinary run

Every setting is an ordinary run, which can be evaluated, rendered and resumed by itself. Settings
that need the same program are trained together (`run.train_together`); equal seeds of different
settings play the same episodes as long as their policies choose the same actions.

Sequential halving (Karnin et al. 2013; Jamieson and Talwalkar 2016): with n halvings, the worse
half of the settings stops after ``1 / 2**n`` of the updates, the worse half of the others after
``1 / 2**(n - 1)``, and so on.
"""

import csv
import glob
import io
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from envs.checks import ConfigError, choice, integer, refusal, require
from lase_jax.reports import plots, stats, tables
from lase_jax.reports.record import Record, Row
from lase_jax.runs import config, devices, files, folder, lock, metrics_csv, results
from lase_jax.runs.config import RunConfig
from lase_jax.runs.parts import Plan, plan_of
from lase_jax.runs.run import Run, Say, grouped, train_together
from lase_jax.runs.setup import Setup, create_run, load_config
from lase_jax.runs.signals import stop_signals, stopped
from lase_jax.sweeps import axes

TABLE, NUMBERS, PICTURE = "table.md", "table.csv", "sweep.png"
AGENTS = "wandb.yaml"
MAX_HALVINGS = 20
"""More would compare settings before a millionth of the training."""
SHOWN = 20
"""Largest number of settings that are printed."""


@dataclass
class Sweep:
    """The plan of a sweep and its progress; the content of sweep.json."""

    metric: str
    """Metric by which settings are compared; more is better."""
    halvings: int
    """How many times the worse half of the settings is stopped."""
    settings: dict[str, axes.Setting]
    """The settings, by the names of their runs' folders."""
    halved: int = 0
    """How many halvings have been done."""
    stopped: dict[str, int] = field(default_factory=dict)
    """Settings that were stopped, and after which update."""
    diverged: dict[str, str] = field(default_factory=dict)
    """Settings that diverged, and the message of each."""
    made: bool = True
    """Whether the folders of all settings have been made."""

    def alive(self) -> list[str]:
        """The settings that have neither been stopped nor diverged."""
        return [name for name in self.settings if name not in self.stopped | self.diverged]


def load(path: Path) -> Sweep:
    """Reads sweep.json.

    Raises:
        ConfigError: not a sweep's folder.
    """
    try:
        sweep = files.structured(Sweep, files.read_json(path / folder.SWEEP))
        for name in (*sweep.settings, *sweep.stopped, *sweep.diverged):
            folder.require_plain("settings", name)
            choice("settings", name, sweep.settings)
        require(bool(sweep.settings), "settings", {}, "begin the sweep anew")
        integer("halvings", sweep.halvings, 0, MAX_HALVINGS)
        integer("halved", sweep.halved, 0, sweep.halvings)
        return sweep
    except (OSError, ValueError) as error:
        problem = f"it is not a sweep's folder ({files.reason(error)})"
        remedy = f"{problem}, use one that holds a {folder.SWEEP}"
        raise refusal("resume", str(path), remedy) from error


def require_own_runs(path: Path, sweep: Sweep) -> None:
    """Requires that every run in the folder of a sweep is of the setting that it stands for.

    Raises:
        ConfigError: names one that is not, e.g. as somebody has moved it.
    """
    remedy = "its run is of another setting, put the right one back or begin the sweep anew"
    for name, setting in sweep.settings.items():
        if (path / name / folder.CONFIG).is_file():
            own = folder.read(path / name).get("setting") == setting
            require(own, "resume", str(path / name), remedy)


def save(path: Path, sweep: Sweep) -> None:
    """Writes sweep.json."""
    files.write_json(path / folder.SWEEP, asdict(sweep))


def require_free(path: Path, overwrite: bool) -> None:
    """Requires that a sweep may be made in the folder `path`.

    Args:
        path: the folder.
        overwrite: whether a sweep that lies there already may be deleted.

    Raises:
        ConfigError: something lies there that may not be deleted.
    """
    folder.require_storable(path)
    with files.writing("out", path):
        free = folder.is_free(path)
        ours = (path / folder.SWEEP).is_file()
    other = "use another name, --resume to go on with that sweep, or --overwrite to delete it"
    require(free or (overwrite and ours), "name", path.name, other)
    if free:
        return
    runs = tuple(load(path).settings)
    names = map(glob.escape, runs)
    parts = (folder.SWEEP, folder.REPORT, AGENTS, TABLE, NUMBERS, PICTURE)
    folder.require_known(path, (*parts, *names))
    for name in runs:
        if (path / name).is_dir():
            folder.require_known(path / name, folder.PARTS)


def create(
    path: Path, sweep: Sweep, runs: Sequence[RunConfig], overwrite: bool = False, **facts: Any
) -> None:
    """Makes the folders of a sweep and of all its runs.

    Args:
        path: folder of the sweep.
        sweep: the plan of the sweep.
        runs: the run of each setting.
        overwrite: whether a sweep that lies there already may be deleted.
        **facts: what config.json of every run gets besides.

    Raises:
        ConfigError: something lies there that may not be deleted, or it cannot be written.
    """
    require_free(path, overwrite)
    with files.writing("out", path):
        folder.make_empty(path)
        save(path, replace(sweep, made=False))  # if this ends here, it can be overwritten
    for (name, setting), run in zip(sweep.settings.items(), runs, strict=True):
        create_run(run, path / name, overwrite=False, sweep=path.name, setting=setting, **facts)
    with files.writing("out", path):
        save(path, sweep)


def require_metric(name: str, setup: Setup) -> None:
    """Requires that runs have a metric of a name; traces one update to know.

    Raises:
        ConfigError: they have not; names the nearest ones.
    """
    _, metrics = jax.eval_shape(lambda carry: setup.trainer.run(carry, 1), setup.shapes())
    choice("metric", name, metrics)


def rungs(sweep: Sweep) -> list[float]:
    """The shares of training after which settings are compared; the last is 1."""
    return [0.5**left for left in range(sweep.halvings - sweep.halved, -1, -1)]


def played(halvings: int) -> float:
    """The share of all updates of all settings that is played, where so many halvings stop some."""
    return 0.5**halvings * (1 + halvings / 2)


def run(path: Path, command: str, say: Say = print, keep: bool = True) -> int:
    """Starts or resumes a sweep, and writes its table and its picture.

    Args:
        path: folder of the sweep.
        command: the command that resumes this sweep, for messages.
        say: prints a line.
        keep: whether the folder stays if Ctrl-C ends the sweep before its first update.

    Returns:
        An exit code: 0 when finished, 1 when some setting diverged or could not be saved, 128 + n
        when stopped by signal n.

    Raises:
        ConfigError: not a sweep's folder, or a run in it that cannot go on.
    """
    begun = load(path)  # what is no sweep gets no lock
    remedy = "it was stopped while its folders were made, begin it again with --overwrite"
    require(begun.made, "resume", str(path), remedy)
    with lock.held(path):
        return _run(path, command, say, keep)


def _run(path: Path, command: str, say: Say, keep: bool) -> int:
    """`run` with the sweep's lock."""
    sweep = load(path)
    require_own_runs(path, sweep)
    with stop_signals() as received:
        for share in rungs(sweep):
            diverged, unsaved = stage(path, sweep.alive(), share, received, say)
            sweep.diverged |= diverged
            over = stopped(received)
            if share < 1 and not over and not unsaved:
                halve(path, sweep, share, say)
            devices.first_alone(lambda: save(path, sweep))
            if unsaved:
                say(f"Not saved: {'; '.join(unsaved)}. Mend that, then go on: {command}")
                return 1
            if over:
                if keep or received[0] != signal.SIGINT or is_used(path, sweep):
                    say(f"Stopped. To go on: {command}")
                else:
                    devices.first_alone(lambda: folder.discard_unused(path))
                    say("Stopped before the first update: nothing is kept.")
                return 128 + received[0]
    for name, reason in sweep.diverged.items():
        say(f"{name} diverged: {reason}")
    devices.first_alone(lambda: report(path, sweep, say))
    return 1 if sweep.diverged else 0


def is_used(path: Path, sweep: Sweep) -> bool:
    """Whether any setting of a sweep has been trained, as the first process sees it."""
    used = any(folder.is_used(path / name) for name in sweep.settings)
    return devices.agreed(used and devices.first_process())


def stage(
    path: Path,
    names: Sequence[str],
    share: float,
    received: list[int],
    say: Say,
) -> tuple[dict[str, str], list[str]]:
    """Trains some runs of a sweep up to a share of their updates.

    Returns:
        The message of each run that diverged, by its name; and what could not be saved.
    """
    runs = [Run(path / name, named_by(name, say), pictures=False) for name in names]
    try:
        going = [each for each in runs if each.done < until(each.plan, share)]
        groups = grouped(going, lambda each: (config.program_key(each.setup.config), each.done))
        for number, group in enumerate(groups, 1):
            seeds = sum(len(each.setup.seeds) for each in group)
            say(f"Program {number} of {len(groups)}: {len(group)} settings, {seeds} seeds.")
            train_together(group, until(group[0].plan, share), received, say)
            for each in group:
                each.conclude()
        stopped(received)
        for each in runs:
            if not each.begun and each.done >= each.plan.updates and not each.finished:
                each.begin()  # it was killed before it could write its results
                each.conclude()
    finally:
        for each in runs:
            each.close()
    devices.agreed(False)  # waits until the first process has written all results
    diverged = {each.path.name: str(each.diverged) for each in runs if each.diverged}
    unsaved = [f"{each.path.name}: {', '.join(each.unsaved)}" for each in runs if each.unsaved]
    return diverged, unsaved


def named_by(name: str, say: Say) -> Say:
    """The function `say` with the name of a run before every line."""
    return lambda line: say(f"{name}: {line}")


def until(plan: Plan, share: float) -> int:
    """The update, at the end of a part, after which a share of the training is done."""
    return plan.part * max(1, round(share * plan.updates / plan.part))


def halve(path: Path, sweep: Sweep, share: float, say: Say) -> None:
    """Stops the worse half of the settings that are left, after a share of their updates."""
    scores = {name: _order(score(path / name, sweep.metric)) for name in sweep.alive()}
    best = sorted(scores, key=lambda name: -scores[name])
    num_kept = -(-len(best) // 2)
    for name in best[num_kept:]:
        run, _ = load_config(path / name)
        sweep.stopped[name] = until(plan_of(run), share)
    sweep.halved += 1
    say(f"Halving {sweep.halved} of {sweep.halvings}: {num_kept} of {len(best)} settings go on.")


def score(path: Path, metric: str) -> np.ndarray:
    """A metric over the last rows of a run, ``[S]``, mean over seats; one NaN if there are no rows.

    Raises:
        ConfigError: the run has no such metric.
    """
    try:
        record = metrics_csv.load(path / folder.METRICS)
    except ConfigError:  # no rows, e.g. because the disk is full
        return np.array([np.nan])
    return stats.final(plots.over_seats(named(record, metric)))


def rows(path: Path, sweep: Sweep) -> list[Row]:
    """Every setting that has metrics, the best first; stopped and diverged ones come last."""

    def row(name: str) -> Row:
        record = metrics_csv.load(path / name / folder.METRICS)
        curve = plots.over_seats(named(record, sweep.metric))
        note = "diverged" if name in sweep.diverged else "stopped"
        note = "" if results.finished(path / name) else note
        final = stats.final(curve)
        return Row(name, sweep.settings[name], record.env_steps, curve, final, note)

    unsorted = [row(name) for name in sweep.settings if (path / name / folder.METRICS).is_file()]
    return sorted(unsorted, key=lambda row: (row.note != "", -_order(row.final)))


def _order(values: np.ndarray) -> float:
    """The mean as a score to sort by; NaN is the worst."""
    return float(np.nan_to_num(values.mean(), nan=-np.inf))


def named(record: Record, metric: str) -> np.ndarray:
    """The metric of that name, ``[R, S, ...]``.

    Raises:
        ConfigError: the runs have no such metric.
    """
    choice("metric", metric, record.metrics)
    return record.metrics[metric]


def table(found: Sequence[Row], metric: str) -> list[list[str]]:
    """The results as lines of text; the first line names the columns."""
    labels = list(found[0].setting)
    lines = [[*labels, metric, "ci95", "lowest", "highest", "steps", "note"]]
    for row in found:
        mean, half = stats.mean_and_band(row.final[None])
        numbers = (mean[0], half[0], row.final.min(), row.final.max())
        texts = ("" if np.isnan(number) else f"{number:.4g}" for number in numbers)
        lines.append([*row.setting.values(), *texts, f"{row.steps[-1]}", row.note])
    return lines


def report(path: Path, sweep: Sweep, say: Say) -> None:
    """Writes the table and the picture of a sweep."""
    ranked = rows(path, sweep)
    if not ranked:
        return
    lines = table(ranked, sweep.metric)
    numbers = io.StringIO()
    csv.writer(numbers, lineterminator="\n").writerows(lines)
    files.write(path / NUMBERS, numbers.getvalue())
    files.write(path / TABLE, tables.markdown(lines[0], lines[1:]))
    most = load_config(path / ranked[0].name)[0].game.spec().max_return
    files.replace(path / PICTURE, lambda file: plots.sweep(ranked, sweep.metric, file, most))
    show(lines)
    say(f"The best is {path / ranked[0].name}; all are in {path / TABLE} and {PICTURE}.")


def show(lines: Sequence[Sequence[str]]) -> None:
    """Prints the best lines of a table."""
    from rich.table import Table

    left = len(lines) - 1 - SHOWN
    out = Table(caption=f"and {left} more" if left > 0 else None)
    for name in lines[0]:
        out.add_column(name)
    for line in lines[1 : SHOWN + 1]:
        out.add_row(*line)
    tables.show(out, tables.console())


def for_agents(
    found: Sequence[axes.Axis], run: RunConfig, command: Sequence[str], metric: str, path: Path
) -> bool:
    """Writes the same sweep for `wandb sweep`, whose agents train one setting at a time.

    Args:
        found: the axes.
        run: the run whose settings are varied.
        command: options of ``train`` that all settings share.
        metric: metric by which settings are compared.
        path: file to write.

    Returns:
        Whether it was written: agents pass ``--name=value``, which works neither for flags nor for
        lists of numbers.
    """

    def values(axis: axes.Axis) -> dict[str, Any]:
        if isinstance(axis.values, tuple):
            return {"values": list(axis.values)}
        whole = isinstance(axes.value_at(run, axis.path), int)
        kinds = (
            ("q_log_uniform_values", "int_uniform") if whole else ("log_uniform_values", "uniform")
        )
        kind = kinds[0] if axis.values.log else kinds[1]
        low, high = (round(end) if whole else end for end in (axis.values.low, axis.values.high))
        return {"distribution": kind, "min": low, "max": high}

    if any(isinstance(axes.value_at(run, axis.path), bool | tuple) for axis in found):
        return False
    start = ["${interpreter}", "-m", "lase_jax.cli", "train"]
    drawn = any(isinstance(axis.values, axes.Range) for axis in found)
    files.write_json(
        path,
        {
            "method": "random" if drawn else "grid",
            "metric": {"name": metric, "goal": "maximize"},
            "command": [*start, *command, "--wandb=online", "${args}"],
            "parameters": {axes.option(axis.path)[2:]: values(axis) for axis in found},
        },
    )
    return True
