import subprocess
import sys

import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.runs import folder, upload
from lase_jax.runs.setup import create_run


def offline(run, name, sent=False):
    """A folder of W&B's offline records, made up."""
    place = run / folder.WANDB / f"offline-run-{name}"
    place.mkdir(parents=True)
    (place / f"run-{name}.wandb").touch()
    if sent:
        (place / f"run-{name}.wandb.synced").touch()
    return place


@pytest.fixture
def sweep(tmp_path):
    for name in ("a", "b"):
        create_run(tiny.config(), tmp_path / "s" / name, overwrite=False)
    return tmp_path / "s"


@pytest.fixture
def commands(monkeypatch):
    """The commands that are run; each marks as sent what it is given but for what is stuck."""
    run = []

    def fake(command, **options):
        run.append(command)
        assert options["env"]["WANDB_DIR"] in command[4]  # no log elsewhere
        for place in command[4:]:
            if "stuck" not in place:
                (file,) = upload.Path(place).glob("*.wandb")
                file.with_name(f"{file.name}.synced").touch()
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", fake)
    monkeypatch.setattr("lase_jax.runs.wandb.has_key", lambda: True)
    return run


def test_a_sweep_sends_what_was_not_sent_the_oldest_first(sweep, commands):
    later, earlier = offline(sweep / "a", "2"), offline(sweep / "b", "1")
    offline(sweep / "a", "0", sent=True)
    (sweep / "a" / folder.WANDB / "offline-run-empty").mkdir()
    said = []
    assert upload.sync(sweep, said.append) == 0
    assert commands == [[sys.executable, "-m", "wandb", "sync", str(earlier), str(later)]]
    assert said == ["Sending 2 records.", "All has been sent."]
    assert upload.sync(sweep, said.append) == 0
    assert len(commands) == 1 and said[-1].startswith(f"Nothing to send: {sweep}")


def test_what_could_not_be_sent_is_said(sweep, commands):
    offline(sweep / "a", "1")
    offline(sweep / "a", "stuck")
    said = []
    assert upload.sync(sweep / "a", said.append) == 1
    assert said[-1] == "1 of 2 records were not sent; try again when W&B answers."


def test_nothing_is_sent_without_a_key_or_during_training(sweep, commands, monkeypatch):
    offline(sweep / "a", "1")
    monkeypatch.setattr("lase_jax.runs.wandb.has_key", lambda: False)
    with pytest.raises(ConfigError, match=r"WANDB_API_KEY is '': run `.*wandb login`, or set it"):
        upload.sync(sweep, print)
    monkeypatch.setattr(upload.lock, "taken", lambda path: True)
    with pytest.raises(ConfigError, match="it is being trained"):
        upload.sync(sweep, print)
    assert not commands


def test_only_folders_of_runs_and_sweeps_are_taken(tmp_path):
    with pytest.raises(ConfigError, match="neither a run folder nor a sweep's"):
        upload.sync(tmp_path, print)
