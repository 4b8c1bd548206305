"""A clean stop by signals: they are collected, and a signal to one process counts for all."""

import contextlib
import signal
import time
from collections.abc import Iterator
from typing import Any

from lase_jax.runs import devices

TOGETHER = 1.0
"""Seconds after the first signal in which further ones count as the same signal."""


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM, which then do not end the process.

    A second signal acts as usual, unless it comes within `TOGETHER` seconds of the first: make and
    job schedulers may pass on a signal that the process has received already.
    """
    received: list[int] = []
    first = 0.0
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def handle(number: int, frame: Any) -> None:
        del frame
        nonlocal first
        if received and time.monotonic() - first > TOGETHER:
            for other in signals:
                signal.signal(other, before[other])
            signal.raise_signal(number)
        elif not received:
            received.append(number)
            first = time.monotonic()

    try:
        for number in signals:
            signal.signal(number, handle)
    except ValueError:  # not in the main thread, the only one where Python allows handlers
        yield received
        return
    try:
        yield received
    finally:
        for number in signals:
            signal.signal(number, before[number])


def stopped(received: list[int]) -> bool:
    """Whether any process has received a signal, which counts as received by all."""
    number = devices.highest(received[0] if received else 0)
    if number and not received:
        received.append(number)
    return bool(number)  # a signal that came meanwhile counts at the next call
