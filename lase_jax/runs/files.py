"""Files that are written completely or not at all, and read with suspicion.

Whatever else lies in a folder, nothing is written through a link or into what is no ordinary file,
and nothing is read from there; names of temporary files cannot be foretold.
"""

import contextlib
import errno
import json
import os
import secrets
import stat
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from envs.checks import ConfigError, refusal
from lase_jax.core import typed

T = TypeVar("T")
DEEPEST = 50
"""JSON of more levels than this is refused."""
LARGEST = 2**26
"""JSON of more bytes than this is refused."""


@contextlib.contextmanager
def writing(field: str, path: Path) -> Iterator[None]:
    """Turns a failure to write at `path`, the value of option `field`, into a `ConfigError`.

    Raises:
        ConfigError: something inside raised an `OSError`, or the path is no path.
    """
    try:
        yield
    except ConfigError:
        raise
    except (OSError, ValueError) as error:
        remedy = f"it cannot be written ({reason(error)}), use another place"
        raise refusal(field, str(path), remedy) from error


def reason(error: BaseException) -> str:
    """The message of an error, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def is_full(error: BaseException | None) -> bool:
    """Whether an error says that the disk, or what one may use of it, is full."""
    full = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    return getattr(error, "errno", None) in full or os.strerror(errno.ENOSPC) in str(error)


def write(path: Path, content: str | bytes) -> None:
    """Writes a file completely or not at all."""
    data = content.encode() if isinstance(content, str) else content
    replace(path, lambda temporary: temporary.write_bytes(data))


def write_json(path: Path, content: Any) -> None:
    """Writes indented JSON, completely or not at all."""
    write(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def replace(path: Path, make: Callable[[Path], Any]) -> None:
    """Lets `make` write a temporary file beside `path`, then renames it to `path`.

    A link at `path` is replaced, and not what it leads to.

    Raises:
        OSError: it cannot be written, or something that is no file lies there.
    """
    if path.exists() and not path.is_file():
        raise FileExistsError(f"{path} is no file")
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp{path.suffix}")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        make(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def append(path: Path, data: bytes) -> None:
    """Appends to a file, which may be missing, and waits until all is on the disk.

    Raises:
        OSError: the disk is full, the file cannot be written, or it is a link; it stays as it was.
    """
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    file = os.open(path, flags, 0o666)
    try:
        begin = os.fstat(file).st_size
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, begin)
            raise
    finally:
        os.close(file)


def real(path: Path) -> Path:
    """The absolute path without links; loops of links are left as they are."""
    return Path(os.path.realpath(path))


def size(path: Path) -> int | None:
    """Bytes of an ordinary file; None where there is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def require_room(path: Path, size: int) -> None:
    """Requires that a folder has room for some bytes more.

    Raises:
        OSError: it has not, or cannot be written.
    """
    probe = path / f".{secrets.token_hex(8)}.tmp"
    file = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, size)
    finally:
        os.close(file)
        probe.unlink(missing_ok=True)


def read(path: Path, limit: int | None = None) -> bytes:
    """Reads an ordinary file.

    Args:
        path: the file; reading a pipe or a device would not end.
        limit: most bytes that it may have; None for any number.

    Raises:
        OSError: it cannot be read, or is no ordinary file or too large.
    """
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(file, "rb") as stream:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is no ordinary file")
        if limit is not None and found.st_size > limit:
            raise OSError(f"it has {found.st_size} bytes")
        return stream.read()


def read_json(path: Path) -> Any:
    """Reads JSON.

    Raises:
        OSError: see `read`.
        ValueError: it is no JSON, or nested too deeply.
    """
    try:
        content = json.loads(read(path, LARGEST).decode())
        require_shallow(content)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return content


def require_shallow(content: Any, levels: int = DEEPEST) -> None:
    """Requires that JSON has not more than some levels.

    Raises:
        ValueError: it has.
    """
    if levels == 0:
        raise ValueError("it is nested too deeply")
    inner = content.values() if isinstance(content, dict) else content
    if isinstance(content, dict | list):
        for part in inner:
            require_shallow(part, levels - 1)


def structured(cls: type[T], fields: Any) -> T:
    """A dataclass or NamedTuple made of JSON, each field of the type that the class says.

    Raises:
        ValueError: a field that is unknown, missing or of another type; names it.
    """
    hints = typing.get_type_hints(cls)
    if not isinstance(fields, dict):
        raise ValueError("it holds no fields")
    try:
        for name, value in fields.items():
            if name not in hints:
                raise ValueError(f"there is no {name!r}")
            typed.require_type(value, hints[name])
        return cls(**fields)
    except typed.CheckError as error:
        raise ValueError(f"{name} is {repr(value)[:60]}: {reason(error)}") from error
    except TypeError as error:
        raise ValueError(reason(error)) from error
