"""Sweeps: what is kept, what goes on, what is refused; and the tables that are made from them."""

import importlib
import json
from dataclasses import replace

import pytest
import tiny

from envs.checks import ConfigError
from experiments import curves, study
from experiments.bench import speed
from experiments.calibration import analysis as calibration
from experiments.learning_curves import analysis, sweep
from lase_jax.runs import folder, results
from lase_jax.runs.parts import DivergedError


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    parent = tmp_path_factory.mktemp("sweep")
    assert study.train_all({"ssh-a2c": tiny.config(steps=16)}, parent, "again") == 0
    return parent


def test_a_finished_run_is_left_alone(swept, monkeypatch):
    def never(*_):
        raise AssertionError("it is trained already")

    monkeypatch.setattr(study, "train_run", never)
    assert study.train_all({"ssh-a2c": tiny.config(steps=16)}, swept, "again") == 0


def test_a_run_of_other_settings_is_refused_before_anything_is_trained(swept):
    other = {"new": tiny.config(), "ssh-a2c": tiny.config(steps=24)}
    with pytest.raises(ConfigError, match="ssh-a2c holds a run of other settings: schedule.steps"):
        study.train_all(other, swept, "again")
    assert not (swept / "new").exists()


def test_a_run_that_diverges_does_not_end_the_sweep(tmp_path, monkeypatch, capsys):
    seen = []

    def run(path, command):
        seen.append(path.name)
        if path.name == "a":
            raise DivergedError("loss is not finite")
        return 0

    monkeypatch.setattr(study, "train_run", run)
    assert study.train_all(dict.fromkeys("ab", tiny.config()), tmp_path, "again") == 1
    assert seen == ["a", "b"]
    assert "These runs diverged: a." in capsys.readouterr().err


def test_a_signal_ends_the_sweep(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "train_run", lambda path, command: 143)
    assert study.train_all(dict.fromkeys("ab", tiny.config()), tmp_path, "again") == 143
    assert not (tmp_path / "b").exists()


def test_the_table_refuses_runs_that_its_commands_would_not_make(swept):
    with pytest.raises(ConfigError, match="ssh-a2c holds a run of other settings"):
        curves.load(swept, [("ssh", "a2c")], sweep.settings)


def test_the_table_of_curves_has_cost_and_command(swept, tmp_path):
    every = [("ssh", "a2c"), ("ssh", "lase")]
    found = curves.load(swept, every, lambda *_: tiny.config(steps=16))
    assert list(found) == every[:1]
    summary = json.loads((found["ssh", "a2c"] / folder.SUMMARY).read_text())
    assert curves.score(found["ssh", "a2c"])["minutes"] == pytest.approx(
        2 * 16 / summary["steps_per_second"] / 60
    )
    assert "`make train ENV=ssh ALGO=a2c SEEDS=2`" in curves.table(found, sweep.command)
    curves.plot(found, tmp_path / "curves.png", ["ssh"], analysis.LINES)


def test_a_control_is_an_algorithm_with_other_settings():
    run = sweep.settings("ssg", "lio_unpaid", 5)
    assert run.algo == "lio" and run.agent.max_incentive == 1e-6
    command = sweep.command("ssg", "lio_unpaid", 5)
    assert command == 'make train ENV=ssg ALGO=lio SEEDS=5 ARGS="--agent.max-incentive 1e-06"'


def test_without_runs_no_table_is_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["analysis", "--runs", str(tmp_path)])
    monkeypatch.setattr(folder, "write", None)
    with pytest.raises(SystemExit, match="No finished runs"):
        calibration.main()


STUDIES = (
    *("calibration.sweep", "calibration.analysis", "influence.sweep", "influence.tune"),
    *("learning_curves.sweep", "learning_curves.tune", "lola.exact"),
)


@pytest.mark.parametrize("name", STUDIES)
def test_help_trains_nothing(name, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["study", "--help"])
    with pytest.raises(SystemExit) as end:
        importlib.import_module(f"experiments.{name}").main()
    assert end.value.code == 0 and "usage: study" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_what_is_no_summary_is_not_finished(tmp_path):
    for text in ("", "[]", "{}", '{"finished": false}'):
        (tmp_path / folder.SUMMARY).write_text(text)
        assert not results.finished(tmp_path)


def test_speed_is_measured_with_the_presets():
    case = speed.Case("cleanup", "lase")
    run = speed.settings(case, seeds=3)
    every = speed.settings(replace(case, weigh="all"), seeds=3)
    paper = speed.settings(replace(case, net="paper"), seeds=3)
    assert run.seeds == 3 and run.agent.social_episodes == 8
    assert every == replace(run, agent=replace(run.agent, weigh="all"))
    assert paper.agent.learner.net.lstm and paper.schedule == run.schedule
