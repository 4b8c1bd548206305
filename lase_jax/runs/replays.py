"""What pages show of a run: its results, and episodes at several stages of its training."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax

from envs.checks import choice, refusal
from lase_jax.reports.replay import report
from lase_jax.reports.replay.recording import Label, Recording, recorder
from lase_jax.runs import devices, folder, metrics_csv, results
from lase_jax.runs.config import to_json
from lase_jax.runs.setup import Setup, checkpoints_of, load_config, set_up
from lase_jax.types import Carry, Mode


def stages(updates: Sequence[int], count: int) -> list[int]:
    """`count` of some numbers of updates, evenly spread, with the first and the last of them."""
    if count >= len(updates):
        return list(updates)
    if count == 1:
        return [updates[-1]]
    places = [round(index * (len(updates) - 1) / (count - 1)) for index in range(count)]
    return [updates[place] for place in places]


def restore(
    path: Path, say: Callable[[str], None], which: str, count: int
) -> tuple[Setup, dict[int, Carry]]:
    """Checkpoints of a run, by their numbers of updates; nothing in the folder is changed.

    Args:
        path: run folder.
        say: prints a line.
        which: "all" for up to `count` of those that are there, from early to late ones; else as in
            `setup.restore_run`.
        count: the most checkpoints.

    Raises:
        ConfigError: not a run folder, or no checkpoint that can be read.
    """
    devices.require_any()
    config, content = load_config(path)
    setup = set_up(config)
    found = {}
    if (path / folder.CHECKPOINTS).is_dir():
        checkpoints = checkpoints_of(path, config, content, say, read_only=True)
        try:
            every = checkpoints.all()
            choice("checkpoint", which, ["all", "newest", "best", *map(str, every)])
            named = {
                "newest": every[-1:],
                "best": [checkpoints.best()],
                "all": stages(every, count),
            }
            for update in named.get(which) or [int(which)]:
                restored = checkpoints.restore(setup.shapes(), update)
                if restored is not None:
                    found[restored[0]] = restored[1]
        finally:
            checkpoints.close()
    if not found:
        raise refusal("run", str(path), "it has no checkpoint that can be read, train first")
    return setup, found


def record(
    setup: Setup, carries: dict[int, Carry], seeds: Sequence[int], episodes: range, mode: Mode
) -> list[Recording]:
    """Records episodes of some seeds at every checkpoint.

    Args:
        setup: what is built from the run's settings.
        carries: by numbers of updates.
        seeds: numbers of seeds of the run.
        episodes: numbers of the episodes.
        mode: how actions are chosen.
    """
    play = recorder(setup.env, setup.algorithm, mode)
    per_update = setup.config.schedule.steps_per_update(setup.env.spec)
    recordings = []
    for update, carry in carries.items():
        for seed in seeds:
            place = setup.seeds.index(seed)
            state = jax.tree.map(lambda leaf, place=place: leaf[place], carry.state)
            for episode in episodes:
                label = Label(seed, update, update * per_update, episode)
                recordings.append(play(state, label))
    return recordings


def describe(path: Path, setup: Setup) -> dict[str, Any]:
    """The data of a report of a run: what it was made with, its results, curves and settings.

    Args:
        path: run folder.
        setup: what is built from its settings.

    Raises:
        ConfigError: its config.json or metrics.csv cannot be read.
    """
    config, content = load_config(path)
    record = metrics_csv.load(path / folder.METRICS)
    state = "finished" if results.finished(path) else "not finished"
    facts = {
        "Run": path.name,
        "Game": f"{config.env}, {setup.env.spec.num_agents} agents, {setup.env.spec.horizon} steps",
        "Agents": ", ".join(setup.seats),
        "Seeds": ", ".join(map(str, setup.seeds)),
        "Steps per seed": f"{int(record.env_steps[-1]):,} ({state})",
        "Begun": content.get("created", ""),
        "Versions": ", ".join(f"{n} {v}" for n, v in content.get("versions", {}).items()),
        "Revision": str(content.get("revision") or "unknown"),
        "Device": str(content.get("device", {}).get("kind", "unknown")),
    }
    tables = [report.of_agents(record, setup.seats), report.of_group(record)]
    return report.report(facts, tables, report.courses(record, setup.seats), to_json(config))
