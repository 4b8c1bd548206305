"""Tables as text."""

from collections.abc import Iterable, Sequence
from typing import Any


def markdown(header: Sequence[str], rows: Iterable[Sequence[Any]], numbers: int = 0) -> str:
    """A table in Markdown.

    Args:
        header: name of each column.
        rows: the cells of each row, as many as there are columns.
        numbers: how many of the last columns hold numbers, which are right-aligned.
    """
    rule = ["---"] * (len(header) - numbers) + ["---:"] * numbers
    lines = (header, rule, *rows)
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
