"""Exact LOLA and naive learners in 2x2 games, against themselves and each other: seconds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs.matrix import Matrix
from envs.registry import GAMES
from experiments.curves import save
from experiments.paper.book import NUMBERS
from experiments.paper.drawing import new
from lase_jax.algorithms.lola import exact
from lase_jax.presets.published import AUTHORS_DILEMMA
from lase_jax.runs import files

LOOKAHEADS = (0.0, 0.5, 1.0)
"""Step sizes that a player assumes for the other's update; 0 is the naive learner."""
RULES: Mapping[str, tuple[Matrix, float, float]] = {
    "ipd": (Matrix(**AUTHORS_DILEMMA), 0.96, 1.0),
    "matching_pennies": (GAMES["matching_pennies"], 0.9, 1.0),
}
"""Game, discount and step size, by name."""
COOPERATION = -1.2
"""Joint cooperation: both players' values per step are above this (mutual cooperation pays -1)."""
EVEN = 0.1
"""A player mixes evenly if all its probabilities are within this of one half."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Exact:
    """What to run."""

    seeds: int = 50
    """Pairs of players."""
    steps: int = 200
    """Learning steps."""
    out: Path = HERE
    """Where numbers and figure go."""


class Outcome(NamedTuple):
    """What has become of some pairs of players, S of them, after T steps."""

    logits: np.ndarray  # [S, 2, 5]
    values: np.ndarray  # [S, T, 2] per step
    reciprocal: np.ndarray  # [S, 2] bool, whether a player plays tit for tat


def outcome(game: str, lookaheads: tuple[float, float], run: Exact) -> Outcome:
    """Both players learn, each with a lookahead of its own."""
    rules, gamma, lr = RULES[game]
    payoffs = jnp.asarray(rules.payoffs())
    numbers = jnp.float32(gamma), jnp.float32(lr), jnp.array(lookaheads, jnp.float32)

    def one(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        logits, values = exact.learn_exact(key, payoffs, *numbers, run.steps)
        return logits, values, exact.tit_for_tat(logits)

    keys = jax.random.split(jax.random.key(0), run.seeds)
    return Outcome(*map(np.asarray, jax.jit(jax.vmap(one))(keys)))


def dilemma(found: Outcome) -> dict[str, float]:
    """The numbers of two equal players in the dilemma."""
    last = found.values[:, -1]
    return {
        "value": float(last.mean()),
        "deviation": float(last.mean(-1).std(ddof=1)),
        "highest": float(last.max()),
        "cooperation": float((last > COOPERATION).all(-1).mean()),
        "tit_for_tat": float(found.reciprocal.mean()),
    }


def pennies(found: Outcome) -> dict[str, float]:
    """The numbers of two equal players in matching pennies."""
    chance = 1.0 / (1.0 + np.exp(-found.logits))
    even = (abs(chance - 0.5) < EVEN).all((1, 2))
    return {
        "even": float(even.mean()),
        "value": float(found.values[:, -1, 0].mean()),
        "deviation": float(found.values[:, -1, 0].std(ddof=1)),
    }


def write(run: Exact) -> None:
    """Learns, and writes the numbers and the figure."""
    equal = {
        game: {f"{ahead:g}": outcome(game, (ahead, ahead), run) for ahead in LOOKAHEADS}
        for game in RULES
    }
    tournament = [
        [float(outcome("ipd", (own, other), run).values[:, -1, 0].mean()) for other in LOOKAHEADS]
        for own in LOOKAHEADS
    ]
    numbers = {
        "ipd": {name: dilemma(found) for name, found in equal["ipd"].items()},
        "matching_pennies": {
            name: pennies(found) for name, found in equal["matching_pennies"].items()
        },
        "tournament": tournament,
        "seeds": run.seeds,
        "steps": run.steps,
    }
    run.out.mkdir(parents=True, exist_ok=True)
    files.write(run.out / NUMBERS, json.dumps(numbers, indent=1) + "\n")
    files.replace(run.out / "exact.png", lambda file: draw(equal, tournament, file))


def draw(
    equal: Mapping[str, Mapping[str, Outcome]], tournament: list[list[float]], path: Path
) -> None:
    """Values on the way in both games, seed by seed, and the tournament."""
    figure, (dilemmas, coins, table) = new(3)
    colours = dict(zip(equal["ipd"], ("#78716c", "#fb923c", "#1e3a8a"), strict=True))
    for axis, game in ((dilemmas, "ipd"), (coins, "matching_pennies")):
        for name, found in equal[game].items():
            steps = np.arange(1, found.values.shape[1] + 1)
            each = found.values[..., 0]
            axis.plot(steps, each[:10].T, color=colours[name], alpha=0.2, linewidth=0.7)
            axis.plot(steps, each.mean(0), color=colours[name], label=f"lookahead {name}")
        axis.set(title=game, xlabel="learning step", ylabel="value per step, player 1")
        axis.grid(alpha=0.25)
    dilemmas.legend(fontsize=8)
    table.imshow(tournament, cmap="viridis")
    values = np.array(tournament)
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if value < values.mean() else "black"
        table.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink)
    ticks = range(len(equal["ipd"]))
    table.set_xticks(ticks, [*equal["ipd"]])
    table.set_yticks(ticks, [*equal["ipd"]])
    table.set(title="ipd: value of the row's player", xlabel="other's lookahead", ylabel="own")
    save(figure, path)
