"""Figures about LOLA."""

from collections.abc import Callable, Mapping
from pathlib import Path

from experiments.curves import course, in_steps, legend, save
from experiments.paper.book import Results
from experiments.paper.drawing import colour_of, new
from experiments.paper.lola.stages import ARMS, IN_NETWORKS
from experiments.paper.verdicts import label


def dice(results: Results, path: Path) -> None:
    """Reward per step of a player in the dilemma, by the foreseen steps."""
    figure, (axis,) = new(1, width=6.0)
    for arm in ARMS:
        found = results.run("ipd", arm)
        each = found.curves["return/collective"] / 2 / found.settings["game"]["horizon"]
        course(axis, found, each, colour_of(arm), label(arm))
    axis.set(title="ipd, from sampled games", ylabel="reward per step")
    in_steps(axis)
    legend(figure, [axis])
    save(figure, path)


def coins(results: Results, path: Path) -> None:
    """Share of coins that are taken by their owner, and the collective return."""
    figure, (share, returns) = new(2)
    for arm in IN_NETWORKS:
        found = results.run("coingame_3x3", arm)
        own, others = (found.curves[f"event/{kind}_coins"].sum(-1) for kind in ("own", "others"))
        course(share, found, own / (own + others), colour_of(arm), label(arm))
        curve = found.curves["return/collective"]
        course(returns, found, curve, colour_of(arm), label(arm))
    share.set(ylabel="coins taken by their owner", ylim=(0.0, 1.0))
    returns.set(ylabel="collective return")
    for axis in (share, returns):
        in_steps(axis)
    legend(figure, [share])
    save(figure, path)


FIGURES: Mapping[str, Callable[[Results, Path], None]] = {"dice": dice, "coins": coins}
"""Figures by the names of their files."""
