"""What an update costs with more agents, environments or seeds, and how large its program is.

    make bench ARGS="scaling [--into BENCHMARKS.md]"

Cleanup with the preset's dense networks and batch, except for the quantity that grows. If the size
of the program grew with agents, environments or seeds, there would be a Python loop over them.
Seeds or environments are divided over the cores of a CPU as in training.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import jax
import tyro

from experiments.bench import clock, report, speed
from lase_jax.runs import files

UPDATES = 2
"""Updates that are timed together."""


@dataclass(frozen=True)
class Scaling:
    """What to measure."""

    algorithms: tuple[str, ...] = ("a2c", "lase")
    """Names of the algorithms."""
    repeats: int = 5
    """Timed repeats; the median counts."""
    quick: bool = False
    """Two sizes of each and one repeat, to see that it runs."""
    out: Path = Path("runs/scaling.json")
    """Where the JSON goes; the plot lies beside it."""
    into: Path | None = None
    """A Markdown file to fill in, e.g. BENCHMARKS.md."""


@dataclass(frozen=True)
class Point:
    """One size of one training."""

    game: str
    algorithm: str
    net: str
    along: str
    """What grows: "agents", "environments" or "seeds"."""
    size: int

    @property
    def label(self) -> str:
        """Label of the point's line in the plot."""
        return f"{self.game} {self.algorithm} {self.net}"


SIZES = {
    "agents": (2, 4, 8, 16),
    "environments": (4, 16, 64, 256),
    "seeds": (1, 2, 4, 8),
}


def settings(point: Point) -> Any:
    """The preset, with the size of one quantity changed."""
    run = speed.settings(speed.Case(point.game, point.algorithm, point.net), seeds=1)
    if point.along == "agents":
        return replace(run, game=replace(run.game, num_agents=point.size))
    if point.along == "seeds":
        return replace(run, seeds=point.size)
    return replace(run, schedule=replace(run.schedule, num_envs=point.size))


def measure(point: Point, repeats: int) -> dict[str, Any]:
    """Measures one size in this process; a size that does not fit into memory has no numbers."""
    config, numbers = settings(point), dict.fromkeys(NUMBERS)
    spec = config.game.spec()
    try:
        program = clock.compiled(*speed.laid_out(config, UPDATES))
        taken = clock.medians({"": program}, repeats)[""] / UPDATES
        steps = config.schedule.steps_per_update(spec) * config.seeds
        numbers = {
            "update_ms": 1e3 * taken,
            "steps_per_second": steps / taken,
            "agent_steps_per_second": steps * spec.num_agents / taken,
            "lines": program.lines,
            "compile_seconds": program.trace_seconds + program.compile_seconds,
            "peak_memory_mib": clock.peak_memory(),
        }
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
    return asdict(point) | {"label": point.label, "device": clock.device()} | numbers


NUMBERS = {
    "update_ms": ("ms/update", 1),
    "steps_per_second": ("steps/s", 0),
    "agent_steps_per_second": ("agent steps/s", 0),
    "lines": ("lines of program", 0),
    "compile_seconds": ("trace + compile s", 1),
    "peak_memory_mib": ("MiB", 0),
}
"""What is measured: the column's name and its digits."""


def sweep(
    points: Sequence[Point], repeats: int, out: Path, minutes: float = float("inf")
) -> list[dict[str, Any]]:
    """Measures points until time is up, each in a fresh process, and writes JSON as it goes.

    A point is started only if there is still time for the longest one so far.
    """
    begin, longest, rows = time.monotonic(), 0.0, []
    out.parent.mkdir(parents=True, exist_ok=True)
    for number, point in enumerate(points, 1):
        start = time.monotonic()
        if start - begin + longest > 60 * minutes:
            print(f"Time is up: {len(points) - number + 1} points are left out.", flush=True)
            break
        rows.append(clock.isolated(measure, point, repeats))
        longest = max(longest, time.monotonic() - start)
        files.write_json(out, rows)
        speed_ = report.number(rows[-1]["steps_per_second"], 0)
        print(
            f"[{number}/{len(points)}] {point.label}, {point.size} {point.along}: {speed_} steps/s",
            flush=True,
        )
    return rows


def published(
    name: str, rows: list[dict[str, Any]], out: Path, line: str, into: Path | None
) -> None:
    """Draws the plot beside the JSON, and publishes a table for each quantity that grows."""
    text, panels = "", {}
    for along in dict.fromkeys(row["along"] for row in rows):
        group = [row for row in rows if row["along"] == along]
        cells = [
            [
                row["label"],
                row["size"],
                *(report.number(row[k], d) for k, (_, d) in NUMBERS.items()),
            ]
            for row in group
        ]
        text += "\n" + report.table(["training", along, *(n for n, _ in NUMBERS.values())], cells)
        panels[along] = {
            label: {
                row["size"]: row["steps_per_second"]
                for row in group
                if row["label"] == label and row["steps_per_second"]
            }
            for label in dict.fromkeys(row["label"] for row in group)
        }
    picture = (into.parent / "experiments" / "bench" if into else out.parent) / f"{name}.png"
    report.draw(panels, "environment steps/s", picture)
    link = picture.relative_to(into.parent) if into else picture
    report.publish(name, f"{text}\n![{name}]({link})\n\n{line}", into)


def main(arguments: Sequence[str]) -> None:
    """Measures, draws the plot, prints the tables and writes the JSON."""
    bench = tyro.cli(Scaling, description=__doc__, args=arguments)
    points = [
        Point("cleanup", algorithm, "dense", along, size)
        for along, sizes in SIZES.items()
        for algorithm in bench.algorithms
        for size in (sizes[:2] if bench.quick else sizes)
    ]
    rows = sweep(points, 1 if bench.quick else bench.repeats, bench.out)
    published("scaling", rows, bench.out, report.source("scaling", arguments), bench.into)
