"""Every command and every block of Python that README and site show.

Commands of training are checked as they would start; the thorough tests execute all that can be
executed here, with few steps. `NOT_RUN` says why the others are not.
"""

import ast
import contextlib
import io
import re
import shlex
import shutil
from pathlib import Path

import jax
import pytest
from targets import received

import envs
from lase_jax.algorithms import ALGORITHMS
from lase_jax.cli import execute
from lase_jax.cli.commands import configured
from lase_jax.cli.parse import parse
from lase_jax.cli.training import begun, deciding, sweep_options, train_options
from lase_jax.presets import preset
from lase_jax.runs.setup import set_up
from lase_jax.sweeps import axes

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = re.MULTILINE | re.DOTALL
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", TEXT)

NOT_RUN = {
    "git clone": "needs the repository's address and a network",
    "make test": "runs these tests",
    "make help": "test_makefile reads the list of targets",
    "make sync": "sends to a server; tests/runs has a stand-in",
    "make dashboard": "asks a server; tests/runs builds the object",
    "make play": "asks a person; tests/cli answers for one",
    "make train ENV=cleanup NAME=big": "needs two machines; tests/runs has processes",
    "make paper": "minutes to hours; tests/studies run its parts",
    "make train ARGS=--help": "tests/cli asks every command for help",
    "make train EXTRA": "needs an accelerator; the same command without EXTRA is run",
}
"""Beginnings of commands that are not executed here, and why."""
SHORT = {
    "train": "--steps 64 --num-envs 4 --seeds 1 --chunks 1 --wandb disabled",
    "sweep": "--steps 64 --num-envs 4 --seeds 1 --chunks 1 --wandb disabled",
    "resume": "--wandb disabled",
    "eval": "--episodes 2",
    "crossplay": "--episodes 2",
    "schelling": "--episodes 2",
    "replay": "--seeds 1",
    "report": "--seeds 1",
}
"""What makes a command short; the last of several values counts."""
NEEDS = {"docs/adapters.md": ("jaxmarl", "pettingzoo")}
"""Libraries that a page says to install; without them its Python is not run."""


def blocks(language):
    """Blocks of a language by page, in order."""
    found = {}
    for path in PAGES:
        texts = [text for kind, text in BLOCK.findall(path.read_text()) if kind == language]
        if texts:
            found[path.relative_to(ROOT).as_posix()] = texts
    return found


def commands():
    lines = (
        line for texts in blocks("bash").values() for text in texts for line in text.split("\n")
    )
    shown = (re.sub(r"\s+#.*", "", line).strip() for line in lines)
    return list(dict.fromkeys(line for line in shown if line and not line.startswith("#")))


def is_run(command):
    return not command.startswith(tuple(NOT_RUN))


def arguments(command):
    """What the command line gets: the words after ``lase``, or after what make calls."""
    words = shlex.split(command)
    if words[0].endswith("/lase"):
        return words[1:]
    assert words[0] == "make"
    return received(*words[1:])


COMMANDS = [command for command in commands() if is_run(command)]
BEGUN = [
    command
    for command in commands()
    if re.match(r"make (train|sweep) ", command)
    and "RUN=" not in command
    and "--help" not in command
    and not re.search(r"--config |\.txt", command)  # those read files, which `folder` has
]


def test_commands_are_found_and_reasons_are_needed():
    assert len(COMMANDS) > 15
    unused = [start for start in NOT_RUN if not any(c.startswith(start) for c in commands())]
    assert not unused


@pytest.mark.parametrize("command", BEGUN)
def test_a_training_that_is_shown_can_begin(command):
    """As `commands.train` does, without making a folder."""
    verb, *rest = arguments(command)
    chosen = deciding(rest)
    start = begun(preset, chosen)
    options = parse((train_options if verb == "train" else sweep_options)(start), rest, "shown")
    config = configured(options, preset)
    set_up(config)
    if verb == "sweep":
        assert axes.parse(options.sweep, config)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the runs and the map that are spoken of, made with few steps."""
    place = tmp_path_factory.mktemp("documented")
    names = ("ssh", "lase"), ("ipd", "lase"), ("ipd", "a2c")
    for game, algo in names:
        command = f"train --env {game} --algo {algo} --name {game}-{algo} {SHORT['train']}"
        done(place, command.split())
    sweep = (
        f"sweep --env ipd --algo lase --sweep lr=1e-3,3e-3 --name sweep-ipd-lase {SHORT['sweep']}"
    )
    done(place, sweep.split())
    first_map = re.search(r"^```text\n(.*?)^```", (ROOT / "docs" / "maps.md").read_text(), TEXT)
    assert first_map is not None
    (place / "orchard.txt").write_text(first_map[1])
    return place


def done(place, words):
    output = io.StringIO()
    with contextlib.chdir(place), contextlib.redirect_stdout(output):
        code = execute(words, preset, "lase")
    assert code == 0, output.getvalue()


@pytest.mark.thorough
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_shown_does_what_it_should(command, folder):
    verb, *rest = arguments(command)
    short = SHORT["resume" if "--resume" in rest else verb] if verb in SHORT else ""
    if "--samples" in rest:
        short += " --samples 8"
    if "--resume" in rest and "--steps" in rest:
        short += " --steps 800"  # of the 400 that it has
    done(folder, [verb, *rest, *short.split()])


PYTHON = blocks("python")


@pytest.mark.parametrize("page", PYTHON)
def test_python_that_is_shown_is_python(page):
    for text in PYTHON[page]:
        ast.parse(text)


@pytest.mark.thorough
@pytest.mark.parametrize("page", PYTHON)
def test_python_that_is_shown_runs(page, folder, tmp_path, monkeypatch):
    """All blocks of a page one after the other, in a copy of the runs' folder, with few steps.

    As for readers, JAX is not strict; what is registered or saved is forgotten.
    """
    for library in NEEDS.get(page, ()):
        pytest.importorskip(library)
    monkeypatch.chdir(shutil.copytree(folder, tmp_path / "copy"))
    for menu in (envs.GAMES, ALGORITHMS):
        monkeypatch.setattr(menu, "_entries", dict(menu._entries))
    name, values = "documented_page", {"__name__": "documented_page"}
    module = type(ast)(name)
    monkeypatch.setitem(__import__("sys").modules, name, module)  # dataclasses look for it
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        for text in PYTHON[page]:
            exec(compile(re.sub(r"steps=[\d_]+", "steps=1_000", text), page, "exec"), values)


def texts_of_the_sources():
    """All that the project may say: text of its modules, the Makefile and its tools."""
    said = [(ROOT / name).read_text() for name in ("Makefile", "tools/venv.sh")]
    for path in (*ROOT.glob("lase_jax/**/*.py"), *ROOT.glob("envs/*.py")):
        nodes = ast.walk(ast.parse(path.read_text()))
        found = (node.value for node in nodes if isinstance(node, ast.Constant))
        said += [value for value in found if isinstance(value, str)]
    return "\n".join(said)


def test_errors_that_are_explained_can_occur():
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    rows = re.findall(r"^\| (?!message|---)(`.*?) \| ", page, re.MULTILINE)
    said = texts_of_the_sources()
    assert len(rows) > 10
    for row in rows:
        parts = [part.strip() for part in row.strip("`").split("...")]
        missing = [part for part in parts if part not in said and part.rstrip(":") not in said]
        assert not missing, row
