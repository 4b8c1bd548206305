import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.runs import files, folder, metrics_csv, parts, program, results, status
from lase_jax.runs import run as module
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
        *(folder.CHECKPOINTS, folder.BEST, folder.LOCK, folder.STATE),
    }
    content = json.loads((path / folder.CONFIG).read_text())
    assert {"run", "env_version", "id", "created", "versions", "revision", "device"} == set(content)
    assert content["versions"]["jax"] == jax.__version__
    assert load_config(path)[0] == tiny.config(chunks=5)
    summary = json.loads((path / folder.SUMMARY).read_text())
    assert summary["finished"] and summary["env_steps_per_seed"] == 80
    assert summary["rows"] == summary["updates"] == committed(path) == 10
    assert summary["missing_rows"] == 0
    state = status.read(path)
    assert state is not None and (state.state, state.update) == ("finished", 10)
    assert state.pid == os.getpid() and state.host == socket.gethostname()
    assert len(summary["final"]["return/collective"]["seeds"]) == 2
    assert set(summary["seconds"]) == {"trace", "compile", "run"}
    assert any("compiled in" in line for line in said)


def test_the_metrics_have_a_row_per_seed_and_point(finished):
    record = metrics_csv.load(finished[0] / folder.METRICS)
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


def test_a_run_that_could_not_be_saved_says_so_and_fails(tmp_path, monkeypatch):
    save, check = Checkpoints.save, check_health

    def only_the_first(checkpoints, update, carry, *rest):
        return save(checkpoints, update, carry, *rest) if update == 2 else False

    def stopped_in_the_third_part(metrics, done, seeds):
        check(metrics, done, seeds)
        if done == 4:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Checkpoints, "save", only_the_first)
    monkeypatch.setattr(parts, "check_health", stopped_in_the_third_part)
    path, said = tmp_path / "x", []
    create_run(tiny.config(chunks=5, save_every=0.0), path, overwrite=False)
    assert train_run(path, "again", said.append) == 1
    assert said[-1] == (
        f"Not saved in {path}: the training up to update 6. Kept: the checkpoint after update 2. "
        "See what is wrong with the folder, then go on: again"
    )
    assert status.read(path).state == "failed" and not (path / folder.SUMMARY).exists()
    monkeypatch.undo()
    assert train_run(path, "again", said.append) == 0
    assert metrics_csv.load(path / folder.METRICS).update.tolist() == list(range(1, 11))


@pytest.fixture
def disk(monkeypatch):
    """A disk that is full while it says so, and runs that wait for it without pauses."""

    class Disk:
        full, looks, ends = False, 0, 10**9

    def require_room(path, size):
        Disk.looks += 1
        Disk.full &= Disk.looks < Disk.ends
        if Disk.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    append = files.append

    def appended(path, data):
        require_room(path, 0)
        append(path, data)

    monkeypatch.setattr(files, "require_room", require_room)
    monkeypatch.setattr(files, "append", appended)
    monkeypatch.setattr(module, "RETRY", 0.0)
    return Disk


def test_a_full_disk_is_waited_for_and_nothing_is_missing(tmp_path, disk):
    path, said = tmp_path / "x", []
    create_run(tiny.config(chunks=5, save_every=0.0), path, overwrite=False)
    disk.full, disk.ends = True, 40
    assert train_run(path, "again", said.append) == 0
    assert disk.looks > 40
    assert sum("The disk is full: waiting up to 300 s" in line for line in said) == 1
    assert sum("metrics.csv failed" in line for line in said) == 1
    assert "metrics.csv works again: nothing is missing." in said
    assert committed(path) == 10 and results.finished(path)
    assert metrics_csv.load(path / folder.METRICS).update.tolist() == list(range(1, 11))


def test_a_disk_that_stays_full_ends_the_waiting_with_the_remedy(tmp_path, disk, monkeypatch):
    path, said = tmp_path / "x", []
    create_run(tiny.config(chunks=5, save_every=0.0), path, overwrite=False)
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    disk.full = True
    assert train_run(path, "again", said.append) == 1
    assert "There is no checkpoint yet. Make room, then go on: again" in said[-1]
    assert sum(map(len, said)) < 2000
    disk.full = False
    assert train_run(path, "again", said.append) == 0 and results.finished(path)


def test_no_checkpoint_is_ahead_of_the_rows(tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "x"
    create_run(tiny.config(chunks=5, save_every=0.0), path, overwrite=False)
    monkeypatch.setattr(files, "append", full)
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    assert train_run(path, "again", lambda line: None) == 1
    assert committed(path) == 0


def test_a_folder_that_vanishes_during_training_is_said(tmp_path, monkeypatch):
    check = check_health
    path, said = tmp_path / "x", []
    create_run(tiny.config(chunks=5, save_every=0.0), path, overwrite=False)

    def vanishes(metrics, done, seeds):
        check(metrics, done, seeds)
        if done == 4:
            path.rename(tmp_path / "elsewhere")

    monkeypatch.setattr(parts, "check_health", vanishes)
    assert train_run(path, "again", said.append) == 1
    assert said[-1].startswith(f"Not saved in {path}: ") and "config.json" in said[-1]


@pytest.fixture
def copy(finished, tmp_path):
    return Path(shutil.copytree(finished[0], tmp_path / "copy"))


def test_checkpoints_that_are_gone_do_not_begin_the_run_anew(copy):
    shutil.rmtree(copy / folder.CHECKPOINTS)
    before = (copy / folder.METRICS).read_bytes()
    for _ in range(2):
        with pytest.raises(ConfigError, match="checkpoints are gone, put them back or begin a new"):
            train_run(copy, "again", lambda line: None)
    (copy / folder.CHECKPOINTS).mkdir()
    with pytest.raises(ConfigError, match="checkpoints are gone"):
        train_run(copy, "again", lambda line: None)
    (copy / folder.SUMMARY).unlink()
    shutil.rmtree(copy / folder.CHECKPOINTS)
    with pytest.raises(ConfigError, match="checkpoints are gone"):
        train_run(copy, "again", lambda line: None)
    assert (copy / folder.METRICS).read_bytes() == before


def test_damaged_rows_of_a_finished_run_are_said_and_its_summary_counts_them(copy):
    rows = copy / folder.METRICS
    text = rows.read_text().replace("0,4,32,", "0,x,32,")
    rows.write_text(text)
    said = []
    assert train_run(copy, "again", said.append) == 0
    assert any("line 8 is no row" in line for line in said)
    assert any("1 of its rows are missing from metrics.csv" in line for line in said)
    summary = json.loads((copy / folder.SUMMARY).read_text())
    assert (summary["rows"], summary["missing_rows"], summary["finished"]) == (9, 1, True)
    assert train_run(copy, "again", said.append) == 0 and "is finished" in said[-1]


def test_a_summary_does_not_speak_for_rows_that_are_not_there(copy):
    rows = copy / folder.METRICS
    lines = rows.read_text().splitlines(keepends=True)
    rows.write_text("".join(lines[:9]))
    (copy / folder.SUMMARY).unlink()
    said = []
    assert train_run(copy, "again", said.append) == 1
    assert any("metrics.csv ends at update 4, not 10" in line for line in said)
    assert not results.finished(copy)


def test_a_save_that_failed_is_tried_again_at_the_end(tmp_path, monkeypatch):
    save, tried = Checkpoints.save, []

    def fails_at_first(checkpoints, update, *rest):
        tried.append(update)
        return save(checkpoints, update, *rest) if tried.count(update) == 2 else False

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
    assert metrics_csv.load(path / folder.METRICS).update[-1] == 6


def start(path, *more, steps=1280, chunks=40):
    arguments = ["train", *tiny.FLAGS, "--env", "ssh", "--algo", "a2c", "--steps", str(steps)]
    arguments += ["--name", path.name, "--out", str(path.parent)]
    arguments += ["--save-every", "0", "--chunks", str(chunks)]
    command = [sys.executable, "-m", "lase_jax.cli", *(more or arguments)]
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
    assert f"lase_jax.cli train --resume {broken}" in printed
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
@pytest.mark.timeout(3600)
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_a_hundred_times_a_run_is_the_same_as_undisturbed(tmp_path):
    rng = np.random.default_rng(0)
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    size = dict(steps=320_000, chunks=4000)
    reference, process = start(straight, **size), start(broken, **size)
    for _ in range(100):
        wait_until_saved(process, broken, committed(broken) + 10)
        time.sleep(rng.uniform(0.0, 0.3))
        process.kill()
        process.communicate(timeout=100)
        assert committed(broken) < 40_000
        process = start(broken, "train", "--resume", str(broken))
    for ended in (process, reference):
        printed, _ = ended.communicate(timeout=1200)
        assert ended.returncode == 0, printed
    assert_equal(broken, straight, 40_000)


@pytest.mark.slow
def test_of_two_writers_one_is_refused_and_the_run_is_the_same_as_undisturbed(tmp_path):
    straight, shared = tmp_path / "straight", tmp_path / "shared"
    size = dict(steps=64_000, chunks=1000)
    reference, first = start(straight, **size), start(shared, **size)
    wait_until_saved(first, shared, 8)
    for _ in range(10):
        first.kill()
        first.communicate(timeout=100)
        pair = [start(shared, "train", "--resume", str(shared)) for _ in range(2)]
        while all(each.poll() is None for each in pair):
            time.sleep(0.05)
        refused, first = sorted(pair, key=lambda each: each.poll() is None)
        printed, _ = refused.communicate()
        assert refused.returncode == 2 and "another process is training it" in printed, printed
        wait_until_saved(first, shared, committed(shared) + 8)
    for ended in (first, reference):
        printed, _ = ended.communicate(timeout=600)
        assert ended.returncode == 0, printed
    assert_equal(shared, straight, 8000)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 300 kB; its argument gives it another size."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    if mount("size=300k"):
        pytest.skip("only root can mount a small disk")
    yield place, lambda size: mount(f"remount,size={size}")
    subprocess.run(["umount", "--lazy", str(place)], check=False)


@pytest.mark.slow
def test_a_disk_that_is_really_full_costs_nothing_once_it_has_room(small_disk, tmp_path):
    disk, resize = small_disk
    straight, tight = tmp_path / "straight", disk / "x"
    reference, process = start(straight), start(tight)
    printed = ""
    while "The disk is full: waiting" not in printed:
        line = process.stdout.readline()
        assert line, printed
        printed += line
    assert resize("20m") == 0
    more, _ = process.communicate(timeout=100)
    assert process.returncode == 0 and "Traceback" not in printed + more, printed + more
    assert (printed + more).count("\n") < 20
    reference.communicate(timeout=100)
    assert_equal(tight, straight, 160)
