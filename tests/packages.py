"""uv of the environment, for tests that ask a package index."""

import subprocess
import sys
from pathlib import Path

import pytest


def install(*arguments):
    """Runs ``uv pip install``; the test is skipped where no package index can be reached."""
    done = subprocess.run(
        [Path(sys.executable).with_name("uv"), "pip", "install", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if "error sending request" in done.stderr:
        pytest.skip("no package index can be reached")
    return done
