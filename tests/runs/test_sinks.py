import io
from pathlib import Path

import numpy as np
import pytest

from envs.checks import ConfigError
from lase_jax.reports.record import Record, joined
from lase_jax.runs import sinks


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


def test_csv_gives_back_every_number_exactly(tmp_path):
    path = tmp_path / "metrics.csv"
    csv = sinks.Csv(path, range(5, 7))
    first, second = record(0), record(2)
    csv.write(first)
    csv.write(second)
    both, loaded = joined([first, second]), sinks.load(path)
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
    csv = sinks.Csv(path, range(2))
    csv.write(record(0))
    kept = path.read_bytes()
    csv.write(record(2))
    path.write_bytes(path.read_bytes()[:-7])
    sinks.Csv(path, range(2), resume_at=2)
    assert path.read_bytes() == kept
    sinks.Csv(path, range(2), resume_at=0)
    assert path.read_bytes() == b""


def test_csv_leaves_out_a_block_that_a_full_disk_cut(tmp_path):
    path = tmp_path / "metrics.csv"
    csv = sinks.Csv(path, range(3))
    csv.write(record(0, seeds=3))
    whole = path.read_bytes()
    csv.write(record(2, rows=1, seeds=3))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    np.testing.assert_array_equal(sinks.load(path).update, [1, 2])
    sinks.Csv(path, range(3), resume_at=3)
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-7])
    np.testing.assert_array_equal(sinks.load(path).update, [1])


def test_a_csv_that_cannot_be_read_is_one_sentence(tmp_path):
    path = tmp_path / "metrics.csv"
    with pytest.raises(ConfigError, match="cannot be read"):
        sinks.load(path)
    for text in ("", "seed,upd", "seed,update,env_steps\n"):
        path.write_text(text)
        with pytest.raises(ConfigError, match="no rows yet"):
            sinks.load(path)
    path.write_text("seed,update,env_steps\n0,x,1\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        sinks.load(path)


class Full:
    """A place that is full until it is emptied."""

    def __init__(self):
        self.full, self.calls, self.rows, self.closed = True, 0, [], False

    def write(self, record):
        self.calls += 1
        if self.full:
            raise OSError("No space left on device\nand more")
        self.rows.append(int(record.update[0]))

    def close(self, files):
        self.closed = True


def test_what_cannot_be_written_waits_until_it_can():
    said, place = [], Full()
    guarded = sinks.Guarded("metrics.csv", lambda: place, said.append, patient=True)
    for update in (0, 2):
        guarded.write(record(update))
    assert said == ["metrics.csv failed (No space left on device): it is tried again."]
    place.full = False
    guarded.write(record(4))
    assert place.rows == [int(record(update).update[0]) for update in (0, 2, 4)]
    assert said[1:] == ["metrics.csv works again: nothing is missing."]
    guarded.close({})
    assert place.closed and len(said) == 2


def test_a_place_that_stays_full_is_said_at_the_end():
    said, place = [], Full()
    guarded = sinks.Guarded("metrics.csv", lambda: place, said.append, patient=True)
    guarded.write(record(0))
    guarded.close({})
    assert said[1] == "metrics.csv lacks the last 1 parts of training."
    assert not place.closed


def test_an_impatient_sink_is_left_out_after_its_first_failure():
    said, place = [], Full()
    guarded = sinks.Guarded("W&B", lambda: place, said.append, patient=False)
    guarded.write(record(0))
    guarded.write(record(2))
    guarded.close({})
    assert place.calls == 1 and not place.closed
    assert said[0] == "W&B failed (No space left on device): training goes on without it."


def test_a_sink_that_cannot_be_made_harms_nothing():
    said = []

    def make():
        raise RuntimeError("no")

    sinks.Guarded("W&B", make, said.append, patient=False).write(record(0))
    assert len(said) == 1


def test_a_full_disk_leaves_whole_rows_and_takes_more_when_it_has_room(tmp_path, monkeypatch):
    path = tmp_path / "metrics.csv"
    csv = sinks.Csv(path, range(2))
    csv.write(record(0))
    before = path.read_bytes()

    class Half(io.FileIO):
        """A disk with room for half of what is written."""

        def write(self, data):
            return super().write(data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, mode, buffering: Half(path, mode))
        with pytest.raises(OSError, match="No space left"):
            csv.write(record(2))
    assert path.read_bytes() == before
    csv.write(record(2))
    assert len(sinks.load(path).update) == 2 * len(record(0).update)
