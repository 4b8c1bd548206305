"""Whether a long run needs ever more memory and disk, tested on a run cut into very many parts.

    make bench ARGS="growth [--minutes 20] [--into BENCHMARKS.md]"

Whatever can grow does so with the number of parts that are written and saved, not with the hours,
and a run of a day has a hundred parts by default. So many more parts are run here within minutes:
an ordinary ``train`` in a process of its own writes metrics and checkpoints after every part, and
logs to W&B offline. The process is observed from outside, and stopped as Ctrl-C would stop it. The
rates are slopes fitted to the observations after the first quarter, when everything has run at
least once; if ``ps`` does not answer, the rate of memory is missing.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tyro

from experiments.bench import report
from lase_jax.runs import files, folder

MANY = 10**6
"""A number of parts that no run reaches."""


@dataclass(frozen=True)
class Growth:
    """What to measure."""

    env: str = "ipd"
    """Name of the game."""
    algo: str = "lase"
    """Name of the algorithm."""
    minutes: float = 20.0
    """How long it trains."""
    looks: int = 60
    """Number of observations during the run."""
    quick: bool = False
    """A minute, to see that it runs."""
    out: Path = Path("runs/growth.json")
    """Where the JSON goes."""
    into: Path | None = None
    """A Markdown file to fill in, e.g. BENCHMARKS.md."""


class Look(NamedTuple):
    """An observation of a run."""

    seconds: float
    """Since it was started."""
    parts: int
    """Saved so far."""
    memory: float
    """MiB of the process that trains; nan where it is not known."""
    metrics: float
    """MiB of metrics.csv."""
    wandb: float
    """MiB of W&B's files."""
    checkpoints: float
    """MiB of checkpoints."""


def resident(process: int) -> float:
    """MiB of memory that a process holds; nan where it is not known."""
    asked = ["ps", "-o", "rss=", "-p", str(process)]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return float("nan")
    return int(answer) / 2**10 if answer else float("nan")


def size(path: Path) -> float:
    """MiB of a file, or of all files in a folder, some of which may vanish meanwhile."""
    total = 0
    for file in (path, *path.rglob("*")):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return total / 2**20


def newest(run: Path) -> int:
    """Updates that the newest checkpoint of a run has; here each part is one update."""
    saved = (run / folder.CHECKPOINTS).glob("[0-9]*")
    return max((int(each.name) for each in saved if each.name.isdigit()), default=0)


def looks(bench: Growth, run: Path) -> Iterator[Look]:
    """Trains, and observes the run at equal intervals.

    Raises:
        SystemExit: training ended by itself.
    """
    begin, seconds = time.monotonic(), 60.0 if bench.quick else 60 * bench.minutes
    horizon = f"--steps={10**9}", f"--chunks={MANY}", f"--points={MANY}", "--save-every=0"
    named = f"--env={bench.env}", f"--algo={bench.algo}", "--seeds=1", f"--out={run.parent}"
    command = sys.executable, "-m", "lase_jax.cli", "train", f"--name={run.name}"
    with (
        (run.parent / "said.txt").open("w+") as log,
        subprocess.Popen([*command, *named, *horizon], stdout=log, stderr=log) as training,
    ):
        try:
            for turn in range(1, bench.looks + 1):
                time.sleep(max(0.0, begin + seconds * turn / bench.looks - time.monotonic()))
                if training.poll() is not None:
                    log.seek(0)
                    raise SystemExit(f"Training ended with {training.returncode}:\n{log.read()}")
                if parts := newest(run):
                    yield Look(
                        time.monotonic() - begin,
                        parts,
                        resident(training.pid),
                        size(run / folder.METRICS),
                        size(run / "wandb"),
                        size(run / folder.CHECKPOINTS),
                    )
        finally:
            training.send_signal(signal.SIGINT)


def slope(seen: Sequence[Look], field: str) -> float:
    """KiB per part, by least squares over the observations after the first quarter."""
    later = seen[len(seen) // 4 :]
    parts = np.array([look.parts for look in later], float)
    values = np.array([getattr(look, field) for look in later])
    if len(later) < 2 or not np.isfinite(values).all():
        return float("nan")
    return float(np.polyfit(parts, values, 1)[0]) * 2**10


GROWING = {
    "memory": "memory of the process",
    "metrics": "metrics.csv",
    "wandb": "W&B, offline",
    "checkpoints": "checkpoints",
}
"""Quantities that are observed, and their names in the table."""


def main(arguments: Sequence[str]) -> None:
    """Measures, prints the table and writes the JSON."""
    bench = tyro.cli(Growth, description=__doc__, args=arguments)
    with tempfile.TemporaryDirectory() as made:
        observed = list(looks(bench, Path(made) / "growth"))
    bench.out.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(bench.out, [look._asdict() for look in observed])
    if not observed:
        raise SystemExit("No part was saved in this time: give it more --minutes.")
    first, last = observed[len(observed) // 4], observed[-1]
    rows = [
        [
            name,
            *(report.number(getattr(look, field), 2) for look in (first, last)),
            report.number(slope(observed, field), 3),
        ]
        for field, name in GROWING.items()
    ]
    header = ["MiB", f"after {first.parts:,} parts", f"after {last.parts:,}", "KiB per part"]
    text = "\n" + report.table(header, rows) + "\n" + report.source("growth", arguments)
    report.publish("growth", text, bench.into)
