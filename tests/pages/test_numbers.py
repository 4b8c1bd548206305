"""Numbers that are repeated on a page are those of the results that they are taken from."""

import re

from docs.pages import ROOT

RESULTS = ROOT / "experiments" / "learning_curves" / "results.md"


def table(path):
    """Header and rows of the first table of a Markdown file, its cells without emphasis."""
    lines = re.search(r"(^\|.*\n)+", path.read_text(), re.MULTILINE).group().splitlines()
    header, _, *rows = ([cell.strip(" *`") for cell in line[1:-1].split("|")] for line in lines)
    return header, rows


def test_returns_are_those_of_the_learning_curves():
    labels, rows = table(RESULTS)
    found = {game: dict(zip(labels[1:], row, strict=True)) for game, *row in rows}
    shown, lines = table(ROOT / "docs" / "results.md")
    assert len(shown) > 4 and len(lines) > 3
    for name, *row in lines:
        game = re.match(r"\w+", name).group()
        assert row == [found[game][label] for label in shown[1:]], game
