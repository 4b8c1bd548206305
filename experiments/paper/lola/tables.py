"""Tables about LOLA, as Markdown."""

import numpy as np

from experiments.paper.book import Results, per_step
from experiments.paper.cells import BLANK, mean, side_by_side, trained
from experiments.paper.lola.claims import own_share
from experiments.paper.lola.stages import ARMS, IN_NETWORKS, coin_game, matrix_games
from experiments.paper.scales import Scale
from experiments.paper.verdicts import label
from lase_jax.reports.tables import markdown

STORED = {
    "naive": "-1.98 to -2.00",
    "lola_2": "-1.02 to -1.32",
    "lola_3": "-1.01 to -1.30",
    "lola_model": "-1.05 to -1.15",
}
"""Returns per step in the result files that DiCE's authors published, five seeds."""


def exact(results: Results) -> str:
    """Exact learners among themselves, in both games."""
    found = results.numbers.get("exact")
    if not found:
        return ""
    rows = []
    for ahead, of in found["ipd"].items():
        coins = found["matching_pennies"][ahead]
        rows.append(
            [
                ahead,
                f"{of['value']:.3f} ± {of['deviation']:.3f}",
                f"{of['cooperation']:.0%}",
                f"{of['tit_for_tat']:.0%}",
                f"{coins['even']:.0%}",
                f"{coins['value']:.2f} ± {coins['deviation']:.2f}",
            ]
        )
    heads = (
        *("lookahead", "dilemma: value per step", "joint cooperation", "tit for tat"),
        *("pennies: both mix evenly", "value of player 1"),
    )
    note = f"\n{found['seeds']} pairs, {found['steps']} steps, ± standard deviation over pairs.\n"
    return markdown(heads, rows) + note


def dice(results: Results) -> str:
    """Reward per step from sampled games, seed by seed, beside the authors' files."""
    rows = []
    for arm in ARMS:
        found = results.runs.get(f"ipd-{arm}")
        each = BLANK if found is None else " ".join(f"{value:.2f}" for value in per_step(found))
        value = BLANK if found is None else mean(per_step(found), 2)
        rows.append([label(arm), STORED.get(arm, BLANK), value, each])
    dilemma = markdown(("arm", "the authors", "here", "by seed"), rows)
    note = "\nMatching pennies from sampled games, where no claim stands:\n\n"
    return dilemma + note + pennies(results)


def pennies(results: Results) -> str:
    """How far players that learn from sampled games are from mixing evenly, which is at rest."""
    rows = []
    for arm in IN_NETWORKS:
        found = results.runs.get(f"matching_pennies-{arm}")
        if found is not None:
            steps = found.settings["game"]["horizon"]
            away = np.abs(found.final["event/cooperations"] / steps - 0.5).mean(-1)
            gain = np.abs(found.final["return/extrinsic"][:, 0]) / steps
            rows.append([label(arm), mean(away, 2), mean(gain, 3)])
    heads = ("arm", "share of heads, distance from .5", "gain per step of who wins")
    return markdown(heads, rows)


def coins(results: Results) -> str:
    """Who takes which coins in the Coin Game."""
    rows = []
    for arm in IN_NETWORKS:
        found = results.runs.get(f"coingame_3x3-{arm}")
        if found is not None:
            taken = sum(found.final[f"event/{kind}_coins"].sum(-1) for kind in ("own", "others"))
            returns = found.final["return/collective"]
            rows.append([label(arm), mean(own_share(found), 2), mean(taken), mean(returns)])
    return markdown(("arm", "taken by their owner", "coins per episode", "collective return"), rows)


def settings(scale: Scale) -> list[str]:
    """Settings of the sampled runs."""
    every = matrix_games(scale) | coin_game(scale)
    runs = {game: every[f"{game}-lola"] for game in ("ipd", "matching_pennies", "coingame_3x3")}
    columns = {game: vars(run.game) | trained(run) for game, run in runs.items()}
    return ["As trained, but for the foreseen steps:\n", side_by_side(columns)]
