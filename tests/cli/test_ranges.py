"""The help of every setting says the range that is checked, as do the site's pages."""

import dataclasses
import re

import pytest

from docs import prose
from envs import checks
from envs.registry import GAMES
from lase_jax.algorithms import ALGORITHMS
from lase_jax.learners import LEARNERS
from lase_jax.presets import preset

RUN = preset("ssh", "lase")
SETTINGS = {
    **{name: GAMES[name] for name in GAMES},
    **{name: ALGORITHMS[name] for name in ALGORITHMS},
    **{f"learner {name}": learner for name, learner in LEARNERS.items()},
    "net": RUN.agent.learner.net,
    "schedule": RUN.schedule,
    "run": RUN,
}
LARGE = 10**6
"""What is bounded above it has a bound that nobody meets."""
KINDS = {type(entry): entry for entry in SETTINGS.values()}


def ranges_of(entry, monkeypatch):
    """The ranges that an entry's numbers are checked against when it is made, by field."""
    found, integer, number = {}, checks.integer, checks.number

    def whole(field, value, low, high=checks.LARGEST_INTEGER):
        found[field] = low, high, False
        integer(field, value, low, high)

    def real(field, value, low=-checks.LARGEST, high=checks.LARGEST, open_low=False):
        found[field] = low, high, open_low
        number(field, value, low, high, open_low)

    monkeypatch.setattr(checks, "integer", whole)
    monkeypatch.setattr(checks, "number", real)
    dataclasses.replace(entry)
    return found


def says(text, low, high, open_low):
    """Whether a text gives a range; a bound that other settings decide may be said in words."""
    if low == -checks.LARGEST:
        return True
    if high <= LARGE:
        forms = [rf"\b{low:g} to ", r"in [\[(]\S+, \S+[\])]"]
    elif open_low:
        forms = [rf"above {low:g}"]
    else:
        forms = [rf"\b{low:g} or more", rf"(;|,|or|:) {low:g} (for|is|learns|saves)\b"]
    return any(re.search(form, " ".join(text.split())) for form in forms)


@pytest.mark.parametrize("entry", KINDS.values(), ids=lambda entry: type(entry).__name__)
def test_the_help_of_a_number_says_its_range(entry, monkeypatch):
    texts, found = prose.described(type(entry)), ranges_of(entry, monkeypatch)
    silent = {n: found[n] for n, text in texts.items() if n in found and not says(text, *found[n])}
    assert silent == {}


@pytest.mark.parametrize(
    ("text", "limits", "said"),
    [
        ("Rows, 2 to 64.", (2, 64, False), True),
        ("Rows.", (2, 64, False), False),
        ("Stags, 1 or more.", (1, checks.LARGEST_INTEGER, False), True),
        ("Stags, 11 or more.", (1, checks.LARGEST_INTEGER, False), False),
        ("Width; 0 for none.", (0, checks.LARGEST_INTEGER, False), True),
        ("Rate.", (0.0, checks.LARGEST, True), False),
        ("Rate, 0 or more.", (0.0, checks.LARGEST, True), False),
        ("Reward.", (-checks.LARGEST, checks.LARGEST, False), True),
    ],
)
def test_ranges_are_looked_for(text, limits, said):
    assert says(text, *limits) == said


def test_every_number_of_a_game_or_an_agent_is_checked(monkeypatch):
    """Numbers that can be chosen freely, e.g. rewards, are at least required to be finite."""
    for entry in KINDS.values():
        numbers = [
            field.name
            for field in dataclasses.fields(entry)
            if type(getattr(entry, field.name)) in (int, float)
        ]
        with monkeypatch.context() as patch:
            found = ranges_of(entry, patch)
        assert not set(numbers) - found.keys(), type(entry).__name__
