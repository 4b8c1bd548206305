import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from envs.checks import ConfigError
from lase_jax.runs import hosts
from lase_jax.runs.hosts import Place


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def place(port, count, number):
    return Place(f"127.0.0.1:{port},{count},{number}", "127.0.0.1", port, count, number)


def met(*places):
    """What each of several processes is told, "" for those that meet."""

    def told(one):
        try:
            return str(hosts.meet(one) or "")
        except ConfigError as error:
            return str(error)

    with ThreadPoolExecutor(len(places)) as pool:
        return list(pool.map(told, places))


@pytest.mark.parametrize(
    "text", ["here", "a:1,2", "a:1,two,0", "127.0.0.1,1,0", "a:99999,2,0", ":1,2,0", "a:,2,0"]
)
def test_hosts_that_cannot_be_read_are_refused(text):
    with pytest.raises(ConfigError, match=f'hosts is .{text}.: use "auto"'):
        hosts.join(text)


@pytest.mark.parametrize("text", ["a:1,2,2", "a:1,0,0"])
def test_a_process_is_one_of_those_that_there_are(text):
    with pytest.raises(ConfigError, match="its last number must be 0 to"):
        hosts.join(text)


def test_processes_meet_in_any_order(port):
    assert met(*(place(port, 3, number) for number in (2, 0, 1))) == ["", "", ""]
    assert met(place(port, 1, 0)) == [""]


def test_a_first_process_that_does_not_answer_is_one_sentence(port, monkeypatch):
    monkeypatch.setattr(hosts, "PATIENCE", 0.0)
    with pytest.raises(ConfigError, match="does not answer .*start the first process"):
        hosts.join(f"127.0.0.1:{port},2,1")


BUSY = 6.0
"""Seconds within which a process comes, however busy the machine is."""


def test_all_are_told_when_one_does_not_come(port, monkeypatch):
    monkeypatch.setattr(hosts, "PATIENCE", BUSY)
    first, second = met(place(port, 4, 0), place(port, 4, 2))
    assert first.endswith("no process has come with number 1, 3, start them all.")
    assert second.endswith("the first process has stopped, start them all again.")


def test_two_processes_cannot_have_the_same_number(port, monkeypatch):
    monkeypatch.setattr(hosts, "PATIENCE", BUSY)
    found = met(place(port, 3, 0), place(port, 3, 1), place(port, 3, 1), place(port, 2, 1))
    assert found[0].endswith("no process has come with number 2, start them all.")
    wrong = "the first process expects other numbers, or has this one already."
    assert sum(told.endswith(wrong) for told in found[1:]) == 2


def test_a_process_that_has_gone_meanwhile_is_named(port, monkeypatch):
    monkeypatch.setattr(hosts, "PATIENCE", BUSY)
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        first = pool.submit(met, place(port, 3, 0))
        for number in (1, 2):
            one = stack.enter_context(hosts._connected(place(port, 3, number), float("inf")))
            one.sendall(f"{number} of 3\n".encode())
            if number == 1:
                one.close()
        assert first.result()[0].endswith("process 1 has gone, start them all again.")


def test_strangers_do_not_disturb(port, monkeypatch):
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(met, place(port, 2, 0))
        with hosts._connected(place(port, 2, 1), float("inf")) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\n")
            assert stranger.recv(10) == b"no\n"
        hosts.meet(place(port, 2, 1))
        assert first.result() == [""]


def test_a_port_that_is_taken_is_one_sentence():
    with socket.create_server(("", 0)) as taken:
        number = taken.getsockname()[1]
        assert "its port cannot be used" in met(place(number, 2, 0))[0]
