"""Of several processes that would train in one folder, one does and the others say so."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.runs import files, folder, lock
from lase_jax.runs.run import train_run
from lase_jax.runs.setup import create_run

HOLDS = """
import sys, time
from pathlib import Path
from lase_jax.runs import files, lock
with lock.alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of the folder ``x``."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "x")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_folder_has_one_writer_until_that_is_killed(holder, tmp_path):
    path = tmp_path / "x"
    create = partial(create_run, tiny.config(steps=8), path, overwrite=True)
    with pytest.raises(ConfigError, match="run is .*x': another process is training it, wait"):
        create()
    assert not (path / folder.CONFIG).exists()
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    create()
    assert train_run(path, "again", lambda line: None) == 0


def test_training_refuses_a_folder_in_which_another_process_trains(holder, tmp_path):
    path = tmp_path / "x"
    files.write_json(path / folder.CONFIG, {"run": {}, "env_version": 1})
    before = sorted(path.iterdir())
    with pytest.raises(ConfigError, match="another process is training it"):
        train_run(path, "again")
    assert sorted(path.iterdir()) == before


def test_a_sweep_and_its_runs_have_one_lock(holder, tmp_path):
    files.write_json(tmp_path / "x" / folder.SWEEP, {})
    (tmp_path / "x" / "lr=0.1").mkdir()
    with (
        pytest.raises(ConfigError, match="run is .*x': another process"),
        lock.alone(tmp_path / "x" / "lr=0.1"),
    ):
        pass


def test_one_process_may_hold_it_twice(tmp_path):
    with lock.held(tmp_path), lock.alone(tmp_path):
        pass
    assert folder.contents(tmp_path) == []


def test_what_is_no_run_gets_no_lock(tmp_path):
    with pytest.raises(ConfigError, match="it is not a run folder"):
        train_run(tmp_path, "again")
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="not a run folder and stays"):
        create_run(tiny.config(), tmp_path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_those_who_start_at_once_get_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda _: folder.claim(tmp_path / "runs", "ssh-a2c"), range(24)))
    assert len(set(claimed)) == 24 and {path.name for path in claimed} == {
        "ssh-a2c",
        *(f"ssh-a2c-{count}" for count in range(2, 25)),
    }
