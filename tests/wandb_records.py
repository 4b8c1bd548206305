"""What W&B keeps offline, decoded: its files are LevelDB logs of protocol buffers.

W&B itself reads them with a program that is no part of its Python library.
"""

import json
import struct
from typing import NamedTuple

from wandb.proto import wandb_internal_pb2 as messages

BLOCK, PREFIX = 32768, 7
"""Bytes of a block, and of what stands before a file's first record and before each record."""
FULL, LAST = 1, 4
"""Kinds of records that end a message."""


class Logged(NamedTuple):
    """One run of W&B as one process has logged it."""

    run: messages.RunRecord
    config: dict
    history: list[dict]
    summary: dict
    files: list[str]
    text: bytes  # all of it, to search


def read(folder):
    """The content of a folder ``offline-run-*``."""
    (file,) = folder.glob("*.wandb")
    data = file.read_bytes()
    records = [messages.Record.FromString(part) for part in split(data)]
    run = next(record.run for record in records if record.HasField("run"))
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    history = [items(record.history.item) for record in records if record.HasField("history")]
    summary = {}
    for record in records:
        if record.HasField("summary"):
            summary |= items(record.summary.update)
    files = [each.path for record in records for each in record.files.files]
    return Logged(run, config, history, summary, files, data)


def items(found):
    named = {"/".join(item.nested_key) or item.key: item for item in found}
    return {name: json.loads(item.value_json) for name, item in named.items()}


def split(data):
    assert data.startswith(b":W&B")
    place, parts = PREFIX, b""
    while place < len(data):
        if BLOCK - place % BLOCK < PREFIX:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + PREFIX])
        parts += data[place + PREFIX : place + PREFIX + length]
        place += PREFIX + length
        if kind in (FULL, LAST):
            yield parts
            parts = b""


def logged(run):
    """All that lies in a run folder, by the order in which it was begun."""
    return [read(folder) for folder in sorted((run / "wandb").glob("offline-run-*"))]
