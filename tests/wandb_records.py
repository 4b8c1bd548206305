"""What W&B keeps offline, decoded: its files are LevelDB logs of protocol buffers.

W&B itself reads them with a program that is no part of its Python library.
"""

import json
import struct
import time
from typing import NamedTuple

from wandb.proto import wandb_internal_pb2 as messages

BLOCK, PREFIX = 32768, 7
"""Bytes of a block, and of what stands before a file's first record and before each record."""
FULL, LAST = 1, 4
"""Kinds of records that end a message."""
PATIENCE = 60.0
"""Seconds that a test waits for the end of a file."""


class Logged(NamedTuple):
    """One run of W&B as one process has logged it."""

    run: messages.RunRecord
    config: dict
    history: list[dict]
    summary: dict
    files: list[str]


def read(folder):
    """The content of a folder ``offline-run-*`` whose run has ended."""
    records = complete(folder)
    run = next(record.run for record in records if record.HasField("run"))
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    history = [items(record.history.item) for record in records if record.HasField("history")]
    summary = {}
    for record in records:
        if record.HasField("summary"):
            summary |= items(record.summary.update)
    files = [each.path for record in records for each in record.files.files]
    return Logged(run, config, history, summary, files)


def complete(folder):
    """The records of a folder; W&B's other process writes the last ones after the run has ended."""
    end = time.monotonic() + PATIENCE
    while True:
        (file,) = folder.glob("*.wandb")
        records = [messages.Record.FromString(part) for part in split(file.read_bytes())]
        if any(record.HasField("exit") for record in records):
            return records
        assert time.monotonic() < end, f"{file} has no end"
        time.sleep(0.05)


def items(found):
    named = {"/".join(item.nested_key) or item.key: item for item in found}
    return {name: json.loads(item.value_json) for name, item in named.items()}


def split(data):
    """The messages of a file, without one at its end that is not complete."""
    assert not data or data.startswith(b":W&B")
    place, parts = PREFIX, b""
    while place < len(data):
        if BLOCK - place % BLOCK < PREFIX:
            place += BLOCK - place % BLOCK
            continue
        if len(data) - place < PREFIX:
            return
        _, length, kind = struct.unpack("<IHB", data[place : place + PREFIX])
        parts += data[place + PREFIX : place + PREFIX + length]
        place += PREFIX + length
        if kind in (FULL, LAST) and place <= len(data):
            yield parts
            parts = b""


def logged(run):
    """All that lies in a run folder, by the order in which it was begun."""
    return [read(folder) for folder in sorted((run / "wandb").glob("offline-run-*"))]
