import numpy as np
import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.reports.record import Record
from lase_jax.runs import dashboards, folder, metrics_csv, workspace
from lase_jax.runs.dashboards import Dashboards
from lase_jax.runs.setup import create_run, load_config

pytest.importorskip("wandb_workspaces")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    monkeypatch.delenv("WANDB_ENTITY", raising=False)


def logged(path, project="p", **facts):
    """A run folder with rows that has been logged, as far as dashboards.json says."""
    create_run(tiny.config(wandb="offline"), path, overwrite=False, **facts)
    sizes = {"return/collective": (), "return/extrinsic": (2,), "relation/weight": (2, 2)}
    sizes |= {"health/actor": (2,), "event/stags": (2,)}
    metrics = {name: np.ones((1, 2, *size)) for name, size in sizes.items()}
    rows = metrics_csv.Csv(path / folder.METRICS, range(2), 0, print, "")
    rows.write(Record(np.array([1]), np.array([8]), metrics))
    to = dashboards.settled(path, *load_config(path), Dashboards(wandb_project=project))
    dashboards.write(path, to)
    return path


def test_a_dashboard_has_a_section_for_every_kind_of_metric(tmp_path):
    runs = [logged(tmp_path / "a"), logged(tmp_path / "b")]
    made = workspace.build(runs, "me", "a, b")
    assert (made.entity, made.project, made.name) == ("me", "p", "a, b")
    names = [section.name for section in made.sections]
    assert names == [
        *("return", "relation", "event"),
        *("weights", "replay", "picture", "evaluation"),
    ]
    plots = {plot.title: plot for section in made.sections[:3] for plot in section.panels}
    assert plots["return/extrinsic"].y == ["return/extrinsic/0", "return/extrinsic/1"]
    assert plots["relation/weight"].y == ["relation/weight/0/1", "relation/weight/1/0"]
    for plot in plots.values():
        assert plot.x == "env_steps"
        assert (plot.groupby_aggfunc, plot.groupby_rangefunc) == ("mean", "stderr")
    media = {section.name: section.panels[0] for section in made.sections[3:6]}
    assert media["weights"].media_keys == ["weights/heatmap"]
    assert media["replay"].media_keys == ["replay/replay"]
    sent = made._to_model().spec.section.run_sets[0]
    assert [(key.section, key.name) for key in sent.grouping] == [("run", "group")]
    assert sent.filters["filters"][0]["value"] == ["a", "b"]


def test_the_settings_of_a_sweep_are_not_averaged(tmp_path):
    for name in ("lr=1", "lr=2"):
        logged(tmp_path / "s" / name, sweep="s")
    made = workspace.build([tmp_path / "s"], "me", "s")
    sent = made._to_model().spec.section.run_sets[0]
    assert sent.grouping == [] and sent.filters["filters"][0]["value"] == ["s"]


def test_only_runs_of_one_project_that_were_logged(tmp_path):
    runs = [logged(tmp_path / "a"), logged(tmp_path / "b", project="q")]
    with pytest.raises(ConfigError, match="name runs of one project"):
        workspace.build(runs, "me", "x")
    create_run(tiny.config(), tmp_path / "c", overwrite=False)
    with pytest.raises(ConfigError, match="it was not logged to W&B"):
        workspace.build([tmp_path / "c"], "me", "x")


def test_it_is_saved_where_the_runs_are(tmp_path, monkeypatch):
    import wandb_workspaces.workspaces as ws

    saved, said = [], []
    monkeypatch.setattr("lase_jax.runs.wandb.has_key", lambda: True)
    monkeypatch.setattr(workspace, "default_entity", lambda: "mine")
    monkeypatch.setattr(ws.Workspace, "save", lambda self: saved.append(self))
    monkeypatch.setattr(ws.Workspace, "url", property(lambda self: "https://here"))
    workspace.save([logged(tmp_path / "a")], said.append)
    assert saved[0].entity == "mine" and said == ["Dashboard: https://here"]

    def refused(self):
        raise RuntimeError("no permission")

    monkeypatch.setattr(ws.Workspace, "save", refused)
    with pytest.raises(ConfigError, match=r"W&B has not made it \(no permission\)"):
        workspace.save([tmp_path / "a"], said.append)
