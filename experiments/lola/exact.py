"""Exact LOLA against naive learners in the iterated prisoner's dilemma (Foerster et al. 2018).

    python -m experiments.lola.exact

Prints and writes ``exact.md`` beside this file; takes seconds.
"""

from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from lase_jax.algorithms.lola import exact
from lase_jax.reports.tables import markdown
from lase_jax.runs import files

PAYOFFS = ((-1.0, -3.0), (0.0, -2.0))
COOPERATION = -1.2
"""Joint cooperation: both players' values per step are above this (mutual cooperation pays -1)."""


@dataclass(frozen=True)
class Exact:
    """What to run."""

    seeds: int = 50
    """Pairs of players."""
    steps: int = 200
    """Learning steps."""
    lr: float = 1.0
    """Step size of both players."""
    gamma: float = 0.96
    """Discount."""
    lookaheads: tuple[float, ...] = (0.0, 0.5, 1.0)
    """Step sizes that each player assumes for the other's update; 0 is the naive learner."""


def outcome(run: Exact, lookahead: float) -> tuple[np.ndarray, np.ndarray]:
    """Final values per step and whether players play tit for tat, both ``[seeds, 2]``."""
    keys = jax.random.split(jax.random.key(0), run.seeds)
    numbers = [jnp.float32(x) for x in (run.gamma, run.lr, lookahead)]

    def one(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits, values = exact.learn_exact(key, jnp.array(PAYOFFS), *numbers, run.steps)
        return values[-1], exact.tit_for_tat(logits)

    values, tft = jax.jit(jax.vmap(one))(keys)
    return np.asarray(values), np.asarray(tft)


def table(run: Exact) -> str:
    """The outcomes as Markdown."""
    rows = []
    for lookahead in run.lookaheads:
        values, tft = outcome(run, lookahead)
        mean = values.mean(-1)
        joint = (values > COOPERATION).all(-1).mean()
        spread = f"{mean.mean():.3f} ± {mean.std(ddof=1):.3f}"
        rows.append([f"{lookahead:g}", spread, f"{joint:.0%}", f"{tft.mean():.0%}"])
    header = ("lookahead", "value per step, mean ± sd", "joint cooperation", "tit for tat")
    made = f"{run.seeds} seeds, {run.steps} steps, lr {run.lr:g}, gamma {run.gamma:g}."
    return f"{markdown(header, rows)}\n{made}\n"


def main() -> None:
    """Prints and writes the table."""
    text = table(tyro.cli(Exact, description=__doc__))
    print(text)
    files.write(Path(__file__).parent / "exact.md", text)


if __name__ == "__main__":
    main()
