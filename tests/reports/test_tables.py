import io

import pytest
from rich.console import Console
from rich.table import Table

from lase_jax.reports.tables import WIDTH, console, markdown, show


def test_a_table_has_a_line_per_row_and_its_numbers_to_the_right():
    assert markdown(["what", "s"], [["a", 1], ["b", "2.5"]], numbers=1) == (
        "| what | s |\n| --- | ---: |\n| a | 1 |\n| b | 2.5 |\n"
    )
    assert markdown(["what"], []) == "| what |\n| --- |\n"


@pytest.mark.parametrize("width", [60, 80, 140])
def test_a_table_loses_no_digit_on_a_narrow_terminal(width):
    table = Table(title="of an evaluation")
    heads = "agent", "kind", "return", "given", "received", "after gifts", "cooperations"
    for head in heads:
        table.add_column(head)
    table.add_row("0", "lase", *["103.75 ± 14.00"] * 5)
    output = io.StringIO()
    show(table, Console(file=output, width=width))
    text = output.getvalue()
    assert "…" not in text and text.count("103.75") == text.count("14.00") == 5
    assert max(map(len, text.splitlines())) <= width


def test_a_pipe_is_as_wide_as_a_table_needs():
    assert console().width == WIDTH
