"""Saves the carry of training in the background, and reads back the newest intact one.

A checkpoint holds the whole `lase_jax.types.Carry`, the settings of its run, and a seal, by which
damage is found. It is committed atomically, so a run that is killed while it saves leaves the older
ones intact.
"""

import gc
import json
import logging
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from envs.checks import ConfigError, refusal, require
from lase_jax.runs import devices, files, folder, seal
from lase_jax.runs.files import reason
from lase_jax.runs.seal import Seal, flat

T = TypeVar("T")
KEEP = 3
"""Number of newest checkpoints that are kept."""
SEAL = "seal"
"""Name of the item that holds a checkpoint's seal; checkpoints of earlier versions have none."""
ENTRY = 4096
"""About how many bytes a checkpoint needs for each array besides its values."""


class DamagedError(ValueError):
    """A checkpoint that does not hold what was saved."""


class Checkpoints:
    """The checkpoints of one run, each named by the number of updates it has finished.

    Args:
        path: folder of the checkpoints; made when missing.
        config: settings of the run, in the form of `lase_jax.runs.config.to_json`.
        say: prints a line.
        read_only: leaves the folder as it is, for reading while a training may be running.
        complete: converts the settings that a checkpoint was saved with to today's form, so that
            old checkpoints can be read although settings have been added since.
        keep_every: checkpoints after multiples of this number of updates are kept for good; 0 for
            none.
        run: id of the run; "" for one that an earlier version made, which has none.

    Attributes:
        failing: whether the last save has failed.
        full: whether it has failed because the disk is full.

    Raises:
        ConfigError: the folder is a link, which may lead anywhere, or has a name that Orbax
            cannot use.
    """

    def __init__(
        self,
        path: Path,
        config: dict[str, Any],
        say: Callable[[str], None] = print,
        read_only: bool = False,
        complete: Callable[[dict[str, Any]], dict[str, Any]] = dict,
        keep_every: int = 0,
        run: str = "",
    ):
        import orbax.checkpoint as orbax

        folder.require_own(path)
        folder.require_storable(path)
        for noisy in ("absl", "asyncio"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        self._orbax, self._config, self._say, self._read_only = orbax, config, say, read_only
        self._path, self._complete, self._keep_every = path.absolute(), complete, keep_every
        self._run = run
        self._saving: int | None = None
        self.failing, self.full = False, False
        self._best_file = self._path.with_name(folder.BEST)
        self._best = _read_best(self._best_file)
        begin = partial(self._open, create=not read_only)
        manager, failure = attempted(begin)
        if manager is None:
            self._leave_out_what_cannot_be_listed(failure)
            manager = begin()
        self._manager = manager

    def _leave_out_what_cannot_be_listed(self, failure: "Failure | None") -> None:
        """Puts checkpoints aside whose label is damaged: Orbax would list none of them.

        Raises:
            ConfigError: there is none that can be named, or nothing may be changed.
        """
        labels = sorted(self._path.glob("*/_CHECKPOINT_METADATA"))
        damaged = [label.parent for label in labels if not _is_label(label)]
        words = f"Checkpoint {damaged[0].name} is damaged" if damaged else "they cannot be listed"
        why = failure.reason if failure else ""
        remedy = f"{words} ({why}), resume the run, which puts it aside, or move it"
        require(bool(damaged) and not self._read_only, folder.CHECKPOINTS, str(self._path), remedy)
        for place in damaged:
            self._say(f"Checkpoint {place.name} cannot be read ({why}).")
        devices.first_alone(lambda: self._rename([int(place.name) for place in damaged]))

    def _open(self, create: bool = False) -> Any:
        writes = not self._read_only
        options = self._orbax.CheckpointManagerOptions(
            preservation_policy=_Policy(self._is_kept) if writes else None,
            create=create,
            cleanup_tmp_directories=writes,
            read_only=self._read_only,
        )
        items = ("carry", "config", SEAL)
        return self._orbax.CheckpointManager(self._path, item_names=items, options=options)

    def _is_kept(self, update: int) -> bool:
        """Whether a checkpoint is kept although there are newer ones."""
        regular = bool(self._keep_every) and update % self._keep_every == 0
        return regular or update in self._best

    def save(self, update: int, carry: Any, score: float, rows: str = "") -> bool:
        """Starts to save and returns once the arrays are copied; a failure only gives a message.

        The newest checkpoints are kept, the one with the highest score, and those of `keep_every`.

        Args:
            update: updates finished.
            carry: what is saved.
            score: by which the best checkpoint is chosen.
            rows: digest of metrics.csv up to this update, for `rows_of`.

        Returns:
            Whether saving has started; `newest` tells what has reached the disk.
        """
        self.wait()
        tree = stored(jax.tree.map(_filled, carry))
        own = Seal(self._run, update, seal.of_settings(self._config), seal.of_arrays(tree), rows)
        arguments = self._orbax.args
        items = arguments.Composite(
            carry=arguments.StandardSave(tree),
            config=arguments.JsonSave(self._config),
            seal=arguments.JsonSave(own._asdict()),
        )

        def start() -> None:
            self._compare(update, score)
            self._manager.save(update, args=items)

        for step in (lambda: self._prepare(tree), start):
            if not self._tried(step, update):
                return False
        self._saving = update
        return True

    def _prepare(self, tree: Any) -> None:
        """Requires room on the disk: Orbax is not to fail halfway."""
        if devices.first_process():
            leaves = jax.tree.leaves(tree)
            size = sum(leaf.nbytes for leaf in leaves) + ENTRY * len(leaves)
            files.require_room(self._path, size)

    def _tried(self, action: Callable[[], None], update: int) -> bool:
        """Whether a step of saving was done in all processes; a failure gives a message."""
        _, failure = attempted(action)
        if not devices.agreed(failure is not None):
            return True
        failure = failure or Failure("another process failed", False)
        self.full = failure.full
        if not self.failing:
            what = f"Checkpoint {update} cannot be saved ({failure.reason})"
            self._say(f"{what}: training goes on and tries again.")
        self.failing = True
        return False

    def wait(self) -> None:
        """Waits until the last save is on the disk; a failure only gives a message."""
        update, self._saving = self._saving, None
        if update is None:
            return
        if not self._tried(self._manager.wait_until_finished, update):
            self._reopen()  # clears what was begun
        elif self.failing:
            self.failing = self.full = False
            self._say("Checkpoints are saved again.")

    def _reopen(self) -> None:
        attempted(self._manager.close)
        manager, _ = attempted(self._open)
        self._manager = manager or self._manager  # else the next save fails and says why

    def close(self) -> None:
        """Waits for the last save, then closes the folder."""
        self.wait()
        self._manager.close()

    def newest(self) -> int | None:
        """Number of updates of the newest checkpoint on the disk; None if there is none."""
        self.wait()
        try:
            self._manager.reload()  # else it also counts a save that has started and failed
            return self._manager.latest_step()
        except OSError:  # the folder is gone
            return None

    def _compare(self, update: int, score: float) -> None:
        """Records a checkpoint that will be the best; the former best stays until it is saved."""
        former = self.best()
        scores = {} if former is None else {former: self._best[former]}
        if former is None or score > self._best[former]:
            scores[update] = score
        if scores != self._best:
            if devices.first_process():
                files.write_json(self._best_file, scores)
            self._best = scores

    def best(self) -> int | None:
        """Number of updates of the best checkpoint; None if it is unknown or not on the disk."""
        self.wait()
        present = self._best.keys() & self.all()
        return max(present, key=self._best.__getitem__, default=None)

    def all(self) -> list[int]:
        """Number of updates of each checkpoint on the disk, in ascending order."""
        return sorted(self._manager.all_steps(read=True))

    @property
    def empty(self) -> bool:
        """Whether there is no checkpoint, not even a damaged one."""
        return not self.all()

    def restore(self, like: Any, only: int | None = None) -> tuple[int, Any] | None:
        """Reads the newest checkpoint that can be read, or the one after `only` updates.

        Newer ones that are damaged are named in messages and, unless `read_only`, get another name,
        since the resumed training needs their names.

        Args:
            like: the carry, as arrays or as `jax.ShapeDtypeStruct`.
            only: number of updates of the checkpoint to read; None for the newest.

        Returns:
            Updates finished and the carry, or None where there is no checkpoint.

        Raises:
            ConfigError: the checkpoint belongs to other settings (names the first that differs), or
                none of the checkpoints can be read.
        """
        damaged: list[int] = []
        target = _target(like)
        for update in reversed(self.all() if only is None else [only]):
            carry, failure = attempted(partial(self._sound, update, target))
            if failure is None:
                self._put_aside(damaged)
                return update, jax.tree.map(_emptied, recalled(carry, like), like)
            self._say(f"Checkpoint {update} cannot be read ({failure.reason}).")
            damaged.append(update)
        if damaged:
            remedy = "none of them can be read (made by another version?), start a new run"
            raise refusal("checkpoints", str(self._path), remedy)
        return None

    def examine(self, like: Any) -> dict[int, str]:
        """Reads every checkpoint: what is wrong with it, "" for nothing, by its updates.

        Args:
            like: the carry, as arrays or as `jax.ShapeDtypeStruct`.
        """
        found = {}
        for update in self.all():
            try:
                _, failure = attempted(partial(self._sound, update, _target(like)))
            except ConfigError as error:
                failure = Failure(reason(error), False)
            found[update] = failure.reason if failure else ""
        still = self.all()  # a training may have deleted some meanwhile
        return {update: why for update, why in found.items() if update in still}

    def _sound(self, update: int, target: Any) -> Any:
        """Reads one checkpoint.

        Raises:
            ConfigError: it was saved with other settings.
            Exception: it is damaged, or belongs to another run.
        """
        as_json = self._orbax.args.JsonRestore()
        settings = self._read(update, "config", as_json)
        own = None
        is_sealed = (self._path / str(update) / SEAL).exists()
        if self._run or is_sealed:
            require_sound(is_sealed, "it has no seal")
            own = self._sealed(update)
            require_sound(own.run in (self._run, ""), "it belongs to another run")
            require_sound(own.update == update, f"it was made after update {own.update}")
            require_sound(own.settings == seal.of_settings(settings), "its settings are damaged")
        check_same(self._complete(settings), self._config)
        carry = self._read(update, "carry", self._orbax.args.StandardRestore(target))
        if own is not None:
            require_sound(own.carry == seal.of_arrays(carry), "its arrays are damaged")
        return carry

    def rows_of(self, update: int) -> str:
        """The digest of metrics.csv that a sound checkpoint was saved with; "" if there is none."""
        if not (self._path / str(update) / SEAL).exists():
            return ""
        return self._sealed(update).rows

    def _sealed(self, update: int) -> Seal:
        return files.structured(Seal, self._read(update, SEAL, self._orbax.args.JsonRestore()))

    def _read(self, update: int, item: str, arguments: Any) -> Any:
        restored = self._manager.restore(
            update, args=self._orbax.args.Composite(**{item: arguments})
        )
        return restored[item]

    def _put_aside(self, damaged: list[int]) -> None:
        if not damaged or self._read_only:
            return
        self._manager.close()
        devices.first_alone(lambda: self._rename(damaged))
        self._manager = self._open()

    def _rename(self, damaged: list[int]) -> None:
        for update in damaged:
            aside = self._path.parent / f"damaged-checkpoint-{update}"
            shutil.rmtree(aside, ignore_errors=True)
            with files.writing("checkpoints", aside):
                (self._path / str(update)).rename(aside)


def _is_label(file: Path) -> bool:
    """Whether a file is what Orbax writes about a checkpoint, with times as whole numbers."""
    try:
        content = files.read_json(file)
        times = [content.get(name) for name in ("init_timestamp_nsecs", "commit_timestamp_nsecs")]
    except (OSError, ValueError, AttributeError):
        return False
    return all(isinstance(time, int) or time is None for time in times)


class Failure(NamedTuple):
    """What is remembered of an error: the error itself holds a library's unfinished tasks."""

    reason: str  # in one line
    full: bool  # whether the disk is full


def attempted(action: Callable[[], T]) -> tuple[T | None, Failure | None]:
    """The result of `action`, or its failure; tasks that it leaves behind print nothing.

    Raises:
        ConfigError: `action` has raised one.
    """
    failure, before = None, sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        try:
            return action(), None
        except ConfigError:
            raise
        except Exception as error:
            failure = Failure(reason(error), files.is_full(error))
        gc.collect()
    finally:
        sys.unraisablehook = before
    _hush()
    return None, failure


@cache
def _hush() -> None:
    """Keeps what tasks of Orbax that are dropped from now on would print: their error is known."""
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        code = getattr(unraisable.object, "cr_code", None)
        dropped = code is not None and "orbax" in code.co_filename
        if not dropped and str(unraisable.exc_value) != "Event loop is closed":
            before(unraisable)

    sys.unraisablehook = hook


def require_sound(condition: bool, problem: str) -> None:
    """Raises `DamagedError` unless `condition` holds.

    Raises:
        DamagedError: `problem`.
    """
    if not condition:
        raise DamagedError(problem)


class _Policy:
    """Tells Orbax which checkpoints to keep: the newest, and those that `is_kept` selects."""

    def __init__(self, is_kept: Callable[[int], bool]):
        self._is_kept = is_kept

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        del context
        newest = checkpoints[-KEEP:]
        return [each in newest or self._is_kept(each.step) for each in checkpoints]


def _read_best(file: Path) -> dict[int, float]:
    """Scores of the best checkpoint and perhaps of a better one being saved, by update."""
    try:
        content = files.read_json(file)
        return {int(update): float(score) for update, score in content.items()}
    except (OSError, ValueError, AttributeError, TypeError, OverflowError):
        return {}


def check_same(
    saved: dict[str, Any],
    now: dict[str, Any],
    remedy: str = "use the same value or start a new run",
) -> None:
    """Requires equal settings.

    Args:
        saved: those of the run, as JSON.
        now: those that it should have.
        remedy: what to do where they differ.

    Raises:
        ConfigError: names the first setting that differs.
    """
    saved, now = flat(json.loads(json.dumps(saved))), flat(json.loads(json.dumps(now)))
    for field in sorted(saved.keys() | now.keys()):
        before, after = saved.get(field), now.get(field)
        if before != after:
            raise refusal(typed(field), after, f"the run was made with {before!r}, {remedy}")


def stored(tree: Any) -> Any:
    """A pytree as it is stored: NamedTuples as dicts, without fields that are their default, ().

    A checkpoint of a time when there was no such field is then like one in which it is empty.
    """
    if hasattr(tree, "_fields"):
        return {
            name: stored(getattr(tree, name)) for name in tree._fields if not _absent(tree, name)
        }
    if isinstance(tree, tuple | list):
        return [stored(part) for part in tree] or tree
    if isinstance(tree, dict):
        return {name: stored(part) for name, part in tree.items()}
    return tree


def recalled(tree: Any, like: Any) -> Any:
    """Inverse of `stored`, given a pytree of the structure that is wanted."""
    if hasattr(like, "_fields"):
        absent = {name for name in like._fields if _absent(like, name)}
        parts = {name: getattr(like, name) for name in like._fields}
        return type(like)(
            **{n: part if n in absent else recalled(tree[n], part) for n, part in parts.items()}
        )
    if isinstance(like, tuple | list):
        return type(like)(recalled(a, b) for a, b in zip(tree, like, strict=True))
    if isinstance(like, dict):
        return {name: recalled(tree[name], part) for name, part in like.items()}
    return tree


def _absent(tree: Any, name: str) -> bool:
    """Whether a NamedTuple's field is its default, ()."""
    value, default = getattr(tree, name), tree._field_defaults.get(name)
    return isinstance(value, tuple) and isinstance(default, tuple) and not (value or default)


def typed(field: str) -> str:
    """A field of JSON as options name it: "agent.learner.lr" is typed as "agent.lr"."""
    return field.removesuffix(".kind").replace(".learner.", ".")


def _target(like: Any) -> Any:
    """What is to be read of a checkpoint, for a carry of the shapes of `like`."""
    return stored(jax.tree.map(_abstract, jax.tree.map(_filled, like)))


def _abstract(leaf: Any) -> Any:
    """Shape, dtype and sharding of an array; one saved on other devices needs the sharding."""
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=devices.common())


def _filled(leaf: Any) -> Any:
    """Replaces an array without elements, which orbax cannot save, by a single zero."""
    return leaf if leaf.size else jnp.zeros(1, leaf.dtype)


def _emptied(leaf: Any, like: Any) -> Any:
    """Inverse of `_filled`, given the original shape and dtype."""
    return leaf if like.size else jnp.zeros(like.shape, like.dtype)
