"""state.json: whether a run is being trained, and how that ended."""

import contextlib
import os
import socket
import time
from pathlib import Path
from typing import Literal, NamedTuple

from lase_jax.runs import devices, files, folder

State = Literal["running", "finished", "stopped", "failed"]


class Status(NamedTuple):
    """The state of a run and the process that trains it, or trained it last.

    "running" is also what a killed process leaves behind; nobody holds its lock then.
    """

    state: State
    update: int  # updates finished when it was written
    host: str
    pid: int
    time: str  # when it was written, in UTC


def write(path: Path, state: State, update: int) -> None:
    """Writes the state of the run in a folder; that it cannot be written harms nothing."""
    if devices.first_process():
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        status = Status(state, update, socket.gethostname(), os.getpid(), now)
        with contextlib.suppress(OSError):
            files.write_json(path / folder.STATE, status._asdict())


def read(path: Path) -> Status | None:
    """The state of the run in a folder; None if it is unknown."""
    try:
        return files.structured(Status, files.read_json(path / folder.STATE))
    except (OSError, ValueError):
        return None
