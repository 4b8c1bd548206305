"""Saves the carry of training in the background, and reads back the newest intact one.

A checkpoint holds the whole `lase_jax.types.Carry` and the settings of its run. It is committed
atomically, so a run that is killed while it saves leaves the older ones intact.
"""

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from envs.checks import ConfigError
from lase_jax.runs import devices, folder
from lase_jax.runs.folder import reason

KEEP = 3
"""Number of newest checkpoints that are kept."""


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
    """

    def __init__(
        self,
        path: Path,
        config: dict[str, Any],
        say: Callable[[str], None] = print,
        read_only: bool = False,
        complete: Callable[[dict[str, Any]], dict[str, Any]] = dict,
        keep_every: int = 0,
    ):
        import orbax.checkpoint as orbax

        logging.getLogger("absl").setLevel(logging.CRITICAL)
        self._orbax, self._config, self._say, self._read_only = orbax, config, say, read_only
        self._path, self._complete, self._keep_every = path.absolute(), complete, keep_every
        self._best_file = self._path.with_name(folder.BEST)
        self._best = _read_best(self._best_file)
        self._manager = self._open()

    def _open(self) -> Any:
        writes = not self._read_only
        options = self._orbax.CheckpointManagerOptions(
            preservation_policy=_Policy(self._is_kept) if writes else None,
            create=writes,
            cleanup_tmp_directories=writes,
            read_only=self._read_only,
        )
        items = ("carry", "config")
        return self._orbax.CheckpointManager(self._path, item_names=items, options=options)

    def _is_kept(self, update: int) -> bool:
        """Whether a checkpoint is kept although there are newer ones."""
        regular = bool(self._keep_every) and update % self._keep_every == 0
        return regular or update in self._best

    def save(self, update: int, carry: Any, score: float) -> bool:
        """Starts to save and returns once the arrays are copied; a failure only gives a message.

        The newest checkpoints are kept, the one with the highest score, and those of `keep_every`.

        Returns:
            Whether saving has started; `newest` tells what has reached the disk.
        """
        arguments = self._orbax.args
        items = arguments.Composite(
            carry=arguments.StandardSave(stored(jax.tree.map(_filled, carry))),
            config=arguments.JsonSave(self._config),
        )
        try:
            self._compare(update, score)
            return self._manager.save(update, args=items)
        except Exception as error:
            self._say(
                f"Checkpoint {update} could not be saved ({reason(error)}): training goes on."
            )
            return False

    def wait(self) -> None:
        """Waits until the last save is on the disk; a failure only gives a message."""
        try:
            self._manager.wait_until_finished()
        except Exception as error:
            self._say(f"The last checkpoint could not be saved ({reason(error)}).")

    def close(self) -> None:
        """Waits for the last save, then closes the folder."""
        self.wait()
        self._manager.close()

    def newest(self) -> int | None:
        """Number of updates of the newest checkpoint on the disk; None if there is none."""
        self.wait()
        self._manager.reload()  # else it also counts a save that has started and failed
        return self._manager.latest_step()

    def _compare(self, update: int, score: float) -> None:
        """Records a checkpoint that will be the best; the former best stays until it is saved."""
        former = self.best()
        scores = {} if former is None else {former: self._best[former]}
        if former is None or score > self._best[former]:
            scores[update] = score
        if scores != self._best:
            self._best = scores
            if devices.first_process():
                folder.write_json(self._best_file, scores)

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
        target = stored(jax.tree.map(_abstract, jax.tree.map(_filled, like)))
        for update in reversed(self.all() if only is None else [only]):
            try:
                saved = self._read(update, "config", self._orbax.args.JsonRestore())
                check_same(self._complete(saved), self._config)
                carry = self._read(update, "carry", self._orbax.args.StandardRestore(target))
            except ConfigError:
                raise
            except Exception as error:
                self._say(f"Checkpoint {update} cannot be read ({reason(error)}).")
                damaged.append(update)
            else:
                self._put_aside(damaged)
                return update, jax.tree.map(_emptied, recalled(carry, like), like)
        if damaged:
            raise ConfigError(
                f"checkpoints is {str(self._path)!r}: none of them can be read (made by another "
                "version?), start a new run."
            )
        return None

    def _read(self, update: int, item: str, arguments: Any) -> Any:
        restored = self._manager.restore(
            update, args=self._orbax.args.Composite(**{item: arguments})
        )
        return restored[item]

    def _put_aside(self, damaged: list[int]) -> None:
        if not damaged or self._read_only:
            return
        self._manager.close()

        def rename() -> None:
            for update in damaged:
                aside = self._path.parent / f"damaged-checkpoint-{update}"
                shutil.rmtree(aside, ignore_errors=True)
                with folder.writing("checkpoints", aside):
                    (self._path / str(update)).rename(aside)

        devices.first_alone(rename)
        self._manager = self._open()


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
        content = json.loads(file.read_text())
        return {int(update): float(score) for update, score in content.items()}
    except (OSError, ValueError, AttributeError, TypeError):
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
            raise ConfigError(
                f"{typed(field)} is {after!r}: the run was made with {before!r}, {remedy}."
            )


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


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Nested JSON as one level with dotted names, e.g. ``{"game.rows": 8}``."""
    if isinstance(tree, dict | list):
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
        parts = [flat(value, f"{prefix}.{key}" if prefix else str(key)) for key, value in pairs]
        return {name: value for part in parts for name, value in part.items()}
    return {prefix: tree}


def _abstract(leaf: Any) -> Any:
    """Shape, dtype and sharding of an array; one saved on other devices needs the sharding."""
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=devices.common())


def _filled(leaf: Any) -> Any:
    """Replaces an array without elements, which orbax cannot save, by a single zero."""
    return leaf if leaf.size else jnp.zeros(1, leaf.dtype)


def _emptied(leaf: Any, like: Any) -> Any:
    """Inverse of `_filled`, given the original shape and dtype."""
    return leaf if like.size else jnp.zeros(like.shape, like.dtype)
