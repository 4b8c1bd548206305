import os
from pathlib import Path

import numpy as np
import pytest
import wandb as real

from lase_jax.reports.record import Record
from lase_jax.runs.metrics_csv import columns
from lase_jax.runs.wandb import Wandb


@pytest.fixture
def no_key(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_MODE", raising=False)


def test_wandb_without_a_key_logs_offline_into_the_run_folder(tmp_path, no_key, capfd):
    said = []
    wandb = Wandb(tmp_path, range(2), {"a": 1}, "online", "id", said.append)
    assert len(wandb.runs) == 2
    wandb.write(Record(np.array([1]), np.array([10]), {"x": np.ones((1, 2))}))
    wandb.close({})
    assert len(said) == 1 and "offline" in said[0]
    assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == 2
    assert "deprecated" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("known", [True, False])
def test_wandb_is_silent_where_the_environment_names_no_home(
    known, tmp_path, no_key, capfd, monkeypatch
):
    real.teardown()  # the process of earlier tests had a home
    monkeypatch.delenv("HOME")
    if not known:
        monkeypatch.setattr(Path, "home", raising)
    wandb = Wandb(tmp_path, range(1), {"a": 1}, "offline", "id", print)
    wandb.close({})
    real.teardown()
    assert "".join(capfd.readouterr()) == ""
    if not known:
        assert os.environ["HOME"] == str(tmp_path)


def raising():
    raise RuntimeError("Could not determine home directory.")


def test_wandb_draws_many_seeds_as_one_run_with_a_band():
    cells = list(columns({"x": np.array([[1.0, 3.0, np.nan]])}))
    found = dict(Wandb._summary(cells, 0))
    assert found["x"] == 2.0
    assert found["x/ci95"] == pytest.approx(12.7062, rel=1e-4)  # Student's t, two seeds
