"""The command line with this repository's presets: ``python -m experiments.run train``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lase_jax.cli import main

if TYPE_CHECKING:
    from lase_jax.runs.config import RunConfig


def preset(env: str, algo: str, name: str = "") -> "RunConfig":
    """As `presets.preset`, imported when it is asked for, so that help is answered at once."""
    from experiments import presets

    return presets.preset(env, algo, name)


def program() -> str:
    """How this was called, to be typed again from the same folder."""
    python, here = Path(sys.executable), Path.cwd()
    shown = python.relative_to(here) if python.is_relative_to(here) else "python"
    return f"{shown} -m experiments.run"


if __name__ == "__main__":
    sys.exit(main(preset, program()))
