"""Draws an episode as a GIF with Pillow: the map, gifts as arrows, and a caption per step.

Letters: T steps, N seats. Giver first, receiver second: ``gift[t, i, j]`` goes from i to j.
"""

import io
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from envs import render

PANEL = 320
"""Width in pixels of the panel with the gifts, and least height of a frame above its caption."""
CAPTION = 58
"""Height of the caption in pixels."""
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
    drawn = [
        frame.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        for frame in frames(scene)
    ]
    times = [milliseconds] * (len(drawn) - 1) + [2000]
    file = io.BytesIO()
    drawn[0].save(
        file, "GIF", save_all=True, append_images=drawn[1:], duration=times, loop=0, disposal=1
    )
    return file.getvalue()


def frames(scene: Scene) -> list[Image.Image]:
    """One picture for the start and one after every step (or every few, see `MAX_FRAMES`)."""
    steps, num_seats = scene.reward.shape
    stride = math.ceil(steps / MAX_FRAMES)
    starts = np.arange(0, steps, stride)
    reward = np.add.reduceat(scene.reward, starts)
    gift = np.add.reduceat(scene.gift, starts)
    net = reward + gift.sum(1) - gift.sum(2)
    nothing = np.zeros((num_seats, num_seats))
    opening = "Before the first step"
    drawn = [_frame(scene, 0, (opening, ""), nothing, np.zeros(num_seats))]
    for index, start in enumerate(starts):
        end = min(start + stride, steps)
        caption = _caption(end, steps, reward[index], gift[index])
        drawn.append(_frame(scene, end, caption, gift[index], net[: index + 1].sum(0)))
    return drawn


def _caption(end: int, steps: int, reward: np.ndarray, gift: np.ndarray) -> tuple[str, str]:
    """Two lines: the extrinsic rewards, and the gifts between agents."""
    paid = ", ".join(
        f"{seat} earns {_amount(float(reward[seat]))}" for seat in np.flatnonzero(reward)
    )
    pairs = sorted(np.argwhere(np.abs(gift) >= 0.005), key=lambda pair: -abs(gift[tuple(pair)]))
    given = ", ".join(f"{i} to {j} {_amount(float(gift[i, j]))}" for i, j in pairs[:5])
    more = f" and {len(pairs) - 5} more" if len(pairs) > 5 else ""
    return f"Step {end} of {steps}. {paid}", f"Gifts: {given}{more}" if given else ""


def _amount(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _frame(
    scene: Scene, time: int, caption: tuple[str, str], gift: np.ndarray, total: np.ndarray
) -> Image.Image:
    """The map on the left, the gifts on the right, the caption below."""
    board = Image.fromarray(scene.picture(time))
    grow = max(1, PANEL // max(board.size))
    board = board.resize((board.width * grow, board.height * grow), Image.Resampling.NEAREST)
    height = max(board.height, PANEL)
    size = (board.width + PANEL, height + CAPTION)
    panel = Image.new("RGB", (size[0] * _SMOOTH, size[1] * _SMOOTH), _PAPER)
    pen = ImageDraw.Draw(panel)
    centre = (board.width + PANEL / 2, height / 2 + 8)
    _draw_gifts(pen, scene, centre, gift, total)
    _text(pen, board.width + PANEL / 2, 14, scene.title, _INK, 13)
    for line, text in enumerate(caption):
        _text(pen, 10, height + 18 + 22 * line, text, _GIVE if line else _INK, 13, "lm")
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
    ring = 0.33 * PANEL * np.stack([np.cos(angle), np.sin(angle)], -1) + np.array(centre)
    radius = min(20, 60 / math.sqrt(num_seats))
    widest = max(np.abs(scene.gift).max(initial=0), 1e-6)
    for giver, receiver in np.argwhere(np.abs(gift) > 0.01 * widest):
        amount = gift[giver, receiver]
        width = 1.5 + 8 * abs(amount) / widest
        _arrow(pen, ring[giver], ring[receiver], radius, width, _GIVE if amount > 0 else _TAKE)
    for seat, (x, y) in enumerate(ring):
        colour = render.AGENT_COLOURS[seat % len(render.AGENT_COLOURS)]
        box = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse([_SMOOTH * edge for edge in box], fill=colour)
        _text(pen, x, y, str(seat), _PAPER, 15)
        label = f"{scene.seats[seat]} {_amount(total[seat])}"
        outside = -1 if y < centre[1] - 1 else 1
        _text(pen, x, y + outside * (radius + 10), label, _QUIET, 12)


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


def _text(
    pen: ImageDraw.ImageDraw,
    x: float,
    y: float,
    text: str,
    fill: str,
    size: int,
    anchor: str = "mm",
) -> None:
    font = ImageFont.load_default(size * _SMOOTH)
    pen.text((x * _SMOOTH, y * _SMOOTH), text, fill, font, anchor=anchor)
