"""Reads options with tyro and turns its error messages, framed boxes, into one line."""

import contextlib
import io
import re
from collections.abc import Sequence
from typing import Any

import tyro

from envs.checks import ConfigError


def parse(target: Any, arguments: Sequence[str], called: str) -> Any:
    """Reads options with tyro; its error messages become one line.

    Args:
        target: a dataclass, or an instance of one to start from.
        arguments: what was typed.
        called: name of the command in the help.

    Raises:
        ConfigError: an option that does not exist, or a value that cannot work.
    """
    cls, start = (target, {}) if isinstance(target, type) else (type(target), {"default": target})
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                tyro.conf.AvoidSubcommands[cls], prog=called, args=list(arguments), **start
            )
    except SystemExit as end:
        if end.code:
            raise ConfigError(one_line(complaint.getvalue())) from None
        raise


REWORDED = (
    (r"^Error parsing Train: ", ""),
    (r"^Error parsing (?:run\.)?([a-z_.]+?)(?:\.learner)?: ", r"\1."),
    (
        r"^Error parsing (--\S+): .*?'([^']*)'\]?\.?$",
        r"\1 is '\2': use a value of the type that --help shows",
    ),
    (r"^Unrecognized options: ([^,]+).*", r"\1 is not an option"),
    (r"^invalid choice ('.*') for argument '(\S+)'. Expected one of \((.*)\)", r"\2 is \1: use \3"),
    (r"^Missing value for argument '(\S+)'.*", r"\1 is empty: give it a value"),
    (
        r"^Missing from .* (eval|render|replay|report|check): .*",
        r"run is missing: name a run folder, e.g. runs/ssh-lase",
    ),
)
"""Patterns in tyro's error messages, and what replaces them."""


def one_line(complaint: str) -> str:
    """The main part of one of tyro's framed error messages, as a sentence."""
    rows = [row.strip("╭╮╰╯│|+ ") for row in complaint.splitlines()[1:]]
    parts = [part.strip() for part in re.split(r"[─-]{5,}", " ".join(rows)) if part.strip()]
    head = parts[0] if parts else "the options cannot be read"
    for pattern, words in REWORDED:
        head = re.sub(pattern, words, head)
    near = re.findall(r"--[a-z][\w.-]*", parts[1]) if parts[1:] and "meant" in parts[1] else []
    hint = f": did you mean {' or '.join(dict.fromkeys(near[:3]))}?" if near else ""
    return head.rstrip(".") + (hint or ".")
