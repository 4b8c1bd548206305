"""A clean stop: signals are collected, and those of one process count for all."""

import contextlib
import signal
import time
from collections.abc import Iterator
from typing import Any

from lase_jax.runs import devices

TOGETHER = 1.0
"""Seconds in which several signals count as one."""


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM instead of dying from them.

    A second one acts as usual, unless it comes with the first: make and job schedulers may pass one
    on to every process that they know.
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
    except ValueError:  # not in the main thread, where Python takes no signals
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
    return bool(number)  # one that has come since then counts for all, the next time they ask
