"""Reads options with tyro and turns its error messages, framed boxes, into one line."""

import contextlib
import io
import re
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any

import tyro

TEXT = ".txt"
"""How the names of files end that hold a map."""
LARGEST_TEXT = 2**16
"""A file with more bytes holds no map."""


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
                tyro.conf.AvoidSubcommands[cls], prog=called, args=with_maps(arguments), **start
            )
    except SystemExit as end:
        if end.code:
            from envs.checks import ConfigError  # with all of jax, which help can do without

            raise ConfigError(one_line(complaint.getvalue())) from None
        raise


def show_help(target: type, called: str) -> None:
    """Prints the help of a command whose options are the fields of a dataclass."""
    with contextlib.suppress(SystemExit):
        parse(target, ["--help"], called)


def completion(commands: Mapping[str, Any], shell: str, called: str = "lase") -> str:
    """The script that lets a shell complete commands and their options.

    Args:
        commands: the options of each command by its name: a dataclass, or an instance of one.
        shell: "bash", "zsh" or "tcsh".
        called: name of the program.
    """

    def command(name: str, options: Any) -> Any:
        whole = isinstance(options, type)
        cls, start = (options, {}) if whole else (type(options), {"default": options})
        described: Any = tyro.conf.subcommand(name, prefix_name=False, **start)
        return Annotated[tyro.conf.AvoidSubcommands[cls], described]

    every = reduce(or_, (command(name, options) for name, options in commands.items()))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        tyro.cli(every, prog=called, args=["--tyro-print-completion", shell])
    script = printed.getvalue()
    for given, better in FILES_TOO:
        script = script.replace(given, better)
    return script


FILES_TOO = (
    ('  COMPREPLY=("${matches[@]}")\n', '  COMPREPLY=(${completions:+"${matches[@]}"})\n'),
    ("complete -F ", "complete -o default -F "),
)
"""What lets bash complete names of files where no option fits, as tyro's script does not."""


def with_maps(arguments: Sequence[str]) -> list[str]:
    """The same arguments with maps in place of the files that hold them, as a run keeps its map.

    Raises:
        ConfigError: a file *.txt that cannot be read.
    """
    option, found = "--game.map", list(arguments)
    for place, argument in enumerate(found):
        name, equals, value = argument.partition("=")
        if name == option and equals and value.endswith(TEXT):
            found[place] = f"{option}={_map_in(value)}"
        elif place and found[place - 1] == option and argument.endswith(TEXT):
            found[place] = _map_in(argument)
    return found


def _map_in(file: str) -> str:
    from envs.checks import refusal
    from lase_jax.runs import files

    try:
        return "\n" + files.read(Path(file), LARGEST_TEXT).decode()
    except (OSError, ValueError) as error:
        remedy = f"it cannot be read ({files.reason(error)}), name a map or a file that holds one"
        raise refusal("map", file, remedy) from error


REWORDED = (
    (r"^Error parsing Train: ", ""),
    (r"^Error parsing (?:run\.)?([a-z_.]+?)(?:\.learner)?: ", r"\1."),
    (
        r"^Error parsing (--\S+): .*invalid literal for int\(\) with base 10: '([^']*)'.*",
        r"\1 is '\2': use a whole number in digits, such as 1000000",
    ),
    (
        r"^Error parsing (--\S+): .*could not convert string to float: '([^']*)'.*",
        r"\1 is '\2': use a number, such as 0.001 or 1e-3",
    ),
    (
        r"^Error parsing (--\S+): Could not parse arguments (.*) into tuple type .*",
        r"\1 is \2: use values of the types that --help shows",
    ),
    (
        r"^Error parsing (--\S+): .*?'([^']*)'\]?\.?$",
        r"\1 is '\2': use a value of the type that --help shows",
    ),
    (r"^Unrecognized options: ([^,]+).*", r"\1 is not an option"),
    (r"^invalid choice ('.*') for argument '(\S+)'. Expected one of \((.*)\)", r"\2 is \1: use \3"),
    (r"^Missing value for argument '(\S+)'.*", r"\1 is empty: give it a value"),
    (
        r"^Missing from .* (eval|render|replay|report|check|sync): .*",
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
