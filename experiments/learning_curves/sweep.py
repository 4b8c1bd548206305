"""Trains every algorithm on every game of Fig. 5 and on the IPD, with equal budgets.

    python -m experiments.learning_curves.sweep [--games ssh ssg] [--algos lase a2c]

Each run has a folder of its own under ``runs/learning_curves``; what it shows is kept in
``findings`` beside this file. Runs that are kept there are skipped and interrupted ones are
continued, so that the command can be repeated.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import tyro

from envs import checks
from envs.registry import GAMES as CONFIGS
from experiments.presets import preset
from experiments.study import train_all
from lase_jax.cli import guarded
from lase_jax.core.settings import changed
from lase_jax.learners import with_learner
from lase_jax.runs.config import RunConfig

GAMES = ("ssh", "ssg", "coingame", "cleanup", "ipd")
ALGORITHMS = ("a2c", "ia", "si", "lio", "lio_unpaid", "lola", "gift", "lase_wo", "lase", "go")
BY_PPO = ("ppo", "gift_ppo", "lase_ppo", "go_ppo")
"""Algorithms that are also trained by PPO, with the settings that trials with A2C have chosen."""
TRAINED = (*ALGORITHMS, *BY_PPO)


class Variant(NamedTuple):
    """An algorithm with other settings than its preset, or by another learner."""

    algo: str
    own: dict[str, Any] = {}
    learner: str = ""

    @property
    def options(self) -> str:
        """The options that make the algorithm this variant."""
        named = {f"agent.{field.replace('_', '-')}": value for field, value in self.own.items()}
        given = named | ({"learner": self.learner} if self.learner else {})
        return " ".join(f"--{option} {value}" for option, value in given.items())


VARIANTS = {
    "lio_unpaid": Variant("lio", dict(max_incentive=1e-6)),
    **{f"{algo}_ppo": Variant(algo, learner="ppo") for algo in ("gift", "lase", "go")},
}
"""Variants by name. LIO with incentives close to zero is a control, as its learner, through whose
steps it differentiates, is not the one that the others share."""
OF_TWO = tuple(game for game in GAMES if CONFIGS[game].spec().num_agents == 2)
"""The games of two agents, the only ones that LOLA can play."""
SEEDS = 5
OUT = Path("runs/learning_curves")
KEPT = Path(__file__).parent / "findings"
"""Where what the runs have shown is kept."""


@dataclass(frozen=True)
class Sweep:
    """What to train."""

    games: tuple[str, ...] = GAMES
    """Names of games."""
    algos: tuple[str, ...] = ()
    """Names of algorithms and variants; none for all that can play the games."""
    seeds: int = SEEDS
    """Seeds of each run."""
    out: Path = OUT
    """Parent of the run folders."""


def pairs(games: tuple[str, ...], algos: tuple[str, ...]) -> list[tuple[str, str]]:
    """The pairs of a game and an algorithm that can play it; of all algorithms if none is named.

    Raises:
        ConfigError: LOLA is named without a game of two agents.
    """
    for algo in algos:
        fits = algo != "lola" or set(games) & set(OF_TWO)
        checks.require(bool(fits), "algos", algo, f"name one of its games too: {', '.join(OF_TWO)}")
    named = algos or TRAINED
    return [(game, algo) for game in games for algo in named if algo != "lola" or game in OF_TWO]


def settings(game: str, algo: str, seeds: int) -> RunConfig:
    """Settings of one run, of an algorithm or a variant."""
    variant = VARIANTS.get(algo, Variant(algo))
    run = preset(game, variant.algo)
    agent = with_learner(changed(run.agent, variant.own), variant.learner)
    return dataclasses.replace(run, agent=agent, seeds=seeds, wandb="disabled")


def command(game: str, algo: str, seeds: int) -> str:
    """The command that trains this run alone."""
    variant = VARIANTS.get(algo, Variant(algo))
    line = f"make train ENV={game} ALGO={variant.algo} SEEDS={seeds}"
    return f'{line} ARGS="{variant.options}"' if variant.options else line


def main() -> int:
    """Trains what is not trained yet and returns an exit code."""
    sweep = tyro.cli(Sweep, description=__doc__)
    runs = {
        f"{game}-{algo}": settings(game, algo, sweep.seeds)
        for game, algo in pairs(sweep.games, sweep.algos)
    }
    return train_all(runs, sweep.out, KEPT, "python -m experiments.learning_curves.sweep")


if __name__ == "__main__":
    sys.exit(guarded(main))
