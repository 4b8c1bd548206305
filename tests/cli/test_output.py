"""Output that cannot be written costs neither work nor a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from lase_jax.runs import results

ROOT = Path(__file__).parents[2]
GAMES = [sys.executable, "-m", "experiments.run", "games"]


def shell(line, **options):
    """What a shell's line printed as an error, and its exit codes."""
    script = f'set -o pipefail; {line}; echo "${{PIPESTATUS[@]}}"'
    options = dict(cwd=ROOT, capture_output=True, text=True, timeout=100) | options
    done = subprocess.run(["bash", "-c", script], **options)
    return done.stdout.splitlines(), done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes of a shell")
def test_a_reader_may_leave():
    printed, error = shell(f"{' '.join(GAMES)} | head -1")
    assert printed[0].startswith("Games") and printed[-1].split()[0] == "0"
    assert error == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_said():
    printed, error = shell(f"{' '.join(GAMES)} > /dev/full")
    assert error.startswith("Part of the output could not be written") and error.count("\n") == 1
    assert printed == ["0"]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_what_the_encoding_lacks_is_a_number(encoding):
    code = 'from lase_jax.cli import guarded; guarded(lambda: print("π") or 0)'
    options = dict(env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True, cwd=ROOT)
    done = subprocess.run([sys.executable, "-c", code], **options, timeout=60)
    assert done.stdout.decode().strip() == {"ascii": "\\u03c0", "utf-8": "π"}[encoding]
    assert done.stderr == b""


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="pipes of a shell")
def test_training_goes_on_without_its_reader(tmp_path):
    flags = " ".join(["train", "--env", "ssh", "--algo", "a2c", "--steps", "160", *tiny.FLAGS])
    line = f"{sys.executable} -m experiments.run {flags} --name x --out {tmp_path} 2>&1 | head -1"
    printed, _ = shell(line)
    assert printed[-1].split()[0] == "0" and results.finished(tmp_path / "x")
