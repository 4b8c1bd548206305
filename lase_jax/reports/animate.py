"""Draws an episode as a GIF with Pillow: the map, gifts as arrows, and a caption per step.

Letters: T steps, N seats. Giver first, receiver second: ``gift[t, i, j]`` goes from i to j.
"""

import io
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from envs import render

PANEL = 400
"""Width in pixels of the panel with the gifts, and least height of a frame above its caption."""
LINE, BODY, SMALL = 24, 17, 15
"""Height of a line of the caption, and sizes of its letters and of those beside seats."""
LINES = 3
"""Most lines of a caption; what does not fit is counted."""
MARGIN = 12
"""Pixels beside a caption."""
SAMPLES = 12
"""About how many frames the colours of an animation are chosen from."""
CROWD = 8
"""With more seats there is only room for what each of them has, not for its kind."""
MAX_FRAMES = 250
"""Longer episodes show several steps in a frame, their rewards and gifts added up."""
_INK, _QUIET, _PAPER, _GIVE, _TAKE = "#292524", "#78716c", "#ffffff", "#059669", "#dc2626"
_SMOOTH = 2  # everything is drawn this much larger and then reduced, which smooths its edges


class Scene(NamedTuple):
    """What an animation shows."""

    picture: Callable[[int], np.ndarray]  # the game [h, w, 3] uint8 after a number of steps, 0 to T
    reward: np.ndarray  # [T, N] extrinsic
    gift: np.ndarray  # [T, N, N] what seat i gives to seat j, zero on the diagonal
    seats: Sequence[str]  # [N] name of the agent on each seat
    title: str


def gif(scene: Scene, milliseconds: int = 300) -> bytes:
    """Draws an episode.

    Args:
        scene: what happened.
        milliseconds: how long each frame is shown; the last one is shown for two seconds.

    Returns:
        The bytes of a GIF that repeats for ever.
    """
    whole = frames(scene)
    colours = _palette(whole)
    drawn = [frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in whole]
    times = [milliseconds] * (len(drawn) - 1) + [2000]
    file = io.BytesIO()
    drawn[0].save(
        file, "GIF", save_all=True, append_images=drawn[1:], duration=times, loop=0, disposal=1
    )
    return file.getvalue()


def _palette(drawn: Sequence[Image.Image]) -> Image.Image:
    """The colours of all frames: with one palette, a file holds only what changes between them."""
    some = drawn[:: math.ceil(len(drawn) / SAMPLES)]
    sheet = Image.new("RGB", (some[0].width, some[0].height * len(some)))
    for place, frame in enumerate(some):
        sheet.paste(frame, (0, place * frame.height))
    return sheet.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


class Caption(NamedTuple):
    """The lines below a frame."""

    earned: list[str]
    given: list[str]


def frames(scene: Scene) -> list[Image.Image]:
    """One picture for the start and one after every step (or every few, see `MAX_FRAMES`)."""
    steps, num_seats = scene.reward.shape
    stride = math.ceil(steps / MAX_FRAMES)
    starts = np.arange(0, steps, stride)
    reward = np.add.reduceat(scene.reward, starts)
    gift = np.add.reduceat(scene.gift, starts)
    net = reward + gift.sum(1) - gift.sum(2)
    ends = np.minimum(starts + stride, steps)
    board = _board(scene, 0)
    width = board.width + PANEL - 2 * MARGIN
    captions = [
        _caption(f"Step {end} of {steps}.", paid, given, width)
        for end, paid, given in zip(ends, reward, gift, strict=True)
    ]
    room = Caption(
        max((caption.earned for caption in captions), key=len),
        max((caption.given for caption in captions), key=len),
    )
    nothing = np.zeros((num_seats, num_seats))
    opening = Caption(["Before the first step."], [])
    drawn = [_frame(scene, board, opening, room, nothing, np.zeros(num_seats))]
    for index, end in enumerate(ends):
        total = net[: index + 1].sum(0)
        board = _board(scene, int(end))
        drawn.append(_frame(scene, board, captions[index], room, gift[index], total))
    return drawn


def _caption(start: str, reward: np.ndarray, gift: np.ndarray, width: int) -> Caption:
    """The extrinsic rewards, and the gifts between agents, in lines of some pixels."""
    paid = [f"{seat} earns {_amount(float(reward[seat]))}" for seat in np.flatnonzero(reward)]
    pairs = sorted(np.argwhere(np.abs(gift) >= 0.005), key=lambda pair: -abs(gift[tuple(pair)]))
    given = [f"{i}{ARROW}{j}: {_amount(float(gift[i, j]))}" for i, j in pairs]
    return Caption(_lines(start, paid, width), _lines("Gifts:", given, width) if given else [])


def _lines(start: str, items: Sequence[str], width: int) -> list[str]:
    """Items in lines that fit into some pixels, `LINES` at most; those that do not are counted."""
    lines = [[start]]
    for place, item in enumerate(items):
        word = item + ("," if place + 1 < len(items) else "")
        if _fits([*lines[-1], word], width):
            lines[-1].append(word)
        elif len(lines) < LINES:
            lines.append([word])
        else:
            left = len(items) - place
            while not _fits([*lines[-1], f"and {left} more"], width):
                lines[-1].pop()
                left += 1
            lines[-1].append(f"and {left} more")
            break
    return [" ".join(line) for line in lines]


def _fits(words: Sequence[str], width: int) -> bool:
    return len(words) == 1 or _length(" ".join(words), BODY) <= width


def _amount(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _board(scene: Scene, time: int) -> Image.Image:
    """The map, as large as the panel beside it."""
    board = Image.fromarray(scene.picture(time))
    grow = max(1.0, PANEL / max(board.size))
    size = round(board.width * grow), round(board.height * grow)
    return board.resize(size, Image.Resampling.LANCZOS)


def _frame(
    scene: Scene,
    board: Image.Image,
    caption: Caption,
    room: Caption,
    gift: np.ndarray,
    total: np.ndarray,
) -> Image.Image:
    """The map on the left, the gifts on the right, below them a caption with room for others."""
    height = max(board.height, PANEL)
    below = LINE * (len(room.earned) + len(room.given)) + MARGIN
    size = (board.width + PANEL, height + below)
    panel = Image.new("RGB", (size[0] * _SMOOTH, size[1] * _SMOOTH), _PAPER)
    pen = ImageDraw.Draw(panel)
    centre = (board.width + PANEL / 2, height / 2 + 10)
    _draw_gifts(pen, scene, centre, gift, total)
    _fitted(pen, board.width + PANEL / 2, 18, scene.title, _INK, BODY, PANEL - 2 * MARGIN)
    first = height + MARGIN // 2 + LINE / 2
    for lines, skipped, ink in (
        (caption.earned, 0, _INK),
        (caption.given, len(room.earned), _GIVE),
    ):
        for line, text in enumerate(lines):
            _write(pen, MARGIN, first + LINE * (skipped + line), text, ink)
    image = panel.reduce(_SMOOTH)
    image.paste(board, (0, (height - board.height) // 2))
    return image


def _draw_gifts(
    pen: ImageDraw.ImageDraw,
    scene: Scene,
    centre: tuple[float, float],
    gift: np.ndarray,
    total: np.ndarray,
) -> None:
    """Seats on a ring, arrows as wide as the gifts, and below each seat its total so far."""
    num_seats = len(total)
    angle = 2 * np.pi * np.arange(num_seats) / num_seats - np.pi / 2
    ring = 0.32 * PANEL * np.stack([np.cos(angle), np.sin(angle)], -1) + np.array(centre)
    radius = min(24, 72 / math.sqrt(num_seats))
    widest = max(np.abs(scene.gift).max(initial=0), 1e-6)
    for giver, receiver in np.argwhere(np.abs(gift) > 0.01 * widest):
        amount = gift[giver, receiver]
        width = 1.5 + 8 * abs(amount) / widest
        _arrow(pen, ring[giver], ring[receiver], radius, width, _GIVE if amount > 0 else _TAKE)
    for seat, (x, y) in enumerate(ring):
        colour = render.AGENT_COLOURS[seat % len(render.AGENT_COLOURS)]
        box = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse([_SMOOTH * edge for edge in box], fill=colour)
        _text(pen, x, y, str(seat), _PAPER, BODY)
        if num_seats > CROWD:
            away = (np.array([x, y]) - centre) / math.hypot(x - centre[0], y - centre[1])
            x, y = np.array([x, y]) + (radius + 20) * away
            _text(pen, x, y, _amount(total[seat]), _QUIET, SMALL)
            continue
        label = f"{scene.seats[seat]}: {_amount(total[seat])}"
        outside = -1 if y < centre[1] - 1 else 1
        room = 2 * min(x - (centre[0] - PANEL / 2), centre[0] + PANEL / 2 - x)
        _fitted(pen, x, y + outside * (radius + 12), label, _QUIET, SMALL, room)


def _arrow(
    pen: ImageDraw.ImageDraw,
    start: np.ndarray,
    end: np.ndarray,
    radius: float,
    width: float,
    colour: str,
) -> None:
    """An arrow between two discs, shifted aside so that opposite arrows can be told apart."""
    distance = float(np.linalg.norm(end - start))
    along = (end - start) / distance
    head = min(6 + width, 0.6 * (distance - 2 * radius - 2))
    width = min(width, 1.2 * head)
    aside = np.array([-along[1], along[0]])
    tail = start + radius * along + 6 * aside
    tip = end - (radius + 2) * along + 6 * aside
    neck = tip - head * along
    wing = (3 + width / 2) * aside
    line = [tuple(_SMOOTH * point) for point in (tail, neck)]
    pen.line(line, fill=colour, width=max(1, round(_SMOOTH * width)))
    pen.polygon([tuple(_SMOOTH * point) for point in (tip, neck + wing, neck - wing)], fill=colour)


ARROW = "\u2192"
"""Stands for an arrow in a text; the font has none, so that `_write` draws it."""
ARROW_LENGTH = 22
"""Pixels of such an arrow, with the room beside it."""


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * _SMOOTH)


def _length(text: str, size: int) -> float:
    """Pixels that a text takes in a line, its arrows included."""
    font = _font(size)
    words = sum(font.getlength(part) for part in text.split(ARROW)) / _SMOOTH
    return words + ARROW_LENGTH * text.count(ARROW)


def _write(pen: ImageDraw.ImageDraw, x: float, y: float, text: str, ink: str) -> None:
    """Writes a line of a caption that begins at x, with its arrows."""
    for place, part in enumerate(text.split(ARROW)):
        if place:
            left, right = x + 4, x + ARROW_LENGTH - 4
            shaft = [_SMOOTH * edge for edge in (left, y, right - 6, y)]
            pen.line(shaft, fill=ink, width=2 * _SMOOTH)
            head = ((right, y), (right - 8, y - 5), (right - 8, y + 5))
            pen.polygon([(_SMOOTH * a, _SMOOTH * b) for a, b in head], fill=ink)
            x += ARROW_LENGTH
        _text(pen, x, y, part, ink, BODY, "lm")
        x += _length(part, BODY)


def _fitted(
    pen: ImageDraw.ImageDraw, x: float, y: float, text: str, fill: str, size: int, room: float
) -> None:
    """Writes a text around x, in smaller letters where there is too little room."""
    fits = min(1.0, room / max(_length(text, size), 1.0))
    _text(pen, x, y, text, fill, max(6, math.floor(size * fits)))


def _text(
    pen: ImageDraw.ImageDraw,
    x: float,
    y: float,
    text: str,
    fill: str,
    size: int,
    anchor: str = "mm",
) -> None:
    around = dict(stroke_width=2 * _SMOOTH, stroke_fill=_PAPER)
    halo: dict[str, Any] = {} if fill == _PAPER else around
    pen.text((x * _SMOOTH, y * _SMOOTH), text, fill, _font(size), anchor=anchor, **halo)
