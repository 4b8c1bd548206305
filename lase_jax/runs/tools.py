"""Commands and libraries beside this Python, as a person types and installs them."""

import importlib.util
import shlex
import shutil
import sys
from pathlib import Path

from envs.checks import require


def typed(name: str) -> str:
    """A command that lies beside this Python, as it is typed in the present folder.

    It is the name alone where the shell finds the same file by it, or where there is no such file.
    """
    file, here = Path(sys.executable).with_name(name), Path.cwd()
    if not file.is_file() or str(file) == shutil.which(name):
        return name
    return shlex.quote(str(file.relative_to(here) if file.is_relative_to(here) else file))


def require_library(module: str, package: str) -> None:
    """Requires that a library is installed that only some people need.

    Args:
        module: what is imported.
        package: what is installed.

    Raises:
        ConfigError: it is not; names the command that installs it.
    """
    pip = f"{typed('python')} -m pip install"
    if importlib.util.find_spec("pip") is None:  # uv makes environments without it
        pip = f"{typed('uv')} pip install --python {typed('python')}"
    there = importlib.util.find_spec(module) is not None
    require(there, "library", package, f"it is not installed, run `{pip} {package}`")
