"""The command line with this repository's presets: ``python -m experiments.run train``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lase_jax.cli import main

if TYPE_CHECKING:
    from lase_jax.runs.config import RunConfig


def preset(env: str, algo: str, name: str = "") -> "RunConfig":
    """As `presets.preset`, which is imported only when called, so that ``--help`` is fast."""
    from experiments import presets

    return presets.preset(env, algo, name)


def program() -> str:
    """The command that started this program, to be typed again from the same folder."""
    python, here = Path(sys.executable), Path.cwd()
    interpreter = python.relative_to(here) if python.is_relative_to(here) else "python"
    return f"{interpreter} -m experiments.run"


if __name__ == "__main__":
    sys.exit(main(preset, program()))
