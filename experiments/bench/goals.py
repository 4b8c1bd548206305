"""The performance goals, beside what the newest measurements in ``runs/`` reached.

On two CPU cores, except the last two goals, which are for one H200, over all seeds and
environments.

make bench ARGS="goals [--into BENCHMARKS.md]"
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from experiments.bench import report
from experiments.bench.roofline import TRAINED, title

SMALL = ("ssh", "ssg", "ssg_extn", "coingame", "cleanup", "cleanup_extn", "escape_room", "ipd")
"""Games without beams, whose maps are small."""
WAYS = {"update": "one program", TRAINED: TRAINED}
"""Names, in the table, of the two ways in which a roofline times an update."""


@dataclass(frozen=True)
class Goals:
    """Where the measurements lie."""

    runs: Path = Path("runs")
    """Folder with bench.json, device.json and roofline/."""
    into: Path | None = None
    """A Markdown file to fill in, e.g. BENCHMARKS.md."""


def read(path: Path) -> Any:
    """A file's JSON, or None if nothing was measured."""
    return json.loads(path.read_text()) if path.exists() else None


def ratios(runs: Path) -> Iterator[tuple[str, str, float | None, bool | None]]:
    """Goals measured by rooflines: what, aim, reached, met."""
    aims = (
        ("paper", 0, "lase", 2.0),
        ("paper", 8, "lase", 2.5),
        ("dense", 0, "lase", 2.0),
        ("dense", 0, "si", 1.8),
        ("dense", 0, "lio", 3.0),
    )
    paper = read(runs / "roofline" / f"{title('cleanup', 'paper', 0)}.json")
    share = None
    if paper:
        update = paper["phases"]["lase"][TRAINED]
        share = update["cost"]["flops"] / update["seconds"] / paper["peak"]["flops"]
    yield (
        "LASE's share of the matrix rate as trained, Cleanup, paper's network",
        ">= 0.40",
        share,
        met(share, low=0.4),
    )
    for net, agents, algorithm, most in aims:
        name = title("cleanup", net, agents)
        phases = (read(runs / "roofline" / f"{name}.json") or {"phases": {}})["phases"]
        for part in ("update", TRAINED):
            reached = None
            if algorithm in phases and "a2c" in phases:
                reached = phases[algorithm][part]["seconds"] / phases["a2c"][part]["seconds"]
            what = f"{algorithm}'s time beside A2C's, {name}, {WAYS[part]}"
            yield what, f"<= {most}", reached, met(reached, most)


def speeds(runs: Path) -> Iterator[tuple[str, str, float | None, bool | None]]:
    """Goals measured by `speed`."""
    rows = (read(runs / "bench.json") or {"rows": []})["rows"]
    for game in SMALL:
        rate = next((r["steps_per_second"] for r in rows if r["case"] == f"{game} random"), None)
        rate = None if rate is None else rate / 1e6
        yield f"{game}, million steps/s at random", ">= 1.00", rate, met(rate, low=1.0)
    lase = [r for r in rows if r["algorithm"] == "lase"]
    cold = max((r["trace_seconds"] + r["compile_seconds_cold"] for r in lase), default=None)
    ready = max((r["ready_seconds"] for r in lase), default=None)
    yield "LASE: trace and cold compile, slowest case, s", "<= 25", cold, met(cold, 25.0)
    yield "LASE: ready from the cache, slowest case, s", "<= 3", ready, met(ready, 3.0)


def accelerated(runs: Path) -> Iterator[tuple[str, str, float | None, bool | None]]:
    """Goals measured by `device`, at the fastest size."""
    rows = read(runs / "device.json") or []
    for training, aim in (("cleanup lase paper", 1.0), ("ssh lase dense", 5.0)):
        rates = [r["steps_per_second"] or 0.0 for r in rows if r["label"] == training]
        best = max(rates) / 1e6 if rates else None
        yield f"{training} on an H200, million steps/s", f">= {aim:.2f}", best, met(best, low=aim)


def met(reached: float | None, most: float = float("inf"), low: float = 0.0) -> bool | None:
    """Whether a number lies in its bounds; None where there is none."""
    return None if reached is None else low <= reached <= most


def main(arguments: Sequence[str]) -> None:
    """Prints the table."""
    bench = tyro.cli(Goals, description=__doc__, args=arguments)
    words = {True: "yes", False: "**no**", None: "not measured"}
    rows = [
        [what, aim, report.number(reached, 2), words[is_met]]
        for find in (ratios, speeds, accelerated)
        for what, aim, reached, is_met in find(bench.runs)
    ]
    text = "\n" + report.table(["goal", "aim", "reached", "met"], rows)
    report.publish("goals", text + "\n" + report.source("goals", arguments), bench.into)
