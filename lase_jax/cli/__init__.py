"""The command line. Bad input gives a message of one line and exit code 2.

The commands are in `lase_jax.cli.commands`, imported when one is run: help does not import jax, but
for that of ``train`` and ``sweep``, which is kept for the next time.
"""

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from lase_jax import __version__
from lase_jax.cli import plugins
from lase_jax.cli.output import occupy_streams, printable, short_warnings, tolerant

if TYPE_CHECKING:
    from lase_jax.runs.config import Presets

COMMANDS = {
    "train": "train a society, e.g. train --env ssh --algo lase --seeds 5",
    "sweep": 'train many settings, e.g. sweep --env ssh --sweep "lr=1e-4,1e-3" --seeds 4',
    "eval": "play a trained run and print a table per agent, e.g. eval runs/ssh-lase",
    "crossplay": "let trained runs play each other, e.g. crossplay runs/ssh-lase runs/ssh-a2c",
    "render": "draw an episode of a trained run as a GIF, e.g. render runs/ssh-lase --seed 0",
    "replay": "write episodes as a page to play and look into, e.g. replay runs/ssh-lase",
    "play": "take a seat yourself, e.g. play ssh --others cooperator, or play --run runs/ssh-lase",
    "report": "write a run or sweep as a page: curves, tables, replay, e.g. report runs/ssh-lase",
    "check": "read all of a run and say what can be had of it, e.g. check runs/ssh-lase",
    "sync": "send what was logged offline to W&B, e.g. sync runs/ssh-lase",
    "dashboard": "make a dashboard on W&B for runs, e.g. dashboard runs/ssh-lase",
    "schelling": "say whether a game is a social dilemma, e.g. schelling cleanup",
    "list": "list games with seats and steps, algorithms, presets and scripted seats",
    "completion": "print a script that lets a shell complete all of this, e.g. completion bash",
}
EARLIER = {"games": "list"}
"""Names that commands had before."""
HELP = {"-h", "--help"}
VERSION = {"-V", "--version", "version"}


def main(presets: "Presets | None" = None, called: str = "") -> int:
    """Runs the command in `sys.argv` and returns its exit code.

    Args:
        presets: gives the settings that options start from; None for those of `lase_jax.presets`.
        called: how the command line is called, for help and hints; empty for what was typed.
    """
    return execute(sys.argv[1:], presets, called or typed(sys.argv[0]))


def typed(program: str) -> str:
    """A program's path as a person types it: its name alone where the shell finds it by that."""
    name = os.path.basename(program)
    return name if shutil.which(name) == program else program


def execute(arguments: Sequence[str], presets: "Presets | None", called: str) -> int:
    """Runs one command: 0 done, 2 bad input, 128 + n stopped by signal n."""
    if list(arguments[:1]) == ["help"]:
        arguments = [*arguments[1:2], "--help"]

    def run() -> int:
        with at_once():
            from envs.checks import choice
            from lase_jax.cli import commands
            from lase_jax.presets import preset

            names, others = plugins.split(arguments)
            name, *options = others or [""]
            name = EARLIER.get(name, name)
            choice("command", name, COMMANDS)
            plugins.load(names)
        whole = f"{called}{plugins.words(names)}"
        try:
            return commands.run(name, options, presets or preset, whole)
        except SystemExit as end:  # what was asked for has been printed, e.g. help
            return int(end.code or 0)

    occupy_streams()
    if any(argument.startswith(plugins.PLUGIN) for argument in arguments):
        return guarded(run)  # help may depend on what the module registers
    command, *rest = arguments or ["--help"]
    if command in VERSION:
        with tolerant():
            print(f"lase_jax {__version__}")
        return 0
    command = EARLIER.get(command, command)
    asks = bool(HELP & {command, *rest})
    if asks and _helped(command, called):
        return 0
    if command == "completion" or asks:
        return _kept([called, command, *rest], run)
    return guarded(run)


def _helped(command: str, called: str) -> bool:
    """Prints help, if it is that of all commands or of one whose options depend on nothing."""
    with tolerant(), at_once():
        if command in HELP:
            print(usage(called))
            return True

        from lase_jax.cli.options import OPTIONS
        from lase_jax.cli.parse import show_help

        if command in OPTIONS:
            show_help(OPTIONS[command], f"{called} {command}")
        return command in OPTIONS


def _kept(arguments: Sequence[str], run: Callable[[], int]) -> int:
    """Prints what `run` printed the last time, or calls it and keeps what it prints."""
    from lase_jax.cli import kept

    file = kept.file_of(arguments)
    text = kept.find(file)
    if text is not None:
        with tolerant():
            sys.stdout.write(text)
        return 0

    def copied() -> int:
        with contextlib.redirect_stdout(kept.Copied(sys.stdout)) as copy:
            code = run()
        if code == 0:
            kept.keep(file, copy.text)
        return code

    return guarded(copied)


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Lets Ctrl-C end the process at once: libraries that are being imported print tracebacks."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def guarded(action: Callable[[], int]) -> int:
    """The exit code of `action`; bad input gives a message of one line and exit code 2."""
    occupy_streams()
    problem = _of_python()
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    try:
        with at_once():
            from envs.checks import ConfigError
    except ValueError as error:  # jax reads its environment variables when it is imported
        print(f"error: {error}: mend or unset that variable.", file=sys.stderr)
        return 2

    os.environ["MPLBACKEND"] = "agg"  # pictures are files, whatever notebooks have set
    with tolerant(), short_warnings():
        try:
            return action()
        except ConfigError as error:
            problem = str(error)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            return 130
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            problem = of_machine(error)
            if not problem:
                raise
        print(f"error: {printable(problem)}", file=sys.stderr)
        return 2


def _of_python() -> str:
    """How Python was started that libraries cannot bear; "" for nothing."""
    if sys.flags.optimize > 1:
        return "PYTHONOPTIMIZE is 2: libraries read their docstrings, use 1 or unset it."
    if any(option and "error".startswith(option) for option in sys.warnoptions):
        return "PYTHONWARNINGS is 'error': libraries warn when they are imported, unset it."
    return ""


def of_machine(error: Exception) -> str:
    """What an error says that is the machine's and not the program's; "" for other errors."""
    text = (str(error).splitlines() or [""])[0]
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in text:
        return f"memory is not enough ({text[:200]}): use fewer --seeds, --num-envs or --episodes."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{str(error.filename)[:200]!r} cannot be used: {error.strerror}."
    if isinstance(error, UnicodeError) or "embedded null" in text:
        return f"a name has characters that no file may have: {text[:200]}."
    return ""


def usage(called: str) -> str:
    """The overview of commands."""
    lines = (f"  {name:11}{meaning}" for name, meaning in COMMANDS.items())
    more = (
        f"{called} <command> --help lists every option, {called} --version says which this is.",
        f"{plugins.PLUGIN} MODULE, with any command, imports games and algorithms of your own: a",
        "module of this folder or an installed one, which calls envs.register or",
        "algorithms.register.",
    )
    return "\n".join([f"usage: {called} <command> [options]", "", *lines, "", *more])
