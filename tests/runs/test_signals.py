import contextlib
import signal

import pytest

from lase_jax.runs import devices
from lase_jax.runs.signals import NAMES, stop_signals, stopped

KNOWN = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]


@contextlib.contextmanager
def told(number, action):
    """The process as if its starter had told it so."""
    before = signal.signal(number, action)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", KNOWN)
def test_whatever_announces_an_end_stops_training_and_not_the_process(number):
    with told(number, signal.SIG_DFL):
        with stop_signals() as received:
            signal.raise_signal(number)
            signal.raise_signal(number)  # passed on by make, say
            assert received == [number]
        assert signal.getsignal(number) == signal.SIG_DFL


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="a signal of POSIX")
def test_what_nohup_ignores_stays_ignored():
    with told(signal.SIGHUP, signal.SIG_IGN), stop_signals() as received:
        signal.raise_signal(signal.SIGHUP)
        assert received == []


def test_what_comes_while_one_run_ends_stops_those_that_were_to_follow():
    with told(signal.SIGTERM, signal.SIG_DFL), stop_signals() as outer:
        with stop_signals() as inner:
            signal.raise_signal(signal.SIGTERM)
        assert inner == outer == [signal.SIGTERM]


def test_a_signal_that_comes_while_processes_ask_each_other_waits_for_the_next_time(monkeypatch):
    """Else one of them would stop and the others go on: none of the others has heard of it."""
    received = []

    def highest(number):
        received.append(15)
        return number

    monkeypatch.setattr(devices, "highest", highest)
    assert not stopped(received)
    assert stopped(received)


def test_what_another_process_has_received_counts_as_received_here(monkeypatch):
    received = []
    monkeypatch.setattr(devices, "highest", lambda number: max(number, 2))
    assert stopped(received)
    assert received == [2]
