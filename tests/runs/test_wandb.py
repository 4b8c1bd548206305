import json
import os
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import wandb as real
import wandb_records

from lase_jax import cli
from lase_jax.reports.record import Record
from lase_jax.runs import dashboards, folder, lock, metrics_csv
from lase_jax.runs.dashboards import Dashboards
from lase_jax.runs.run import train_run
from lase_jax.runs.setup import create_run, load_config
from lase_jax.runs.wandb import HEATMAPS, Table, Wandb, add_results

UPDATES = 8
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060"
    "00000005000157a2d3a70000000049454e44ae426082"
)


@pytest.fixture(autouse=True)
def no_key(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def made(path, say=print, done=0, given=None, facts=None, **fields):
    """A new sink for a run of two seeds, which is made if it is not there."""
    if not (path / folder.CONFIG).exists():
        create_run(tiny.config(wandb="offline", **fields), path, overwrite=False, **(facts or {}))
    config, content = load_config(path)
    to = dashboards.settled(path, config, content, given)
    return Wandb(path, config, content, to, done, UPDATES, say)


def logged(path):
    """All that lies in a run folder; what is begun later has another name."""
    time.sleep(1.0)  # W&B's names of folders have whole seconds
    return wandb_records.logged(path)


def record(first, last, **metrics):
    update = np.arange(first, last + 1)
    score = np.stack([update, 10.0 * update], 1)  # [R, S]
    return Record(update, 8 * update, {"return/collective": score} | metrics)


def weights(first, last):
    """``[R, S, N, N]``: seed 0 gives a tenth, seed 1 gives nothing at all."""
    shares = np.broadcast_to(np.eye(2), (last - first + 1, 2, 2, 2)).copy()
    shares[:, 0] = [[0.9, 0.1], [0.1, 0.9]]
    return shares


def test_what_is_logged_offline_says_what_it_is(tmp_path):
    path = tmp_path / "run"
    given = Dashboards("mine", "us", "first, second", "study", "Look here.")
    sink = made(path, given=given)
    sink.write(record(1, UPDATES, **{"return/extrinsic": np.full((UPDATES, 2, 2), np.nan)}))
    sink.close({})
    first, second = wandb_records.logged(path)
    assert [each.run.display_name for each in (first, second)] == [
        "ssh a2c seed 0",
        "ssh a2c seed 1",
    ]
    for seed, each in enumerate((first, second)):
        run = each.run
        assert (run.project, run.entity, run.run_group) == ("mine", "us", "run")
        assert (list(run.tags), run.job_type) == (["first", "second"], "study")
        assert run.notes == "Look here."
        assert each.config["seed"] == seed
        assert (each.config["env"], each.config["algo"]) == ("ssh", "a2c")
        assert each.config["run"]["schedule"]["steps"] == 80
        assert [row["env_steps"] for row in each.history] == [8 * u for u in range(1, UPDATES + 1)]
        assert [row["_step"] for row in each.history] == [*range(1, UPDATES + 1)]
        scores = [row["return/collective"] for row in each.history]
        assert scores == [u * (1, 10)[seed] for u in range(1, UPDATES + 1)]
        assert "return/extrinsic/0" not in each.history[0]  # it is NaN
        assert dashboards.read(path).runs[run.display_name] == run.run_id


def test_pictures_episodes_and_weights_are_shown(tmp_path):
    path = tmp_path / "run"
    sink = made(path)
    sink.write(record(1, UPDATES, **{"gift/weight": weights(1, UPDATES)}))
    (path / "curves.png").write_bytes(PIXEL)
    (path / "replay.gif").write_bytes(b"GIF89a")
    sink.close({name: path / name for name in ("curves.png", "replay.gif")})
    first, second = wandb_records.logged(path)
    assert first.summary["replay/replay/_type"] == "video-file"
    assert first.summary["picture/curves/_type"] == "image-file"
    maps = [row["_step"] for row in first.history if "weights/heatmap/path" in row]
    assert maps == [2, 4, 6, 8] and len(maps) == HEATMAPS
    media = [name for name in first.files if name.startswith("media/")]
    assert len([name for name in media if name.endswith(".png")]) >= 2
    assert len([name for name in media if name.endswith(".gif")]) == 1
    assert not any("media" in name for name in second.files)  # it gives nothing


def test_weights_that_were_not_computed_are_the_last_known(tmp_path):
    shares = weights(1, UPDATES)
    shares[1:, 0] = np.nan
    sink = made(tmp_path / "run")
    sink.write(record(1, UPDATES, **{"relation/weight": shares, "gift/weight": shares * np.nan}))
    assert sink.shares[0, 0, 1] == 0.1
    sink.close({})
    first, _ = wandb_records.logged(tmp_path / "run")
    assert len([row for row in first.history if "weights/heatmap/path" in row]) == HEATMAPS


def test_a_resumed_run_goes_on_in_the_same_place(tmp_path, monkeypatch):
    path = tmp_path / "run"
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    sink = made(path)
    sink.write(record(1, 4))
    sink.close({})
    first = logged(path)
    monkeypatch.setenv("WANDB_PROJECT", "another")
    path = path.rename(tmp_path / "renamed")
    sink = made(path, done=3)  # one row is logged twice
    sink.write(record(4, UPDATES))
    sink.close({})
    before, after = first[0], wandb_records.logged(path)[2]
    assert before.run.run_id == after.run.run_id
    assert after.run.project == "theirs" and after.run.run_group == "run"
    assert [row["_step"] for row in after.history] == [*range(4, UPDATES + 1)]


def test_the_ids_are_those_of_earlier_versions(tmp_path):
    made(tmp_path / "run").close({})
    created = load_config(tmp_path / "run")[1]["created"]
    expected = [dashboards.identifier(f"run-{created}-seed {seed}") for seed in (0, 1)]
    assert [each.run.run_id for each in wandb_records.logged(tmp_path / "run")] == expected


def test_results_go_to_the_same_runs(tmp_path):
    path, said = tmp_path / "run", []
    made(path).close({})
    trained = logged(path)
    (path / "crossplay.png").write_bytes(PIXEL)
    add_results(
        path,
        said.append,
        {"eval/greedy/return/collective": np.array([1.0, 2.0]), "met": np.array([[3.0, 4.0]])},
        {"crossplay/table": Table(["seat 0", "return 0"], [["run", 5.0]])},
        {"crossplay": path / "crossplay.png"},
    )
    assert not said
    first, second = wandb_records.logged(path)[2:]
    assert [each.run.run_id for each in trained] == [first.run.run_id, second.run.run_id]
    assert first.summary["eval/greedy/return/collective"] == 1.0
    assert (first.summary["met/0"], first.summary["met/1"]) == (3.0, 4.0)
    assert second.summary["eval/greedy/return/collective"] == 2.0
    assert "met/0" not in second.summary  # fewer seeds have met
    assert first.summary["crossplay/table"]["nrows"] == 1
    assert first.summary["picture/crossplay"]["_type"] == "image-file"


def test_results_of_a_run_that_is_not_logged_go_nowhere(tmp_path, monkeypatch):
    path, said = tmp_path / "run", []
    create_run(tiny.config(), path, overwrite=False)
    add_results(path, said.append, {"x": np.zeros(2)})
    assert not said and not (path / folder.WANDB).exists()
    (path / folder.DASHBOARDS).write_text("{}")
    add_results(path, said.append, {"x": np.zeros(2)})
    assert len(said) == 1 and "cannot be read" in said[0]
    made(path := tmp_path / "logged").close({})

    def held(path):
        raise dashboards.refusal("run", str(path), "another process is training it")

    monkeypatch.setattr(lock, "alone", held)
    add_results(path, said.append, {"x": np.zeros(2)})
    assert "another process is training it" in said[1]


@pytest.mark.parametrize(("sweep", "seeds"), [("s", 2), (None, dashboards.SEEDS_AS_RUNS + 1)])
def test_the_seeds_of_a_sweeps_setting_and_many_seeds_are_one_run(sweep, seeds, tmp_path):
    path = tmp_path / "lr=1e-3"
    facts = {"sweep": sweep} if sweep else {}
    sink = made(path, facts=facts, seeds=seeds)
    scores = np.arange(seeds, dtype=float)[None]
    sink.write(Record(np.array([1]), np.array([8]), {"x": scores}))
    sink.close({})
    (only,) = wandb_records.logged(path)
    setting = " lr=1e-3" if sweep else ""
    assert only.run.display_name == f"ssh a2c{setting} seeds 0-{seeds - 1}"
    assert only.run.run_group == (sweep or path.name)
    assert only.config["seeds"] == [*range(seeds)]
    assert only.history[0]["x"] == pytest.approx(scores.mean())
    assert only.history[0]["x/ci95"] > 0


def test_no_code_command_line_and_environment_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "swordfish")
    monkeypatch.setattr(sys, "argv", ["program", "--password", "tuna"])
    sink = made(tmp_path / "run")
    sink.write(record(1, 2))
    sink.close({})
    for each in wandb_records.logged(tmp_path / "run"):
        kept = [path for path in (tmp_path / "run" / "wandb").rglob("*") if path.is_file()]
        everything = b"".join(path.read_bytes() for path in kept)
        assert b"ssh a2c seed" in everything
        assert b"swordfish" not in everything and b"tuna" not in everything
        assert not any(name.endswith(".py") for name in each.files)
        assert each.run.host == socket.gethostname()  # as the README says


def test_wandb_without_a_key_logs_offline_into_the_run_folder(tmp_path, capfd):
    said, path = [], tmp_path / "my run"
    create_run(tiny.config(wandb="online"), path, overwrite=False)
    sink = made(path, said.append)
    assert len(sink.runs) == 2
    sink.write(record(1, 1))
    sink.close({})
    assert len(said) == 1 and "logging offline" in said[0]
    assert " login`" in said[0] and f"sync '{path}'" in said[0]
    assert len(wandb_records.logged(path)) == 2
    assert dashboards.read(path).mode == "online"  # a key may come
    assert "deprecated" not in "".join(capfd.readouterr())


def test_wandb_that_cannot_be_reached_logs_offline_under_other_ids(tmp_path, monkeypatch):
    said, start = [], real.init
    create_run(tiny.config(wandb="online"), tmp_path / "run", overwrite=False)

    def init(mode, **options):
        if mode == "online":
            raise OSError("no route")
        return start(mode=mode, **options)

    monkeypatch.setattr("lase_jax.runs.wandb.has_key", lambda: True)
    monkeypatch.setattr(real, "init", init)
    made(tmp_path / "run", said.append).close({})
    assert len(said) == 1 and "no route" in said[0]
    ids = [each.run.run_id for each in wandb_records.logged(tmp_path / "run")]
    assert len(ids) == 2 and all("-offline-" in each for each in ids)
    assert [*dashboards.read(tmp_path / "run").runs.values()] == ids


def test_an_agent_of_wandb_has_one_run_of_its_own_name(tmp_path, monkeypatch):
    asked = []

    class Fake:
        name, id, project, entity = "swift-sweep-1", "abc", "theirs", "us"

        def define_metric(self, *names, **options):
            pass

        def finish(self):
            pass

    monkeypatch.setenv("WANDB_SWEEP_ID", "s")
    monkeypatch.setattr(real, "init", lambda **options: asked.append(options) or Fake())
    made(tmp_path / "run").close({})
    assert len(asked) == 1 and not {"id", "name", "group"} & set(asked[0])
    to = dashboards.read(tmp_path / "run")
    assert to.runs == {"swift-sweep-1": "abc"} and to.project == "theirs"


@pytest.mark.parametrize("known", [True, False])
def test_wandb_is_silent_where_the_environment_names_no_home(known, tmp_path, capfd, monkeypatch):
    real.teardown()  # the process of earlier tests had a home
    monkeypatch.delenv("HOME")
    if not known:
        monkeypatch.setattr(Path, "home", raising)
    made(tmp_path / "run", seeds=1).close({})
    real.teardown()
    assert "".join(capfd.readouterr()) == ""
    if not known:
        assert os.environ["HOME"] == str(tmp_path / "run")


def raising():
    raise RuntimeError("Could not determine home directory.")


def test_a_long_name_of_a_setting_fits(tmp_path):
    path = tmp_path / ("x" * 100)
    config = replace(tiny.config(), algo="a2c")
    to = dashboards.settled(path, config, {"sweep": "s", "created": "2026"})
    ((name, each),) = to.runs.items()
    assert len(name) <= dashboards.LONGEST and len(each) <= dashboards.LONGEST
    assert name.endswith(" seeds 0-1") and json.dumps(to._asdict())


def test_a_training_its_evaluation_and_its_meetings_are_in_the_same_runs(tmp_path, capsys):
    runs = [tmp_path / "a", tmp_path / "b"]
    for path in runs:
        create_run(tiny.config("gift", wandb="offline"), path, overwrite=False)
    dashboards.choose(runs[0], *load_config(runs[0]), Dashboards(tensorboard=True), None)
    for path in runs:
        assert train_run(path, "again", lambda line: None) == 0
    first, second = logged(runs[0])
    csv = metrics_csv.load(runs[0] / folder.METRICS)
    assert [row["env_steps"] for row in first.history] == [*csv.env_steps]
    returns = [row["return/collective"] for row in second.history]
    np.testing.assert_allclose(returns, csv.metrics["return/collective"][:, 1], rtol=1e-6)
    assert {"replay/replay/_type", "picture/curves/_type"} <= first.summary.keys()
    assert any(name.startswith("media/images/weights/") for name in first.files)
    assert (runs[0] / folder.TENSORBOARD / "seed-1").is_dir()
    assert cli.execute(["eval", str(runs[0]), "--episodes", "2"], None, "lase") == 0
    evaluated = logged(runs[0])[2:]
    assert [each.run.run_id for each in evaluated] == [first.run.run_id, second.run.run_id]
    found = json.loads((runs[0] / folder.EVAL).read_text())["greedy"]["seeds"]["1"]
    name = "return/extrinsic"
    values = [evaluated[1].summary[f"eval/greedy/{name}/{seat}"] for seat in (0, 1)]
    np.testing.assert_allclose(values, found[name], rtol=1e-6)
    meeting = ["crossplay", *map(str, runs), "--episodes", "2", "--out", str(tmp_path)]
    assert cli.execute(meeting, None, "lase") == 0
    tables = json.loads(next(tmp_path.glob("crossplay-*.json")).read_text())["tables"]
    for path, before in zip(runs, (4, 2), strict=True):
        met = wandb_records.logged(path)[before:]
        for row in tables:
            name = f"crossplay/{'+'.join(row['seats'])}"
            values = [each.summary[name] for each in met]
            np.testing.assert_allclose(values, np.sum(row["seeds"], 1), rtol=1e-6)
        assert met[0].summary["crossplay/table"]["nrows"] == len(tables)
