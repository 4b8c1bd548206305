import errno
import os
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from envs.checks import ConfigError
from lase_jax.runs import files, seal
from lase_jax.runs.checkpoint import Checkpoints, check_same
from lase_jax.runs.seal import flat
from lase_jax.types import Carry, Clock, World

SETTINGS = {"kind": "RunConfig", "game": {"rows": 3}, "seats": ["a", "b"]}


def make_carry(value):
    params = {"kernel": jnp.full((2, 3), value), "empty": jnp.zeros((0, 4))}
    optimiser = optax.adam(1e-3).init(params)
    world = World({"grid": jnp.zeros(3, jnp.int8)}, jnp.ones((2, 2), bool), ())
    return Carry((params, optimiser), world, jax.random.split(jax.random.key(1), 2), Clock(7))


def same(left, right):
    assert jax.tree.structure(left) == jax.tree.structure(right)
    raw = [
        jax.tree.map(
            lambda x: (
                jax.random.key_data(x)
                if jnp.issubdtype(getattr(x, "dtype", None), jax.dtypes.prng_key)
                else np.asarray(x)
            ),
            tree,
        )
        for tree in (left, right)
    ]
    jax.tree.map(np.testing.assert_array_equal, *raw)


@pytest.fixture
def carry():
    return jax.tree.map(jnp.asarray, make_carry(2.0))


def open_at(path, said=None, settings=SETTINGS, **options):
    return Checkpoints(path, settings, (said if said is not None else []).append, **options)


def saved(path, carry, *updates):
    checkpoints = open_at(path)
    for update in updates:
        checkpoints.save(update, carry, float(update))
    checkpoints.close()


def damage(path):
    for file in path.rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def test_everything_comes_back_even_keys_and_empty_arrays(tmp_path, carry):
    saved(tmp_path, carry, 1, 2, 3, 4)
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == [2, 3, 4]
    checkpoints = open_at(tmp_path)
    update, restored = checkpoints.restore(jax.eval_shape(lambda: carry))
    checkpoints.close()
    assert update == 4
    same(restored, carry)


def test_the_newest_the_best_and_every_so_many_are_kept(tmp_path, carry):
    place = tmp_path / "checkpoints"
    checkpoints = open_at(place, keep_every=4)
    scores = [0, 1, 9, 2, 3, 4, 5, 6, 7, 8]
    for update, score in enumerate(scores, 1):
        checkpoints.save(update, carry, float(score))
    checkpoints.close()
    reader = open_at(place, read_only=True)
    assert reader.all() == [3, 4, 8, 9, 10]
    assert reader.best() == 3
    assert reader.restore(carry, only=3)[0] == 3
    reader.close()
    again = open_at(place, keep_every=4)
    again.save(11, carry, 8.0)
    again.save(12, carry, 10.0)
    assert again.best() == again.newest() == 12
    again.save(13, carry, 0.0)  # the former best goes once the new one is there
    again.close()
    assert open_at(place, read_only=True).all() == [4, 8, 11, 12, 13]


def test_the_best_stays_where_a_better_one_never_reached_the_disk(tmp_path, carry):
    place = tmp_path / "checkpoints"
    checkpoints = open_at(place)
    for update, score in ((20, 5.0), (30, 9.0)):
        checkpoints.save(update, carry, score)
    checkpoints.close()
    shutil.rmtree(place / "30")
    checkpoints = open_at(place)
    for update in range(35, 60, 5):
        checkpoints.save(update, carry, 3.0)
    checkpoints.close()
    assert open_at(place).best() == 20
    assert open_at(place).all() == [20, 45, 50, 55]


def test_nothing_there_is_none(tmp_path, carry):
    checkpoints = open_at(tmp_path / "new")
    assert checkpoints.newest() is None
    assert checkpoints.restore(carry) is None
    checkpoints.close()


def test_a_damaged_newest_falls_back_to_the_one_before_and_says_so(tmp_path, carry):
    place = tmp_path / "checkpoints"
    saved(place, carry, 10, 20)
    damage(place / "20")
    (place / "99").mkdir()
    said = []
    checkpoints = open_at(place, said)
    update, restored = checkpoints.restore(carry)
    assert update == 10
    same(restored, carry)
    assert [line.split(" (")[0] for line in said] == [
        "Checkpoint 99 cannot be read",
        "Checkpoint 20 cannot be read",
    ]
    checkpoints.save(20, carry, 0.0)
    checkpoints.close()
    assert open_at(place).restore(carry)[0] == 20
    assert (tmp_path / "damaged-checkpoint-20").is_dir()


def test_a_reader_changes_nothing(tmp_path, carry):
    place = tmp_path / "checkpoints"
    saved(place, carry, 10, 20)
    damage(place / "20")
    before = sorted(tmp_path.rglob("*"))
    reader = open_at(place, read_only=True)
    assert reader.restore(carry)[0] == 10
    reader.close()
    assert sorted(tmp_path.rglob("*")) == before


def test_the_newest_is_what_the_disk_has_and_a_lost_one_can_be_saved_again(tmp_path, carry):
    checkpoints = open_at(tmp_path)
    assert checkpoints.save(10, carry, 0.0) and checkpoints.save(20, carry, 0.0)
    assert checkpoints.newest() == 20
    shutil.rmtree(tmp_path / "20")
    assert checkpoints.newest() == 10
    assert checkpoints.save(20, carry, 0.0)
    assert checkpoints.newest() == 20
    checkpoints.close()


def test_where_none_can_be_read_nothing_is_thrown_away(tmp_path, carry):
    saved(tmp_path, carry, 10)
    damage(tmp_path / "10")
    checkpoints = open_at(tmp_path)
    with pytest.raises(ConfigError, match="none of them can be read"):
        checkpoints.restore(carry)
    assert (tmp_path / "10").is_dir()
    checkpoints.close()


def test_a_checkpoint_of_another_configuration_names_the_difference(tmp_path, carry):
    saved(tmp_path, carry, 10)
    other = SETTINGS | {"game": {"rows": 4}}
    checkpoints = open_at(tmp_path, settings=other)
    with pytest.raises(ConfigError, match=r"game\.rows is 4: the run was made with 3"):
        checkpoints.restore(carry)
    checkpoints.close()


def test_a_setting_that_was_added_since_has_its_default(tmp_path, carry):
    saved(tmp_path, carry, 10)
    now = SETTINGS | {"added": 1}
    strict = open_at(tmp_path, settings=now)
    with pytest.raises(ConfigError, match="added is 1: the run was made with None"):
        strict.restore(carry)
    strict.close()
    checkpoints = open_at(tmp_path, settings=now, complete=lambda old: {"added": 1} | old)
    assert checkpoints.restore(carry)[0] == 10
    checkpoints.close()


def test_tuples_and_lists_are_the_same_setting():
    check_same({"a": (1, 2)}, {"a": [1, 2]})
    assert flat({"a": {"b": [5]}}) == {"a.b.0": 5}
    with pytest.raises(ConfigError, match="a.1 is 3"):
        check_same({"a": [1]}, {"a": [1, 3]})


def test_a_save_that_fails_is_said_and_survived(tmp_path, carry, monkeypatch):
    said = []
    checkpoints = open_at(tmp_path, said)

    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoints._manager, "save", full)
    assert not checkpoints.save(1, carry, 0.0)
    checkpoints.close()
    assert said == [
        "Checkpoint 1 cannot be saved (No space left on device): training goes on and tries again."
    ]
    assert not list(Path(tmp_path).glob("[0-9]*"))


def test_the_best_is_written_again_where_that_failed(tmp_path, carry, monkeypatch):
    checkpoints, write = open_at(tmp_path / "x", []), files.write_json

    def full(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "write_json", full)
    assert not checkpoints.save(1, carry, 5.0)
    monkeypatch.setattr(files, "write_json", write)
    assert checkpoints.save(2, carry, 5.0)
    checkpoints.close()
    assert open_at(tmp_path / "x", read_only=True).best() == 2


def test_no_second_folder_is_made_where_the_run_was_moved_away(tmp_path, carry):
    said, place = [], tmp_path / "run" / "checkpoints"
    checkpoints = open_at(place, said)
    checkpoints.save(1, carry, 0.0)
    assert checkpoints.newest() == 1
    (tmp_path / "run").rename(tmp_path / "moved")
    for update in (2, 3):
        assert not checkpoints.save(update, carry, 0.0) or checkpoints.newest() != update
    assert not (tmp_path / "run").exists() and len(said) == 1
    (tmp_path / "moved").rename(tmp_path / "run")
    checkpoints.save(4, carry, 0.0)
    assert checkpoints.newest() == 4
    checkpoints.close()
    assert said[1:] == ["Checkpoints are saved again."]


def test_a_failed_save_leaves_nothing_and_the_next_one_works(tmp_path, carry, monkeypatch):
    said = []
    checkpoints = open_at(tmp_path / "x", said)
    orbax = checkpoints._manager
    finish = type(orbax).wait_until_finished

    def fails(manager):
        finish(manager)
        if manager is orbax and checkpoints.all():
            raise OSError("RESOURCE_EXHAUSTED: No space left on device")

    monkeypatch.setattr(type(orbax), "wait_until_finished", fails)
    assert checkpoints.save(1, carry, 0.0)
    checkpoints.wait()
    assert checkpoints.full and checkpoints.failing
    assert checkpoints.save(2, carry, 0.0)
    assert checkpoints.newest() == 2 and not checkpoints.failing
    checkpoints.close()
    assert said[1:] == ["Checkpoints are saved again."] and len(said) == 2
    assert not list((tmp_path / "x").glob("*tmp*"))


def bytes_of(path):
    """The files of a checkpoint that hold something."""
    return [file for file in sorted(path.rglob("*")) if file.is_file() and file.stat().st_size]


def test_no_flipped_byte_is_loaded_as_other_numbers(tmp_path, carry):
    rng = np.random.default_rng(0)
    place = tmp_path / "checkpoints"
    saved(place, carry, 10, 20)
    told = 0
    for file in bytes_of(place / "20"):
        content = file.read_bytes()
        for at in rng.choice(len(content), min(4, len(content)), replace=False):
            rotten = bytearray(content)
            rotten[at] ^= 1 << rng.integers(8)
            file.write_bytes(rotten)
            said = []
            reader = open_at(place, said, read_only=True)
            update, restored = reader.restore(carry)
            reader.close()
            same(restored, carry)
            assert (update == 10) == bool(said)
            told += update == 10
        file.write_bytes(content)
    assert told > 10


def test_values_that_rotted_in_a_form_that_can_be_read_are_found(tmp_path, carry, monkeypatch):
    place = tmp_path / "checkpoints"
    saved(place, carry, 10)
    monkeypatch.setattr(seal, "of_arrays", lambda tree: "0" * 32)
    saved(place, carry, 20)
    monkeypatch.undo()
    said = []
    assert open_at(place, said, read_only=True).restore(carry)[0] == 10
    assert said == ["Checkpoint 20 cannot be read (its arrays are damaged)."]


def test_a_checkpoint_of_another_update_or_run_is_not_taken(tmp_path, carry):
    for run in ("a", "b"):
        checkpoints = open_at(tmp_path / run, run=run)
        for update in (10, 20):
            checkpoints.save(update, carry, 0.0)
        checkpoints.close()
    shutil.copytree(tmp_path / "a" / "20", tmp_path / "b" / "30")
    shutil.rmtree(tmp_path / "b" / "20")
    shutil.copytree(tmp_path / "b" / "10", tmp_path / "b" / "20")
    said = []
    assert open_at(tmp_path / "b", said, read_only=True, run="b").restore(carry)[0] == 10
    assert said == [
        "Checkpoint 30 cannot be read (it belongs to another run).",
        "Checkpoint 20 cannot be read (it was made after update 10).",
    ]


def test_a_seal_that_is_gone_is_missed(tmp_path, carry):
    checkpoints = open_at(tmp_path / "x", run="a")
    for update in (10, 20):
        checkpoints.save(update, carry, 0.0)
    checkpoints.close()
    shutil.rmtree(tmp_path / "x" / "20" / "seal")
    said = []
    assert open_at(tmp_path / "x", said, read_only=True, run="a").restore(carry)[0] == 10
    assert said == ["Checkpoint 20 cannot be read (it has no seal)."]


def test_settings_that_rotted_are_no_other_settings(tmp_path, carry):
    place = tmp_path / "checkpoints"
    saved(place, carry, 10, 20)
    (file,) = [f for f in bytes_of(place / "20" / "config") if b"rows" in f.read_bytes()]
    file.write_bytes(file.read_bytes().replace(b"3", b"4"))
    said = []
    assert open_at(place, said, read_only=True).restore(carry)[0] == 10
    assert said == ["Checkpoint 20 cannot be read (its settings are damaged)."]


def test_checkpoints_are_not_written_through_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "checkpoints").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="checkpoints is '.*': it is a link"):
        open_at(tmp_path / "checkpoints")


@pytest.mark.parametrize("label", ["{", "[]", '{"init_timestamp_nsecs": 1.5}', "\0"])
def test_a_damaged_label_harms_no_other_checkpoint(tmp_path, carry, label):
    place = tmp_path / "checkpoints"
    saved(place, carry, 10, 20)
    (place / "20" / "_CHECKPOINT_METADATA").write_text(label)
    said = []
    try:
        open_at(place, said, read_only=True).close()
    except ConfigError as error:
        assert "Checkpoint 20 is damaged" in str(error)
    checkpoints = open_at(place, said)
    assert checkpoints.restore(carry)[0] in (10, 20)
    checkpoints.save(30, carry, 0.0)
    assert checkpoints.newest() == 30
    checkpoints.close()
