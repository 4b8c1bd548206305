"""Games in the forms of other libraries, which are imported only when they are asked for."""

import importlib
from types import ModuleType

from envs.checks import refusal


def library(name: str, module: str) -> ModuleType:
    """A module of another library.

    Args:
        name: what the library is installed by, e.g. ``"pettingzoo"``.
        module: its full name.

    Raises:
        ConfigError: the library is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        remedy = f"{error.name} is not installed, use `pip install {name}`"
        raise refusal("library", name, remedy) from error
