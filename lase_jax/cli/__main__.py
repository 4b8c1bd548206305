"""The command line from any folder: ``python -m lase_jax.cli train``; installed it is ``lase``."""

import sys
from pathlib import Path

from lase_jax.cli import main


def program() -> str:
    """The command that started this program, to be typed again from the same folder."""
    python, here = Path(sys.executable), Path.cwd()
    interpreter = python.relative_to(here) if python.is_relative_to(here) else "python"
    return f"{interpreter} -m lase_jax.cli"


if __name__ == "__main__":
    sys.exit(main(called=program()))
