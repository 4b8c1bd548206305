"""The commands ``replay`` and ``report``, which write pages, with their options."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from envs.checks import integer, require
from lase_jax.cli.options import Replay, Report, Shown
from lase_jax.cli.output import printable
from lase_jax.cli.parse import parse
from lase_jax.reports.record import Row
from lase_jax.reports.replay import page
from lase_jax.reports.replay import report as pages
from lase_jax.runs import devices, files, folder, replays
from lase_jax.runs.config import MAX_SEED, Presets
from lase_jax.runs.setup import Setup
from lase_jax.sweeps import sweep

MOST = 100
"""Episodes, seeds and checkpoints that a page may have each."""


def say(line: str) -> None:
    """Prints a line at once."""
    print(printable(line), flush=True)


def replay(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``replay``: some episodes of a run as a page."""
    del presets
    options = parse(Replay, arguments, f"{called} replay")
    _check(options)
    setup, data = _recorded(options, options.run)
    file = options.out or options.run / folder.PAGE
    _write(file, f"{options.run.name}: {setup.config.env}", {"replay": data})
    return 0


def report(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``report``: the results of a run or a sweep as a page, with a replay."""
    del presets
    options = parse(Report, arguments, f"{called} report")
    _check(options)
    is_sweep = (options.run / folder.SWEEP).is_file()
    rows = _rows(options.run) if is_sweep else []
    run = options.run / rows[0].name if rows else options.run
    setup, data = _recorded(options, run)
    described = replays.describe(run, setup)
    if rows:
        plan = sweep.load(options.run)
        headings, *cells = sweep.table(rows, plan.metric)
        table = pages.table(f"Settings by {plan.metric}, the best first", headings, cells)
        best = f"{rows[0].name}, whose curves, agents and settings follow"
        described["facts"][:1] = [["Sweep", options.run.name], ["Best setting", best]]
        described["tables"].insert(0, table)
        described["courses"][:0] = pages.of_sweep(rows, plan.metric)
    file = options.out or options.run / folder.REPORT
    _write(file, options.run.name, {"report": described, "replay": data})
    return 0


def _rows(path: Path) -> list[Row]:
    """The settings of a sweep, the best first."""
    rows = sweep.rows(path, sweep.load(path))
    require(bool(rows), "run", str(path), "none of its settings has been trained yet")
    return rows


def _check(options: Shown) -> None:
    integer("episode", options.episode, 0, MAX_SEED - MOST)
    for field in ("episodes", "seeds", "stages"):
        integer(field, getattr(options, field), 1, MOST)
    if options.out is not None:
        folder.require_foreign("out", options.out, options.run)


def _recorded(options: Shown, run: Path) -> tuple[Setup, dict[str, Any]]:
    """What is built from a run's settings, and the data of the replay of its episodes."""
    setup, carries = replays.restore(run, say, options.checkpoint, options.stages)
    remedy = f"this run has the seeds {setup.seeds[0]} to {setup.seeds[-1]}"
    require(options.seed in (-1, *setup.seeds), "seed", options.seed, remedy)
    seeds = setup.seeds[: options.seeds] if options.seed == -1 else [options.seed]
    episodes = range(options.episode, options.episode + options.episodes)
    recordings = replays.record(setup, carries, seeds, episodes, options.mode)
    title = f"{setup.config.env}: {', '.join(dict.fromkeys(setup.seats))}"
    return setup, page.replay(setup.env.spec, setup.seats, recordings, title)


def _write(file: Path, title: str, data: dict[str, Any]) -> None:
    with files.writing("out", file):
        files.write(file, page.compose(title, data))
    if devices.first_process():
        say(f"Written to {file} ({file.stat().st_size / 1e6:.1f} MB)")
