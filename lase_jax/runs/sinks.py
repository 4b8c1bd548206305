"""Sinks, to which metrics are written: always a csv file, and perhaps others (`wandb`).

Letters: R rows (each the mean over some updates), S seeds, N seats.

A sink is any object with `write` and `close`. If a sink fails (a full disk, no network), training
continues: `Guarded` prints a message and may keep the rows until they can be written.
"""

import csv
import errno
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from envs.checks import ConfigError
from lase_jax.reports.record import Record
from lase_jax.runs import folder

INDEX = ("seed", "update", "env_steps")
"""Columns of metrics.csv before the metrics: the seed, its updates finished, and its environment
steps so far, all environments together."""


class Sink(Protocol):
    """A place for metrics."""

    def write(self, record: Record) -> None:
        """Writes the next rows."""

    def close(self, files: dict[str, Path]) -> None:
        """Ends the output of a run, given its result files by name."""


def columns(metrics: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Every number of a metric as a column of its own, ``[R, S]``.

    Those of a vector are named ``name/0``, ``name/1``, ...; of a matrix ``name/0/0``, ...
    """
    for name in sorted(metrics):
        values = metrics[name]
        for index in np.ndindex(values.shape[2:]):
            yield "/".join([name, *map(str, index)]), values[(..., *index)]


class Csv:
    """Appends to metrics.csv, in long format: a row per seed and point in time.

    Args:
        path: the file.
        seeds: number of each seed.
        resume_at: updates that a restored checkpoint has finished; later rows are cut off.
    """

    def __init__(self, path: Path, seeds: range, resume_at: int = 0):
        self.path, self.seeds = path, seeds
        if path.exists():
            truncate(path, resume_at, len(seeds))

    def write(self, record: Record) -> None:
        """Appends rows and waits until they are on the disk; on failure the file stays as it was.

        Raises:
            OSError: the disk is full, or the file cannot be written.
        """
        with self.path.open("ab", buffering=0) as file:
            begin = file.tell()
            data = self._lines(record, header=begin == 0).encode()
            try:
                written = file.write(data)
                os.fsync(file.fileno())
                if written != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                file.truncate(begin)
                raise

    def _lines(self, record: Record, header: bool) -> str:
        cells = list(columns(record.metrics))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if header:
            writer.writerow([*INDEX, *(name for name, _ in cells)])
        for row, (update, env_steps) in enumerate(
            zip(record.update, record.env_steps, strict=True)
        ):
            for index, seed in enumerate(self.seeds):
                numbers = (_text(values[row, index]) for _, values in cells)
                writer.writerow([seed, update, env_steps, *numbers])
        return text.getvalue()

    def close(self, files: dict[str, Path]) -> None:
        """Does nothing: the file is not held open."""
        del files


def _text(value: Any) -> str:
    """A float32 in the fewest digits that restore it exactly; "" for a seat without a value."""
    return "" if np.isnan(value) else str(np.float32(value))


def truncate(path: Path, update: int, num_seeds: int) -> None:
    """Drops the rows after `update`, and those that a kill or a full disk left incomplete."""
    header, *lines = _whole(path.read_text(), num_seeds)
    kept = [line for line in lines if _update(line) <= update]
    folder.write(path, "".join([header, *kept] if kept else []))


def _whole(text: str, num_seeds: int | None = None) -> list[str]:
    """The header and the complete blocks of metrics.csv, as lines.

    A line is complete if it ends with a newline. A block, the lines of one update, is complete if
    it has `num_seeds` lines; None stands for the number of seeds that occur in the file.
    """
    header, *lines = [line for line in text.splitlines(keepends=True) if line[-1] == "\n"] or [""]
    block_size = num_seeds or len({line.split(",", 1)[0] for line in lines})
    size = Counter(map(_update, lines))
    return [header, *(line for line in lines if size[_update(line)] == block_size)]


def _update(line: str) -> int:
    return int(line.split(",", 2)[1])


def load(path: Path) -> Record:
    """Reads metrics.csv back: `Record` with all complete blocks; a seat without a value is NaN.

    Raises:
        ConfigError: there is no such file, or it holds no rows.
    """
    try:
        header, *rows = csv.reader(_whole(path.read_text()))
    except (OSError, ValueError) as error:
        raise ConfigError(f"metrics is {str(path)!r}: it cannot be read ({error}).") from error
    if not rows:
        raise ConfigError(f"metrics is {str(path)!r}: it holds no rows yet, train first.")
    table = np.array([[float(cell) if cell else np.nan for cell in row] for row in rows])
    num_seeds = len(np.unique(table[:, 0]))
    table = table.reshape(-1, num_seeds, len(header))
    grouped: dict[str, dict[tuple[int, ...], np.ndarray]] = {}
    for column, label in enumerate(header[len(INDEX) :], start=len(INDEX)):
        name = re.sub(r"(/\d+)*$", "", label)
        index = label[len(name) :].split("/")[1:]
        grouped.setdefault(name, {})[tuple(map(int, index))] = table[..., column]
    metrics = {}
    for name, cells in grouped.items():
        shape = tuple(1 + max(axis) for axis in zip(*cells, strict=True))
        values = np.full((*table.shape[:2], *shape), np.nan, np.float32)
        for index, value in cells.items():
            values[(..., *index)] = value
        metrics[name] = values
    return Record(table[:, 0, 1].astype(int), table[:, 0, 2].astype(int), metrics)


class Guarded:
    """A sink whose failure only gives a message, so that training continues.

    A patient sink keeps rows that cannot be written and tries again with the next rows, until
    training ends; all rows of a run fit into memory.

    Args:
        name: what messages call the sink.
        make: builds the sink.
        say: prints a line.
        patient: whether to try again after a failure; else nothing more is written.
    """

    def __init__(
        self, name: str, make: Callable[[], Sink], say: Callable[[str], None], patient: bool
    ):
        self.name, self.say, self.patient = name, say, patient
        self._make, self._sink, self._failed = make, None, False
        self._waiting: list[Record] = []
        self._flush()

    def write(self, record: Record) -> None:
        """Writes the rows that are still waiting, and then these."""
        self._waiting.append(record)
        if self.patient or not self._failed:
            self._flush()

    def close(self, files: dict[str, Path]) -> None:
        """Closes the sink, if it works."""
        if self.patient and self._waiting:
            self._flush()
        if self._waiting:
            self.say(f"{self.name} lacks the last {len(self._waiting)} parts of training.")
        if self._sink is not None and not self._failed:
            self._try(lambda sink: sink.close(files))

    def _flush(self) -> None:
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
                self.say(f"{self.name} failed ({folder.reason(error)}): {then}.")
            self._failed = True
            return False
        return True
