"""Hundreds of bad inputs and edited run folders: each ends in one line, and nothing is overwritten.

A tenth of them is tried each time, and all of them by ``make test-slow``.
"""

import contextlib
import io
import itertools
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny

from lase_jax import cli
from lase_jax.presets import preset
from lase_jax.runs import folder
from lase_jax.runs.run import train_run
from lase_jax.runs.setup import create_run

COMMANDS = ("train", "sweep", "eval", "crossplay", "render", "check", "schelling", "list")
WORDS = (
    "",
    "x",
    "nan",
    "1e400",
    "-1",
    "0x10",
    "é\u202e",
    "../..",
    "--",
    "a=b",
    "[/red]",
    "\x1b[2J",
)
NUMBERS = ("-1", "1.5", "1e18", "10000000000", "99999999999999999999", "nan", "inf", "none", "")
WHOLE = (
    *("--seeds", "--seed", "--steps", "--num-envs", "--rollout-length", "--chunks", "--points"),
    *("--keep-every", "--game.rows", "--game.horizon", "--game.num-agents", "--game.radius"),
    *("--agent.social-steps", "--agent.net.lstm", "--agent.social-width"),
)
"""Options of ``train`` that are whole numbers; 1.5 and texts are wrong for all of them."""
TINY = (*tiny.FLAGS, "--env", "ssh", "--algo", "lase", "--steps", "8")
"""Options of a training that ends at once, should anything wrong be accepted."""
REAL = ("--agent.lr", "--agent.gamma", "--agent.entropy", "--save-every", "--game.stag-reward")


def lines():
    """Bad command lines; ``{run}`` is a run folder, ``{sweep}`` a sweep's, ``{free}`` is free."""
    yield from ([command, "--nonsense", "1"] for command in COMMANDS)
    yield from ([word] for word in WORDS if word)
    for flag, value in itertools.product(WHOLE, NUMBERS):
        if (flag, value) == ("--steps", "10000000000"):
            continue  # a long run, and no bad input
        yield ["train", *TINY, flag, value, "--out", "{free}"]
    for flag, value in itertools.product(REAL, ("nan", "inf", "1e39", "-1", "x", "")):
        if (flag, value) == ("--game.stag-reward", "-1"):
            continue  # stags that one had better leave alone are no bad input
        yield ["train", *TINY, flag, value, "--out", "{free}"]
    for flag, word in itertools.product(("--env", "--algo", "--preset", "--learner"), WORDS[1:]):
        yield ["train", "--steps", "8", flag, word, "--out", "{free}"]
    for word in ("a/b", "..", "a\\b", "\x1b[2J", "x" * 300, "\udc80", "a\nb", "/", "."):
        yield ["train", *tiny.FLAGS, "--algo", "a2c", "--name", word, "--out", "{free}"]
    for word in ("{file}", "{file}/x", "/proc/x", "x" * 300, "/dev/null", "\0"):
        yield ["train", *tiny.FLAGS, "--algo", "a2c", "--name", "x", "--out", word]
    for word in ("", ".", "{file}", "{free}", "/dev/null", "{pipe}", "{loop}", "x" * 5000, "\0"):
        yield ["train", "--resume", word]
        yield ["sweep", "--resume", word]
        yield from ([command, word] for command in ("eval", "render", "check"))
        yield ["crossplay", word, "{run}"]
    for word in ("127.0.0.1,1,0", "a:99999,2,0", "a:1,0,0", "a:1,2,2", "a:1,2", ",,", "x"):
        yield ["train", *tiny.FLAGS, "--name", "x", "--hosts", word, "--out", "{free}"]
    for word in ("", "x", "cleanup:", "no.module:x", "os:path", "json:nothing", ":", "[/red]"):
        yield ["schelling", word]
    for flag, value in itertools.product(("--episodes", "--seed", "--defector"), NUMBERS):
        yield ["schelling", "ipd", flag, value]
    for flag, value in itertools.product(("--episodes", "--seed"), ("0", *NUMBERS)):
        if (flag, value) != ("--seed", "0"):
            yield ["eval", "{run}", flag, value]
    for value in ("oldest", "-1", "99", "10.0", "", "best best"):
        yield ["eval", "{run}", "--checkpoint", value]
        yield ["render", "{run}", "--checkpoint", value]
    for value in ("", "{folder}", "/dev/full", "{pipe}", "{free}/no/x.gif", "{file}/x.gif", "\0"):
        yield ["render", "{run}", "--out", value]
        yield ["eval", "{run}", "--out", value, "--episodes", "1"]
    for value in ("lr=", "lr", "=1", "lr=x", "lr=1 lr=2", "rowz=1", "lr=uniform(1,0)", "game=1"):
        yield ["sweep", *tiny.FLAGS, "--algo", "a2c", "--sweep", value, "--out", "{free}"]
    for flag, value in itertools.product(("--samples", "--halvings"), ("-1", "10000000000", "x")):
        options = ["--sweep", "lr=1e-3,1e-4", flag, value, "--out", "{free}"]
        yield ["sweep", *tiny.FLAGS, "--algo", "a2c", *options]
    yield ["sweep", *tiny.FLAGS, "--algo", "a2c", "--sweep", "lr=1e-3", "--metric", "returns"]
    yield ["sweep", *tiny.FLAGS, "--algo", "a2c", "--sweep", "lr=1e-3", "--resume", "{sweep}"]
    for seats in ("lase", "lase,lase,lase,lase,lase", "lase,,a2c,a2c", "x,y,z,w", ","):
        yield ["train", "--env", "ssh", "--seats", seats, "--steps", "8", "--out", "{free}"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run and a finished sweep, which copies are made of."""
    place = tmp_path_factory.mktemp("made")
    create_run(tiny.config(chunks=5, save_every=0.0), place / "run", overwrite=False)
    assert train_run(place / "run", "again", lambda line: None) == 0
    options = [*tiny.FLAGS, "--env", "ssh", "--algo", "a2c", "--steps", "16", "--name", "sweep"]
    grid = ["--sweep", "lr=1e-3,1e-2", "--out", str(place)]
    assert cli.execute(["sweep", *options, *grid], preset, "lase") == 0
    return place


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made, tmp_path / "made")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return tmp_path


def filled(line, place):
    names = {
        "run": place / "made" / "run",
        "sweep": place / "made" / "sweep",
        **{name: place / name for name in ("file", "folder", "pipe", "loop", "free")},
    }
    return [re.sub(r"\{(\w+)\}", lambda match: str(names[match[1]]), word) for word in line]


def said(arguments):
    """The exit code of a command, and what it writes to standard output and standard error."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            code = cli.execute(arguments, preset, "lase")
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), error.getvalue()


def snapshot(place):
    """All ordinary files and their contents."""
    return {
        file: file.read_bytes()
        for file in place.rglob("*")
        if file.is_file() and not file.is_symlink() and file.name not in (".lock", "state.json")
    }


def is_one_line(code, error):
    fits = error.startswith("error: ") and len(error) < 1500 and error[:-1].isprintable()
    return code == 2 and fits and error.endswith("\n")


class Problems:
    """Cases that did not end as they should: all are shown, not only the first."""

    def __init__(self):
        self.found = []

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            assert not self.found, "\n\n".join(self.found[:40])

    def unless(self, fine, case, *what):
        if not fine:
            self.found.append(f"{str(case)[-1500:]}\n    {' '.join(map(str, what))[-600:]}")


def tenth(cases, slow):
    """All cases, or each tenth of them."""
    found = list(cases)
    return found if slow else found[3::10]


SHARES = pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.slow)])


@SHARES
def test_bad_input_ends_in_one_line_and_touches_nothing(slow, place, monkeypatch):
    monkeypatch.chdir(place / "folder")
    before = snapshot(place)
    cases = tenth(lines(), slow)
    assert len(cases) >= (300 if slow else 30)
    with Problems() as problems:
        for line in cases:
            code, _, error = said(filled(line, place))
            problems.unless(is_one_line(code, error), line, code, error)
            problems.unless(snapshot(place) == before, line, "touched files")
            shutil.rmtree(place / "free", ignore_errors=True)
            shutil.rmtree(place / "folder" / "runs", ignore_errors=True)


BAD = (None, "x", -1, 2**70, 1.5, [], {}, [[]], {"kind": "Net"}, True, "\x1b[2J", "[/red]", 1e308)


def edits_of_settings(content):
    """config.json with one value replaced by another, for every value in it."""

    def places(tree, path=()):
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, value in pairs:
            yield (*path, key)
            if isinstance(value, dict | list):
                yield from places(value, (*path, key))

    for number, path in enumerate(places(content)):
        if path[0] in ("versions", "revision", "device", "created"):
            continue  # for people only
        for bad in BAD[number % 2 :: 2]:
            changed = json.loads(json.dumps(content))
            inner = changed
            for key in path[:-1]:
                inner = inner[key]
            if type(inner[path[-1]]) is type(bad):
                continue  # it may be an allowed value
            inner[path[-1]] = bad
            yield json.dumps(changed)


TEXTS = (
    "",
    "{",
    "[]",
    "3",
    "null",
    '{"run": ' * 99,
    "[" * 10**5,
    "\0\0",
    '{"a": 1e999}',
    "\ufeff{}",
)
ACTIONS = (
    ["train", "--resume", "{run}"],
    ["eval", "{run}", "--episodes", "1"],
    ["render", "{run}"],
    ["crossplay", "{run}", "{other}"],
)


@SHARES
def test_edited_settings_end_in_one_line_and_touch_nothing(slow, place):
    run = place / "made" / "run"
    shutil.copytree(run, place / "made" / "other")
    file = run / folder.CONFIG
    content = json.loads(file.read_text())
    cases = tenth([*edits_of_settings(content), *TEXTS], slow)
    assert len(cases) >= (330 if slow else 33)
    with Problems() as problems:
        for case, action in zip(cases, itertools.cycle(ACTIONS), strict=False):
            file.write_text(case)
            before = snapshot(place)
            line = [word.replace("{other}", str(place / "made" / "other")) for word in action]
            code, _, error = said(filled(line, place))
            problems.unless(is_one_line(code, error), case, action[0], code, error)
            problems.unless(snapshot(place) == before, case, "touched files")
            code, out, error = said(["check", str(run)])
            problems.unless(code == 1 and not error and "damaged" in out, case, code, out, error)


OTHERS = (folder.BEST, folder.SUMMARY, folder.STATE, folder.METRICS, folder.EVAL)


@SHARES
def test_whatever_lies_in_a_run_folder_no_command_ends_in_a_traceback(slow, place):
    """These files are not needed, or are put right; commands may also succeed."""
    run = place / "made" / "run"
    saved = place / "saved"
    shutil.copytree(run, saved)
    cases = tenth(itertools.product(OTHERS, (*TEXTS, '{"10": "x"}', '{"x": 1}')), slow)
    rng = np.random.default_rng(0)
    with Problems() as problems:
        for (name, text), action in zip(cases, itertools.cycle(ACTIONS[:3]), strict=False):
            (run / name).write_text(text)
            code, _, error = said(filled(action, place))
            fine = is_one_line(code, error) if code == 2 else code in (0, 1) and not error
            problems.unless(fine, (name, text), action[0], code, error)
            shutil.rmtree(run)
            shutil.copytree(saved, run)
        found = [file for file in sorted((run / folder.CHECKPOINTS).rglob("*")) if file.is_file()]
        for file in tenth(found * 3, slow):
            content = bytearray(file.read_bytes())
            for _ in range(min(3, len(content))):
                content[rng.integers(len(content))] = rng.integers(256)
            file.write_bytes(content)
            code, _, error = said(["check", str(run)])
            problems.unless(code in (0, 1) and not error, file, code, error)
            shutil.rmtree(run)
            shutil.copytree(saved, run)


@SHARES
def test_edited_sweeps_end_in_one_line(slow, place):
    file = place / "made" / "sweep" / folder.SWEEP
    content = json.loads(file.read_text())
    edits = [content | {key: bad} for key, bad in itertools.product(content, BAD)]
    edits += [content | {"settings": {name: {}}} for name in ("../run", "/", "x", "a\\b", "")]
    texts = [json.dumps(edit) for edit in edits if edit != content and edit["metric"] != "x"]
    with Problems() as problems:
        for text in tenth([*texts, *TEXTS], slow):
            file.write_text(text)
            before = snapshot(place)
            code, _, error = said(["sweep", "--resume", str(file.parent)])
            problems.unless(is_one_line(code, error), text, code, error)
            problems.unless(snapshot(place) == before, text, "touched files")


def test_run_folders_are_found_by_paths_with_spaces_and_quotes(made, tmp_path):
    path = Path(shutil.copytree(made / "run", tmp_path / "it's a run"))
    code, out, error = said(["check", str(path)])
    assert code == 0 and not error and "sound" in out
