"""Printing that never ends a command: a reader may leave, and a log's disk may be full."""

import codecs
import contextlib
import io
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any, TextIO


def printable(text: str) -> str:
    """The same text with escapes for what would control a terminal, e.g. in names of files."""
    kept = "\n\t"
    return "".join(
        c if c.isprintable() or c in kept else c.encode("unicode_escape").decode() for c in text
    )


def occupy_streams() -> None:
    """Opens the null device in place of standard streams that were closed at the start.

    Else the next files that are opened would take their numbers, and what libraries print would
    be written into them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")


@contextlib.contextmanager
def short_warnings() -> Iterator[None]:
    """Lets warnings of libraries be one line each, without their source."""

    def show(message: Warning | str, *details: Any, **more: Any) -> None:
        del details, more
        text = " ".join(str(message).split())
        print(printable(f"warning: {text[:300]}"), file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


PLAIN = {"±": "+-", "→": "->", "…": "..."}
"""What stands for signs that an encoding such as ASCII lacks."""


def spelled(error: UnicodeError) -> tuple[str | bytes, int]:
    """Handles what cannot be encoded: signs in `PLAIN` are spelled, others written as numbers."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    error.end = error.start + 1  # one character at a time
    sign = error.object[error.start]
    return (PLAIN[sign], error.end) if sign in PLAIN else codecs.backslashreplace_errors(error)


class Tolerant:
    """A text stream whose failures to write are noted and not raised.

    Args:
        stream: where the text goes.

    Attributes:
        failure: the first error, or None.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream
        self.failure: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        """All else is the stream's."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes text if that is possible, and returns its length."""
        with self._noted():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes the stream if that is possible."""
        with self._noted():
            self._stream.flush()

    def leave(self) -> None:
        """Flushes; what still cannot be written is dropped, so that Python can end in peace."""
        self.flush()
        if self.failure is not None:
            with contextlib.suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._stream.fileno())
                os.close(null)

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = self.failure or error


@contextlib.contextmanager
def tolerant() -> Iterator[None]:
    """Lets standard output and standard error fail without an error.

    Characters that the terminal's encoding lacks are spelled or written as their numbers.
    That output was lost is said in the end, unless its reader has left, as `head` does.
    """
    before = sys.stdout, sys.stderr
    streams = [Tolerant(stream) for stream in before]
    codecs.register_error("spelled", spelled)
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="spelled")
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in streams:
            stream.leave()
        lost = streams[0].failure
        if lost is not None and not isinstance(lost, BrokenPipeError):
            with contextlib.suppress(OSError):
                print(f"Part of the output could not be written ({lost}).", file=sys.stderr)
