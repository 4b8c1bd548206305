"""Sinks, to which metrics are written: a csv file (`metrics_csv`), and others (see `dashboards`).

A sink is any object with `write` and `close`. If a sink fails (a full disk, no network), training
continues: `Guarded` prints a message and may keep the rows until they can be written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from lase_jax.reports.record import Record
from lase_jax.runs import files


class Sink(Protocol):
    """A place for metrics."""

    def write(self, record: Record) -> None:
        """Writes the next rows."""

    def close(self, files: dict[str, Path]) -> None:
        """Ends the output of a run, given its result files by name."""


class Guarded:
    """A sink whose failure only gives a message, so that training continues.

    A patient sink keeps rows that cannot be written and tries again with the next rows, until
    training ends; all rows of a run fit into memory.

    Args:
        name: what messages call the sink.
        make: builds the sink.
        say: prints a line.
        patient: whether to try again after a failure; else nothing more is written.

    Attributes:
        problem: the newest failure, or None.
    """

    def __init__(
        self, name: str, make: Callable[[], Sink], say: Callable[[str], None], patient: bool
    ):
        self.name, self.say, self.patient = name, say, patient
        self._make, self._sink, self._failed = make, None, False
        self._waiting: list[Record] = []
        self.problem: Exception | None = None
        self.flush()

    @property
    def complete(self) -> bool:
        """Whether all that was given to a patient sink has been written."""
        return not (self.patient and (self._waiting or self._sink is None))

    def write(self, record: Record) -> None:
        """Writes the rows that are still waiting, and then these."""
        self._waiting.append(record)
        if self.patient or not self._failed:
            self.flush()

    def close(self, files: dict[str, Path]) -> None:
        """Closes the sink, if it works."""
        if not self.complete:
            self.flush()
        if self._waiting:
            self.say(f"{self.name} lacks the last {len(self._waiting)} parts of training.")
        if self._sink is not None and not self._failed:
            self._try(lambda sink: sink.close(files))

    def flush(self) -> None:
        """Tries to write what is waiting."""

        def all_waiting(sink: Sink) -> None:
            while self._waiting:
                sink.write(self._waiting[0])
                self._waiting.pop(0)

        if self._try(all_waiting) and self._failed:
            self._failed = False
            self.say(f"{self.name} works again: nothing is missing.")

    def _try(self, action: Callable[[Sink], None]) -> bool:
        try:
            self._sink = self._make() if self._sink is None else self._sink
            action(self._sink)
        except Exception as error:
            if not self._failed:
                then = "it is tried again" if self.patient else "training goes on without it"
                self.say(f"{self.name} failed ({files.reason(error)}): {then}.")
            self._failed, self.problem = True, error
            return False
        return True
