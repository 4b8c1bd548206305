"""Tables as text."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDTH = 140
"""Characters in a line of a table that is written into a file or a pipe."""


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


def console() -> "Console":
    """Where tables are printed: as wide as the terminal, or `WIDTH` where there is none."""
    from rich.console import Console

    found = Console(markup=False)
    if not found.is_terminal:
        found.width = WIDTH
    return found


def show(table: "Table", to: "Console") -> None:
    """Prints a table; one that is too wide without borders, and with long words on several lines.

    Args:
        table: what is printed; its columns change.
        to: where it is printed.
    """
    from rich import box
    from rich.measure import Measurement

    for column in table.columns:
        column.overflow = "fold"  # rather than dots in place of digits
    free = to.options.update(width=10 * WIDTH)
    if Measurement.get(to, free, table).maximum > to.width:
        table.box, table.padding, table.pad_edge = box.SIMPLE_HEAD, (0, 0), False
    to.print(table)
