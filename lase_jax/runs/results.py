"""What a run leaves for people: a summary of its end, its curves, and an episode to look at."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from lase_jax.reports import evaluate, plots, stats
from lase_jax.reports.animate import gif
from lase_jax.reports.record import Record
from lase_jax.runs import devices, folder, sinks
from lase_jax.runs.parts import Plan
from lase_jax.runs.program import Times
from lase_jax.runs.setup import Setup
from lase_jax.types import Carry, Mode


class Outcome(NamedTuple):
    """What training left behind."""

    carry: Any  # Carry; None while it trains, and before the first update
    done: int  # updates finished
    began: int  # updates that an earlier process had finished
    times: Times
    seconds: float  # of running, without tracing and compiling


def finished(path: Path) -> bool:
    """Whether the run in `path` has reached its last update and written down what it found."""
    try:
        return json.loads((path / folder.SUMMARY).read_text())["finished"] is True
    except (OSError, ValueError, LookupError, TypeError):
        return False


def write(
    path: Path,
    setup: Setup,
    plan: Plan,
    outcome: Outcome,
    pictures: bool,
    say: Callable[[str], None],
) -> dict[str, Path]:
    """Writes summary and perhaps pictures. What cannot be written is said, and harms nothing.

    The summary comes last: where it says that the run is finished, all else has been written.

    Args:
        path: folder of a run that has done some updates.
        setup: what its settings stand for.
        plan: how it is cut into parts.
        outcome: what training left behind; with its carry, if there are to be pictures.
        pictures: whether to draw the curves and, if the run is finished, an episode.
        say: prints a line.

    Returns:
        The pictures' files by name, whether they exist or not.
    """
    record = functools.cache(lambda: sinks.load(path / folder.METRICS))
    carry = outcome.carry
    if pictures:
        carry = carry._replace(state=devices.host_local(carry.state))
    if not devices.first_process():
        return {}

    def curves() -> None:
        title = f"{setup.config.env}, {' and '.join(dict.fromkeys(setup.seats))}"
        folder.replace(path / folder.CURVES, lambda file: plots.curves(record(), title, file))

    def replay() -> None:
        if outcome.done == plan.updates:
            write_replay(setup, carry, 0, "sample", path / folder.REPLAY)

    def conclusion() -> None:
        result = summary(setup, plan, outcome, record())
        folder.write_json(path / folder.SUMMARY, result)
        say(headline(result))

    drawn = {folder.CURVES: curves, folder.REPLAY: replay} if pictures else {}
    for name, writer in (drawn | {folder.SUMMARY: conclusion}).items():
        try:
            writer()
        except (OSError, ValueError, RuntimeError) as error:
            say(f"{name} could not be written ({folder.reason(error)}).")
    return {name: path / name for name in drawn}


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
    folder.write(file, gif(scene))


def summary(setup: Setup, plan: Plan, outcome: Outcome, record: Record) -> dict[str, Any]:
    """Final results over seeds, and how long it all took since the run last went on."""
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
        "updates": outcome.done,
        "env_steps_per_seed": outcome.done * plan.steps,
        "seats": list(setup.seats),
        "final": final,
        "final_rows": stats.final_rows(len(record.update)),
        "seconds": {**outcome.times._asdict(), "run": outcome.seconds},
        "steps_per_second": steps / outcome.seconds if steps else None,
    }


def headline(result: dict[str, Any]) -> str:
    """One line that says how it went."""
    final = result["final"].get("return/collective", {})
    mean, half = final.get("mean"), final.get("ci95")
    band = f" +- {half:.2f}" if half is not None else ""
    learnt = f"Collective return {mean:.2f}{band} at the end, " if mean is not None else ""
    speed = result["steps_per_second"]
    took = f" in {result['seconds']['run']:.1f} s ({speed:,.0f} steps/s)" if speed else ""
    return f"{learnt}{result['env_steps_per_seed']:,} steps per seed{took}."


def _rounded(value: float) -> float | None:
    return stats.number(round(float(value), 6))
