"""What can be earned in each game: by scripted players, by what has been learnt, and at most.

    python -m experiments.ceilings.analysis

Every society of scripted cooperators, defectors and, where the game has them, cleaners plays whole
episodes. Beside the best of them stand the best that has been learnt, of what
`experiments.learning_curves` has kept, and the bound that follows from the game's rules. Writes
``results.md`` and ``ceilings.json``, the largest return that a society is known to reach.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement
from pathlib import Path

import jax
import jax.numpy as jnp
import tyro

from envs.registry import GAMES as CONFIGS
from envs.types import Env
from experiments import style
from experiments.ceilings import FILE
from experiments.curves import fraction
from experiments.learning_curves import sweep
from lase_jax.cli import guarded
from lase_jax.reports import scripted
from lase_jax.reports.tables import markdown
from lase_jax.runs import files

GAMES = ("ssh", "ssh_strict", "ssg", "coingame", "cleanup", "ipd")
EPISODES = 1000
HEADS = (
    *("game", "bound", "scripted", "all defect", "best scripted society"),
    *("group learner", "best learnt", "by"),
)


@dataclass(frozen=True)
class Analysis:
    """What to play."""

    games: tuple[str, ...] = GAMES
    """Names of games."""
    episodes: int = EPISODES
    """Episodes of each scripted society."""


def societies(game: str) -> list[tuple[str, ...]]:
    """Who sits where, for every number of each scripted policy in `_names`."""
    env = CONFIGS[game].build()
    return list(combinations_with_replacement(_names(env), env.spec.num_agents))


def _names(env: Env) -> list[str]:
    """Policies of the game that want something: neither random moves nor a good deed's show."""
    return [name for name in env.scripted if name not in ("random", "pretender")]


def played(
    game: str, seatings: Sequence[Sequence[str]], episodes: int
) -> dict[tuple[str, ...], float]:
    """Mean collective return of scripted societies, by who sits where."""
    env = CONFIGS[game].build()
    names = _names(env)
    play = jax.jit(partial(scripted.returns, env, names))
    found = {}
    for seats in seatings:
        kinds = jnp.tile(jnp.array([names.index(seat) for seat in seats]), (episodes, 1))
        found[tuple(seats)] = float(play(kinds, jax.random.key(0)).sum(-1).mean())
    return found


def learnt(game: str) -> dict[str, float]:
    """Mean return without epsilon of each kept algorithm's best seed, by the algorithm's name."""
    found = sweep.kept((game,)) if game in sweep.GAMES else {}
    return {
        algo: float(finding.played["return/collective"].max())
        for (_, algo), finding in found.items()
    }


def main() -> int:
    """Plays, writes the table and the numbers, and returns an exit code."""
    where = tyro.cli(Analysis, description=__doc__)
    rows, reached = [], {}
    for game in where.games:
        returns = played(game, societies(game), where.episodes)
        best = max(returns, key=returns.__getitem__)
        found, bound = learnt(game), CONFIGS[game].spec().max_return
        first = max(found, key=found.__getitem__, default=None)
        kinds = ", ".join(f"{count} {name}" for name, count in Counter(best).items())
        selfish = returns[("defector",) * len(best)]
        numbers = (bound, returns[best], selfish)
        learners = (found.get("go"), found.get(first))
        rows.append(
            [
                game,
                *(fraction(number, 1) for number in numbers),
                kinds,
                *(fraction(number, 1) for number in learners),
                style.LABELS.get(first, "-"),
            ]
        )
        reached[game] = round(max([returns[best], *found.values()]), 2)
        print(f"{game}: {kinds} earn {returns[best]:.1f}", flush=True)
    note = (
        f"Means over {where.episodes} episodes; of what was learnt, the best seed's over 100. "
        "`python -m experiments.ceilings.analysis`"
    )
    files.write(Path(__file__).parent / "results.md", f"{markdown(HEADS, rows)}\n{note}\n")
    files.write_json(FILE, reached)
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
