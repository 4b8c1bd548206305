import numpy as np

from lase_jax.reports.record import Record
from lase_jax.runs import sinks


def record(start):
    return Record(start + np.arange(1, 3), np.arange(2), {})


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
