"""The largest return that a society is known to reach in each game."""

import json
from pathlib import Path

FILE = Path(__file__).parent / "ceilings.json"


def reached(game: str) -> float | None:
    """Collective return of the best society known, per episode; None for games not measured."""
    return json.loads(FILE.read_text()).get(game)
