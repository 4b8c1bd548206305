"""In short: when inference helps, and when any gift would do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.curves import PANEL, RETURN, WIDEST, legend_in_panel, save
from experiments.paper import drawing
from experiments.paper.book import Results
from experiments.paper.cells import BLANK
from experiments.paper.lase.claims import share_given
from experiments.paper.lase.stages import ALL_SELFISH, RIDERS, WITH_FREE_RIDERS, able
from experiments.paper.lase.tables import beside_equal
from experiments.paper.verdicts import MissingError, enumerated, label
from lase_jax.reports.tables import markdown

DILEMMAS = {
    "ipd": "the Prisoner's Dilemma",
    "ssh": "the Stag-Hunt",
    "ssg": "Snowdrift",
    "coingame": "the Coin Game",
    "cleanup": "Cleanup",
}
"""Games in which all agents are of one kind, as parts of a sentence."""
ARMS = ("a2c", "gift", "gains", "shuffled", "moments", "untrained", "lase")
"""Nobody gives; gifts of about LASE's size that infer nothing; LASE."""
AS_LARGE = {("ipd", "gift"): "gift_more", ("coingame", "untrained"): "untrained_half"}
"""Arms of self-play that give about as much as LASE where others would give less, or more."""
FIGURE = "experiments/paper/lase/summary.png"
"""Where README finds the figure."""
ALT = "Collective return of every seed, without gifts, with gifts that infer nothing, with LASE"
"""What README's figure shows."""


class Situation(NamedTuple):
    """Who plays what."""

    text: str
    game: str
    suffix: str
    """Of the names of its runs, ``<game>-<arm><suffix>``."""
    selfish: str
    """Name of the run in which nobody gives."""

    def run(self, arm: str) -> str:
        """The name of an arm's run."""
        if arm == "a2c":
            return self.selfish
        named = arm if self.suffix else AS_LARGE.get((self.game, arm), arm)
        return f"{self.game}-{named}{self.suffix}"

    def sides(self, results: Results) -> dict[str, str]:
        """On which side of each other arm LASE is, as `comparison.Estimate.side`; "" if unknown."""
        ours, others = self.run("lase"), [arm for arm in ARMS[:-1] if able(arm, self.game)]
        return {
            arm: results.improvement(ours, self.run(arm)).side
            if {ours, self.run(arm)} <= results.runs.keys()
            else ""
            for arm in others
        }


def situations() -> Iterator[Situation]:
    """All of them: self-play, one giver among three that never give, givers with free riders."""
    for game in DILEMMAS:
        yield Situation(f"{game}, all of one kind", game, "", f"{game}-a2c")
    for game in WITH_FREE_RIDERS:
        selfish = ALL_SELFISH.format(game)
        yield Situation(f"{game}, one among three A2C", game, "-one", selfish)
    for game in (*WITH_FREE_RIDERS, "coingame"):
        for kind, who in RIDERS.items():
            yield Situation(f"{game}, with {who}", game, f"-{kind}", f"{game}-a2c-{kind}")


def alone() -> dict[str, Situation]:
    """Self-play by game."""
    return {each.game: each for each in situations() if not each.suffix}


def word(sides: Mapping[str, str]) -> str:
    """Which controls LASE earns more than, and which less, in words; "" while one is unknown."""
    beside = {arm: side for arm, side in sides.items() if arm != "a2c"}
    if "" in beside.values():
        return ""
    if set(beside.values()) == {"above"}:
        return "inference helps" if sides["a2c"] == "above" else "above all of them"
    beaten = [label(arm) for arm, side in beside.items() if side == "above"]
    better = [label(arm) for arm, side in beside.items() if side == "below"]
    parts = [f"above {enumerated(beaten)} only"] if beaten else []
    parts += [f"below {enumerated(better)}"] if better else []
    return "; ".join(parts) or "no difference is shown"


def cell(results: Results, name: str) -> str:
    """Collective return of a run, and in brackets the share of a reward that is given away."""
    if name not in results.runs:
        return BLANK
    found = results.runs[name]
    share, text = share_given(found).mean(), f"{found.final['return/collective'].mean():.1f}"
    return text if np.isnan(share) else f"{text} ({share:.2f})"


BEYOND = ("lase", "untrained")
"""Arms that are read beside equal gifts of their own size: LASE, and networks that never learn."""


def beyond(results: Results, each: Situation, arm: str) -> str:
    """By how much an arm of self-play is above equal gifts of its own share, in words."""
    if each.suffix:
        return BLANK
    try:
        gap = beside_equal(results, each.game, arm)
    except MissingError:
        return BLANK
    return BLANK if np.isnan(gap.value) else str(gap)


def table(results: Results, every: Iterable[Situation]) -> str:
    """Collective return and gifts by situation and arm, and what inference adds to the return."""
    rows = []
    for each in every:
        if each.run("lase") not in results.runs:
            continue
        sides, seeds = each.sides(results), results.runs[each.run("lase")].seeds
        cells = [cell(results, each.run(arm)) for arm in ARMS]
        cells += [sides["a2c"] or BLANK, word(sides) or BLANK]
        cells += [beyond(results, each, arm) for arm in BEYOND]
        rows.append([each.text, seeds, *cells])
    heads = (
        *(label(arm).removeprefix("LASE ") for arm in ARMS),
        *("LASE beside A2C", "LASE beside gifts that infer nothing"),
        *(f"{label(arm)} beyond equal gifts of its share" for arm in BEYOND),
    )
    return markdown(("collective return (share given) in", "seeds of LASE", *heads), rows)


def sentences(results: Results) -> str:
    """Where LASE helps if all are of one kind, and whether inference does it: two sentences.

    Raises:
        MissingError: no such game has both LASE and what it is compared with.
    """
    every = {game: each.sides(results) for game, each in alone().items()}
    judged = {game: sides for game, sides in every.items() if sides["a2c"] and word(sides)}
    if not judged:
        raise MissingError("self-play")

    def of(side: str) -> list[str]:
        return [game for game, sides in judged.items() if sides["a2c"] == side]

    helps = of("above")
    first = clauses(
        {
            "more than selfish agents": helps,
            "less" if helps else "less than selfish agents": of("below"),
            "about as much": of("neither"),
        }
    )
    if not helps:
        return f"LASE earns {first}."
    beside = {game: [*judged[game].values()][1:] for game in helps}
    decided = [game for game, sides in beside.items() if {*sides} == {"above"}]
    worse = [game for game, sides in beside.items() if "below" in sides]
    rest = [game for game in helps if game not in (*decided, *worse)]
    second = clauses(
        {
            "more than all gifts of about its size that infer nothing": decided,
            "less than some of them" if decided else WITHOUT.format("less than some"): worse,
            "not clearly more than each of them"
            if decided or worse
            else WITHOUT.format("not clearly more than each"): rest,
        }
    )
    return f"LASE earns {first}. Of those where it helps, it earns {second} ({KINDS})."


WITHOUT = "{} of the gifts of about its size that infer nothing"
KINDS = (
    "equal ones; of gains alone, where there are losses; its own, given to other agents; its own, "
    "given at other moments; those of networks that never learn"
)
"""Gifts that infer nothing."""


def clauses(cases: Mapping[str, Sequence[str]]) -> str:
    """What is earned in which games, as a part of a sentence."""
    return enumerated([f"{text} in {listed(games)}" for text, games in cases.items() if games])


def listed(games: Sequence[str]) -> str:
    """Names of games as a part of a sentence."""
    return enumerated([DILEMMAS[game] for game in games])


def plain(game: str) -> str:
    """A game's name without its article."""
    return DILEMMAS[game].removeprefix("the ")


NOTE = (
    "In self-play every algorithm has the settings that trials chose for it, in company all learn "
    "from rollouts as long as LASE's: therefore A2C differs from itself in Snowdrift. Intervals of "
    "five seeds are too narrow, and nothing is corrected for the number of comparisons."
)
WORDS = (
    "**Words.** Games: `ipd`, the iterated Prisoner's Dilemma; `ssh`, the Stag-Hunt; `ssg`, "
    "Snowdrift; `coingame`; `cleanup`. Algorithms: A2C, selfish; GO, all learn on the group's "
    "reward; IA, inequity aversion; SI, social influence; LIO, learned incentives; LOLA; LASE w/o, "
    "LASE without perspective taking. Controls: LASE's weights given to other agents or at other "
    "moments (shuffled), those of networks that never learn (untrained), those of a LASE that is "
    "told co-players' policies (told policies). E: equality, 1 where all have the same. Weight, w: "
    "share of its reward that an agent gives to another; the floor: its size if the values were "
    "known no better than by their mean. Q_SR, pi_SR: LASE's values of joint actions, and the "
    "policy by which it foresees others. Epsilon: share of random actions while learning. Dotted "
    "lines: the best return known, an even split of gifts, or the time of a change."
)
"""What the report's words mean."""


def text(results: Results) -> str:
    """What the report opens with.

    Raises:
        MissingError: as `sentences`.
    """
    return f"{sentences(results)}\n\n{table(results, situations())}\n{NOTE}\n\n{WORDS}\n"


def front(results: Results) -> str:
    """What README has of it: games in which all agents are of one kind, and the figure.

    Raises:
        MissingError: as `sentences`.
    """
    named = [each._replace(text=f"{plain(game)}, `{game}`") for game, each in alone().items()]
    shown = table(results, named)
    return f"{sentences(results)}\n\n{shown}\n![{ALT}]({FIGURE})\n"


def figure(results: Results, path: Path) -> None:
    """Every seed's collective return by arm, in games in which all agents are of one kind."""
    games = results.some("{}-lase", DILEMMAS)
    drawn, (*axes, told) = drawing.panels(len(games) + 1, WIDEST, *PANEL)
    for axis, game in zip(axes, games, strict=True):
        for place, arm in enumerate(ARMS):
            name = alone()[game].run(arm)
            if name in results.runs:
                drawing.points(axis, place, results.final(name), drawing.colour_of(arm))
                axis.plot([], [], "o", color=drawing.colour_of(arm), label=label(arm))
        drawing.from_zero([axis])
        axis.set(title=plain(game), xticks=[], xlim=(-0.5, len(ARMS) - 0.5))
        axis.grid(axis="y", alpha=0.25)
    for axis in axes[::WIDEST]:
        axis.set_ylabel(RETURN)
    legend_in_panel(told, axes, tuple(map(label, ARMS)))
    save(drawn, path, dpi=200)
