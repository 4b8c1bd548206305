import errno
import os

import numpy as np
import pytest

from envs.checks import ConfigError
from lase_jax.reports.record import Record, joined
from lase_jax.runs import metrics_csv


def record(start, rows=2, seeds=2):
    rng = np.random.default_rng(start)
    update = start + np.arange(1, rows + 1)
    event = rng.normal(size=(rows, seeds, 3)).astype(np.float32)
    event[:, :, 1] = np.nan
    metrics = {
        "return/collective": rng.normal(size=(rows, seeds)).astype(np.float32) * 1e-20,
        "event/hares": event,
        "gift/weight": rng.random((rows, seeds, 3, 3)).astype(np.float32),
    }
    return Record(update, update * 10, metrics)


def open_at(path, update, said=None, seeds=2):
    say = said.append if said is not None else pytest.fail
    return metrics_csv.Csv(path, range(seeds), update, say)


def test_csv_gives_back_every_number_exactly(tmp_path):
    path = tmp_path / "metrics.csv"
    csv = metrics_csv.Csv(path, range(5, 7))
    first, second = record(0), record(2)
    csv.write(first)
    csv.write(second)
    both, loaded = joined([first, second]), metrics_csv.load(path)
    np.testing.assert_array_equal(loaded.update, both.update)
    np.testing.assert_array_equal(loaded.env_steps, both.env_steps)
    assert loaded.metrics.keys() == both.metrics.keys()
    for name, values in both.metrics.items():
        np.testing.assert_array_equal(loaded.metrics[name], values, strict=True)
    lines = path.read_text().splitlines()
    assert lines[0].startswith("seed,update,env_steps,event/hares/0,event/hares/1")
    assert [line.split(",")[0] for line in lines[1:5]] == ["5", "6", "5", "6"]


def test_csv_forgets_what_a_resumed_run_does_again(tmp_path):
    path = tmp_path / "metrics.csv"
    csv = metrics_csv.Csv(path, range(2))
    csv.write(record(0))
    kept = path.read_bytes()
    csv.write(record(2))
    path.write_bytes(path.read_bytes()[:-7])
    open_at(path, 2)
    assert path.read_bytes() == kept
    open_at(path, 0)
    assert path.read_bytes() == b""


def test_csv_leaves_out_a_block_that_a_full_disk_cut(tmp_path):
    path = tmp_path / "metrics.csv"
    csv = metrics_csv.Csv(path, range(3))
    csv.write(record(0, seeds=3))
    whole = path.read_bytes()
    csv.write(record(2, rows=1, seeds=3))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    np.testing.assert_array_equal(metrics_csv.load(path).update, [1, 2])
    metrics_csv.Csv(path, range(3), resume_at=3)
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-7])
    np.testing.assert_array_equal(metrics_csv.load(path).update, [1])


def test_a_csv_that_cannot_be_read_is_one_sentence(tmp_path):
    path = tmp_path / "metrics.csv"
    with pytest.raises(ConfigError, match="cannot be read"):
        metrics_csv.load(path)
    for text in ("", "seed,upd", "seed,update,env_steps\n"):
        path.write_text(text)
        with pytest.raises(ConfigError, match="no rows yet"):
            metrics_csv.load(path)
    path.write_text("seed,update,env_steps\n0,x,1\n")
    with pytest.raises(ConfigError, match="line 2 is no row"):
        metrics_csv.load(path)


def test_a_full_disk_leaves_whole_rows_and_takes_more_when_it_has_room(tmp_path, monkeypatch):
    path = tmp_path / "metrics.csv"
    csv = metrics_csv.Csv(path, range(2))
    csv.write(record(0))
    before, write = path.read_bytes(), os.write

    def half(file, data):
        """A disk with room for half of what is written."""
        if len(data) < 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space left"):
            csv.write(record(2))
    assert path.read_bytes() == before
    csv.write(record(2))
    assert len(metrics_csv.load(path).update) == 2 * len(record(0).update)


def insert(text, line, new):
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:line], new, *lines[line:]])


def without(text, first, last):
    lines = text.splitlines(keepends=True)
    return "".join(lines[:first] + lines[last:])


DAMAGES = {
    "a blank line": (lambda text: insert(text, 3, "\n"), "line 4 is no row", 5),
    "a foreign line": (lambda text: insert(text, 3, "0,1,hello\n"), "line 4 is no row", 5),
    "a lost header": (lambda text: without(text, 0, 1), "does not begin with the names", 0),
    "a doubled block": (
        lambda text: insert(text, 3, "".join(text.splitlines(keepends=True)[1:3])),
        "update 1 is there twice",
        5,
    ),
    "two writers": (
        lambda text: text + text.splitlines(keepends=True)[-2].replace(",5,50,", ",4,40,") * 2,
        "update 4 is not there once for each seed",
        5,
    ),
    "zeros and a line": (lambda text: text + "\0" * 40 + "\n", "line 12 is no row", 5),
    "a lost line": (lambda text: without(text, 4, 5), "update 2 is not there once", 4),
    "a cell too many": (lambda text: text.replace("0,3,30,", "0,3,30,7,"), "line 6 is no row", 4),
    "another index": (
        lambda text: text.replace("event/hares/1,", "event/hares/1/0,"),
        "does not begin with the names",
        0,
    ),
    "an index without end": (
        lambda text: text.replace("event/hares/1,", "event/hares/99999999999,"),
        "does not begin with the names",
        0,
    ),
    "a number too long": (
        lambda text: text.replace("0,3,30,", f"0,3,{10**40},"),
        "line 6 is no row",
        4,
    ),
    "an underscore": (lambda text: text.replace("1,3,30,", "1,3,30,1_"), "line 7 is no row", 4),
    "no number": (lambda text: text.replace("1,3,30,", "1,3,30,x"), "line 7 is no row", 4),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_said_and_put_aside_and_its_sound_rows_stay(damage, tmp_path):
    path = tmp_path / "metrics.csv"
    open_at(path, 0).write(record(0, rows=5))
    sound = path.read_text()
    change, fault, kept = DAMAGES[damage]
    path.write_text(change(sound))
    with pytest.raises(ConfigError, match=fault):
        metrics_csv.load(path)
    said = []
    csv = open_at(path, 5, said)
    assert len(said) == 1 and fault in said[0] and "kept as damaged-metrics.csv" in said[0]
    assert (tmp_path / "damaged-metrics.csv").read_text() == change(sound)
    rows = set(path.read_text().splitlines())
    assert rows <= set(sound.splitlines()) and len(rows) == (1 + 2 * kept if kept else 0)
    csv.write(record(5))
    assert metrics_csv.load(path).update[-2:].tolist() == [6, 7]


@pytest.mark.parametrize("change", ["digit", "name"])
def test_rows_that_are_not_those_that_were_written_are_said(change, tmp_path):
    path, said = tmp_path / "metrics.csv", []
    first = open_at(path, 0)
    first.write(record(0))
    sealed = first.digest
    assert metrics_csv.digest(metrics_csv.sift(path.read_text(), range(2)), 2) == sealed
    first.write(record(2))
    metrics_csv.Csv(path, range(2), 2, pytest.fail, sealed)
    text = path.read_text()
    old, new = {"digit": (",2,20,", ",2,21,"), "name": ("return/", "retour/")}[change]
    path.write_text(text.replace(old, new))
    assert metrics_csv.digest(metrics_csv.sift(path.read_text(), range(2)), 2) != sealed
    metrics_csv.Csv(path, range(2), 2, said.append, sealed)
    assert len(said) == 1 and "up to update 2 are not those that were written" in said[0]
    assert (tmp_path / "damaged-metrics.csv").read_text() == text.replace(old, new)


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_is_deleted_or_changed_meanwhile_is_written_again(gone, tmp_path):
    path, said = tmp_path / "metrics.csv", []
    csv = open_at(path, 0, said)
    csv.write(record(0))
    path.unlink() if gone else path.write_text("mine\n")
    csv.write(record(2))
    csv.write(record(4))
    assert said == ["metrics.csv was changed or deleted meanwhile: it is written again."]
    assert metrics_csv.load(path).update.tolist() == [1, 2, 3, 4, 5, 6]


def test_blocks_that_contradict_each_other_are_both_left_out(tmp_path):
    path = tmp_path / "metrics.csv"
    open_at(path, 0).write(record(0, rows=3))
    lines = path.read_text().splitlines(keepends=True)
    other = [line[:-2] + "7\n" for line in lines[3:5]]
    path.write_text("".join([*lines, *other]))
    open_at(path, 3, [])
    assert metrics_csv.load(path).update.tolist() == [1, 3]


def test_a_torn_end_is_no_damage(tmp_path):
    path = tmp_path / "metrics.csv"
    open_at(path, 0).write(record(0))
    whole = path.read_bytes()
    for end in (
        b"0,3",
        b"\0\0\0",
        whole.splitlines(keepends=True)[1].replace(b"0,1,10", b"0,3,30"),
    ):
        path.write_bytes(whole + end)
        assert metrics_csv.load(path).update.tolist() == [1, 2]
        open_at(path, 2)
        assert path.read_bytes() == whole


def test_metrics_that_another_version_adds_get_columns_of_their_own(tmp_path):
    path = tmp_path / "metrics.csv"
    first, second = record(0), record(2)
    open_at(path, 0).write(first)
    gone = second.metrics.pop("gift/weight")
    second.metrics["new/one"] = np.ones((2, 2), np.float32)
    open_at(path, 2).write(second)
    found = metrics_csv.load(path).metrics
    assert np.isnan(found["new/one"][:2]).all() and (found["new/one"][2:] == 1).all()
    np.testing.assert_array_equal(found["gift/weight"][:2], first.metrics["gift/weight"])
    assert np.isnan(found["gift/weight"][2:]).all() and gone.shape == (2, 2, 3, 3)
    np.testing.assert_array_equal(found["event/hares"][2:], second.metrics["event/hares"])


def test_a_loss_that_is_infinite_is_a_number_like_others(tmp_path):
    path = tmp_path / "metrics.csv"
    rows = record(0)
    rows.metrics["return/collective"][1] = np.inf
    open_at(path, 0).write(rows)
    assert np.isinf(metrics_csv.load(path).metrics["return/collective"][1]).all()


def test_nothing_is_written_through_a_link(tmp_path):
    path, other = tmp_path / "metrics.csv", tmp_path / "thesis.txt"
    other.write_text("mine")
    csv = open_at(path, 0, [])
    csv.write(record(0))
    path.unlink()
    path.symlink_to(other)
    csv.write(record(2))
    assert other.read_text() == "mine" and not path.is_symlink()
    assert metrics_csv.load(path).update.tolist() == [1, 2, 3, 4]
