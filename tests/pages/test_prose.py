"""Docstrings as Markdown."""

from dataclasses import dataclass, field
from typing import ClassVar

from docs import prose

DOC = """Title: gist.

Text of `a` and ``b | c`` with a * star.

    x = y * z

Differences from the paper:
    - one, that
      goes on
    - two

* a star's
  list
"""


@dataclass(frozen=True)
class Base:
    """A base."""

    TRACED: ClassVar[tuple[str, ...]] = ("low",)

    low: int = 1
    """The low | one."""


@dataclass(frozen=True)
class Settings(Base):
    """Settings."""

    high: Base = field(default=Base(3))
    """The high one,
    over two lines."""


def test_a_docstring_becomes_sections():
    found = prose.sections(DOC)
    assert found[prose.MAIN].startswith("Title: gist.\n\nText of `a` and `b | c` with a \\* star.")
    assert "```text\nx = y * z\n```" in found[prose.MAIN]
    assert found["Differences"] == "Differences from the paper:\n\n- one, that goes on\n- two"
    assert found[prose.MAIN].endswith("- a star's list")


def test_an_equation_after_a_section_belongs_to_it():
    found = prose.sections("A.\n\nWhat an agent sees: all.\n\n    o = s\n\nMore.")
    assert found["What it sees"].endswith("```text\no = s\n```")
    assert found[prose.MAIN] == "A.\n\nMore."


def test_cells_are_one_line_and_keep_their_bars():
    assert prose.cell("a |\n b `c|d`") == "a \\| b `c\\|d`"


def test_settings_are_described_with_those_they_inherit():
    text = prose.settings(Settings())
    assert "| `low` | `1` | yes | The low \\| one. |" in text
    assert "| `high` | `Base(low=3)` |  | The high one, over two lines. |" in text
    assert "low" not in prose.settings(Settings(), skip=("low",)).replace("low=", "")
