from lase_jax.runs import devices
from lase_jax.runs.signals import stopped


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
