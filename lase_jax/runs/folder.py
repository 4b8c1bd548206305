"""The folder of a run: the names of what lies in it, and what may be made and deleted.

``runs/<name>/`` holds config.json, metrics.csv, curves.png, replay.gif, summary.json, checkpoints/,
best.json, which names the best checkpoint, state.json, which says whether the run is being trained,
dashboards.json, which says where else its metrics go, wandb/ and tensorboard/ with what goes there,
and the lock of the process that trains (see `lock`).
"""

import contextlib
import importlib.metadata
import itertools
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from envs.checks import nearest, refusal, require
from lase_jax.runs import files

CONFIG, METRICS, CURVES = "config.json", "metrics.csv", "curves.png"
REPLAY, SUMMARY, CHECKPOINTS = "replay.gif", "summary.json", "checkpoints"
SWEEP, LOCK, STATE = "sweep.json", ".lock", "state.json"
PAGE, REPORT = "replay.html", "report.html"
BEST, EVAL, WANDB = "best.json", "eval.json", "wandb"
DASHBOARDS, TENSORBOARD = "dashboards.json", "tensorboard"
PARTS = (
    *(CONFIG, METRICS, CURVES, REPLAY, SUMMARY, CHECKPOINTS, BEST, EVAL, STATE, WANDB),
    *(DASHBOARDS, TENSORBOARD, PAGE, REPORT),
    *("replay-seed*.gif", "damaged-checkpoint-*", "damaged-metrics*.csv", ".*.tmp*"),
)
"""Names of all that a run may write into its folder."""
LONGEST = 200
"""Bytes of a folder's name, at most: file systems take 255, and temporary names are longer."""
PACKAGES = ("jax", "jaxlib", "flax", "optax", "chex", "distrax", "orbax-checkpoint", "numpy")


def require_free(path: Path, overwrite: bool) -> None:
    """Requires that a run may be made in the folder `path`.

    Args:
        path: the folder.
        overwrite: whether a run that lies there already may be deleted.

    Raises:
        ConfigError: something lies there that may not be deleted, or no checkpoint can be there.
    """
    require_storable(path)
    with files.writing("out", path):
        if is_free(path):
            return
        inside = "it is a setting of a sweep, use another name or begin the sweep anew"
        require(not (path.parent / SWEEP).is_file(), "name", path.name, inside)
        taken = "use another name, or --overwrite to delete that run"
        require(overwrite, "name", path.name, taken)
        foreign = f"{path} is not a run folder and stays, use another name"
        require(_is_ours(path / CONFIG), "name", path.name, foreign)
        require_known(path, PARTS)


def is_free(path: Path) -> bool:
    """Whether nothing lies at `path`, or a folder that holds no more than a lock."""
    return not path.exists() or (path.is_dir() and not contents(path))


def require_known(path: Path, patterns: Sequence[str]) -> None:
    """Requires that all in the folder `path` has a name that fits one of some patterns.

    Raises:
        ConfigError: names what does not.
    """
    for entry in contents(path):
        known = any(entry.match(pattern) for pattern in patterns)
        remedy = f"{entry} is no part of a run, move it or use another name"
        require(known, "name", path.name, remedy)


def create(path: Path, overwrite: bool) -> None:
    """Makes an empty run folder, in a process that holds its lock.

    Args:
        path: the folder.
        overwrite: whether a run that lies there already may be deleted.

    Raises:
        ConfigError: something lies there that may not be deleted, or it cannot be written.
    """
    require_free(path, overwrite)
    with files.writing("out", path):
        make_empty(path)


def require_plain(field: str, name: str) -> None:
    """Requires the name of a folder, without slashes and what terminals and libraries misread.

    Raises:
        ConfigError: it is a path, or has such characters.
    """
    alone = name == Path(name).name.strip() and name not in ("", "..")
    plain = alone and not set(name) & {"\\", "/"}
    remedy = "use a folder's name without slashes, backslashes and control characters"
    require(plain and name.isprintable(), field, name, remedy)
    short = len(name.encode(errors="replace")) <= LONGEST
    require(short, field, name, f"use a name of at most {LONGEST} bytes")


def require_storable(path: Path) -> None:
    """Requires that Orbax, which writes the checkpoints, can use the name of a path.

    Raises:
        ConfigError: the whole path has a backslash, or characters that are not UTF-8.
    """
    name = str(path.absolute())
    misread = "the library that writes checkpoints reads a backslash as a slash, use another place"
    require(os.name == "nt" or "\\" not in name, "folder", name, misread)
    unread = "it is not UTF-8, set PYTHONUTF8=1 or use another place"
    require(_is_utf8(name), "folder", name, unread)


def _is_utf8(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:  # bytes that Python could not decode
        return False


def require_own(path: Path) -> None:
    """Requires that `path` is no link: what is written there would leave the run's folder.

    Raises:
        ConfigError: it is a link.
    """
    remedy = "it is a link, put there what it leads to, or delete it"
    require(not path.is_symlink(), path.name, str(path), remedy)


def require_foreign(field: str, path: Path, run: Path) -> None:
    """Requires that a file that a user names is none of those that a run needs.

    Raises:
        ConfigError: it is one of them, or lies in its folder of checkpoints.
    """
    needed = (CONFIG, METRICS, SUMMARY, STATE, BEST, LOCK, CHECKPOINTS, WANDB)
    needed += (DASHBOARDS, TENSORBOARD)
    place = files.real(path)
    inside = [files.real(run) / name for name in needed]
    free = not any(each == place or each in place.parents for each in inside)
    require(free, field, str(path), "the run needs that file, use another name")


def make_empty(path: Path) -> None:
    """Makes a folder, or deletes all in it but its lock; what links lead to stays."""
    path.mkdir(parents=True, exist_ok=True)
    for entry in contents(path):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def contents(path: Path) -> list[Path]:
    """What lies in a folder besides its lock, by name."""
    return sorted(entry for entry in path.iterdir() if entry.name != LOCK)


def is_used(path: Path) -> bool:
    """Whether there are metrics in a run folder, or checkpoints but that of a warm start."""
    checkpoints = path / CHECKPOINTS
    trained = checkpoints.is_dir() and {each.name for each in checkpoints.iterdir()} - {"0"}
    return (path / METRICS).exists() or bool(trained)


def discard_unused(path: Path) -> None:
    """Deletes a folder of a run, or of a sweep, in which nothing has been trained."""
    if not any(is_used(each) for each in (path, *path.glob("*/"))):
        shutil.rmtree(path, ignore_errors=True)


def claim(parent: Path, stem: str) -> Path:
    """Makes the first of the folders `stem`, `stem`-2, `stem`-3, ... that does not exist.

    Processes that start at the same time get a folder each.

    Raises:
        ConfigError: no folder can be made in `parent`.
    """
    require_storable(parent)
    with files.writing("out", parent):
        parent.mkdir(parents=True, exist_ok=True)
        for path in _numbered(parent, stem):
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                return path
    raise AssertionError("there is always a next number")


def unused(parent: Path, stem: str, suffix: str = "") -> Path:
    """The first of the paths `stem`, `stem`-2, `stem`-3, ... in a folder at which nothing lies."""
    paths = _numbered(parent, stem, suffix)
    return next(path for path in paths if not os.path.lexists(path))


def _numbered(parent: Path, stem: str, suffix: str = "") -> Iterator[Path]:
    """The paths `stem`, `stem`-2, `stem`-3, ... in a folder, without end."""
    yield parent / f"{stem}{suffix}"
    for count in itertools.count(2):
        yield parent / f"{stem}-{count}{suffix}"


def _is_ours(file: Path) -> bool:
    """Whether a file is the config.json of a run."""
    try:
        content = files.read_json(file)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"run", "env_version"} <= content.keys()


def read(path: Path) -> dict[str, Any]:
    """Reads a run's config.json.

    Raises:
        ConfigError: the folder is not a run folder.
    """
    file = path / CONFIG
    require(file.is_file(), "run", str(path), f"it is not a run folder, {_instead(path)}")
    try:
        content = files.read_json(file)
    except (OSError, ValueError) as error:
        remedy = f"its {CONFIG} cannot be read ({files.reason(error)})"
        raise refusal("run", str(path), remedy) from error
    require(isinstance(content, dict), "run", str(path), f"its {CONFIG} holds no settings")
    return content


def _instead(path: Path) -> str:
    """What to name instead of a folder that is no run's: a run in it, or one of a like name."""
    for name in _runs_in(path):
        return f"name one of the runs in it, such as {path / name}"
    near = nearest(path.name, _runs_in(path.parent))
    hint = f"did you mean {path.parent / near[0]}? " if near else ""
    return f"{hint}use one that holds a {CONFIG}, such as runs/<name>"


def _runs_in(path: Path) -> list[str]:
    """Names of the run folders in a folder, sorted."""
    try:
        return sorted(each.name for each in path.iterdir() if (each / CONFIG).is_file())
    except OSError:
        return []


def provenance() -> dict[str, Any]:
    """What a run was made with: versions, git revision and kind of device, but no host or user."""
    import jax

    import envs
    import lase_jax

    device = jax.devices()[0]
    return {
        "versions": {
            "lase_jax": lase_jax.__version__,
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
        "revision": revision(Path(lase_jax.__file__).parent, Path(envs.__file__).parent),
        "device": {
            "kind": device.device_kind,
            "platform": device.platform,
            "count": jax.device_count(),
        },
    }


def revision(*packages: Path) -> str | None:
    """The git commit of some packages' sources, "+changes" where one of them differs from it.

    None where git does not track a package, e.g. if it is installed inside another repository.
    """

    def git(package: Path, *arguments: str) -> str:
        command = ["git", "-C", str(package), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        return done.stdout.strip()

    try:
        for package in packages:
            git(package, "ls-files", "--error-unmatch", "__init__.py")
        changed = any(git(package, "status", "--porcelain", "--", ".") for package in packages)
        return git(packages[0], "rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None
