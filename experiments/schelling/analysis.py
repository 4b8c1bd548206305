"""Which games are social dilemmas, and of which kind (Kong et al. 2024, Fig. 10 and Table 3).

    python -m experiments.schelling.analysis

Writes ``results.md``, ``results.json`` and ``diagrams.png`` beside this file; ``lase schelling
GAME`` does the same for one game.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

import envs
from lase_jax.cli import guarded
from lase_jax.reports import plots, schelling, stats
from lase_jax.reports.tables import markdown
from lase_jax.runs import files

PAPER = ("ssh", "ssg", "coingame", "cleanup")
"""The games of Fig. 10."""
OTHERS = (
    *("ssh_strict", "ssg_extn", "cleanup_extn", "cleanup_7x7", "cleanup_10x10", "cleanup_small"),
    *("harvest_small", "escape_room", "escape_room_3", "box_trapped", "box_ring", "ipd"),
)
HEADS = ("game", "R_c(N)", "R_d(0)", "R_c(1)", "dilemma", "fear", "greed")

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Analysis:
    """What to play."""

    games: tuple[str, ...] = (*PAPER, *OTHERS)
    """Names of games."""
    episodes: int = 1000
    """Episodes of every number of cooperators."""
    out: Path = HERE
    """Where the table and the figure go."""


def row(found: schelling.Diagram) -> list[str]:
    """A row of the table."""
    ends = (found.cooperators[-1], found.defectors[0], found.cooperators[1])
    better, with_others, *tempted = found.verdicts.values()
    holds = better == with_others == "yes" and "yes" in tempted
    words = ["yes" if holds else "no", *tempted]
    return [found.game, *map(str, ends), *words]


def numbers(found: schelling.Diagram) -> dict[str, Any]:
    """The diagram as JSON: what each kind earns, and which properties hold."""
    kinds = {"cooperators": found.cooperators, "defectors": found.defectors}
    earned = {name: [stats.number(each.mean) for each in kind] for name, kind in kinds.items()}
    return earned | {"verdicts": found.verdicts}


def write(settings: Analysis) -> None:
    """Plays, and writes the table, its numbers and the figure."""
    found = []
    for name in settings.games:
        found.append(schelling.diagram(envs.make(name), name, settings.episodes))
        print(", ".join(row(found[-1])), flush=True)
    note = (
        f"Return per episode and agent, {settings.episodes} episodes of every number of "
        "cooperators, ± 95 % interval. Dilemma: R_c(N) above R_d(0) and R_c(1), and fear or greed. "
        "Fear: a defector earns more than a cooperator where nobody else cooperates; greed: where "
        "all others do. `python -m experiments.schelling.analysis`"
    )
    table = markdown(HEADS, [row(each) for each in found])
    settings.out.mkdir(parents=True, exist_ok=True)
    files.write(settings.out / "results.md", f"{table}\n{note}\n")
    every = {each.game: numbers(each) for each in found}
    files.write(settings.out / "results.json", json.dumps(every, indent=1) + "\n")
    shown = [each for each in found if each.game in PAPER]
    if shown:
        drawing = settings.out / "diagrams.png"
        files.replace(drawing, lambda path: plots.schelling(shown, path))


def main() -> int:
    """Plays, writes what was found, and returns an exit code."""
    write(tyro.cli(Analysis, description=__doc__))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
