"""Puts a page together: page.html with its style, its scripts and its data inside."""

import html
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

from envs.types import EnvSpec
from lase_jax.reports.replay import pack
from lase_jax.reports.replay.recording import Recording

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
    episodes = [pack.recording(spec, shown, atlas) for shown in recordings]
    colours = [pack.colour(seat) for seat in range(len(seats))]
    return {
        "title": title,
        "game": pack.game(spec),
        "seats": [{"name": n, "colour": c} for n, c in zip(seats, colours, strict=True)],
        "tiles": pack.array(atlas.tiles()),
        "episodes": episodes,
    }


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
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
