import struct

import numpy as np
import pytest
import tiny

from lase_jax.reports.record import Record
from lase_jax.runs import folder
from lase_jax.runs.setup import create_run, load_config
from lase_jax.runs.tensorboard import TensorBoard

pytest.importorskip("tensorboardX")


def events(place):
    """All events in the files of a folder: each is its length, a checksum, itself, a checksum."""
    from tensorboardX.proto.event_pb2 import Event

    for file in sorted(place.iterdir()):
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            yield Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]


def scalars(place):
    return [
        (event.step, value.tag, value.simple_value)
        for event in events(place)
        for value in event.summary.value
        if value.HasField("simple_value")
    ]


def record(*update):
    rows = np.array(update)
    values = np.stack([rows, 10.0 * rows], 1)
    return Record(rows, 8 * rows, {"x": values, "empty": np.full_like(values, np.nan)})


def sink(path, steps=0, **fields):
    if not path.exists():
        create_run(tiny.config(**fields), path, overwrite=False)
    return TensorBoard(path, *load_config(path), steps)


def test_every_seed_has_its_curves_and_the_settings(tmp_path):
    path = tmp_path / "run"
    board = sink(path, seed=3)
    board.write(record(1, 2))
    board.close({})
    place = path / folder.TENSORBOARD
    assert sorted(each.name for each in place.iterdir()) == ["seed-3", "seed-4"]
    assert scalars(place / "seed-3") == [(8, "x", 1.0), (16, "x", 2.0)]
    assert scalars(place / "seed-4") == [(8, "x", 10.0), (16, "x", 20.0)]
    texts = [
        value.tensor.string_val[0]
        for event in events(place / "seed-3")
        for value in event.summary.value
        if value.tag.startswith("config")
    ]
    assert len(texts) == 1 and b'"algo": "a2c"' in texts[0]


def test_a_resumed_run_hides_what_it_repeats(tmp_path):
    path = tmp_path / "run"
    board = sink(path)
    board.write(record(1, 2))
    board.close({})
    board = sink(path, steps=8)
    board.write(record(2, 3))
    board.close({})
    place = path / folder.TENSORBOARD / "seed-0"
    starts = [event.step for event in events(place) if event.session_log.status == 1]
    assert starts == [9]
    assert [step for step, _, _ in scalars(place)] == [8, 16, 16, 24]


def test_many_seeds_are_one_curve_with_a_band(tmp_path):
    path = tmp_path / "run"
    board = sink(path, seeds=40)
    board.write(record(1))
    board.close({})
    place = path / folder.TENSORBOARD
    found = {name: value for _, name, value in scalars(place / "all-seeds")}
    assert found["x"] == 5.5 and found["x/ci95"] > 0
