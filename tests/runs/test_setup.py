import shutil
from pathlib import Path

import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.runs import files, folder, metrics_csv
from lase_jax.runs.setup import create_run, restore_run


def test_an_existing_run_is_deleted_only_when_asked(tmp_path):
    create_run(tiny.config(), tmp_path / "x", overwrite=False)
    old = tmp_path / "x" / folder.METRICS
    old.touch()
    with pytest.raises(ConfigError, match="--overwrite"):
        create_run(tiny.config(), tmp_path / "x", overwrite=False)
    create_run(tiny.config(), tmp_path / "x", overwrite=True)
    assert not old.exists()


def test_what_no_run_has_written_is_never_deleted(tmp_path):
    create_run(tiny.config(), tmp_path / "x", overwrite=False)
    (tmp_path / "x" / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="x/thesis.tex is no part of a run, move it or use"):
        create_run(tiny.config(), tmp_path / "x", overwrite=True)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / folder.CONFIG).write_text('{"layers": 3}')
    with pytest.raises(ConfigError, match="not a run folder and stays"):
        create_run(tiny.config(), tmp_path / "model", overwrite=True)


def test_a_link_in_a_run_is_deleted_but_not_what_it_leads_to(tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "large").touch()
    create_run(tiny.config(), tmp_path / "x", overwrite=False)
    (tmp_path / "x" / folder.CHECKPOINTS).symlink_to(tmp_path / "scratch")
    create_run(tiny.config(), tmp_path / "x", overwrite=True)
    assert not (tmp_path / "x" / folder.CHECKPOINTS).exists()
    assert (tmp_path / "scratch" / "large").exists()


def test_a_restored_run_needs_a_checkpoint_and_the_same_rules(tmp_path):
    path = tmp_path / "x"
    create_run(tiny.config(), path, overwrite=False)
    with pytest.raises(ConfigError, match="no checkpoint"):
        restore_run(path)
    content = folder.read(path) | {"env_version": 0}
    files.write_json(path / folder.CONFIG, content)
    with pytest.raises(ConfigError, match="env_version is 0.*start a new run"):
        restore_run(path)


def test_a_run_folder_of_an_earlier_layout_of_the_code_still_loads(tmp_path):
    """Settings and checkpoints name classes and fields, not the modules that they lie in."""
    shutil.unpack_archive(Path(__file__).with_name("earlier_run.zip"), tmp_path)
    setup, update, carry = restore_run(tmp_path)
    assert setup.config.seats == ("lase", "a2c") and setup.config.agent.social_width == 4
    assert update == 2 and carry.clock.update == 2
    record = metrics_csv.load(tmp_path / folder.METRICS)
    assert record.update.tolist() == [1, 2]
