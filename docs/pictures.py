"""The pictures of README and site: a strip of all games, and what is seen of a run.

    python -m docs.pictures                          # games.png, in seconds
    python -m docs.pictures --run runs/cleanup-lase  # and episode.gif, of a run that is trained
    python -m docs.pictures --run runs/cleanup-lase --pages   # and its pages in Chromium

The run is ``make train ENV=cleanup SEEDS=1``, a minute on two CPU cores.
"""

import io
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tyro
from PIL import Image, ImageDraw, ImageFont

from docs import boards, browser
from lase_jax import api
from lase_jax.cli import execute, guarded
from lase_jax.presets import preset
from lase_jax.reports import animate
from lase_jax.runs import files

HERE = Path(__file__).parent / "pictures"
WIDTH = 840
"""Pixels of a README's column."""
COLUMNS = 5
TEXT = 26
"""Pixels of a line below each board."""
LARGEST = 400_000
"""Bytes that the animation may have."""
COLOURS = 96
"""Colours of the animation and of pages, which keep them small."""
PAGES = {"replay": 1150, "report": 1180}
"""Which pages are photographed, and pixels from their top."""
PAGE_WIDTH = 1100


@dataclass(frozen=True)
class Pictures:
    """What to draw."""

    run: Path | None = None
    """Run folder whose first seed plays the episode; none to leave the episode as it is."""
    episode: int = 0
    """Number of the episode; other numbers give other random draws."""
    pages: bool = False
    """Whether to photograph the run's pages, too, which needs playwright and Chromium."""
    step: int = 26
    """The step of the episode that the page of the replay shows."""
    out: Path = HERE
    """Where the pictures go."""


def strip(named: dict[str, np.ndarray]) -> Image.Image:
    """Boards ``[h, w, 3]`` with their names below them, in rows, at twice `WIDTH`."""
    cell = 2 * WIDTH // COLUMNS
    rows = -(-len(named) // COLUMNS)
    side = cell - 24
    sheet = Image.new("RGB", (2 * WIDTH, rows * (side + 2 * TEXT)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(2 * 13)
    for index, (name, pixels) in enumerate(named.items()):
        board = Image.fromarray(pixels)
        scale = side / max(board.size)
        size = round(board.width * scale), round(board.height * scale)
        board = board.resize(size, Image.Resampling.LANCZOS)
        x, y = cell * (index % COLUMNS) + cell // 2, (side + 2 * TEXT) * (index // COLUMNS)
        sheet.paste(board, (x - board.width // 2, y + (side - board.height) // 2))
        pen.text((x, y + side + TEXT - 4), name, "#292524", font, anchor="mm")
    return sheet


def small(gif: bytes) -> bytes:
    """An animation in few colours, the same in all its frames."""
    whole = Image.open(io.BytesIO(gif))
    frames, times = [], []
    for index in range(whole.n_frames):
        whole.seek(index)
        times.append(whole.info["duration"])
        frames.append(whole.convert("RGB"))
    palette = frames[len(frames) // 2].quantize(COLOURS, Image.Quantize.FASTOCTREE)
    plain = [each.quantize(palette=palette, dither=Image.Dither.NONE) for each in frames]
    file = io.BytesIO()
    plain[0].save(file, "GIF", save_all=True, append_images=plain[1:], duration=times, loop=0)
    return file.getvalue()


def photographs(run: Path, episode: int, step: int) -> dict[str, Image.Image]:
    """The upper parts of a run's pages, as Chromium shows them, by name."""
    found = {}
    turn = "to => { time.value = to; time.dispatchEvent(new Event('input')) }"
    with tempfile.TemporaryDirectory() as folder, browser.opened() as shown:
        for name, height in PAGES.items():
            file = Path(folder) / f"{name}.html"
            words = [name, str(run), "--episode", str(episode), "--out", str(file)]
            if execute(words, preset, "lase"):
                raise SystemExit(f"{run} has no page.")
            size = {"width": PAGE_WIDTH, "height": height}
            page = shown.new_page(viewport=size)
            page.goto(file.as_uri())
            page.wait_for_selector("html[data-ready]")
            page.evaluate(turn, step - 1)
            shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            found[name] = shot.quantize(COLOURS, dither=Image.Dither.NONE)
    return found


def write(settings: Pictures) -> None:
    """Draws what is asked for.

    Raises:
        ConfigError: not a run folder, or the pictures cannot be written there.
    """
    settings.out.mkdir(parents=True, exist_ok=True)
    shown = {name: boards.moment(name).picture for name in boards.families()}
    sheet = strip(shown)
    files.replace(settings.out / "games.png", lambda path: sheet.save(path, "PNG", optimize=True))
    if settings.run is None:
        return
    if settings.pages:
        shots = photographs(settings.run, settings.episode, settings.step)
        for name, shot in shots.items():
            save = partial(shot.save, format="PNG", optimize=True)
            files.replace(settings.out / f"{name}.png", save)
    result = api.load(settings.run)
    played = result.play(seed=result.seeds[0], episode=settings.episode)
    gif = small(animate.gif(played.scene, milliseconds=250))
    if len(gif) > LARGEST:
        raise SystemExit(f"The episode has {len(gif):,} bytes, more than {LARGEST:,}.")
    files.write(settings.out / "episode.gif", gif)


def main() -> int:
    """Draws, and returns an exit code."""
    write(tyro.cli(Pictures, description=__doc__))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
