"""Speed on one accelerator with up to 8192 environments or 256 seeds, within 8 minutes.

    make bench EXTRA=cuda12 ARGS="device [--into BENCHMARKS.md]"

LASE in Cleanup with the paper's networks, and in the Sequential Stag-Hunt with the preset's dense
ones. Sizes are measured from the smallest to the largest, in turns for both, so that only the
largest sizes are left out when time is up; a size that does not fit into memory has dashes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from experiments.bench import report
from experiments.bench.scaling import Point, published, sweep

TRAININGS = (("cleanup", "lase", "paper"), ("ssh", "lase", "dense"))
SIZES = {
    "environments": (1, 32, 256, 1024, 4096, 8192),
    "seeds": (1, 4, 16, 64, 256),
}


@dataclass(frozen=True)
class Device:
    """What to measure."""

    minutes: float = 8.0
    """Time limit; no size is started that would exceed it."""
    repeats: int = 3
    """Timed repeats; the median counts."""
    quick: bool = False
    """The two smallest sizes and one repeat, to see that it runs."""
    out: Path = Path("runs/device.json")
    """Where the JSON goes; the plot lies beside it."""
    into: Path | None = None
    """A Markdown file to fill in, e.g. BENCHMARKS.md."""


def points(quick: bool) -> list[Point]:
    """The points to measure, smallest sizes first, in turns for all trainings."""
    return [
        Point(*training, along, sizes[index])
        for index in range(2 if quick else max(map(len, SIZES.values())))
        for along, sizes in SIZES.items()
        for training in TRAININGS
        if index < len(sizes)
    ]


def main(arguments: Sequence[str]) -> None:
    """Measures, draws the plot, prints the tables and writes the JSON."""
    bench = tyro.cli(Device, description=__doc__, args=arguments)
    repeats = 1 if bench.quick else bench.repeats
    rows = sweep(points(bench.quick), repeats, bench.out, bench.minutes)
    published("device", rows, bench.out, report.source("device", arguments), bench.into)
