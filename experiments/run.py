"""The command line with this repository's presets: ``python -m experiments.run train``."""

import sys
from typing import TYPE_CHECKING

from lase_jax.cli import main

if TYPE_CHECKING:
    from lase_jax.config import RunConfig


def preset(env: str, algo: str) -> "RunConfig":
    """As `presets.preset`, imported when it is asked for, so that help is answered at once."""
    from experiments import presets

    return presets.preset(env, algo)


if __name__ == "__main__":
    sys.exit(main(preset, "python -m experiments.run"))
