"""The shared rules of the sequential social dilemmas, agent by agent and cell by cell."""

import numpy as np
from oracle import contest, windows

AHEAD = [(-1, 0), (0, 1), (1, 0), (0, -1)]
QUARTERS = {"up": 0, "right": 1, "down": 2, "left": 3}
BLACK = (0, 0, 0)
GROUND = {
    "river": (113, 75, 24),
    "stream": (113, 75, 24),
    "waste": (99, 156, 194),
    "apple": (0, 255, 0),
    "wall": (180, 180, 180),
}
SEATS = [(0, 0, 255), (2, 81, 154), (204, 0, 204), (216, 30, 54), (254, 151, 0)]
BEAMS = {"fire": (255, 255, 0), "beam": (100, 255, 255)}


def cells_of(grid):
    return [tuple(cell) for cell in np.argwhere(np.asarray(grid)).tolist()]


def map_cells(text, kinds):
    rows = enumerate(text)
    return [
        (row, column) for row, line in rows for column, kind in enumerate(line) if kind in kinds
    ]


def grid_of(text, cells):
    grid = np.zeros((len(text), len(text[0])), bool)
    for cell in cells:
        grid[cell] = True
    return grid


def ahead(cell, heading, steps=1, aside=0):
    """The cell so many steps ahead and to the right."""
    (down, right), (side_down, side_right) = AHEAD[heading], AHEAD[(heading + 1) % 4]
    return (
        cell[0] + steps * down + aside * side_down,
        cell[1] + steps * right + aside * side_right,
    )


def moved(text, position, heading, acts, priority):
    """Positions and headings after a step: whoever wants the cell of one that stays, stays."""
    walls, seats = map_cells(text, "@"), range(len(position))
    turn = {"turn_right": 1, "turn_left": 3}
    headings = [(way + turn.get(act, 0)) % 4 for way, act in zip(heading, acts, strict=True)]
    target = list(position)
    for i in seats:
        if acts[i] in QUARTERS:
            goal = ahead(position[i], (heading[i] + QUARTERS[acts[i]]) % 4)
            target[i] = position[i] if goal in walls else goal
    going = contest({i: target[i] for i in seats if target[i] != position[i]}, priority)

    def swaps(i):
        return any(target[i] == position[j] and target[j] == position[i] for j in seats if j != i)

    def blocked(i):
        return any(target[i] == position[j] for j in seats if j not in going)

    going = {i for i in going if not swaps(i)}
    while stuck := {i for i in going if blocked(i)}:
        going -= stuck
    return [target[i] if i in going else position[i] for i in seats], headings


def beam(params, text, position, heading, agent, stops=()):
    """One agent's beam: the cells it passes, the agents it hits, the cells of `stops` it meets."""
    passed, struck, met, side = [], [], [], params.beam_width // 2
    for aside in range(-side, side + 1):
        first = 1 if aside == 0 else 0
        for steps in range(first, first + params.beam_length):
            cell = ahead(position[agent], heading[agent], steps, aside)
            inside = 0 <= cell[0] < len(text) and 0 <= cell[1] < len(text[0])
            if not inside or text[cell[0]][cell[1]] == "@":
                break
            passed.append(cell)
            if cell in stops:
                met.append(cell)
            if cell in position:
                struck.append(position.index(cell))
            if cell in stops or cell in position:
                break
    return passed, struck, met


def fire(params, text, position, heading, acts):
    """Cells that beams pass ``[H, W]``, fines ``[N]``, and how often each fires and is hit."""
    passed, fired, hit = [], np.zeros(len(acts)), np.zeros(len(acts))
    for agent, act in enumerate(acts):
        if act == "fire":
            cells, struck, _ = beam(params, text, position, heading, agent)
            passed += cells
            fired[agent] = 1
            for other in struck:
                hit[other] += 1
    fines = params.fire_cost * fired + params.hit_cost * hit
    return grid_of(text, passed), fines, {"fired": fired, "hit": hit}


def views(params, position, heading, objects):
    """Every agent's window of ``objects``, a dict of ``[H, W]`` grids in their planes' order."""
    shape = next(iter(objects.values())).shape
    if params.view == "planes":
        seen = windows(shape, position, tuple(objects.values()), params.radius)
    else:
        picture = np.zeros((*shape, 3), np.float32)
        for kind, colour in GROUND.items():
            picture[objects.get(kind, np.zeros(shape, bool))] = colour
        for seat, cell in enumerate(position):
            picture[cell] = SEATS[seat]
        for kind, colour in BEAMS.items():
            picture[objects.get(kind, np.zeros(shape, bool))] = colour
        margin, size = params.radius, 2 * params.radius + 1
        wide = np.pad(picture / np.float32(255), ((margin, margin), (margin, margin), (0, 0)))
        seen = [wide[row : row + size, column : column + size] for row, column in position]
    return np.stack([np.rot90(view, turns) for view, turns in zip(seen, heading, strict=True)])
