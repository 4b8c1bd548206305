"""The results of a run: a summary of its last rows, its learning curves and an episode as a GIF."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from lase_jax.reports import evaluate, plots, stats
from lase_jax.reports.animate import gif
from lase_jax.reports.record import Record
from lase_jax.runs import devices, files, folder, metrics_csv, overview
from lase_jax.runs.parts import Plan
from lase_jax.runs.program import Times
from lase_jax.runs.progress import of_possible
from lase_jax.runs.setup import Setup
from lase_jax.types import Carry, Mode


class Outcome(NamedTuple):
    """Progress and result of training a run."""

    carry: Any  # Carry; None during training, and before the first update
    done: int  # updates finished
    began: int  # updates that an earlier process had finished
    times: Times
    seconds: float  # of running, without tracing and compiling


def finished(path: Path) -> bool:
    """Whether the run in `path` has reached its last update and written its summary."""
    try:
        return files.read_json(path / folder.SUMMARY)["finished"] is True
    except (OSError, ValueError, LookupError, TypeError):
        return False


def write(
    path: Path,
    setup: Setup,
    plan: Plan,
    outcome: Outcome,
    pictures: bool,
    saved: bool,
    say: Callable[[str], None],
) -> list[str]:
    """Writes the summary and perhaps pictures; a message names each file that cannot be written.

    The summary is written last: if it says that the run is finished, the other files are complete.

    Args:
        path: folder of a run that has done some updates.
        setup: what is built from its settings.
        plan: how it is cut into parts.
        outcome: progress and result of its training; with the carry if `pictures` is true.
        pictures: whether to draw the curves and, if the run is finished, an episode.
        saved: whether its last checkpoint is on the disk; else there is no summary.
        say: prints a line.

    Returns:
        Names of the files that could not be written.
    """
    record = functools.cache(lambda: metrics_csv.load(path / folder.METRICS))
    carry = outcome.carry
    if pictures:
        carry = carry._replace(state=devices.host_local(carry.state))
    if not devices.first_process():
        return []

    def curves() -> None:
        names, most = setup.seats, setup.env.spec.max_return
        title = f"{setup.config.env}: {overview.seats(names)}"
        draw = functools.partial(plots.curves, record(), title, seats=names, most=most)
        files.replace(path / folder.CURVES, lambda file: draw(path=file))

    def replay() -> None:
        if outcome.done == plan.updates:
            write_replay(setup, carry, 0, "sample", path / folder.REPLAY)

    def conclusion() -> None:
        last = int(record().update[-1])
        if last != outcome.done:
            raise ValueError(f"{folder.METRICS} ends at update {last}, not {outcome.done}")
        result = summary(setup, plan, outcome, record())
        files.write_json(path / folder.SUMMARY, result)
        say(headline(result))

    drawn = {folder.CURVES: curves, folder.REPLAY: replay} if pictures else {}
    failed = []
    if pictures:
        what = "pictures, about 20 s" if outcome.done == plan.updates else folder.CURVES
        say(f"Drawing {what}; --no-pictures (in Python pictures=False) leaves this out.")
    for name, writer in (drawn | ({folder.SUMMARY: conclusion} if saved else {})).items():
        try:
            writer()
        except (OSError, ValueError, RuntimeError) as error:
            say(f"{name} could not be written ({files.reason(error)}).")
            failed.append(name)
    return failed


def write_replay(
    setup: Setup, carry: Carry, seed_index: int, mode: Mode, file: Path, episode: int = 0
) -> None:
    """Plays one episode of a seed's present policies and writes it as a GIF."""
    state = jax.tree.map(lambda leaf: leaf[seed_index], carry.state)
    seed = setup.seeds[seed_index]
    kinds = ", ".join(dict.fromkeys(setup.seats))
    title = f"{setup.config.env}: {kinds} (seed {seed})"
    key = jax.random.key(episode)
    scene = evaluate.scene(setup.env, setup.algorithm, state, key, mode, setup.seats, title)
    files.write(file, gif(scene))


def summary(setup: Setup, plan: Plan, outcome: Outcome, record: Record) -> dict[str, Any]:
    """Final results over seeds, and the time and speed of training in this process."""
    final = {}
    for name, values in sorted(record.metrics.items()):
        if values.ndim == 2:
            per_seed = stats.final(values)
            mean, half = stats.mean_and_band(per_seed[None])
            final[name] = {
                "mean": _rounded(mean[0]),
                "ci95": _rounded(half[0]),
                "seeds": [_rounded(value) for value in per_seed],
            }
    steps = (outcome.done - outcome.began) * plan.steps * setup.config.seeds
    return {
        "finished": outcome.done == plan.updates,
        "updates": outcome.done,  # also the name of the checkpoint
        "rows": len(record.update),
        "missing_rows": outcome.done // plan.window - len(record.update),
        "env_steps_per_seed": outcome.done * plan.steps,
        "planned_env_steps_per_seed": plan.updates * plan.steps,
        "max_return": setup.env.spec.max_return,
        "seats": list(setup.seats),
        "final": final,
        "final_rows": stats.final_rows(len(record.update)),
        "seconds": {**outcome.times._asdict(), "run": outcome.seconds},
        "steps_per_second": steps / outcome.seconds if steps and outcome.seconds else None,
    }


FEW = 4
"""Of fewer seeds all are said: their interval would be wider than what is possible."""


def headline(result: dict[str, Any]) -> str:
    """One line with the return at the end or, before it, after so many steps; and the speed."""
    final = result["final"].get("return/collective", {})
    mean, half = final.get("mean"), final.get("ci95")
    seeds = [each for each in final.get("seeds", ()) if each is not None]
    if half is None:
        band = ""
    elif len(seeds) < FEW:
        band = f" (seeds {', '.join(f'{each:.2f}' for each in seeds)})"
    else:
        band = f" (± {half:.2f}: 95 %, {len(seeds)} seeds)"
    done, planned = result["env_steps_per_seed"], result["planned_env_steps_per_seed"]
    earned = "" if mean is None else of_possible(f"{mean:.2f}", result["max_return"])
    learnt = f"Collective return {earned}{band} " if earned else ""
    if result["finished"]:
        learnt += f"at the end, {done:,} steps per seed" if earned else f"{done:,} steps per seed"
    else:
        learnt += f"after {done:,} of {planned:,} steps per seed"
    speed = result["steps_per_second"]
    missing = result["missing_rows"]
    lacks = f" {missing} of its rows are missing from {folder.METRICS}." if missing else ""
    took = f" in {result['seconds']['run']:.1f} s ({speed:,.0f} steps/s)" if speed else ""
    return f"{learnt}{took}.{lacks}"


def _rounded(value: float) -> float | None:
    return stats.number(round(float(value), 6))
