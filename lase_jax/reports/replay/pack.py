"""Arrays and pictures as small JSON, which data.js reads.

Letters: T steps, N seats, F numbers of an observation, K different tiles.
"""

import base64
import json
import zlib
from typing import Any

import numpy as np

from envs.render import AGENT_COLOURS, TILE
from envs.types import EnvSpec
from lase_jax.reports.replay.recording import Recording, in_tiles

LEVELS = 15
"""Steps of brightness in the pictures of windows; finer ones cannot be seen and hardly shrink."""
COLOURS = {
    **{"waste": "#65580b", "apple": "#e11d48", "river": "#93c5fd", "stream": "#60a5fa"},
    **{"wall": "#78716c", "beam": "#2dd4bf", "fire": "#fb923c", "hare": "#f59e0b"},
    **{"stag": "#78350f", "drift": "#60a5fa"},
}
"""Colours of the planes of windows, as in the pictures of the games."""
SPARE = ("#0d9488", "#a16207", "#be185d", "#4338ca", "#4d7c0f", "#b45309")
"""Colours of the planes that have none."""


def array(values: Any) -> dict[str, Any]:
    """An array as JSON: its dtype, its shape, and its deflated bytes in base64."""
    dense = np.ascontiguousarray(values)
    if dense.dtype == bool:
        dense = dense.astype(np.uint8)
    little = dense.astype(dense.dtype.newbyteorder("<"))
    data = base64.b64encode(zlib.compress(little.tobytes(), 9)).decode()
    return {"dtype": dense.dtype.name, "shape": list(dense.shape), "data": data}


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    """The array that `array` packed."""
    data = zlib.decompress(base64.b64decode(packed["data"]))
    return np.frombuffer(data, np.dtype(packed["dtype"])).reshape(packed["shape"])


class Atlas:
    """The different tiles of many pictures, each of them once."""

    def __init__(self):
        self._places: dict[bytes, int] = {}

    def add(self, picture: np.ndarray) -> np.ndarray:
        """Adds a picture; returns the numbers of its tiles, ``[rows, columns]``."""
        tiles = in_tiles(picture)
        rows, columns = tiles.shape[:2]
        names = [tile.tobytes() for tile in tiles.reshape(rows * columns, -1)]
        places = [self._places.setdefault(name, len(self._places)) for name in names]
        return np.array(places, np.uint16).reshape(rows, columns)

    def tiles(self) -> np.ndarray:
        """``[K, TILE, TILE, 3]`` uint8."""
        return np.frombuffer(b"".join(self._places), np.uint8).reshape(-1, TILE, TILE, 3)


def colour(seat: int) -> str:
    """The colour of a seat, e.g. "#2563eb"."""
    return "#" + bytes(AGENT_COLOURS[seat % len(AGENT_COLOURS)]).hex()


def plane(name: str, index: int) -> dict[str, str]:
    """How a plane of windows is drawn: agents as discs, "inside" as the floor, others as cells."""
    kind, _, number = name.rpartition("_")
    if kind in ("agent", "coin") and number.isdecimal():
        return {"name": name, "kind": kind, "colour": colour(int(number))}
    if name == "inside":
        return {"name": name, "kind": "floor", "colour": ""}
    shade = COLOURS.get(name, SPARE[index % len(SPARE)])
    return {"name": name, "kind": "cell", "colour": shade}


def game(spec: EnvSpec) -> dict[str, Any]:
    """What the page needs to know of a game."""
    return {
        "name": spec.name,
        "actions": list(spec.action_names),
        "window": list(spec.obs_shape),
        "levels": levels(spec),
        "planes": [plane(name, index) for index, name in enumerate(spec.plane_names)],
        "events": list(spec.event_names),
    }


def levels(spec: EnvSpec) -> int:
    """Steps of brightness in pictures of windows: more where they are pictures themselves."""
    return LEVELS if np.dtype(spec.obs_dtype) == bool else 255


def bright(spec: EnvSpec, values: np.ndarray) -> np.ndarray:
    """Observations in [0, 1] as steps of brightness, uint8; 0 where there is none.

    Games from outside may show other numbers, which are cut off at 0 and 1.
    """
    inside = np.clip(np.nan_to_num(np.asarray(values, np.float32)), 0.0, 1.0)
    return np.round(inside * levels(spec)).astype(np.uint8)


def recording(spec: EnvSpec, shown: Recording, atlas: Atlas, left_out: str = "") -> dict[str, Any]:
    """An episode as JSON; its tiles join `atlas`. `left_out` says why it has no imagined views."""
    told = {name: leaf for name, leaf in shown.account._asdict().items() if name != "view"}
    account = {name: array(leaf) for name, leaf in told.items() if not isinstance(leaf, tuple)}
    if not isinstance(shown.account.view, tuple) and not left_out:
        account["view"] = array(bright(spec, shown.account.view))
    where = () if isinstance(shown.centres, tuple) else array(shown.centres)
    return {
        **shown.label._asdict(),
        "board": array(np.stack([atlas.add(picture) for picture in shown.pictures])),
        "centres": where or None,
        "obs": array(bright(spec, shown.obs)),
        **{name: array(getattr(shown, name)) for name in ("action", "reward", "active")},
        **{name: array(getattr(shown, name)) for name in ("given", "delta")},
        "events": {name: array(count) for name, count in shown.events.items()},
        "account": account,
        "lacks_views": left_out,
    }


def text(content: Any) -> str:
    """JSON that may stand in a script element of a page: it holds no ``<`` and no NaN."""
    plain = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return plain.replace("<", "\\u003c")
