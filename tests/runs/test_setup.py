import shutil
from pathlib import Path

import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.runs import folder, sinks
from lase_jax.runs.setup import create_run, restore_run


def test_an_existing_run_is_deleted_only_when_asked(tmp_path):
    create_run(tiny.config(), tmp_path / "x", overwrite=False)
    (tmp_path / "x" / "old").touch()
    with pytest.raises(ConfigError, match="--overwrite"):
        create_run(tiny.config(), tmp_path / "x", overwrite=False)
    create_run(tiny.config(), tmp_path / "x", overwrite=True)
    assert not (tmp_path / "x" / "old").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="not a run folder and stays"):
        create_run(tiny.config(), tmp_path / "mine", overwrite=True)


def test_a_restored_run_needs_a_checkpoint_and_the_same_rules(tmp_path):
    path = tmp_path / "x"
    create_run(tiny.config(), path, overwrite=False)
    with pytest.raises(ConfigError, match="no checkpoint"):
        restore_run(path)
    content = folder.read(path) | {"env_version": 0}
    folder.write_json(path / folder.CONFIG, content)
    with pytest.raises(ConfigError, match="env_version is 0.*start a new run"):
        restore_run(path)


def test_a_run_folder_of_an_earlier_layout_of_the_code_still_loads(tmp_path):
    """Settings and checkpoints name classes and fields, not the modules that they lie in."""
    shutil.unpack_archive(Path(__file__).with_name("earlier_run.zip"), tmp_path)
    setup, update, carry = restore_run(tmp_path)
    assert setup.config.seats == ("lase", "a2c") and setup.config.agent.social_width == 4
    assert update == 2 and carry.clock.update == 2
    record = sinks.load(tmp_path / folder.METRICS)
    assert record.update.tolist() == [1, 2]
