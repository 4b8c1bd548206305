"""Keeps what a slow command printed, such as the help of ``train``, for the next time.

The options of ``train`` are those of a game and an algorithm, so that their help needs all of jax,
seconds to import. A text is valid as long as no source that it was made from has changed, and none
has been installed.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

MOST = 64
"""The most texts that are kept."""


def folder() -> Path:
    """Where texts are kept: in the user's folder for caches."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home) / "lase_jax" / "help"


def file_of(arguments: Sequence[str]) -> Path:
    """The file for what some arguments print in a terminal like this one."""
    terminal = [shutil.get_terminal_size().columns, sys.stdout.isatty(), os.environ.get("TERM")]
    identity = [sys.executable, sys.version, __file__, os.getcwd(), terminal, *arguments]
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    return folder() / f"{digest[:24]}.json"


def find(file: Path) -> str | None:
    """The text that is kept in a file, or None if there is none that is still valid."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        valid = all(_stamp(path) == stamp for path, stamp in kept["sources"].items())
        return str(kept["text"]) if valid else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def keep(file: Path, text: str) -> None:
    """Keeps a text that all modules that are imported now have a part in; failure is no harm."""
    content = {"text": text, "sources": {path: _stamp(path) for path in _sources()}}
    part = file.with_name(f".{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError, ValueError):
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(content), encoding="utf-8")
        part.replace(file)
        newest = sorted(file.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)
        for old in newest[:-MOST]:
            old.unlink(missing_ok=True)


def _sources() -> list[str]:
    """Files of all modules that are not installed, and the folders into which one installs."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    installed = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    roots = (*installed, str(Path(os.__file__).parent))
    own = {file for file in files if file and not file.startswith(roots)}
    return sorted({*own, *installed})


def _stamp(path: str) -> list[int]:
    """When a file was changed, and its size."""
    status = Path(path).stat()
    return [status.st_mtime_ns, status.st_size]


class Copied:
    """A text stream that also keeps what is written to it.

    Args:
        stream: where the text goes.

    Attributes:
        text: all that was written.
    """

    def __init__(self, stream: TextIO):
        self._stream, self.text = stream, ""

    def __getattr__(self, name: str) -> Any:
        """All else is the stream's."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes text and keeps it."""
        self.text += text
        return self._stream.write(text)

    def flush(self) -> None:
        """Flushes the stream."""
        self._stream.flush()
