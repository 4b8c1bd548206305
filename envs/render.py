"""Tiles to pictures: agents by colour, objects by shape. Host side, NumPy only.

A tile is drawn on `TILE` x `TILE` pixels; several agents on one cell stand side by side.
"""

import numpy as np

TILE = 32
HARE, STAG, WASTE, APPLE, DRIFT = "hare", "stag", "waste", "apple", "drift"


def picture(shape, objects, position, present):
    """Draws the map."""
    raise NotImplementedError
