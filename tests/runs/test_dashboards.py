import os
import shutil
import sys

import numpy as np
import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.reports import heatmap
from lase_jax.reports.record import Record
from lase_jax.runs import dashboards, folder, tools
from lase_jax.runs.dashboards import Dashboards
from lase_jax.runs.setup import create_run, load_config

VARIABLES = {
    "WANDB_PROJECT": "p",
    "WANDB_ENTITY": "e",
    "WANDB_TAGS": "a,b",
    "WANDB_JOB_TYPE": "j",
    "WANDB_NOTES": "n",
}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def run(tmp_path):
    create_run(tiny.config(wandb="offline"), tmp_path / "run", overwrite=False)
    return tmp_path / "run", *load_config(tmp_path / "run")


def test_without_options_and_variables_there_are_defaults(run):
    to = dashboards.settled(*run)
    assert to[:6] == ("offline", "lase-jax", "", "run", [], "train")
    assert to.notes == "" and not to.tensorboard


def test_an_option_wins_over_a_variable_and_that_over_the_default(run, monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    to = dashboards.settled(*run)
    found = (to.project, to.entity, to.tags, to.job_type, to.notes)
    assert found == ("p", "e", ["a", "b"], "j", "n")
    to = dashboards.settled(*run, Dashboards("P", "E", "A, B,", "J", "N"), "online")
    found = (to.project, to.entity, to.tags, to.job_type, to.notes)
    assert found == ("P", "E", ["A", "B"], "J", "N")
    assert to.mode == "online"


def test_what_was_used_before_wins_over_variables(run, monkeypatch):
    dashboards.choose(*run, Dashboards(wandb_project="P", tensorboard=True), None)
    monkeypatch.setenv("WANDB_PROJECT", "p")
    to = dashboards.settled(*run)
    assert to.project == "P" and to.tensorboard and to.mode == "offline"
    dashboards.choose(*run, Dashboards(wandb_notes="N"), "disabled")
    to = dashboards.settled(*run)
    assert (to.project, to.notes, to.mode, to.tensorboard) == ("P", "N", "disabled", True)


def test_nothing_is_noted_where_nothing_is_chosen(run):
    dashboards.choose(*run, Dashboards(), "offline")
    assert not (run[0] / folder.DASHBOARDS).exists()
    dashboards.choose(*run, Dashboards(), "online")
    assert dashboards.read(run[0]).mode == "online"


@pytest.mark.parametrize("content", ["{", "{}", '{"mode": "on"}'])
def test_a_damaged_note_is_named(content, run):
    (run[0] / folder.DASHBOARDS).write_text(content)
    with pytest.raises(ConfigError, match=r"dashboards\.json.*mend or delete it"):
        dashboards.settled(*run)


def test_the_mode_may_come_from_the_environment(monkeypatch):
    config = tiny.config(wandb="offline")
    assert dashboards.by_environment(config) == config
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert dashboards.by_environment(config) == tiny.config(wandb="disabled")
    monkeypatch.setenv("WANDB_MODE", "dryrun")
    with pytest.raises(ConfigError, match="WANDB_MODE is 'dryrun'"):
        dashboards.by_environment(config)


def test_names_say_game_agents_and_seed(tmp_path):
    mixed = tiny.config(seeds=2, seed=5).with_seats(["a2c", "cooperator"])
    to = dashboards.settled(tmp_path / "run", mixed, {})
    assert [*to.runs] == ["ssh a2c+cooperator seed 5", "ssh a2c+cooperator seed 6"]


def test_rows_are_one_curve_per_seed_or_a_mean_with_a_band():
    record = Record(np.array([1]), np.array([10]), {"x": np.array([[1.0, 3.0, np.nan]])})
    assert [*dashboards.rows(record, False)] == [(1, 10, [{"x": 1.0}, {"x": 3.0}, {}])]
    ((_, _, (numbers,)),) = dashboards.rows(record, True)
    assert numbers["x"] == 2.0
    assert numbers["x/ci95"] == pytest.approx(12.7062, rel=1e-4)  # Student's t, two seeds


def test_commands_are_typed_as_they_are_found(tmp_path, monkeypatch):
    python = tmp_path / "my env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(python))
    assert tools.typed("wandb") == "wandb"  # it is not there
    wandb = python.with_name("wandb")
    wandb.touch(mode=0o755)
    assert tools.typed("wandb") == f"'{wandb}'"
    monkeypatch.chdir(tmp_path)
    assert tools.typed("wandb") == "'my env/bin/wandb'"
    monkeypatch.setenv("PATH", str(python.parent))
    assert shutil.which("wandb") == str(wandb) and tools.typed("wandb") == "wandb"


def test_a_library_that_is_missing_is_named_with_the_command():
    with pytest.raises(ConfigError, match=r"run `.*pip install.* no-such-thing`"):
        tools.require_library("no_such_thing", "no-such-thing")
    tools.require_library("numpy", "numpy")


def test_a_heat_map_shows_who_gives():
    shares = np.array([[1.0, 0.0], [0.5, np.nan]])
    drawn = heatmap.weights(shares, "w_ij")
    assert drawn.dtype == np.uint8 and drawn.shape[2] == 3
    assert (drawn != heatmap.weights(shares.T, "w_ij")).any()
    assert heatmap.weights(np.eye(10), "w_ij").shape == drawn.shape
