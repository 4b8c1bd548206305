"""What a checkpoint says about itself, so that damage and mix-ups are found when it is read."""

import hashlib
import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lase_jax.runs import devices
from lase_jax.types import PyTree

SIZE = 16
"""Bytes of a digest."""


class Seal(NamedTuple):
    """Which checkpoint it is, and digests (BLAKE2b, in hexadecimal) of what it holds."""

    run: str  # id of the run; "" for a run that has none
    update: int  # updates finished
    settings: str  # digest of the run's settings
    carry: str  # digest of the carry
    rows: str = ""  # digest of metrics.csv up to this update; "" if it was not known


def of_bytes(content: bytes | bytearray) -> str:
    """A digest of some bytes."""
    return hashlib.blake2b(content, digest_size=SIZE).hexdigest()


def of_settings(settings: dict[str, Any]) -> str:
    """A digest of settings, as JSON."""
    return of_bytes(json.dumps(settings, sort_keys=True).encode())


def of_arrays(tree: PyTree) -> str:
    """A digest of the names, dtypes, shapes and values of arrays in dicts and lists.

    Every process takes part, as each may hold a part of the arrays.
    """
    named = flat(tree)  # where an empty tuple is a leaf
    leaves = {name: _raw(leaf) for name, leaf in named.items() if hasattr(leaf, "dtype")}
    whole = jax.device_get(devices.host_local(leaves))
    found = hashlib.blake2b(digest_size=SIZE)
    for name, leaf in sorted(whole.items()):
        found.update(f"{name} {leaf.dtype} {leaf.shape}\n".encode())
        found.update(np.ascontiguousarray(leaf).tobytes())
    return found.hexdigest()


def _raw(leaf: Any) -> Any:
    """An array without a type of its own for random keys."""
    keys = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(leaf) if keys else leaf


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts and lists as one level with dotted names, e.g. ``{"game.rows": 8}``."""
    if isinstance(tree, dict | list):
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
        parts = [flat(value, f"{prefix}.{key}" if prefix else str(key)) for key, value in pairs]
        return {name: value for part in parts for name, value in part.items()}
    return {prefix: tree}
