"""Output that cannot be written costs neither work nor a traceback."""

import io
import os
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest
import tiny

from lase_jax.cli import guarded
from lase_jax.cli.output import tolerant
from lase_jax.runs import results

ROOT = Path(__file__).parents[2]
LIST = [sys.executable, "-m", "lase_jax.cli", "list"]


def shell(line, **options):
    """What a shell's line printed as an error, and its exit codes."""
    script = f'set -o pipefail; {line}; echo "${{PIPESTATUS[@]}}"'
    options = dict(cwd=ROOT, capture_output=True, text=True, timeout=100) | options
    done = subprocess.run(["bash", "-c", script], **options)
    return done.stdout.splitlines(), done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes of a shell")
def test_a_reader_may_leave():
    printed, error = shell(f"{' '.join(LIST)} | head -1")
    assert printed[0].startswith("Games") and printed[-1].split()[0] == "0"
    assert error == ""


@pytest.mark.skipif(os.name != "posix", reason="pipes of a shell")
@pytest.mark.parametrize("command", ["--help", "eval --help"])
def test_a_reader_of_help_may_leave_before_the_first_line(command):
    """A pipe whose reader has gone: `true` has ended before Python prints."""
    printed, error = shell(f"(sleep 1; {sys.executable} -m lase_jax.cli {command}) | true")
    assert printed[-1].split()[0] == "0" and error == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_said():
    printed, error = shell(f"{' '.join(LIST)} > /dev/full")
    assert error.startswith("Part of the output could not be written") and error.count("\n") == 1
    assert printed == ["0"]


@pytest.mark.skipif(os.name != "posix", reason="streams of a shell")
def test_streams_may_be_closed():
    printed, error = shell(f"{' '.join(LIST)} >&-; echo $?; {' '.join(LIST)} 2>&- | head -1")
    assert error == "" and printed[0] == "0" and printed[1].startswith("Games")
    printed, _ = shell(f"{' '.join(LIST)} --nonsense 2>&- >&-; echo $?")
    assert printed[0] == "2"


def test_no_file_takes_the_number_of_a_closed_stream(tmp_path):
    code = f"""
        import os
        os.close(1), os.close(2)
        from lase_jax.cli import guarded
        guarded(lambda: os.write(2, b"noise") and open({str(tmp_path / "x")!r}, "w").close() or 0)
        assert open({str(tmp_path / "x")!r}).fileno() > 2
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, timeout=60)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("PYTHONOPTIMIZE", "2", "read their docstrings"), ("PYTHONWARNINGS", "error", "unset it")],
)
def test_a_python_that_libraries_cannot_bear_is_one_line(name, value, words):
    done = subprocess.run(
        LIST, cwd=ROOT, env=os.environ | {name: value}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: {name} is") and words in done.stderr


def test_a_warning_is_one_line(capsys):
    def warn():
        warnings.warn("one\ntwo", UserWarning, stacklevel=1)
        return 0

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert guarded(warn) == 0
    assert capsys.readouterr().err == "warning: one two\n"


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_letters_that_the_encoding_lacks_are_numbers(encoding):
    code = 'from lase_jax.cli import guarded; guarded(lambda: print("π") or 0)'
    options = dict(env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True, cwd=ROOT)
    done = subprocess.run([sys.executable, "-c", code], **options, timeout=60)
    assert done.stdout.decode().strip() == {"ascii": "\\u03c0", "utf-8": "π"}[encoding]
    assert done.stderr == b""


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="pipes of a shell")
def test_training_goes_on_without_its_reader(tmp_path):
    flags = " ".join(["train", "--env", "ssh", "--algo", "a2c", "--steps", "160", *tiny.FLAGS])
    line = f"{sys.executable} -m lase_jax.cli {flags} --name x --out {tmp_path} 2>&1 | head -1"
    printed, _ = shell(line)
    assert printed[-1].split()[0] == "0" and results.finished(tmp_path / "x")


def test_signs_that_an_encoding_lacks_are_spelled(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", newline="\n"))
    with tolerant():
        print("1.0 ± 0.5 of ü, 0 → 1, \udcff")
    assert raw.getvalue() == b"1.0 +- 0.5 of \\xfc, 0 -> 1, \\udcff\n"
