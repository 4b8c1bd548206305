import json
import shutil
from pathlib import Path

import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.runs import folder, lock, status
from lase_jax.runs.inspection import inspect, runs_in
from lase_jax.runs.run import train_run
from lase_jax.runs.setup import create_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "tiny"
    create_run(tiny.config(chunks=5, save_every=0.0), path, overwrite=False)
    assert train_run(path, "again", lambda line: None) == 0
    return path


@pytest.fixture
def copy(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def test_a_finished_run_is_sound_and_stays_as_it_is(finished):
    before = {file: file.stat().st_mtime_ns for file in finished.rglob("*")}
    report = inspect(finished)
    assert not report.problems
    assert "Checkpoints that can be evaluated and gone on from: 6, 8, 10." in report.sound
    assert "metrics.csv has 10 rows per seed." in report.sound
    assert any("It was finished after update 10" in line for line in report.sound)
    assert {file: file.stat().st_mtime_ns for file in finished.rglob("*")} == before


def test_what_is_damaged_is_named(copy):
    rows = copy / folder.METRICS
    rows.write_text(rows.read_text().replace("0,4,32,", "0,x,32,"))
    for file in (copy / folder.CHECKPOINTS / "10").rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:7])
    problems = inspect(copy).problems
    assert problems[0].startswith("Checkpoint 10: ") and len(problems) == 5
    assert problems[1] == "metrics.csv: line 8 is no row."
    assert problems[3] == "metrics.csv lacks 1 rows up to update 8."
    assert problems[4] == "summary.json speaks of update 10, which is not there."


def test_a_digit_that_has_changed_is_found(copy):
    rows = copy / folder.METRICS
    text = rows.read_text()
    at = text.index("0,4,32,") + len("0,4,32,")
    rows.write_text(text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :])
    assert inspect(copy).problems == [
        "metrics.csv: its rows up to update 10 are not those that were written."
    ]


def test_checkpoints_that_are_gone_are_missed(copy):
    shutil.rmtree(copy / folder.CHECKPOINTS)
    assert inspect(copy).problems[0] == "No checkpoint can be read."


def test_a_run_that_is_being_trained_and_one_that_was_killed_are_told_apart(copy):
    status.write(copy, "running", 4)
    assert any("ended without a word" in line for line in inspect(copy).sound)
    (copy / folder.STATE).write_text("{")
    assert "Whether it is being trained is not known." in inspect(copy).sound
    with lock.held(copy):
        assert not lock.taken(copy)  # by this very process


def test_settings_that_cannot_be_read_end_the_inspection(copy):
    content = json.loads((copy / folder.CONFIG).read_text())
    content["run"]["game"]["rows"] = "three"
    (copy / folder.CONFIG).write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="rows is 'three'"):
        inspect(copy)


def test_the_runs_of_a_folder(finished, tmp_path):
    assert runs_in(finished) == [finished]
    assert runs_in(finished.parent) == [finished]
    with pytest.raises(ConfigError, match="neither a run folder nor a sweep"):
        runs_in(tmp_path)
