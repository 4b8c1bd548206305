"""Puts a page together: page.html with its style, its scripts and its data inside."""

import html
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np

from envs.types import EnvSpec
from lase_jax.reports.replay import pack
from lase_jax.reports.replay.recording import Recording

VIEWS = 6_000_000
"""Most numbers of imagined views in a page; early episodes whose views are too many have none."""
CROWDED = "to keep the page small: write a page of fewer stages, seeds or episodes"
LONG = "as an episode this long has more of it than a page can hold"
"""Why views are left out."""
SCRIPTS = ("data.js", "charts.js", "windows.js", "replay.js", "report.js", "start.js")
"""The page's scripts in the order in which they stand in it."""


def replay(
    spec: EnvSpec, seats: Sequence[str], recordings: Sequence[Recording], title: str
) -> dict[str, Any]:
    """The data of a replay.

    Args:
        spec: the game's facts.
        seats: name of the agent on each seat.
        recordings: one or more episodes of the game, all with these agents.
        title: what is replayed.
    """
    atlas = pack.Atlas()
    lacking = _views_left_out(recordings)
    episodes = [
        pack.recording(spec, shown, atlas, left_out)
        for shown, left_out in zip(recordings, lacking, strict=True)
    ]
    colours = [pack.colour(seat) for seat in range(len(seats))]
    return {
        "title": title,
        "game": pack.game(spec),
        "seats": [{"name": n, "colour": c} for n, c in zip(seats, colours, strict=True)],
        "tiles": pack.array(atlas.tiles()),
        "episodes": episodes,
    }


def _views_left_out(recordings: Sequence[Recording]) -> list[str]:
    """Why a recording's imagined views are left out; "" for the last ones that fit in a page."""
    room, lacking = VIEWS, []
    for shown in reversed(recordings):
        size = np.size(shown.account.view)
        fits = size <= room
        lacking.append("" if fits else CROWDED if size <= VIEWS else LONG)
        room -= size if fits else 0
    return lacking[::-1]


def compose(title: str, data: dict[str, Any]) -> str:
    """A whole page.

    Args:
        title: its title and heading.
        data: "replay", see `replay`, and "report", see `report.report`; either may be missing.
    """
    parts = {
        "title": html.escape(title),
        "style": _source("page.css"),
        "script": "\n".join(map(_source, SCRIPTS)),
        "data": pack.text(data),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _source("page.html"))


def _source(name: str) -> str:
    return resources.files("lase_jax.reports.replay").joinpath(name).read_text(encoding="utf-8")
