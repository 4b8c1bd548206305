"""Maps and payoff tables as pictures: agents by colour, objects by shape. Host side only.

A cell is `TILE` x `TILE` pixels. Agents that share a cell stand side by side on it, so that
all that are present can be seen; `agent_centres` gives their pixels, for drawing on top.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageColor, ImageDraw, ImageFont

TILE = 32
"""Pixels of a cell's side."""

AGENT_COLOURS = tuple(
    ImageColor.getrgb(name)
    for name in (
        *("#2563eb", "#dc2626", "#16a34a", "#9333ea", "#f97316", "#0891b2", "#db2777", "#ca8a04"),
        *("#1e3a8a", "#7f1d1d", "#14532d", "#4c1d95", "#fda4af", "#67e8f9", "#bef264", "#57534e"),
    )
)
"""Red, green and blue of each seat, 0 to 255."""

HARE, STAG, WASTE, APPLE, DRIFT = "hare", "stag", "waste", "apple", "drift"
LEVER, DOOR = "lever", "door"
COINS = tuple(f"coin_{agent}" for agent in range(len(AGENT_COLOURS)))
RIVER, STREAM, ORCHARD, WALL = "river", "stream", "orchard", "wall"
BEAM, FIRE = "beam", "fire"

_FLOOR, _LINE, _INK, _PAPER = "#f5f1e8", "#ddd5c4", "#292524", "#ffffff"
_TERRAIN = {
    RIVER: "#bfdbfe",
    STREAM: "#93c5fd",
    ORCHARD: "#d9f2d0",
    WALL: "#a8a29e",
    BEAM: "#5eead4",
    FIRE: "#fdba74",
}
_SMOOTH = 4  # everything is drawn this much larger and then reduced, which smooths its edges
_UNIT = TILE * _SMOOTH

Objects = Sequence[tuple[ArrayLike, str]]


def picture(
    shape: tuple[int, int],
    objects: Objects,
    position: ArrayLike,
    present: ArrayLike | None = None,
    heading: ArrayLike | None = None,
) -> np.ndarray:
    """Draws a map.

    Args:
        shape: ``(H, W)``, rows and columns of the map.
        objects: a bool grid ``[H, W]`` and its kind, one of this module's constants, per layer;
            `RIVER`, `STREAM`, `ORCHARD`, `WALL`, `BEAM` and `FIRE` colour the ground, later ones
            over earlier ones, and the others are drawn on it in the order given.
        position: ``[N, 2]`` rows and columns of the agents.
        present: ``[N]`` bool, False for agents that have been removed; they are not drawn. None
            if none has been removed.
        heading: ``[N]`` quarter turns to the right from facing up: agents point and look there.
            None if agents have no heading.

    Returns:
        ``[H * TILE, W * TILE, 3]`` uint8.
    """
    rows, columns = shape
    image = Image.new("RGB", (columns * _UNIT, rows * _UNIT), _FLOOR)
    pen = ImageDraw.Draw(image)
    ground = [(cells, _TERRAIN[kind]) for cells, kind in objects if kind in _TERRAIN]
    for cells, colour in ground:
        for row, column in np.argwhere(cells):
            pen.rectangle(_box(column * _UNIT, row * _UNIT, 0, 0, 1, 1), fill=colour)
    for row in range(rows + 1):
        pen.line((0, row * _UNIT, columns * _UNIT, row * _UNIT), fill=_LINE, width=_SMOOTH)
    for column in range(columns + 1):
        pen.line((column * _UNIT, 0, column * _UNIT, rows * _UNIT), fill=_LINE, width=_SMOOTH)
    for cells, kind in objects:
        for row, column in np.argwhere(cells) if kind in _SHAPES else ():
            _SHAPES[kind](pen, column * _UNIT, row * _UNIT)
    position = np.asarray(position)
    present = np.ones(len(position), bool) if present is None else np.asarray(present)
    turns = None if heading is None else np.asarray(heading)
    _draw_agents(pen, position, present, turns)
    return _reduce(image)


def agent_centres(position: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Where `picture` draws each agent.

    Args:
        position: ``[N, 2]`` rows and columns.
        present: ``[N]`` bool. An agent that is not present gets the centre of its cell.

    Returns:
        ``[N, 2]`` float32, pixels from the left and from the top.
    """
    position, present = np.asarray(position), np.asarray(present)
    slot, slots = _slots(position, present)
    side = np.ceil(np.sqrt(slots))
    rows_used = np.ceil(slots / side)
    in_last_row = slot // side == rows_used - 1
    in_row = np.where(in_last_row, slots - side * (rows_used - 1), side)
    x = (slot % side + 0.5 + (side - in_row) / 2) / side
    y = (slot // side + 0.5 + (side - rows_used) / 2) / side
    return ((position[:, ::-1] + np.stack([x, y], axis=-1)) * TILE).astype(np.float32)


def payoff_table(
    payoffs: Any,
    actions: Sequence[str],
    played: tuple[int, int] | None,
    caption: str,
) -> np.ndarray:
    """Draws a 2x2 game: rows are the first player's moves, columns the second's.

    Args:
        payoffs: ``payoffs[a][b]``, what the first and the second player earn.
        actions: names of the two moves.
        played: the two last moves, whose cell is highlighted; None before the first step.
        caption: a line below the table.

    Returns:
        ``[6 * TILE, 9 * TILE, 3]`` uint8.
    """
    image = Image.new("RGB", (9 * _UNIT, 6 * _UNIT), _PAPER)
    pen = ImageDraw.Draw(image)
    first, second = AGENT_COLOURS[:2]
    for a in range(2):
        _write(
            pen, 1.35, 2 + 1.75 * a, actions[a], first, bold=played is not None and played[0] == a
        )
        _write(pen, 4.15 + 3 * a, 0.65, actions[a], second, bold=bool(played and played[1] == a))
        for b in range(2):
            left, top = (2.7 + 3 * b) * _UNIT, (1.15 + 1.75 * a) * _UNIT
            here = played == (a, b)
            box = (left, top, left + 2.9 * _UNIT, top + 1.65 * _UNIT)
            pen.rounded_rectangle(
                box,
                radius=0.2 * _UNIT,
                fill="#fef3c7" if here else _FLOOR,
                outline=_INK if here else _LINE,
                width=(3 if here else 1) * _SMOOTH,
            )
            mine, theirs = payoffs[a][b]
            _write(pen, 3.45 + 3 * b, 2 + 1.75 * a, f"{mine:g}", first, bold=here)
            _write(pen, 4.85 + 3 * b, 2 + 1.75 * a, f"{theirs:g}", second, bold=here)
    _write(pen, 4.5, 5.3, caption, _INK)
    return _reduce(image)


def _slots(position: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each agent's index among those present on its cell, and their number (at least 1)."""
    shares = (position[:, None] == position[None]).all(-1) & present[:, None] & present[None]
    return np.tril(shares, -1).sum(-1), np.maximum(shares.sum(-1), 1)


def _reduce(image: Image.Image) -> np.ndarray:
    return np.asarray(image.reduce(_SMOOTH), np.uint8)


def _write(
    pen: ImageDraw.ImageDraw, x: float, y: float, text: str, fill: Any, bold: bool = False
) -> None:
    """Writes `text` centred at ``(x, y)``, in cells."""
    font = ImageFont.load_default(0.42 * _UNIT)
    pen.text(
        (x * _UNIT, y * _UNIT), text, fill, font, anchor="mm", stroke_width=_SMOOTH // 2 * bold
    )


def _draw_agents(
    pen: ImageDraw.ImageDraw, position: np.ndarray, present: np.ndarray, heading: np.ndarray | None
) -> None:
    """Draws a round face per agent in its colour, smaller where agents share a cell.

    A face with a heading has its eyes and a pointed tip on that side.
    """
    _, slots = _slots(position, present)
    centres = agent_centres(position, present) * _SMOOTH
    for agent in np.flatnonzero(present):
        (x, y), radius = centres[agent], 0.31 * _UNIT
        if slots[agent] > 1:
            radius = 0.45 * _UNIT / math.ceil(math.sqrt(slots[agent]))
        colour = AGENT_COLOURS[agent % len(AGENT_COLOURS)]
        turns, look = (0, 0.15) if heading is None else (heading[agent], 0.35)
        point = partial(_ahead, x, y, radius, turns * math.pi / 2)
        for fill, size in ((_PAPER, 1.0), (colour, 1.0 - 1.5 * _SMOOTH / radius)):
            if heading is not None:
                cheeks = [point(side * 0.8 * size, 0.6 * size) for side in (-1, 1)]
                pen.polygon([*cheeks, point(0.0, 1.5 * size)], fill=fill)
            _disc(pen, x, y, size * radius, fill=fill)
        for side in (-1, 1):
            _disc(pen, *point(side * 0.36, look), 0.2 * radius, fill=_PAPER)


def _ahead(
    x: float, y: float, radius: float, angle: float, aside: float, ahead: float
) -> tuple[float, float]:
    """A point of a face at ``(x, y)`` turned right by `angle`; `aside` and `ahead` in radii."""
    right, down = math.cos(angle), math.sin(angle)
    return (
        x + radius * (aside * right + ahead * down),
        y + radius * (aside * down - ahead * right),
    )


def _disc(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, **style: Any) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), **style)


def _box(x: int, y: int, left: float, top: float, right: float, bottom: float) -> tuple:
    """Corners of a box given in parts of the cell at ``(x, y)``."""
    return (x + left * _UNIT, y + top * _UNIT, x + right * _UNIT, y + bottom * _UNIT)


def _points(x: int, y: int, *parts: tuple[float, float]) -> list[tuple[float, float]]:
    """Points given in parts of the cell at ``(x, y)``."""
    return [(x + part_x * _UNIT, y + part_y * _UNIT) for part_x, part_y in parts]


def _hare(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    """A light head with two long ears."""
    for left in (0.30, 0.54):
        pen.ellipse(
            _box(x, y, left, 0.06, left + 0.16, 0.60), fill="#a8a29e", outline="#57534e", width=6
        )
    pen.ellipse(_box(x, y, 0.22, 0.44, 0.78, 0.94), fill="#a8a29e", outline="#57534e", width=6)
    pen.ellipse(_box(x, y, 0.44, 0.68, 0.56, 0.78), fill="#f472b6")


def _stag(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    """A dark, long head with wide antlers."""
    brown = "#78350f"
    for side in (-1, 1):
        stem = ((0.5 + 0.1 * side, 0.5), (0.5 + 0.34 * side, 0.30), (0.5 + 0.42 * side, 0.05))
        tine = ((0.5 + 0.28 * side, 0.35), (0.5 + 0.18 * side, 0.06))
        low = ((0.5 + 0.36 * side, 0.26), (0.5 + 0.47 * side, 0.28))
        for branch in (stem, tine, low):
            pen.line(_points(x, y, *branch), fill=brown, width=9, joint="curve")
    pen.polygon(_points(x, y, (0.24, 0.46), (0.76, 0.46), (0.6, 0.96), (0.4, 0.96)), fill=brown)
    pen.ellipse(_box(x, y, 0.43, 0.84, 0.57, 0.96), fill=_INK)


def _waste(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    """A dark heap of three lumps."""
    for left, top, size in ((0.06, 0.44, 0.48), (0.46, 0.44, 0.48), (0.24, 0.10, 0.54)):
        box = _box(x, y, left, top, left + size, top + size)
        pen.ellipse(box, fill="#65580b", outline="#3f3606", width=6)


def _apple(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    """A red apple with a stem and a leaf."""
    for left in (0.10, 0.42):
        pen.ellipse(_box(x, y, left, 0.26, left + 0.48, 0.92), fill="#e11d48")
    pen.line(_points(x, y, (0.5, 0.34), (0.54, 0.08)), fill="#5b3a1a", width=8)
    pen.ellipse(_box(x, y, 0.56, 0.06, 0.84, 0.22), fill="#15803d")


def _drift(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    """A white mound with a blue shadow."""
    pen.chord(_box(x, y, 0.02, 0.16, 0.72, 1.62), 180, 360, fill="#93c5fd")
    pen.chord(_box(x, y, 0.26, 0.36, 0.98, 1.44), 180, 360, fill=_PAPER, outline="#60a5fa", width=6)


def _lever(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    """A red-knobbed lever on a plate."""
    pen.rectangle(_box(x, y, 0.14, 0.74, 0.86, 0.92), fill="#78716c")
    pen.line(_points(x, y, (0.5, 0.78), (0.24, 0.26)), fill=_INK, width=12)
    pen.ellipse(_box(x, y, 0.10, 0.10, 0.38, 0.38), fill="#dc2626")


def _door(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    """A brown door with a knob."""
    pen.rectangle(_box(x, y, 0.24, 0.06, 0.76, 0.96), fill="#92400e", outline=_INK, width=6)
    pen.ellipse(_box(x, y, 0.60, 0.48, 0.70, 0.58), fill="#fcd34d")


def _coin(agent: int) -> Callable[[ImageDraw.ImageDraw, int, int], None]:
    """A diamond-stamped coin in the colour of its owner."""

    def draw(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
        pen.ellipse(_box(x, y, 0.05, 0.05, 0.95, 0.95), fill="#fcd34d", outline="#a16207", width=6)
        pen.polygon(
            _points(x, y, (0.5, 0.10), (0.90, 0.5), (0.5, 0.90), (0.10, 0.5)),
            fill=AGENT_COLOURS[agent],
        )

    return draw


_SHAPES = {
    HARE: _hare,
    STAG: _stag,
    WASTE: _waste,
    APPLE: _apple,
    DRIFT: _drift,
    LEVER: _lever,
    DOOR: _door,
    **{kind: _coin(agent) for agent, kind in enumerate(COINS)},
}
