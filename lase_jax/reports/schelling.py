"""Schelling diagrams: what cooperators and defectors earn, by how many others cooperate.

A game is a social dilemma if all fare better when all cooperate than when all defect, and somebody
is tempted to defect or has reason to fear it (Schelling 1973; Hughes et al. 2018; Kong et al. 2024,
Fig. 10 and appendix B).

Letters: N seats, E episodes.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax.reports import scripted, stats, tables

Answer = Literal["yes", "no", "open"]


class Estimate(NamedTuple):
    """A mean over episodes and half the width of its 95 % interval; NaN where nobody is."""

    mean: float
    half: float

    def __str__(self) -> str:
        """E.g. ``"4.20 ± 0.13"``, or a dash."""
        return "-" if np.isnan(self.mean) else f"{self.mean:.2f} ± {self.half:.2f}"

    def above(self, other: "Estimate") -> Answer:
        """Whether this mean is larger; "open" if both intervals together allow for either."""
        difference, width = self.mean - other.mean, float(np.hypot(self.half, other.half))
        if difference > width:
            return "yes"
        return "no" if difference < -width or width == 0 else "open"


class Diagram(NamedTuple):
    """What the two kinds of players earn per episode."""

    game: str
    cooperators: list[Estimate]
    """N + 1, by the number of cooperators, themselves among them; nobody is there at 0."""
    defectors: list[Estimate]
    """N + 1, by the number of cooperators; nobody is there at N."""
    everyone: list[Estimate]
    """N + 1, the mean over all, by the number of cooperators."""

    @property
    def verdicts(self) -> dict[str, Answer]:
        """The properties of a social dilemma, and whether they hold; more episodes decide more."""
        cooperators, defectors = self.cooperators[1:], self.defectors[:-1]
        whole = cooperators[-1]
        answers: dict[str, Answer] = {
            "all fare better when all cooperate than when all defect": whole.above(defectors[0]),
            "a cooperator fares better with others than alone": whole.above(cooperators[0]),
            "fear: who is alone fares better by defecting": defectors[0].above(cooperators[0]),
            "greed: among cooperators one fares better by defecting": defectors[-1].above(whole),
        }
        return answers


def diagram(
    env: Env,
    game: str,
    episodes: int = 1000,
    seed: int = 0,
    pair: tuple[str, str] = ("cooperator", "defector"),
) -> Diagram:
    """Plays every number of cooperators.

    Args:
        env: the game.
        game: its name, for titles.
        episodes: of every number of cooperators, 2 or more.
        seed: of their random numbers.
        pair: names of the scripted policies of cooperators and defectors.

    Raises:
        ConfigError: fewer episodes, or the game has no such policies.
    """
    checks.integer("episodes", episodes, 2)
    for name in pair:
        checks.choice("pair", name, env.scripted)
    num = env.spec.num_agents
    ranks = np.random.default_rng(seed).permuted(np.tile(np.arange(num), (episodes, 1)), axis=1)
    play = jax.jit(partial(scripted.returns, env, pair))
    cooperators, defectors, everyone = [], [], []
    for count in range(num + 1):
        defects = ranks >= count  # in each episode others of the seats
        paid = np.asarray(play(jnp.asarray(defects, jnp.int32), jax.random.key(seed)))
        cooperators.append(_estimate(paid, ~defects))
        defectors.append(_estimate(paid, defects))
        everyone.append(_estimate(paid, np.ones_like(defects)))
    return Diagram(game, cooperators, defectors, everyone)


def _estimate(paid: np.ndarray, who: np.ndarray) -> Estimate:
    """The mean over episodes of what some of the seats earn on average; arrays ``[E, N]``."""
    each = stats.mean(np.where(who, paid, np.nan), -1)
    middle, half = stats.mean_and_band(each[None])
    return Estimate(float(middle[0]), float(half[0]))


def table(found: Diagram) -> tuple[Sequence[str], list[list[str]]]:
    """Heads and rows: one row for each number of cooperators."""
    heads = ("cooperators", "a cooperator earns", "a defector earns", "mean of all")
    kinds = (found.cooperators, found.defectors, found.everyone)
    rows = [[str(count), *map(str, each)] for count, each in enumerate(zip(*kinds, strict=True))]
    return heads, rows


def show(found: Diagram) -> None:
    """Prints the table, and which properties of a social dilemma hold."""
    from rich.table import Table

    heads, rows = table(found)
    shown = Table(*heads, title=f"{found.game}: return per episode")
    for row in rows:
        shown.add_row(*row)
    tables.show(shown, tables.console())
    for sentence, holds in found.verdicts.items():
        print(f"{holds:4} {sentence}")
