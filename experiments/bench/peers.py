"""The coin game beside alternatives, on the same cores within the same minutes.

    make bench ARGS="peers [--into BENCHMARKS.md]"

JaxMARL is measured if the Python of ``--python`` has it. It needs a virtual environment of its own:

    python3 -m venv /tmp/jaxmarl && /tmp/jaxmarl/bin/pip install jaxmarl
    make bench ARGS="peers --python /tmp/jaxmarl/bin/python"

Any other program is measured with ``--other "name=command"``: the command gets the numbers of
environments, steps and repeats as further arguments, and its last line is JSON with ``rates``, the
environment steps per second of each repeat. Programs take turns, each in its own process.
`coin` has the rules and their differences.
"""

import json
import shlex
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from experiments.bench import report
from lase_jax.runs import files

JAXMARL = Path(__file__).with_name("peer_jaxmarl.py")


@dataclass(frozen=True)
class Peers:
    """What to measure."""

    python: str = sys.executable
    """The Python that has JaxMARL."""
    other: tuple[str, ...] = ()
    """Further programs, each as name=command."""
    envs: tuple[int, ...] = (64, 1024)
    """Environments side by side."""
    steps: int = 1000
    """Steps of each environment."""
    rounds: int = 3
    """Turns of every program; the median over all its repeats counts."""
    repeats: int = 3
    """Timed repeats in a turn."""
    quick: bool = False
    """A tenth of the work, to see that it runs."""
    out: Path = Path("runs/peers.json")
    """Where the JSON goes."""
    into: Path | None = None
    """A Markdown file to fill in, e.g. BENCHMARKS.md."""


def commands(bench: Peers) -> dict[str, list[str]]:
    """What is run, by name; JaxMARL only where it is installed."""
    module = [sys.executable, "-m", "experiments.bench.coin"]
    programs = {"lase_jax": [*module, "ours"], "NumPy loop, one game": [*module, "numpy"]}
    asked = subprocess.run([bench.python, "-c", "import jaxmarl"], capture_output=True, check=False)
    if asked.returncode:
        print(f"JaxMARL is not measured, for {bench.python} does not have it.\n{__doc__}")
    else:
        programs["JaxMARL"] = [bench.python, str(JAXMARL)]
    return programs | {
        name: shlex.split(command)
        for name, command in (other.split("=", 1) for other in bench.other)
    }


def run(command: Sequence[str], *numbers: int) -> dict[str, Any]:
    """One turn of a program: the JSON that it prints last.

    Raises:
        SystemExit: it failed.
    """
    done = subprocess.run(
        [*command, *map(str, numbers)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main(arguments: Sequence[str]) -> None:
    """Measures, prints the table and writes the JSON."""
    bench = tyro.cli(Peers, description=__doc__, args=arguments)
    steps, rounds = (100, 1) if bench.quick else (bench.steps, bench.rounds)
    programs, measured = commands(bench), []
    for envs in bench.envs:
        rates: dict[str, list[float]] = {name: [] for name in programs}
        labels = dict(zip(programs, programs, strict=True))
        for _ in range(rounds):
            for name, command in programs.items():
                made = run(command, envs, steps, bench.repeats)
                rates[name] += made["rates"]
                labels[name] = made.get("label", name)
        measured += [
            {"program": labels[name], "envs": envs, "rates": each} for name, each in rates.items()
        ]
    bench.out.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(bench.out, measured)
    text = "\n" + report.table(HEADER, rows(measured)) + "\n" + report.source("peers", arguments)
    report.publish("peers", text, bench.into)


HEADER = ("program", "environments", "steps/s", "lowest-highest", "lase_jax is faster by")


def rows(kept: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The rows of the table, each program compared with ours at the same number of environments."""
    middle = {(row["program"], row["envs"]): statistics.median(row["rates"]) for row in kept}
    return [
        [
            row["program"],
            str(row["envs"]),
            report.number(middle[row["program"], row["envs"]], 0),
            f"{min(row['rates']):,.0f}-{max(row['rates']):,.0f}",
            f"{middle['lase_jax', row['envs']] / middle[row['program'], row['envs']]:.2f}",
        ]
        for row in kept
    ]
