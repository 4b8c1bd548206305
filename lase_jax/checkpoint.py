"""Saves all that training carries, in the background, and finds the newest copy that can be read.

A checkpoint holds the whole `lase_jax.types.Carry` and the settings of its run. It is committed in one
move, so a run that is killed while it saves leaves the older ones as they were.
"""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from envs.checks import ConfigError

KEEP = 3
"""Number of newest checkpoints that are kept."""


class Checkpoints:
    """The checkpoints of one run, each named by the number of updates it has finished.

    Args:
        path: folder of the checkpoints; made when missing.
        config: settings of the run, in the form of `lase_jax.config.to_json`.
        say: prints a line.
        read_only: leaves the folder as it is, for readers beside a training that may be running.
    """

    def __init__(
        self,
        path: Path,
        config: dict[str, Any],
        say: Callable[[str], None] = print,
        read_only: bool = False,
    ):
        import orbax.checkpoint as orbax

        logging.getLogger("absl").setLevel(logging.CRITICAL)
        self._orbax, self._config, self._say, self._read_only = orbax, config, say, read_only
        self._path = path.absolute()
        self._manager = self._open()

    def _open(self) -> Any:
        writes = not self._read_only
        options = self._orbax.CheckpointManagerOptions(
            max_to_keep=KEEP if writes else None,
            create=writes,
            cleanup_tmp_directories=writes,
            read_only=self._read_only,
        )
        items = ("carry", "config")
        return self._orbax.CheckpointManager(self._path, item_names=items, options=options)

    def save(self, update: int, carry: Any) -> None:
        """Starts to save; returns as soon as the arrays are copied. Says so where it fails."""
        arguments = self._orbax.args
        items = arguments.Composite(
            carry=arguments.StandardSave(carry), config=arguments.JsonSave(self._config)
        )
        try:
            self._manager.save(update, args=items)
        except Exception as error:
            self._say(f"Checkpoint {update} could not be saved ({_reason(error)}): training goes on.")

    def wait(self) -> None:
        """Waits until the last save is on the disk. Says so where it failed."""
        try:
            self._manager.wait_until_finished()
        except Exception as error:
            self._say(f"The last checkpoint could not be saved ({_reason(error)}).")

    def close(self) -> None:
        """Waits, then lets go of the folder."""
        self.wait()
        self._manager.close()

    def newest(self) -> int | None:
        """Updates that the newest checkpoint has finished; None where there is none."""
        return self._manager.latest_step()

    def restore(self, like: Any) -> tuple[int, Any] | None:
        """Reads the newest checkpoint that can be read; damaged ones are named (and deleted
        where this may write).

        Args:
            like: the carry, as arrays or as `jax.ShapeDtypeStruct`.

        Returns:
            Updates finished and the carry, or None where no checkpoint can be read.

        Raises:
            ConfigError: the checkpoint belongs to other settings; names the first that differs.
        """
        target = jax.tree.map(_abstract, like)
        for update in sorted(self._manager.all_steps(), reverse=True):
            try:
                saved = self._read(update, "config", self._orbax.args.JsonRestore())
                check_same(saved, self._config)
                return update, self._read(update, "carry", self._orbax.args.StandardRestore(target))
            except ConfigError:
                raise
            except Exception as error:
                self._say(f"Checkpoint {update} is damaged ({_reason(error)}): using the one before.")
                self._discard(update)
        return None

    def _read(self, update: int, item: str, arguments: Any) -> Any:
        restored = self._manager.restore(
            update, args=self._orbax.args.Composite(**{item: arguments})
        )
        return restored[item]

    def _discard(self, update: int) -> None:
        """Deletes a damaged checkpoint, whose place the resumed training needs."""
        if self._read_only:
            return
        self._manager.close()
        shutil.rmtree(self._path / str(update), ignore_errors=True)
        self._manager = self._open()


def check_same(saved: dict[str, Any], now: dict[str, Any]) -> None:
    """Requires equal settings.

    Raises:
        ConfigError: names the first setting that differs.
    """
    saved, now = flat(json.loads(json.dumps(saved))), flat(json.loads(json.dumps(now)))
    for field in sorted(saved.keys() | now.keys()):
        before, after = saved.get(field), now.get(field)
        if before != after:
            raise ConfigError(
                f"{field} is {after!r}: the checkpoint was made with {before!r}, "
                "use the same value or start a new run."
            )


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Nested JSON as one level with dotted names, e.g. ``{"game.rows": 8}``."""
    if isinstance(tree, dict | list):
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
        parts = [flat(value, f"{prefix}.{key}" if prefix else str(key)) for key, value in pairs]
        return {name: value for part in parts for name, value in part.items()}
    return {prefix: tree}


def _abstract(leaf: Any) -> Any:
    """Shape, dtype and place of an array; a place is needed for what was saved from other devices."""
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place)


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
