import csv
import json
import shutil
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tiny

from envs.checks import ConfigError
from lase_jax import cli
from lase_jax.presets import preset
from lase_jax.runs import dashboards, devices, folder, metrics_csv, parts, program, results
from lase_jax.runs.inspection import inspect
from lase_jax.runs.parts import plan_of
from lase_jax.runs.run import Run, train_run
from lase_jax.runs.setup import create_run, load_config
from lase_jax.sweeps import axes, sweep

AXES = "lr=1e-3,1e-2 horizon=4,8"
SCORES = {
    "lr=1e-3,horizon=4": 3.0,
    "lr=1e-3,horizon=8": np.nan,
    "lr=1e-2,horizon=4": 1.0,
    "lr=1e-2,horizon=8": 2.0,
}
"""What settings are worth at the halving, as the real returns of so short a training are equal."""


def make(path, halvings=0, text=AXES, **fields):
    config = tiny.config(chunks=8, **fields)
    found = axes.parse(text, config)
    settings = {axes.name(setting): setting for setting in axes.grid(found)}
    runs = axes.configured(
        config,
        found,
        list(settings.values()),
        lambda path, text: type(axes.value_at(config, path))(text),
    )
    sweep.create(path, sweep.Sweep("return/collective", halvings, settings), runs)
    return dict(zip(settings, runs, strict=True))


def alone(path, config):
    create_run(config, path, overwrite=False)
    assert train_run(path, "again", lambda line: None) == 0
    return metrics_csv.load(path / folder.METRICS)


def same(first, second, rtol=2e-4):
    np.testing.assert_array_equal(first.update, second.update)
    for name, values in first.metrics.items():
        np.testing.assert_allclose(values, second.metrics[name], rtol, 1e-5, err_msg=name)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweeps") / "tiny"
    said = []
    make(path, halvings=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "score", lambda path, metric: np.array([SCORES[path.name]]))
        assert sweep.run(path, "again", said.append) == 0
    return path, said


@pytest.mark.parametrize("halvings", [0, 1, 4])
def test_the_share_of_updates_that_is_played_follows_from_the_halvings(halvings):
    shares = [0.0, *sweep.rungs(sweep.Sweep("return/collective", halvings, {}))]
    parts = [0.5**stopped * (b - a) for stopped, (a, b) in enumerate(pairwise(shares))]
    assert sweep.played(halvings) == pytest.approx(sum(parts))


def test_settings_that_need_one_program_are_trained_in_one(swept):
    _, said = swept
    assert "Program 1 of 2: 2 settings, 4 seeds." in said
    assert "Program 2 of 2: 2 settings, 4 seeds." in said
    assert "Halving 1 of 1: 2 of 4 settings go on." in said


def test_a_setting_is_as_good_as_trained_alone(swept, tmp_path):
    path, _ = swept
    name = next(name for name in sweep.load(path).settings if results.finished(path / name))
    config, content = load_config(path / name)
    assert content["sweep"] == "tiny"
    same(metrics_csv.load(path / name / folder.METRICS), alone(tmp_path / "alone", config))


def test_the_worse_half_was_stopped_at_half(swept):
    path, _ = swept
    state = sweep.load(path)
    assert state.halved == 1
    assert set(state.stopped) == {"lr=1e-3,horizon=8", "lr=1e-2,horizon=4"}
    for name, update in state.stopped.items():
        record = metrics_csv.load(path / name / folder.METRICS)
        updates = plan_of(load_config(path / name)[0]).updates
        assert record.update[-1] == update and abs(update - updates / 2) <= 1
        assert not results.finished(path / name)


def test_the_table_has_every_setting_the_best_first(swept):
    path, said = swept
    with (path / sweep.NUMBERS).open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    finished = [float(row["return/collective"]) for row in rows if not row["note"]]
    assert len(finished) == 2 and finished == sorted(finished, reverse=True)
    assert [row["note"] for row in rows] == ["", "", "stopped", "stopped"]
    assert {(row["lr"], row["horizon"]) for row in rows} == {
        (lr, horizon) for lr in ("1e-3", "1e-2") for horizon in "48"
    }
    assert (path / sweep.TABLE).read_text().startswith("| lr | horizon | return/collective |")
    assert (path / sweep.PICTURE).stat().st_size > 1000
    best = f"lr={rows[0]['lr']},horizon={rows[0]['horizon']}"
    assert any(line.startswith(f"The best is {path / best}") for line in said)


def never(*_):
    raise AssertionError("it is trained already")


def test_a_finished_sweep_trains_nothing(swept, monkeypatch):
    monkeypatch.setattr(program, "part_program", never)
    assert sweep.run(swept[0], "again", lambda line: None) == 0


def test_a_stopped_setting_goes_on_alone(swept):
    path, _ = swept
    name = next(iter(sweep.load(path).stopped))
    assert train_run(path / name, "again", lambda line: None) == 0
    assert results.finished(path / name)


def test_a_sweep_that_was_stopped_goes_on_to_the_same_end(tmp_path, monkeypatch):
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    collective, records = parts.collective, []

    def stopped_in_the_third_part(record):
        records.append(record)
        if len(records) == 5:  # of two settings
            signal.raise_signal(signal.SIGTERM)
        return collective(record)

    for path in (straight, broken):
        make(path, text="lr=1e-3,1e-2")
    assert sweep.run(straight, "again", lambda line: None) == 0
    monkeypatch.setattr(parts, "collective", stopped_in_the_third_part)
    said = []
    assert sweep.run(broken, "again", said.append) == 143
    assert said[-1] == "Stopped. To go on: again"
    monkeypatch.undo()
    assert sweep.run(broken, "again", lambda line: None) == 0
    for name in sweep.load(straight).settings:
        first, second = (path / name / folder.METRICS for path in (straight, broken))
        same(metrics_csv.load(first), metrics_csv.load(second))


def test_what_does_not_fit_together_is_trained_in_turn(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "require_memory", lambda *_: None)
    said = []
    make(tmp_path / "x", text="lr=1e-3,1e-2", steps=16)
    monkeypatch.setattr(devices, "free", lambda grid: 1)
    assert sweep.run(tmp_path / "x", "again", said.append) == 0
    assert any("one half after the other" in line for line in said)
    assert sum(line.startswith("Traced") for line in said) == 3


def test_one_that_diverges_does_not_stop_the_others(tmp_path, monkeypatch):
    runs = make(tmp_path / "x", text="lr=1e-3,1e-2", steps=40)
    first = next(iter(runs))
    take = Run.take

    def poisoned(run, metrics, done):
        if run.path.name == first:
            metrics = metrics | {"health/actor": 0 * metrics["health/actor"]}
        return take(run, metrics, done)

    monkeypatch.setattr(Run, "take", poisoned)
    said = []
    assert sweep.run(tmp_path / "x", "again", said.append) == 1
    assert any(line.startswith(f"{first} diverged: loss is not finite") for line in said)
    assert [results.finished(tmp_path / "x" / name) for name in runs] == [False, True]
    assert (tmp_path / "x" / sweep.TABLE).read_text().count("diverged") == 1
    monkeypatch.setattr(program, "part_program", never)
    assert sweep.run(tmp_path / "x", "again", lambda line: None) == 1


def test_a_sweep_is_not_overwritten_and_a_folder_is_no_sweep(tmp_path):
    make(tmp_path / "x", steps=16)
    with pytest.raises(ConfigError, match="name is 'x': use another name, --resume .* --overwrite"):
        make(tmp_path / "x", steps=16)
    sweep.create(tmp_path / "x", sweep.Sweep("return/collective", 0, {}), [], overwrite=True)
    assert [file.name for file in folder.contents(tmp_path / "x")] == [folder.SWEEP]
    with pytest.raises(ConfigError, match="resume is .*not a sweep's folder"):
        sweep.run(tmp_path, "again")


def test_runs_that_are_not_of_their_setting_are_refused(swept, tmp_path):
    path = Path(shutil.copytree(swept[0] if isinstance(swept, tuple) else swept, tmp_path / "x"))
    one, two = (path / name for name in list(SCORES)[:2])
    for source, target in ((one, path / "aside"), (two, one), (path / "aside", two)):
        source.rename(target)
    with pytest.raises(ConfigError, match="its run is of another setting"):
        sweep.run(path, "again", lambda line: None)
    assert "metrics.csv" not in str(inspect(one).problems)
    assert f"config.json is not of the setting that the sweep calls {one.name}." in (
        inspect(one).problems
    )
    with pytest.raises(ConfigError, match="it is a setting of a sweep"):
        create_run(tiny.config(), one, overwrite=True)


def test_names_are_no_patterns(tmp_path):
    plan = sweep.Sweep("return/collective", 0, {"dense=[4]": {"dense": "[4]"}})
    sweep.create(tmp_path / "x", plan, [tiny.config()])
    sweep.create(tmp_path / "x", plan, [tiny.config()], overwrite=True)
    (tmp_path / "x" / "dense=4").mkdir()
    with pytest.raises(ConfigError, match="dense=4 is no part of a run"):
        sweep.create(tmp_path / "x", plan, [tiny.config()], overwrite=True)


def test_a_run_whose_metrics_were_lost_counts_least(swept, tmp_path):
    assert np.isnan(sweep.score(tmp_path, "return/collective")).all()


def test_an_unknown_metric_is_named(swept):
    state = replace(sweep.load(swept[0]), metric="return/colective")
    with pytest.raises(ConfigError, match="did you mean 'return/collective'"):
        sweep.rows(swept[0], state)


def test_from_the_command_line(tmp_path, capsys):
    words = ["sweep", *tiny.FLAGS, "--env", "ssh", "--algo", "a2c", "--steps", "16"]
    words += ["--sweep", "lr=log(1e-4,1e-2) lr_episodes=uniform(10,20)", "--samples", "3"]
    words += ["--out", str(tmp_path), "--name", "drawn"]
    assert cli.execute(words, None, "lase") == 0, capsys.readouterr().err
    state = sweep.load(tmp_path / "drawn")
    assert len(state.settings) == 3
    agents = json.loads((tmp_path / "drawn" / sweep.AGENTS).read_text())
    assert agents["method"] == "random"
    assert agents["parameters"] == {
        "agent.lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2},
        "agent.lr-episodes": {"distribution": "int_uniform", "min": 10, "max": 20},
    }
    assert "--out" not in agents["command"] and "--steps" in agents["command"]
    assert cli.execute(["sweep", "--resume", str(tmp_path / "drawn")], None, "lase") == 0
    capsys.readouterr()
    assert cli.execute([*words, "--sweep", "lr=a"], None, "lase") == 2
    assert "agent.lr" in capsys.readouterr().err
    assert cli.execute(["sweep", "--resume", str(tmp_path), "--halvings", "2"], None, "lase") == 2
    assert "halvings is 'given': a sweep goes on as it was begun" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "left"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_a_sweep_that_is_interrupted_before_its_first_update_leaves_no_folder(
    number, left, tmp_path, capsys, monkeypatch
):
    def interrupted(runs, until, received, say):
        signal.raise_signal(number)

    monkeypatch.setattr(sweep, "train_together", interrupted)
    words = ["sweep", *tiny.FLAGS, "--env", "ssh", "--algo", "a2c", "--sweep", "lr=1e-3,1e-2"]
    words += ["--out", str(tmp_path)]
    assert cli.execute(words, None, "lase") == 128 + number
    assert ("To go on: lase sweep --resume" in capsys.readouterr().out) is left
    assert [each.name for each in tmp_path.iterdir()] == ["sweep-ssh-a2c"] * left


def test_a_sweep_whose_folders_are_half_made_is_deleted_by_ctrl_c(tmp_path, monkeypatch):
    def interrupted(*arguments, **facts):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "create_run", interrupted)
    words = ["sweep", *tiny.FLAGS, "--env", "ssh", "--algo", "a2c", "--sweep", "lr=1e-3,1e-2"]
    assert cli.execute([*words, "--out", str(tmp_path)], None, "lase") == 130
    assert not any(tmp_path.iterdir())


def test_the_settings_of_a_sweep_go_to_one_place_also_when_it_goes_on(tmp_path, capsys):
    words = ["sweep", *tiny.FLAGS, "--env", "ssh", "--algo", "a2c", "--steps", "16"]
    words += ["--sweep", "lr=1e-3,1e-2", "--out", str(tmp_path), "--name", "x"]
    assert cli.execute([*words, "--wandb-project", "p"], None, "lase") == 0
    again = ["sweep", "--resume", str(tmp_path / "x"), "--wandb-notes", "n"]
    assert cli.execute(again, None, "lase") == 0, capsys.readouterr().err
    for name in sweep.load(tmp_path / "x").settings:
        found = dashboards.read(tmp_path / "x" / name)
        assert (found.project, found.notes, found.group) == ("p", "n", "x")
        assert found.mode == "disabled"
        assert [*found.runs] == [f"ssh a2c {name} seeds 0-1"]
    agents = json.loads((tmp_path / "x" / sweep.AGENTS).read_text())
    assert agents["command"][-4:-2] == ["--wandb-project", "p"]


def test_agents_of_wandb_are_offered_what_they_can_type(tmp_path):
    run, file = tiny.config(), tmp_path / sweep.AGENTS
    for text in ("normalise=true,false", "agent.net.dense=4,4x4"):
        assert not sweep.for_agents(axes.parse(text, run), run, [], "return/collective", file)
    assert not file.exists()


def test_an_unknown_metric_is_noticed_before_any_training(tmp_path, capsys):
    options = [*tiny.FLAGS, "--env", "ssh", "--algo", "a2c", "--out", str(tmp_path / "out")]
    line = ["sweep", *options, "--sweep", "lr=1e-3", "--metric", "return/colective"]
    assert cli.execute(line, preset, "lase") == 2
    assert "did you mean 'return/collective'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_sweep_that_was_killed_while_it_was_made_can_be_begun_again(tmp_path, monkeypatch):
    path, made = tmp_path / "x", []

    def killed(*arguments, **facts):
        if made:
            raise KeyboardInterrupt
        made.append(arguments)
        return create_run(*arguments, **facts)

    monkeypatch.setattr(sweep, "create_run", killed)
    with pytest.raises(KeyboardInterrupt):
        make(path)
    monkeypatch.undo()
    with pytest.raises(ConfigError, match="stopped while its folders were made"):
        sweep.run(path, "again", lambda line: None)
    with pytest.raises(ConfigError, match="use another name"):
        sweep.require_free(path, overwrite=False)
    sweep.require_free(path, overwrite=True)


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"../x": {}}},
        {"settings": {"x": {"lr": 3}}},
        {"stopped": {"y": 3}},
        {"halved": 5},
        {"halvings": -1},
        {"metric": None},
    ],
)
def test_a_plan_that_was_edited_is_one_sentence(swept, tmp_path, change):
    content = json.loads((swept[0] / folder.SWEEP).read_text()) | change
    (tmp_path / folder.SWEEP).write_text(json.dumps(content))
    with pytest.raises(ConfigError):
        sweep.load(tmp_path)
