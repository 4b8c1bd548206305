"""One writer per folder: a lock that ends with the process that holds it, however that ends.

Training a run or sweep, and deleting one, needs the lock; reading does not. The runs of a sweep
have the sweep's lock in common.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from envs.checks import refusal
from lase_jax.runs import devices, files, folder


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds the lock of a run or sweep, on behalf of all processes that train it.

    A process may hold the same lock several times. The folder is made if it is missing.

    Args:
        path: folder of the run or sweep.

    Raises:
        ConfigError: another process holds it, or the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        devices.first_alone(lambda: stack.enter_context(alone(path)))
        yield


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """The same as `held`, in one process alone."""
    owner = _owner(path)
    with files.writing("run", owner):
        owner.mkdir(parents=True, exist_ok=True)
        lock = FileLock(_file(path), timeout=0, is_singleton=True)
        try:
            lock.acquire()
        except Timeout as error:
            remedy = "another process is training it, wait for its end or stop it"
            raise refusal("run", str(owner), remedy) from error
    try:
        yield
    finally:
        lock.release()


def taken(path: Path) -> bool:
    """Whether another process trains the run or sweep in a folder; changes nothing."""
    file = _file(path)
    if not file.exists():
        return False
    lock = FileLock(file, timeout=0, is_singleton=True)
    try:
        with lock:
            return False
    except Timeout:
        return True
    except OSError:  # nobody can write here
        return False


def _owner(path: Path) -> Path:
    """The folder whose lock counts: the sweep's for its runs."""
    return path.parent if (path.parent / folder.SWEEP).is_file() else path


def _file(path: Path) -> Path:
    return files.real(_owner(path)) / folder.LOCK
