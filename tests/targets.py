"""What the Makefile's targets would run, asked with `make -n`."""

import os
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def make(*arguments, **environment):
    """Runs make as if from a fresh shell, since the tests themselves may run under a make."""
    return subprocess.run(
        ["make", "-n", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def received(*arguments, **environment):
    """The arguments that `lase_jax.cli` would receive."""
    output = make(*arguments, **environment).stdout.replace("\\\n", " ")
    line = next(line for line in output.splitlines() if "-m lase_jax.cli" in line)
    return shlex.split(line.split("-m lase_jax.cli")[1])
