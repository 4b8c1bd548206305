"""How several processes, on one machine or more, become one training."""

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax

from envs.checks import ConfigError, refusal, require
from lase_jax.runs.files import reason

PATIENCE = 300.0
"""Seconds in which all processes must come."""
MOMENT = 5.0
"""Seconds in which a process that has come must answer."""


class Place(NamedTuple):
    """Where the processes meet, and which of them this is."""

    hosts: str
    """What the user has written, for messages."""
    host: str
    """Name or address of the first process's machine."""
    port: int
    """Its port."""
    count: int
    """How many processes there are."""
    number: int
    """Which of them this is, from 0."""

    def refused(self, remedy: str) -> ConfigError:
        """The error that says why they do not meet."""
        return refusal("hosts", self.hosts, remedy)


def join(hosts: str) -> None:
    """Makes this process one of several, before anything is computed.

    Args:
        hosts: "" for one process alone; "auto" where SLURM, Kubernetes, Open MPI or a TPU pod has
            started the processes; else "address:port,count,number" with the place of the first
            process, how many there are, and which of them this is, from 0.

    Raises:
        ConfigError: `hosts` has another form, or the other processes do not come.
    """
    if not hosts:
        return
    place = None if hosts == "auto" else _place(hosts)
    print(f"Waiting for all processes, up to {PATIENCE / 60:.0f} minutes.", flush=True)
    if place is not None:
        meet(place)
    try:
        if place is None:
            jax.distributed.initialize()
        else:
            where = (hosts.split(",")[0], place.count, place.number)
            jax.distributed.initialize(*where, cluster_detection_method="deactivate")
    except (RuntimeError, ValueError) as error:
        raise refusal("hosts", hosts, reason(error).rstrip(".")) from error


def _place(hosts: str) -> Place:
    """What ``address:port,count,number`` says."""
    address, *counts = hosts.split(",")
    host, _, port = address.rpartition(":")
    numbers = [int(each) for each in (port, *counts) if each.isascii() and each.isdecimal()]
    valid = bool(host) and len(counts) == 2 and len(numbers) == 3 and max(numbers) < 2**16
    require(valid, "hosts", hosts, 'use "auto", or e.g. "10.0.0.1:1234,4,0"')
    place = Place(hosts, host.strip("[]"), *numbers)
    last = f"its last number must be 0 to {place.count - 1}"
    require(0 <= place.number < place.count, "hosts", hosts, last)
    return place


def meet(place: Place) -> None:
    """Waits until all processes are there: jax ends a process that waits in vain with a core dump.

    Each process connects to the first one and tells its number. Once all have come, the first one
    tells each of them to go on and hears whether it is still there.

    Raises:
        ConfigError: some have not come, or two have the same number.
    """
    (_wait_for_others if place.number == 0 else _come)(place)


def _wait_for_others(place: Place) -> None:
    """The part of the first process."""
    end = time.monotonic() + PATIENCE
    guests: dict[int, socket.socket] = {}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_server(place))
        while len(guests) < place.count - 1:
            missing = sorted({*range(1, place.count)} - guests.keys())
            left = end - time.monotonic()
            if left <= 0:
                numbers = ", ".join(map(str, missing))
                raise place.refused(f"no process has come with number {numbers}, start them all")
            server.settimeout(left)
            with contextlib.suppress(OSError):  # it has gone again, or nobody comes
                guest = stack.enter_context(server.accept()[0])
                _settle(guest, guests, missing, place)
        for number, guest in guests.items():
            try:
                guest.sendall(b"go\n")
                there = _line(guest) == "ok"
            except OSError:
                there = False
            if not there:
                raise place.refused(f"process {number} has gone, start them all again")


def _settle(
    guest: socket.socket, guests: dict[int, socket.socket], missing: Sequence[int], place: Place
) -> None:
    """Hears which process has come, and counts it if it is one that is missing."""
    guest.settimeout(MOMENT)
    told = _line(guest)
    expected = {f"{number} of {place.count}": number for number in missing}
    if told in expected:
        guests[expected[told]] = guest
    else:
        guest.sendall(b"no\n")


def _come(place: Place) -> None:
    """The part of the other processes."""
    end = time.monotonic() + PATIENCE
    with _connected(place, end) as first:
        first.settimeout(PATIENCE + MOMENT)
        try:
            first.sendall(f"{place.number} of {place.count}\n".encode())
            answer = _line(first)
            if answer == "go":
                first.sendall(b"ok\n")
                return
        except OSError:
            answer = ""
    if answer == "no":
        raise place.refused("the first process expects other numbers, or has this one already")
    raise place.refused("the first process has stopped, start them all again")


@contextlib.contextmanager
def _server(place: Place) -> Iterator[socket.socket]:
    """A socket on all addresses of this machine."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        server = socket.create_server(("", place.port), family=family, dualstack_ipv6=both)
    except OSError as error:
        raise place.refused(f"its port cannot be used ({reason(error)}), use another") from error
    with server:
        yield server


def _connected(place: Place, end: float) -> socket.socket:
    """A connection with the first process, which may start later."""
    while True:
        try:
            return socket.create_connection((place.host, place.port), timeout=MOMENT)
        except OSError as error:
            remedy = f"{place.host}:{place.port} does not answer ({reason(error)})"
            if time.monotonic() > end:
                raise place.refused(f"{remedy}, start the first process") from error
            time.sleep(1)


def _line(connection: socket.socket) -> str:
    """A line of a few characters; "" if the other side has gone."""
    with connection.makefile("rb") as stream:
        return stream.readline(32).decode(errors="replace").strip()
