"""In short: when inference helps, and when any gift would do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from envs.registry import GAMES as CONFIGS
from experiments.curves import PANEL, RETURN, WIDEST, legend_in_panel, save
from experiments.paper import drawing
from experiments.paper.book import Results
from experiments.paper.cells import BLANK
from experiments.paper.lase.stages import ALL_SELFISH, RIDERS, WITH_FREE_RIDERS, able
from experiments.paper.verdicts import MissingError
from lase_jax.reports.tables import markdown

DILEMMAS = {
    "ipd": "the Prisoner's Dilemma",
    "ssh": "the Stag-Hunt",
    "ssg": "Snowdrift",
    "coingame": "the Coin Game",
    "cleanup": "Cleanup",
}
"""Games in which all agents are of one kind, as parts of a sentence."""
SHORT = {
    "a2c": "A2C",
    "gift": "equal gifts",
    "shuffled": "gifts to others",
    "moments": "gifts at other moments",
    "lase": "LASE",
}
"""Arms by what they do, in short: nobody gives; gifts as large as LASE's; LASE."""
ARMS = tuple(SHORT)
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
        return self.selfish if arm == "a2c" else f"{self.game}-{arm}{self.suffix}"

    def sides(self, results: Results) -> dict[str, str]:
        """On which side of each other arm LASE is, as `comparison.Estimate.side`; "" if unknown."""
        ours, others = self.run("lase"), [arm for arm in ARMS[:-1] if able(arm, CONFIGS[self.game])]
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


def word(sides: Mapping[str, str]) -> str:
    """Which controls LASE earns more than, and which less, in words; "" while one is unknown."""
    beside = {arm: side for arm, side in sides.items() if arm != "a2c"}
    if "" in beside.values():
        return ""
    if set(beside.values()) == {"above"}:
        return "inference helps" if sides["a2c"] == "above" else "above all of them"
    beaten = [SHORT[arm] for arm, side in beside.items() if side == "above"]
    better = [SHORT[arm] for arm, side in beside.items() if side == "below"]
    parts = [f"above {enumerated(beaten)} only"] if beaten else []
    parts += [f"below {enumerated(better)}"] if better else []
    return "; ".join(parts) or "no difference is shown"


def table(results: Results, every: Iterable[Situation]) -> str:
    """Collective return by situation and arm, and what inference adds to it."""
    rows = []
    for each in every:
        if each.run("lase") not in results.runs:
            continue
        sides = each.sides(results)
        cells = [
            f"{results.runs[name].final['return/collective'].mean():.1f}"
            if (name := each.run(arm)) in results.runs
            else BLANK
            for arm in ARMS
        ]
        rows.append([each.text, *cells, sides["a2c"] or BLANK, word(sides) or BLANK])
    heads = (*SHORT.values(), "LASE beside A2C", "LASE beside gifts that infer nothing")
    return markdown(("collective return in", *heads), rows)


def sentences(results: Results) -> str:
    """Where LASE helps if all are of one kind, and whether inference does it: two sentences.

    Raises:
        MissingError: no such game has both LASE and what it is compared with.
    """
    every = {each.game: each.sides(results) for each in situations() if not each.suffix}
    judged = {game: sides for game, sides in every.items() if sides["a2c"] and word(sides)}
    if not judged:
        raise MissingError("self-play")
    helps = [game for game, sides in judged.items() if sides["a2c"] == "above"]
    rest = [game for game in judged if game not in helps]
    decided = [game for game in helps if word(judged[game]) == "inference helps"]
    any_gift = [game for game in helps if game not in decided]
    first = f"LASE earns more than selfish agents in {listed(helps)}"
    first += f", and not in {listed(rest, 'or')}." if rest else "."
    without = (
        "every kind of gifts of its own size that infers nothing (equal ones; its own, given to "
        "other agents; its own, given at other moments)"
    )
    second = f"It earns more than {without} in {listed(decided)}"
    second += f", and not in {listed(any_gift, 'or')}." if any_gift else "."
    if not decided:
        second = f"In none of these games does it earn more than {without}."
    return f"{first} {second}"


def listed(games: Sequence[str], joined: str = "and") -> str:
    """Names of games as a part of a sentence."""
    return enumerated([DILEMMAS[game] for game in games] or ["no game"], joined)


def plain(game: str) -> str:
    """A game's name without its article."""
    return DILEMMAS[game].removeprefix("the ")


def enumerated(words: Sequence[str], joined: str = "and") -> str:
    """Words with commas, and "and" or another word before the last."""
    *front, last = words
    return f"{', '.join(front)} {joined} {last}" if front else last


def text(results: Results) -> str:
    """What the report opens with.

    Raises:
        MissingError: as `sentences`.
    """
    return f"{sentences(results)}\n\n{table(results, situations())}"


def front(results: Results) -> str:
    """What README has of it: games in which all agents are of one kind, and the figure.

    Raises:
        MissingError: as `sentences`.
    """
    alone = [each for each in situations() if not each.suffix]
    shown = table(
        results, [each._replace(text=f"{plain(each.game)}, `{each.game}`") for each in alone]
    )
    return f"{sentences(results)}\n\n{shown}\n![{ALT}]({FIGURE})\n"


def figure(results: Results, path: Path) -> None:
    """Every seed's collective return by arm, in games in which all agents are of one kind."""
    games = results.some("{}-lase", DILEMMAS)
    drawn, (*axes, told) = drawing.panels(len(games) + 1, WIDEST, *PANEL)
    for axis, game in zip(axes, games, strict=True):
        for place, arm in enumerate(ARMS):
            if f"{game}-{arm}" in results.runs:
                drawing.points(axis, place, results.final(game, arm), drawing.colour_of(arm))
                axis.plot([], [], "o", color=drawing.colour_of(arm), label=SHORT[arm])
        drawing.from_zero([axis])
        axis.set(title=plain(game), xticks=[], xlim=(-0.5, len(ARMS) - 0.5))
        axis.grid(axis="y", alpha=0.25)
    for axis in axes[::WIDEST]:
        axis.set_ylabel(RETURN)
    legend_in_panel(told, axes, tuple(SHORT.values()))
    save(drawn, path, dpi=200)
