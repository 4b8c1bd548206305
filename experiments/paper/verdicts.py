"""Claims of ``experiments/CLAIMS.md``, the parts of a verdict, and the verdict that follows.

Letters: S seeds.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np

from experiments import comparison, style
from experiments.comparison import Estimate, improvement

SELFISH = "a2c"
"""The arm of agents that give nothing."""
FILE = Path(__file__).parent.parent / "CLAIMS.md"

Word = Literal["reproduced", "partly", "not reproduced", "cannot be compared"]


class MissingError(Exception):
    """A result that a claim needs is not kept."""


class Claim(NamedTuple):
    """A row of the tables in ``CLAIMS.md``, as Markdown."""

    number: int
    place: str
    claim: str
    rule: str
    controls: str


class Part(NamedTuple):
    """A part of a claim, judged."""

    found: str
    """What was found."""
    holds: bool
    against: bool = False
    """Whether the opposite was found."""

    @property
    def outcome(self) -> str:
        """The part's own verdict."""
        return "holds" if self.holds else "contradicted" if self.against else "not shown"


class Verdict(NamedTuple):
    """What became of a claim."""

    word: Word
    parts: list[Part]
    controls: dict[str, Estimate]
    """The probability that a seed of the method is above one of a control, by its arm; NaN if that
    is not kept."""
    lacks: str = ""
    """Why it cannot be compared."""
    measure: str = "collective return"
    """In what the method is above its controls."""
    gaps: Mapping[str, Estimate] = MappingProxyType({})
    """By how much the method's mean is above a control's, by its arm, where that says more."""

    def cause(self, mechanism: str) -> str:
        """Whether the effect is due to a mechanism; "" without an effect, or not all controls.

        Where the method is above none of them, selfish agents included, it needs no gifts.
        """
        unknown = any(np.isnan(chance.value) for chance in self.controls.values())
        if not self.controls or unknown or self.word not in ("reproduced", "partly"):
            return ""
        beaten, better = (
            [label(arm) for arm, chance in self.controls.items() if chance.side == side]
            for side in ("above", "below")
        )
        if len(beaten) == len(self.controls):
            return f"due to {mechanism}"
        unneeded = "gifts" if SELFISH in self.controls else mechanism
        above = f"above {enumerated(beaten)} only" if beaten else f"needs no {unneeded}"
        return f"{above}; below {enumerated(better)}" if better else above


def read(file: Path = FILE) -> dict[int, Claim]:
    """The claims of all papers by number."""
    rows = re.findall(r"^\| \d+ \|.*$", file.read_text(), re.MULTILINE)
    cells = [re.split(r" *\| *", row.strip().strip("|").strip()) for row in rows]
    claims = [Claim(int(row[0]), *row[1:]) for row in cells if len(row) == len(Claim._fields)]
    return {claim.number: claim for claim in claims}


def lacking(why: str) -> Verdict:
    """The verdict on what cannot be compared."""
    return Verdict("cannot be compared", [], {}, why)


def verdict(
    parts: Iterable[Part],
    controls: Mapping[str, Estimate] | None = None,
    needed: int = 0,
    measure: str = "collective return",
    gaps: Mapping[str, Estimate] = MappingProxyType({}),
) -> Verdict:
    """The verdict that follows from the parts.

    Args:
        parts: of the claim.
        controls: see `Verdict`.
        needed: how many of the parts must hold for "reproduced"; 0 for all.
        measure: see `Verdict`.
        gaps: see `Verdict`.
    """
    parts = list(parts)
    if not parts:
        return lacking("Nothing that it is about is kept.")
    held = sum(part.holds for part in parts)
    if held >= (needed or len(parts)):
        word: Word = "reproduced"
    elif held and not any(part.against for part in parts):
        word = "partly"
    else:
        word = "not reproduced"
    return Verdict(word, parts, dict(controls or {}), measure=measure, gaps=gaps)


def label(arm: str) -> str:
    """An arm's name for readers."""
    return style.LABELS.get(arm, arm)


def enumerated(words: Sequence[str], joined: str = "and") -> str:
    """Words with commas, and "and" or another word before the last."""
    *front, last = words
    return f"{', '.join(front)} {joined} {last}" if front else last


def above(first: np.ndarray, second: np.ndarray, text: str) -> Part:
    """Whether seeds ``[S]`` of the first are above those of the second."""
    chance = improvement(first, second)
    return Part(f"{text}: P = {chance}", chance.side == "above", chance.side == "below")


def at_least(values: np.ndarray, bound: float, text: str) -> Part:
    """Whether the mean of ``values [S]`` reaches a bound."""
    mean = comparison.mean(values)
    return Part(f"{text} {mean}, bound {bound:g}", mean.value >= bound, mean.high < bound)


def at_most(values: np.ndarray, bound: float, text: str) -> Part:
    """Whether the mean of ``values [S]`` stays at a bound or below."""
    mean = comparison.mean(values)
    return Part(f"{text} {mean}, bound {bound:g}", mean.value <= bound, mean.low > bound)


def by(first: np.ndarray, second: np.ndarray, least: float, text: str) -> Part:
    """Whether the mean of the first is above that of the second by at least so much."""
    gap = comparison.difference(first, second)
    return Part(f"{text}: by {gap}, bound {least:g}", gap.value >= least, gap.high < least)


def more(first: np.ndarray, second: np.ndarray, text: str) -> Part:
    """Whether the first ``[S]`` is above the second of the same seeds, in the mean."""
    gap = comparison.difference(first, second, paired=True)
    return Part(f"{text}: by {gap}", gap.low > 0, gap.high < 0)


def of(first: np.ndarray, second: np.ndarray, low: float, high: float, text: str) -> Part:
    """Whether the ratio of two means ``[S]`` over the same seeds lies within bounds."""
    ratio = comparison.estimate(_ratio, first, second, paired=True)
    bounds = f"at least {low:g}" if np.isinf(high) else f"at most {high:g}"
    if np.isfinite([low, high]).all():
        bounds = f"from {low:g} to {high:g}"
    outside = ratio.high < low or ratio.low > high
    return Part(f"{text} {ratio}, {bounds}", bool(low <= ratio.value <= high), bool(outside))


def _ratio(first: np.ndarray, second: np.ndarray, axis: int = -1) -> Any:
    return first.mean(axis) / second.mean(axis)


def seeds(fulfil: np.ndarray, share: float, text: str) -> Part:
    """Whether a share of the seeds fulfils something, ``[S]`` bool."""
    found = f"{text}: {fulfil.sum()} of {len(fulfil)} seeds"
    return Part(found, bool(fulfil.mean() >= share), bool(fulfil.mean() < 0.5))
