"""What is trained for LOLA and DiCE (Foerster et al. 2018), in stages.

A run is named ``<game>-<arm>``.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from envs.registry import GAMES as CONFIGS
from experiments.findings import Keep
from experiments.paper.book import Runs, Stage
from experiments.paper.lola.exact import RULES
from experiments.paper.scales import Scale
from lase_jax.core.settings import changed
from lase_jax.presets import preset

ARMS: Mapping[str, dict[str, Any]] = {
    "naive": dict(lookahead=0),
    "lola": dict(lookahead=1),
    "lola_2": dict(lookahead=2),
    "lola_3": dict(lookahead=3),
    "lola_model": dict(lookahead=2, opponent="learned", model_lr=0.1),
}
"""Foreseen steps, and whether the opponent's policy is known, by arm. The model's learning rate is
the best of .01, .1 and .3 on seeds that are not reported (see the log)."""
IN_NETWORKS = ("naive", "lola")
"""Arms of the Coin Game, whose policies are networks."""


def dice(game: str) -> Runs:
    """Not yet fitted runs of all arms in a matrix game, with the authors' settings."""
    run = preset("ipd", "lola", "published")
    if game != "ipd":
        rules = dataclasses.replace(CONFIGS[game], horizon=run.game.horizon)
        agent = changed(run.agent, dict(gamma=RULES[game][1]))
        run = dataclasses.replace(run, env=game, game=rules, agent=agent)
    return {
        f"{game}-{arm}": dataclasses.replace(run, agent=changed(run.agent, own))
        for arm, own in ARMS.items()
    }


def fitted(runs: Runs, scale: Scale) -> Runs:
    """Runs of a scale."""
    return {name: scale.fit(run) for name, run in runs.items()}


def matrix_games(scale: Scale) -> Runs:
    """All arms in the dilemma; the naive learner and LOLA in matching pennies."""
    pennies = dice("matching_pennies")
    some = {name: run for name, run in pennies.items() if name.split("-")[1] in IN_NETWORKS}
    return fitted(dice("ipd") | some, scale)


def coin_game(scale: Scale) -> Runs:
    """The naive learner and LOLA in the 3x3 Coin Game."""
    run = preset("coingame_3x3", "lola")
    return fitted(
        {
            f"coingame_3x3-{arm}": dataclasses.replace(run, agent=changed(run.agent, ARMS[arm]))
            for arm in IN_NETWORKS
        },
        scale.half,
    )


def kept(name: str) -> Keep:
    """What the report shows of a run."""
    coins = ("event/own_coins", "event/others_coins")
    return Keep(coins if name.startswith("coingame") else ("event/cooperations",))


STAGES: dict[str, Stage] = {
    "dice": Stage("Learning from sampled games, tables", matrix_games, kept),
    "coins": Stage("The Coin Game, networks", coin_game, kept),
}
"""Stages that train, by name, in the order in which they run."""
