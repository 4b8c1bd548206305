import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import tiny

from lase_jax.runs import folder, parts, program, results, sinks
from lase_jax.runs.checkpoint import Checkpoints
from lase_jax.runs.parts import DivergedError, check_health
from lase_jax.runs.run import train_run
from lase_jax.runs.setup import create_run, load_config, restore_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "tiny"
    said = []
    create_run(tiny.config(chunks=5), path, overwrite=False)
    assert train_run(path, "again", said.append) == 0
    return path, said


def test_a_run_leaves_everything_behind(finished):
    path, said = finished
    names = {file.name for file in path.iterdir()}
    assert names == {
        *(folder.CONFIG, folder.METRICS, folder.CURVES, folder.REPLAY, folder.SUMMARY),
        *(folder.CHECKPOINTS, folder.BEST, folder.LOCK),
    }
    content = json.loads((path / folder.CONFIG).read_text())
    assert {"run", "env_version", "created", "versions", "revision", "device"} == set(content)
    assert content["versions"]["jax"] == jax.__version__
    assert load_config(path)[0] == tiny.config(chunks=5)
    summary = json.loads((path / folder.SUMMARY).read_text())
    assert summary["finished"] and summary["env_steps_per_seed"] == 80
    assert len(summary["final"]["return/collective"]["seeds"]) == 2
    assert set(summary["seconds"]) == {"trace", "compile", "run"}
    assert any("compiled in" in line for line in said)


def test_the_metrics_have_a_row_per_seed_and_point(finished):
    record = sinks.load(finished[0] / folder.METRICS)
    np.testing.assert_array_equal(record.update, np.arange(1, 11))
    np.testing.assert_array_equal(record.env_steps, 8 * np.arange(1, 11))
    assert record.metrics["return/extrinsic"].shape == (10, 2, 2)
    assert record.metrics["gift/weight"].shape == (10, 2, 2, 2)
    assert np.isfinite(record.metrics["return/collective"]).all()


def test_a_finished_run_stays_as_it_is(finished):
    path, _ = finished
    before = (path / folder.METRICS).read_bytes()
    said = []
    assert train_run(path, "again", said.append) == 0
    assert said == [f"{path} is finished: 10 updates."]
    assert (path / folder.METRICS).read_bytes() == before


def test_a_kill_before_the_results_loses_none_of_them(finished, monkeypatch):
    path, _ = finished
    made = (folder.CURVES, folder.REPLAY, folder.SUMMARY)
    before = json.loads((path / folder.SUMMARY).read_text())
    for name in made:
        (path / name).unlink()

    def never(*_):
        raise AssertionError("nothing is left to train")

    monkeypatch.setattr(program, "part_program", never)
    assert train_run(path, "again", lambda line: None) == 0
    assert all((path / name).is_file() for name in made)
    summary = json.loads((path / folder.SUMMARY).read_text())
    assert summary["finished"] and summary["final"] == before["final"]
    assert summary["steps_per_second"] is None


def test_the_summary_comes_after_all_else(finished, monkeypatch):
    path, _ = finished
    (path / folder.SUMMARY).unlink()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(results, "write_replay", killed)
    with pytest.raises(KeyboardInterrupt):
        train_run(path, "again", lambda line: None)
    assert not results.finished(path)
    monkeypatch.undo()
    assert train_run(path, "again", lambda line: None) == 0
    assert results.finished(path)


def test_a_stopped_run_says_which_checkpoint_it_has(tmp_path, monkeypatch):
    save, check = Checkpoints.save, check_health

    def only_the_first(checkpoints, update, carry, score):
        return save(checkpoints, update, carry, score) if update == 2 else False

    def stopped_in_the_third_part(metrics, done, seeds):
        check(metrics, done, seeds)
        if done == 4:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Checkpoints, "save", only_the_first)
    monkeypatch.setattr(parts, "check_health", stopped_in_the_third_part)
    path, said = tmp_path / "x", []
    create_run(tiny.config(chunks=5, save_every=0.0), path, overwrite=False)
    assert train_run(path, "again", said.append) == 143
    assert said[-1] == (
        "Stopped after update 6. Kept: the checkpoint after update 2. To go on: again"
    )


def test_a_save_that_failed_is_tried_again_at_the_end(tmp_path, monkeypatch):
    save, tried = Checkpoints.save, []

    def fails_at_first(checkpoints, update, carry, score):
        tried.append(update)
        return save(checkpoints, update, carry, score) if tried.count(update) == 2 else False

    monkeypatch.setattr(Checkpoints, "save", fails_at_first)
    path = tmp_path / "x"
    create_run(tiny.config(chunks=1), path, overwrite=False)
    assert train_run(path, "again", lambda line: None) == 0
    assert tried == [10, 10] and committed(path) == 10


def test_a_diverging_run_stops_names_the_network_and_keeps_what_it_had(tmp_path, monkeypatch):
    check, calls = check_health, []

    def fails_in_the_third_part(metrics, done, seeds):
        calls.append(done)
        if len(calls) == 3:
            metrics["health/actor"] = np.zeros_like(metrics["health/actor"])
        check(metrics, done, seeds)

    monkeypatch.setattr(parts, "check_health", fails_in_the_third_part)
    path = tmp_path / "x"
    create_run(tiny.config(chunks=5, save_every=0.0), path, overwrite=False)
    with pytest.raises(DivergedError, match="update 5: .*'actor'.*Kept: .* update 4"):
        train_run(path, "again", lambda line: None)
    assert restore_run(path)[1] == 4
    assert sinks.load(path / folder.METRICS).update[-1] == 6


def start(path, *more, steps=1280, chunks=40):
    arguments = ["train", *tiny.FLAGS, "--env", "ssh", "--algo", "a2c", "--steps", str(steps)]
    arguments += ["--name", path.name, "--out", str(path.parent)]
    arguments += ["--save-every", "0", "--chunks", str(chunks)]
    command = [sys.executable, "-m", "experiments.run", *(more or arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def committed(path):
    names = [file.name for file in (path / folder.CHECKPOINTS).glob("*")]
    return max((int(name) for name in names if name.isdecimal()), default=0)


def wait_until_saved(process, path, update):
    deadline = time.monotonic() + 120
    while committed(path) < update:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_stopped_killed_and_resumed_equals_undisturbed(tmp_path):
    """SIGTERM leaves cleanly, SIGKILL does not; after both the run is the same bit for bit."""
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    reference, first = start(straight), start(broken)
    wait_until_saved(first, broken, 20)
    first.send_signal(signal.SIGTERM)
    printed, _ = first.communicate(timeout=100)
    assert first.returncode == 143, printed
    assert f"experiments.run train --resume {broken}" in printed
    stopped = committed(broken)

    second = start(broken, "train", "--resume", str(broken))
    wait_until_saved(second, broken, stopped + 20)
    second.kill()
    second.communicate(timeout=100)
    assert committed(broken) < 160

    third = start(broken, "train", "--resume", str(broken))
    printed, _ = third.communicate(timeout=200)
    assert third.returncode == 0, printed
    assert "Going on after update" in printed

    printed, _ = reference.communicate(timeout=200)
    assert reference.returncode == 0, printed
    assert_equal(broken, straight, 160)


def assert_equal(broken, straight, updates):
    """Requires two runs to be the same bit for bit, after so many updates."""
    assert (broken / folder.METRICS).read_bytes() == (straight / folder.METRICS).read_bytes()
    (_, end, carry), (_, other_end, other) = restore_run(broken), restore_run(straight)
    assert end == other_end == updates
    carry, other = (c._replace(key=jax.random.key_data(c.key)) for c in (carry, other))
    jax.tree.map(np.testing.assert_array_equal, carry, other)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_twenty_times_a_run_is_the_same_as_undisturbed(tmp_path):
    rng = np.random.default_rng(0)
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    size = dict(steps=16_000, chunks=500)
    reference, process = start(straight, **size), start(broken, **size)
    for _ in range(20):
        wait_until_saved(process, broken, committed(broken) + 4)
        time.sleep(rng.uniform(0.0, 0.3))
        process.kill()
        process.communicate(timeout=100)
        assert committed(broken) < 2000
        process = start(broken, "train", "--resume", str(broken))
    for ended in (process, reference):
        printed, _ = ended.communicate(timeout=600)
        assert ended.returncode == 0, printed
    assert_equal(broken, straight, 2000)
