"""Which games are social dilemmas, and of which kind (Kong et al. 2024, Fig. 10 and Table 3).

    python -m experiments.schelling.analysis

Writes ``results.md`` and ``diagrams.png`` beside this file; ``lase schelling GAME`` does the same
for one game.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

import envs
from lase_jax.cli import guarded
from lase_jax.reports import plots, schelling
from lase_jax.reports.tables import markdown
from lase_jax.runs import files

PAPER = ("ssh", "ssg", "coingame", "cleanup")
"""The games of Fig. 10."""
OTHERS = (
    *("ssh_strict", "ssg_extn", "cleanup_extn", "cleanup_7x7", "cleanup_10x10", "cleanup_small"),
    *("harvest_small", "escape_room", "escape_room_3", "box_trapped", "ipd"),
)
HEADS = ("game", "R_c(N)", "R_d(0)", "R_c(1)", "dilemma", "fear", "greed")


@dataclass(frozen=True)
class Analysis:
    """What to play."""

    games: tuple[str, ...] = (*PAPER, *OTHERS)
    """Names of games."""
    episodes: int = 1000
    """Episodes of every number of cooperators."""
    out: Path = Path(__file__).parent
    """Where the table and the figure go."""


def row(found: schelling.Diagram) -> list[str]:
    """A row of the table."""
    ends = (found.cooperators[-1], found.defectors[0], found.cooperators[1])
    better, with_others, *tempted = found.verdicts.values()
    holds = better == with_others == "yes" and "yes" in tempted
    words = ["yes" if holds else "no", *tempted]
    return [found.game, *(f"{each.mean:.2f} ± {each.half:.2f}" for each in ends), *words]


def main() -> int:
    """Plays, writes the table and the figure, and returns an exit code."""
    settings = tyro.cli(Analysis, description=__doc__)
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
    files.write(settings.out / "results.md", f"{table}\n{note}\n")
    shown = [each for each in found if each.game in PAPER]
    if shown:
        drawing = settings.out / "diagrams.png"
        files.replace(drawing, lambda path: plots.schelling(shown, path))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
