"""In short: when inference helps, and when any gift would do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments import comparison
from experiments.curves import PANEL, RETURN, WIDEST, legend_in_panel, save
from experiments.paper import drawing
from experiments.paper.book import Results
from experiments.paper.cells import BLANK
from experiments.paper.lase.claims import share_given
from experiments.paper.lase.stages import ALL_SELFISH, ONLY_IN, RIDERS, WITH_FREE_RIDERS, able
from experiments.paper.lase.tables import beside_equal, beside_their_size
from experiments.paper.verdicts import SELFISH, MissingError, enumerated, label
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
        if arm == SELFISH:
            return self.selfish
        named = arm if self.suffix else AS_LARGE.get((self.game, arm), arm)
        return f"{self.game}-{named}{self.suffix}"

    @property
    def others(self) -> list[str]:
        """Arms that LASE is compared with; controls of single games are of self-play alone."""
        of_self_play = ONLY_IN if self.suffix else ()
        return [arm for arm in ARMS[:-1] if able(arm, self.game) and arm not in of_self_play]

    def sides(self, results: Results) -> dict[str, str]:
        """On which side of each other arm LASE is, as `comparison.Estimate.side`; "" if unknown."""
        ours = self.run("lase")
        return {
            arm: results.improvement(ours, self.run(arm)).side
            if {ours, self.run(arm)} <= results.runs.keys()
            else ""
            for arm in self.others
        }

    def more_in_the_mean(self, results: Results) -> bool:
        """Whether LASE's mean is above that of each of its controls, by intervals."""
        ours = results.final(self.run("lase"))
        return all(
            comparison.difference(ours, results.final(self.run(arm))).low > 0
            for arm in self.others
            if arm != SELFISH
        )


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
    beside = {arm: side for arm, side in sides.items() if arm != SELFISH}
    if "" in beside.values():
        return ""
    if set(beside.values()) == {"above"}:
        return "inference helps" if sides[SELFISH] == "above" else "above all of them"
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


def marked(results: Results, each: Situation, arm: str) -> str:
    """The cell of an arm in a situation, with a mark where it is another of the same kind."""
    text, name = cell(results, each.run(arm)), f"{each.game}-{arm}{each.suffix}"
    other = arm != SELFISH and each.run(arm) != name
    return f"{text} {MARK}" if other and text != BLANK else text


MARK = "\u2020"
"""Stands beside numbers of an arm that is not the one of its column."""


def legend_of_mark(results: Results) -> str:
    """What the marked numbers are, as a paragraph; "" if there are none."""
    parts = [
        f"{label(named)} in {DILEMMAS[game]} ({label(arm)}: {cell(results, f'{game}-{arm}')})"
        for (game, arm), named in AS_LARGE.items()
        if f"{game}-{named}" in results.runs
    ]
    return f"{MARK} Nearer to LASE's size: {'; '.join(parts)}.\n" if parts else ""


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
        cells = [marked(results, each, arm) for arm in ARMS]
        cells += [sides[SELFISH] or BLANK, word(sides) or BLANK]
        cells += [beyond(results, each, arm) for arm in BEYOND]
        rows.append([each.text, seeds, *cells])
    heads = ("LASE beside A2C", "LASE beside gifts that infer nothing", *map(excess, BEYOND))
    return markdown(("collective return (share given) in", "seeds of LASE", *NAMES, *heads), rows)


def brief(results: Results) -> str:
    """The same in numbers alone, of games in which all agents are of one kind."""
    rows = [
        [f"{plain(game)}, `{game}`", *(marked(results, each, arm) for arm in ARMS)]
        + [beyond(results, each, "lase")]
        for game, each in alone().items()
        if each.run("lase") in results.runs
    ]
    return markdown(("collective return (share given)", *NAMES, excess("lase")), rows)


NAMES = tuple(label(arm).removeprefix("LASE ") for arm in ARMS)
"""Heads of the columns of `ARMS`."""


def excess(arm: str) -> str:
    """The head of the column of `beyond`."""
    return f"{label(arm)} beyond equal gifts of its share"


def sentences(results: Results) -> str:
    """Where LASE helps if all are of one kind, and whether inference does it: two sentences.

    Raises:
        MissingError: no such game has both LASE and what it is compared with.
    """
    every = {game: each.sides(results) for game, each in alone().items()}
    judged = {game: sides for game, sides in every.items() if sides[SELFISH] and word(sides)}
    if not judged:
        raise MissingError("self-play")

    def of(side: str) -> list[str]:
        return [game for game, sides in judged.items() if sides[SELFISH] == side]

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
    mean = [game for game in rest if alone()[game].more_in_the_mean(results)]
    cases = {
        "more than each of {}": decided,
        "in the mean, but not in clearly more seeds, more than each of {}": mean,
        "less than some of {}": worse,
        "not clearly more than each of {}": [game for game in rest if game not in mean],
    }
    met = [(text, games) for text, games in cases.items() if games]
    whom = (f"the {KINDS}", *["them"] * len(cases))
    second = clauses(
        {text.format(them): games for (text, games), them in zip(met, whom, strict=False)}
    )
    sizes = beside_their_size(results, "lase")
    third = clauses(
        {
            "it earns more": sizes["above"],
            "as much": sizes["neither"],
            "less": sizes["below"],
        }
    )
    exact = f"; beside equal gifts of exactly its size {third}" if third else ""
    return f"LASE earns {first}. Of those where it helps, it earns {second}{exact}."


KINDS = "gifts of about its size that infer nothing"


def clauses(cases: Mapping[str, Sequence[str]]) -> str:
    """What is earned in which games, as a part of a sentence; "" if in none."""
    parts = [f"{text} in {listed(games)}" for text, games in cases.items() if games]
    return enumerated(parts) if parts else ""


def listed(games: Sequence[str]) -> str:
    """Names of games as a part of a sentence."""
    return enumerated([DILEMMAS[game] for game in games])


def plain(game: str) -> str:
    """A game's name without its article."""
    return DILEMMAS[game].removeprefix("the ")


NOTE = (
    "Gifts that infer nothing: equal ones; of gains alone, where there are losses; LASE's own, "
    "given to other agents or at other moments; those of networks that never learn. In self-play "
    "every algorithm has the settings that trials chose for it, in company all learn from "
    "rollouts as long as LASE's: therefore A2C differs from itself in Snowdrift. Intervals of "
    "five seeds are too narrow, and nothing is corrected for the number of comparisons."
)
WORDS = (
    "**Words.** Games: `ipd`, the iterated Prisoner's Dilemma; `ssh`, the Stag-Hunt; `ssg`, "
    "Snowdrift; `coingame`; `cleanup`. Algorithms: A2C, selfish; GO, all learn on the group's "
    "reward; IA, inequity aversion; SI, social influence; LIO, learned incentives; LOLA; LASE "
    "w/o, LASE without perspective taking. Controls: LASE's weights given to other agents or at "
    "other moments (shuffled), those of networks that never learn (untrained), those of a LASE "
    "that is told co-players' policies (told policies). LASE by the letter: pi_SR learns from "
    "Q_SR's TD errors as equation 5 has it. E: equality, 1 where all have the same. Weight, w: "
    "share of its reward that an agent gives to another; the floor: the weight that noise in "
    "Q_SR alone would give. Q_SR, pi_SR: LASE's values of joint actions, and the policy by "
    "which it foresees others. Epsilon: share of random actions while learning. Dotted lines: "
    "the best return known, an even split of gifts, or the time of a change. Means over all "
    "agents and seeds where nothing else is said; how many seeds a run has stands in the last "
    "table."
)
"""What the report's words mean."""


def text(results: Results) -> str:
    """What the report opens with.

    Raises:
        MissingError: as `sentences`.
    """
    shown = f"{table(results, situations())}\n{legend_of_mark(results)}"
    return f"{sentences(results)}\n\n{shown}\n{NOTE} {same_rollouts(results)}\n\n{WORDS}\n"


def same_rollouts(results: Results) -> str:
    """What A2C has in self-play from rollouts as long as LASE's, where it has others."""
    parts = []
    for game in results.kept(ALL_SELFISH, WITH_FREE_RIDERS):
        selfish, ours = ALL_SELFISH.format(game), f"{game}-lase"
        names = {ours, f"{game}-a2c"}
        if names <= results.runs.keys() and differ(results, f"{game}-a2c", selfish):
            has, chance = cell(results, selfish), results.improvement(ours, selfish)
            parts.append(f"{has} in {DILEMMAS[game]} (P of LASE above it {chance})")
    return f"A2C from rollouts as long as LASE's has {enumerated(parts)}." if parts else ""


def differ(results: Results, one: str, other: str) -> bool:
    """Whether two runs learn from rollouts of different length."""
    lengths = {results.runs[name].settings["schedule"]["rollout_length"] for name in (one, other)}
    return len(lengths) > 1


def front(results: Results) -> str:
    """What README has of it: games in which all agents are of one kind, and the figure.

    Raises:
        MissingError: as `sentences`.
    """
    shown = f"{brief(results)}\n{legend_of_mark(results)}"
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
                drawing.key(axis, arm)
        low, high = axis.dataLim.intervaly
        if low < high / 2:
            drawing.from_zero([axis])
        axis.set(title=plain(game), xticks=[], xlim=(-0.5, len(ARMS) - 0.5))
        axis.grid(axis="y", alpha=0.25)
    for axis in axes[::WIDEST]:
        axis.set_ylabel(RETURN)
    legend_in_panel(told, axes, tuple(map(label, ARMS)))
    save(drawn, path, dpi=200)
