"""Docstrings as Markdown.

A docstring of this project is plain text: literals stand in (double) backticks, an equation or a
list is indented, and some paragraphs begin with words that name what they hold.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from lase_jax.core.settings import unusual
from lase_jax.reports.tables import markdown

SECTIONS = {
    "What an agent sees": "What it sees",
    "Differences from": "Differences",
    "Letters": "Letters",
}
"""Beginnings of paragraphs, and the headings under which they stand on a page."""
MAIN = ""
"""The heading of all others."""
_CODE = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)


def inline(text: str) -> str:
    """Text within a paragraph: what Markdown would take for its own is escaped."""
    parts = _CODE.split(text)
    plain = (re.sub(r"([*<|$])", r"\\\1", part) for part in parts[::2])
    literals = [part.strip("`") for part in parts[1::2]] + [None]
    pairs = zip(plain, literals, strict=True)
    return "".join(words + (f"`{code}`" if code else "") for words, code in pairs)


def cell(text: str) -> str:
    """Text in a cell of a table: one line, in which bars of literals are escaped too."""
    return re.sub(r"(?<!\\)\|", r"\\|", inline(" ".join(text.split())))


def block(text: str) -> str:
    """A paragraph, a list or an equation."""
    lines = text.splitlines()
    indented = [line.startswith("    ") for line in lines]
    if all(indented):
        inside = textwrap.dedent(text)
        return listed(inside) if inside.startswith("- ") else f"```text\n{inside}\n```"
    if any(indented) and not text.startswith(("- ", "* ")):
        first = indented.index(True)
        rest = "\n".join(lines[first:])
        return f"{block(chr(10).join(lines[:first]))}\n\n{block(rest)}"
    return listed(text) if text.startswith(("- ", "* ")) else inline(text)


def listed(text: str) -> str:
    """A list, whose points begin with a dash or a star."""
    points = re.split(r"^[-*] ", text, flags=re.MULTILINE)[1:]
    return "\n".join(f"- {inline(' '.join(point.split()))}" for point in points)


def sections(doc: str) -> dict[str, str]:
    """A docstring by the headings of `SECTIONS`, in Markdown; `MAIN` is what has none."""
    found: dict[str, list[str]] = {MAIN: []}
    now = MAIN
    for text in re.split(r"\n\s*\n", inspect.cleandoc(doc)):
        if not text.startswith("    "):
            starts = (name for start, name in SECTIONS.items() if text.startswith(start))
            now = next(starts, MAIN)
        found.setdefault(now, []).append(block(text))
    return {name: "\n\n".join(texts) for name, texts in found.items()}


def first_sentence(doc: str | None) -> str:
    """The first line of a docstring."""
    return inspect.cleandoc(doc or "").partition("\n")[0]


def described(cls: type) -> dict[str, str]:
    """The docstring below each field of a dataclass and of those that it inherits from."""
    found: dict[str, str] = {}
    for base in reversed([each for each in cls.__mro__ if is_dataclass(each)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for now, after in zip(body.body, body.body[1:], strict=False):
            if isinstance(now, ast.AnnAssign) and isinstance(now.target, ast.Name):
                text = after.value if isinstance(after, ast.Expr) else None
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    found[now.target.id] = text.value
    return found


def defaults(config: Any) -> dict[str, str]:
    """The value of each field of a dataclass, as it is written in Python."""
    return {field.name: written(getattr(config, field.name)) for field in fields(config)}


def written(value: Any) -> str:
    """A value as it is written in Python; of settings in settings, those that are not defaults."""
    if not is_dataclass(value):
        return repr(value)
    kind = type(value)
    changed = (f"{name}={written(own)}" for name, own in unusual(value).items())
    return f"{kind.__name__}({', '.join(changed)})"


def settings(config: Any, skip: Iterable[str] = ()) -> str:
    """The settings of a dataclass as a table: names, values, meanings, and which may be swept."""
    texts, traced = described(type(config)), set(getattr(type(config), "TRACED", ()))
    rows = [
        [f"`{name}`", f"`{value}`", "yes" if name in traced else "", cell(texts[name])]
        for name, value in defaults(config).items()
        if name not in skip
    ]
    heads = ("setting", "default", "swept in one program", "meaning")
    if not traced:
        heads, rows = (heads[0], heads[1], heads[3]), [[r[0], r[1], r[3]] for r in rows]
    return markdown(heads, rows) if rows else "None.\n"
