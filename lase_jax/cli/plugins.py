"""Modules from outside that register games and algorithms: ``lase --plugin mygames train ...``.

Importing this module imports neither jax nor games.
"""

import importlib
import shlex
import sys
from collections.abc import Sequence

PLUGIN = "--plugin"
"""The option that names a module to import; it may stand anywhere, and more than once."""


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The modules that `PLUGIN` names among some arguments, and all other arguments.

    Raises:
        ConfigError: the option has no value.
    """
    from envs.checks import require

    names, others = [], []
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        if option != PLUGIN:
            others.append(argument)
            continue
        name = value if equals else next(rest, "")
        require(bool(name), "plugin", name, "name a module that registers games or algorithms")
        names.append(name)
    return names, others


def load(names: Sequence[str]) -> None:
    """Imports modules, also from the folder where the command is given, as ``python -m`` does.

    Raises:
        ConfigError: one cannot be imported, or what it registers is refused.
    """
    from envs.checks import ConfigError, refusal
    from lase_jax.runs import files

    if names and "" not in sys.path:
        sys.path.insert(0, "")
    for name in names:
        try:
            importlib.import_module(name)
        except ConfigError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {files.reason(error)}".rstrip(".")
            remedy = (
                f"it cannot be imported ({why}), name a module of this folder or an installed one"
            )
            raise refusal("plugin", name, remedy) from error


def words(names: Sequence[str]) -> str:
    """The options that name these modules, as they are typed after the command line's name."""
    return "".join(f" {PLUGIN} {shlex.quote(name)}" for name in names)
