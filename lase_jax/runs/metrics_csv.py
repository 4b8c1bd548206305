"""metrics.csv: how rows are written, and how they are read back and judged.

Letters: R rows in time, S seeds.

A *block* is the lines of one update, one line per seed. While a run is being trained, or after it
was killed, the file may end with an incomplete block; anything else that is no row of it is damage.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.checks import refusal
from lase_jax.reports.record import Record
from lase_jax.runs import files, folder, seal

INDEX = ("seed", "update", "env_steps")
"""Columns before the metrics: the seed, its updates finished, and its environment steps so far,
all environments together."""
DIGITS = 19
"""A whole number of as many digits is none of ours."""
NUMBER = frozenset("0123456789+-.einfa")
"""The characters of numbers."""
CHANGED = "its rows up to update {} are not those that were written"


class Sifted(NamedTuple):
    """What a text holds of metrics.csv."""

    columns: list[str]  # names, those of `INDEX` included; empty if there is no header
    blocks: dict[int, list[list[str]]]  # each seed's cells by update, in ascending order
    faults: list[str]  # what is no part of metrics.csv


def columns(metrics: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Every number of a metric as a column of its own, ``[R, S]``.

    Those of a vector are named ``name/0``, ``name/1``, ...; of a matrix ``name/0/0``, ...
    """
    for name in sorted(metrics):
        values = metrics[name]
        for index in np.ndindex(values.shape[2:]):
            yield "/".join([name, *map(str, index)]), values[(..., *index)]


def sift(text: str, seeds: Sequence[int] = ()) -> Sifted:
    """Takes metrics.csv apart; of doubled blocks that differ, none is kept.

    Args:
        text: its content.
        seeds: number of each seed; () for those of most blocks.
    """
    *lines, _ = text.split("\n")
    if not lines:
        return Sifted([], {}, [])
    names = lines[0].split(",")
    if not _are_columns(names):
        return Sifted([], {}, ["it does not begin with the names of its columns"])
    cells = [line.split(",") for line in lines[1:]]
    whole = [_is_row(row, len(names)) for row in cells]
    faults = [f"line {number} is no row" for number, fits in enumerate(whole, 2) if not fits]
    sound = (row for row, fits in zip(cells, whole, strict=True) if fits)
    runs = [list(rows) for _, rows in itertools.groupby(sound, lambda row: row[1])]
    present = Counter(tuple(row[0] for row in rows) for rows in runs)
    order = tuple(map(str, seeds)) or max(present, key=present.__getitem__, default=())
    found = [rows[at : at + len(order)] for rows in runs for at in range(0, len(rows), len(order))]
    blocks: dict[int, list[list[str]]] = {}
    for place, rows in enumerate(found, 1):
        update = rows[0][1]
        its_seeds = tuple(row[0] for row in rows)
        if its_seeds != order:
            torn = place == len(found) and its_seeds == order[: len(rows)]
            faults += [] if torn else [f"update {update} is not there once for each seed"]
        elif int(update) in blocks:
            faults.append(f"update {update} is there twice")
            if blocks[int(update)] != rows:
                blocks[int(update)] = []
        else:
            blocks[int(update)] = rows
    return Sifted(
        names, {update: blocks[update] for update in sorted(blocks) if blocks[update]}, faults
    )


def _are_columns(names: list[str]) -> bool:
    """Whether these are `INDEX` and then names of metrics, with all numbers of each metric."""
    grouped = _grouped(names[len(INDEX) :])
    whole = all(
        len({*map(len, cells)}) == 1
        and math.prod(1 + max(axis) for axis in zip(*cells, strict=True)) == len(cells)
        for cells in grouped.values()
    )
    return whole and tuple(names[: len(INDEX)]) == INDEX and len(set(names)) == len(names)


def _grouped(labels: Sequence[str]) -> dict[str, dict[tuple[int, ...], int]]:
    """The place of every number of a metric among some columns, by name and index."""
    found: dict[str, dict[tuple[int, ...], int]] = {}
    for place, label in enumerate(labels):
        name = re.sub(r"(/\d{1,9})*$", "", label)
        index = label[len(name) :].split("/")[1:]
        found.setdefault(name, {})[tuple(map(int, index))] = place
    return found


def _is_row(cells: list[str], count: int) -> bool:
    """Whether these are the cells of a line: whole numbers for `INDEX`, then numbers or nothing."""
    index, values = cells[: len(INDEX)], cells[len(INDEX) :]
    whole = all(cell.isascii() and cell.isdecimal() and len(cell) < DIGITS for cell in index)
    if len(cells) != count or not whole or not set().union(*values) <= NUMBER:
        return False
    try:
        np.array([value for value in values if value], np.float64)
    except ValueError:
        return False
    return True


def load(path: Path) -> Record:
    """Reads metrics.csv: all complete blocks; a seat without a value is NaN.

    Raises:
        ConfigError: there is no such file, it is damaged, or it holds no rows.
    """
    try:
        sifted = sift(files.read(path).decode())
    except (OSError, ValueError) as error:
        problem = f"it cannot be read ({files.reason(error)})"
        raise refusal("metrics", str(path), problem) from error
    if sifted.faults:
        remedy = f"{told(sifted.faults)}, resume the run, which keeps a copy and its sound rows"
        raise refusal("metrics", str(path), remedy)
    if not sifted.blocks:
        raise refusal("metrics", str(path), "it holds no rows yet, train first")
    table = np.array(
        [
            [[float(cell) if cell else np.nan for cell in row] for row in rows]
            for rows in sifted.blocks.values()
        ]
    )
    metrics = {}
    for name, cells in _grouped(sifted.columns[len(INDEX) :]).items():
        shape = tuple(1 + max(axis) for axis in zip(*cells, strict=True))
        values = np.full((*table.shape[:2], *shape), np.nan, np.float32)
        for index, place in cells.items():
            values[(..., *index)] = table[..., len(INDEX) + place]
        metrics[name] = values
    return Record(table[:, 0, 1].astype(int), table[:, 0, 2].astype(int), metrics)


def digest(sifted: Sifted, until: int) -> str:
    """A digest of what metrics.csv holds up to an update, as `Csv.digest` was after it."""
    return seal.of_bytes(_until(sifted, until).encode())


def _until(sifted: Sifted, last: int) -> str:
    """The text of metrics.csv up to an update; "" if there are no rows."""
    kept = [rows for update, rows in sifted.blocks.items() if update <= last]
    return _text(sifted.columns if kept else [], kept)


def has_rows(path: Path) -> bool:
    """Whether there is a file with more than a header."""
    try:
        return len(files.read(path).splitlines()) > 1
    except OSError:
        return False


def told(faults: Sequence[str]) -> str:
    """The first of some faults, and how many there are besides."""
    return faults[0] + (f" (and {len(faults) - 1} more)" if faults[1:] else "")


class Csv:
    """Appends to metrics.csv, in long format: a row per seed and point in time.

    What is no row of a file that is there already is put aside, with all of the file. A file that
    somebody changes or deletes meanwhile is written again.

    Args:
        path: the file.
        seeds: number of each seed.
        resume_at: updates that a restored checkpoint has finished; later rows are cut off.
        say: prints a line.
        sealed: digest of the rows up to there, as that checkpoint has it; "" if it has none.
    """

    def __init__(
        self,
        path: Path,
        seeds: range,
        resume_at: int = 0,
        say: Callable[[str], None] = print,
        sealed: str = "",
    ):
        self.path, self.seeds, self._say = path, seeds, say
        self._columns: list[str] = []
        self._written = bytearray()
        if path.exists():
            self._continue(resume_at, sealed)

    @property
    def digest(self) -> str:
        """A digest of all that the file holds."""
        return seal.of_bytes(self._written)

    def _continue(self, resume_at: int, sealed: str) -> None:
        data = files.read(self.path)
        sifted = sift(data.decode(errors="replace"), self.seeds)
        text = _until(sifted, resume_at).encode()
        self._columns = sifted.columns if text else []
        faults = sifted.faults
        if sealed not in ("", seal.of_bytes(text)):
            faults = faults or [CHANGED.format(resume_at)]
        if faults:
            aside = folder.unused(self.path.parent, f"damaged-{self.path.stem}", self.path.suffix)
            files.write(aside, data)
            name = self.path.name
            self._say(f"{name} is damaged: {told(faults)}. It is kept as {aside.name}.")
        if text != data:
            files.write(self.path, text)
        self._written += text

    def write(self, record: Record) -> None:
        """Appends rows and waits until they are on the disk; on failure the file stays as it was.

        Raises:
            OSError: the disk is full, or the file cannot be written.
        """
        cells = list(columns(record.metrics))
        names = [*INDEX, *(name for name, _ in cells)]
        if not self._columns:
            self._rewrite(_text(names, []).encode())
            self._columns = names
        elif not set(names) <= set(self._columns):
            self._widen([name for name in names if name not in self._columns])
        values = dict(cells)
        order = [values.get(name) for name in self._columns[len(INDEX) :]]
        blocks = [
            [
                [
                    str(seed),
                    str(update),
                    str(env_steps),
                    *(_cell(each, row, index) for each in order),
                ]
                for index, seed in enumerate(self.seeds)
            ]
            for row, (update, env_steps) in enumerate(
                zip(record.update, record.env_steps, strict=True)
            )
        ]
        added = _text([], blocks).encode()
        if files.size(self.path) == len(self._written):
            files.append(self.path, added)
            self._written += added
        else:
            self._say(f"{self.path.name} was changed or deleted meanwhile: it is written again.")
            self._rewrite(bytes(self._written) + added)

    def _rewrite(self, content: bytes) -> None:
        """Writes the whole file."""
        files.write(self.path, content)
        self._written = bytearray(content)

    def _widen(self, added: list[str]) -> None:
        """Adds columns, in which the rows that are there already have no values."""
        sifted = sift(self._written.decode(), self.seeds)
        blank = [""] * len(added)
        wider = [[[*row, *blank] for row in rows] for rows in sifted.blocks.values()]
        self._rewrite(_text([*self._columns, *added], wider).encode())
        self._columns += added

    def close(self, files: dict[str, Path]) -> None:
        """Does nothing: the file is not held open."""
        del files


def _text(names: list[str], blocks: Iterable[list[list[str]]]) -> str:
    """A header, unless there are no names, and the lines of some blocks."""
    lines = [names] if names else []
    lines += [row for rows in blocks for row in rows]
    return "".join(",".join(line) + "\n" for line in lines)


def _cell(values: np.ndarray | None, row: int, seed: int) -> str:
    """A float32 in the fewest digits that restore it exactly; "" where there is no value."""
    if values is None or np.isnan(values[row, seed]):
        return ""
    return str(np.float32(values[row, seed]))
