"""A clean stop by signals: they are collected, and a signal to one process counts for all."""

import contextlib
import signal
import time
from collections.abc import Iterator
from typing import Any

from lase_jax.runs import devices

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""Signals that stop training: Ctrl-C, the ends of a process, a terminal and a job, and what
schedulers send before a job's time is over. Not every system has all."""
TOGETHER = 1.0
"""Seconds after the first signal in which further ones count as the same signal."""

_collecting: list[list[int]] = []
"""What the contexts of `stop_signals` that are open have received, the outermost first."""


def known() -> list[int]:
    """The numbers of those signals in `NAMES` that this system has."""
    return [getattr(signal, name) for name in NAMES if hasattr(signal, name)]


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects the signals in `NAMES`, which then do not end the process.

    What the process was told to ignore when it was started, as `nohup` does with SIGHUP, is still
    ignored; but not SIGINT, which shells ignore for all jobs in the background.

    A second signal acts as usual, unless it comes within `TOGETHER` seconds of the first: make and
    job schedulers may pass on a signal that the process has received already. Contexts may be
    nested: what an inner one has received counts for the outer ones.
    """
    received: list[int] = []
    first = 0.0
    before = {
        number: signal.getsignal(number)
        for number in known()
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN
    }

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(number: int, frame: Any) -> None:
        del frame
        nonlocal first
        if received and time.monotonic() - first > TOGETHER:
            restore()
            signal.raise_signal(number)
        elif not received:
            received.append(number)
            first = time.monotonic()

    try:
        for number in before:
            signal.signal(number, handle)
    except ValueError:  # not in the main thread, the only one where Python allows handlers
        yield received
        return
    _collecting.append(received)
    try:
        yield received
    finally:
        restore()
        _collecting.pop()
        if received and _collecting and not _collecting[-1]:
            _collecting[-1].append(received[0])


def stopped(received: list[int]) -> bool:
    """Whether any process has received a signal, which counts as received by all."""
    number = devices.highest(received[0] if received else 0)
    if number and not received:
        received.append(number)
    return bool(number)  # a signal that came meanwhile counts at the next call
