import numpy as np
import pytest

from envs import render
from envs.render import AGENT_COLOURS, COINS, TILE

KINDS = (render.HARE, render.STAG, render.WASTE, render.APPLE, render.DRIFT, *COINS)
NOBODY = (np.zeros((0, 2), np.int32), np.zeros(0, bool))


def everyone(position):
    return np.array(position), np.ones(len(position), bool)


def cells(shape, *marked):
    grid = np.zeros(shape, bool)
    for row, column in marked:
        grid[row, column] = True
    return grid


def changed_cells(first, second):
    rows, columns = (side // TILE for side in first.shape[:2])
    differs = (first != second).any(-1).reshape(rows, TILE, columns, TILE).any((1, 3))
    return {tuple(cell) for cell in np.argwhere(differs).tolist()}


def seat_at(picture, centre):
    """The seat whose colour is nearest to the pixel's; small faces are a little smoothed."""
    x, y = centre.astype(int)
    return int(np.abs(np.array(AGENT_COLOURS) - picture[y, x]).sum(-1).argmin())


def test_a_map_need_not_be_square():
    picture = render.picture((2, 5), (), *NOBODY)
    assert picture.shape == (2 * TILE, 5 * TILE, 3) and picture.dtype == np.uint8


def test_every_seat_has_a_colour_of_its_own():
    colours = np.array(AGENT_COLOURS)
    assert colours.shape == (16, 3)
    distance = np.abs(colours[:, None] - colours[None]).sum(-1) + 999 * np.eye(16, dtype=int)
    assert distance.min() > 60


@pytest.mark.parametrize("kind", KINDS)
def test_objects_are_drawn_on_their_cells_only(kind):
    empty = render.picture((2, 3), (), *NOBODY)
    picture = render.picture((2, 3), [(cells((2, 3), (0, 2), (1, 0)), kind)], *NOBODY)
    assert changed_cells(empty, picture) == {(0, 2), (1, 0)}


def test_kinds_can_be_told_apart():
    one = np.ones((1, 1), bool)
    shapes = [render.picture((1, 1), [(one, kind)], *NOBODY).astype(int) for kind in KINDS]
    shapes.append(render.picture((1, 1), (), *NOBODY).astype(int))
    for index, first in enumerate(shapes):
        for second in shapes[:index]:
            assert np.abs(first - second).mean() > 3


GROUNDS = (render.RIVER, render.STREAM, render.ORCHARD, render.WALL, render.BEAM, render.FIRE)


@pytest.mark.parametrize("ground", GROUNDS)
def test_terrain_lies_under_objects_whatever_the_order(ground):
    everywhere, apple = (np.ones((1, 2), bool), ground), (cells((1, 2), (0, 0)), render.APPLE)
    picture = render.picture((1, 2), [everywhere, apple], *NOBODY)
    np.testing.assert_array_equal(picture, render.picture((1, 2), [apple, everywhere], *NOBODY))
    bare = render.picture((1, 2), [everywhere], *NOBODY)
    assert changed_cells(bare, picture) == {(0, 0)}
    assert changed_cells(bare, render.picture((1, 2), (), *NOBODY)) == {(0, 0), (0, 1)}


def test_a_later_terrain_covers_an_earlier_one():
    everywhere = np.ones((1, 1), bool)
    river, beam = (everywhere, render.RIVER), (everywhere, render.BEAM)
    both = render.picture((1, 1), [river, beam], *NOBODY)
    np.testing.assert_array_equal(both, render.picture((1, 1), [beam], *NOBODY))
    assert changed_cells(both, render.picture((1, 1), [beam, river], *NOBODY)) == {(0, 0)}


def test_agents_are_drawn_where_they_are_said_to_be():
    place = everyone([(0, 0), (2, 1), (1, 3)])
    picture = render.picture((3, 4), (), *place)
    centres = render.agent_centres(*place)
    assert centres.dtype == np.float32
    assert (centres == [(0.5 * TILE, 0.5 * TILE), (1.5 * TILE, 2.5 * TILE), (112, 48)]).all()
    assert [seat_at(picture, centre) for centre in centres] == [0, 1, 2]
    empty = render.picture((3, 4), (), *NOBODY)
    assert changed_cells(empty, picture) == {(0, 0), (2, 1), (1, 3)}
    np.testing.assert_array_equal(picture, render.picture((3, 4), (), place[0]))


@pytest.mark.parametrize("count", [2, 3, 4, 5, 16])
def test_agents_on_one_cell_stand_side_by_side(count):
    place = everyone([(1, 2)] * count)
    centres = render.agent_centres(*place)
    x, y = centres.T
    assert (x > 2 * TILE).all() and (x < 3 * TILE).all()
    assert (y > TILE).all() and (y < 2 * TILE).all()
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=-1) + 99 * np.eye(count)
    assert apart.min() >= TILE / 4
    picture = render.picture((2, 4), (), *place)
    assert changed_cells(render.picture((2, 4), (), *NOBODY), picture) == {(1, 2)}
    assert [seat_at(picture, centre) for centre in centres] == list(range(count))


def test_where_agents_face_can_be_seen():
    place = everyone([(0, 0), (0, 2)])
    pictures = [render.picture((1, 3), (), *place, heading=(way, 0)) for way in range(4)]
    for way, picture in enumerate(pictures):
        assert changed_cells(picture, render.picture((1, 3), (), *NOBODY)) == {(0, 0), (0, 2)}
        assert seat_at(picture, np.array([16, 16])) == 0
        for other in pictures[:way]:
            assert changed_cells(picture, other) == {(0, 0)}
    tips = [(16, 4), (27, 16), (16, 27), (4, 16)]  # x and y of a point near each side
    for way, picture in enumerate(pictures):
        assert [seat_at(picture, np.array(tip)) == 0 for tip in tips].index(True) == way
    # Turning the picture turns the face.
    turned = np.rot90(pictures[1][:, :TILE])
    assert np.abs(turned.astype(int) - pictures[0][:, :TILE]).mean() < 2


def test_removed_agents_are_not_drawn_and_take_no_room():
    position, _ = everyone([(0, 0), (0, 0), (0, 1)])
    present = np.array([True, False, False])
    picture = render.picture((1, 2), (), position, present)
    alone = render.picture((1, 2), (), position[:1], present[:1])
    np.testing.assert_array_equal(picture, alone)
    centres = render.agent_centres(position, present)
    assert (centres == [(16, 16), (16, 16), (48, 16)]).all()


def test_a_payoff_table_highlights_the_last_moves():
    payoffs = [[(1, 1), (-0.2, 1.2)], [(1.2, -0.2), (0, 0)]]
    played = [None, (0, 0), (0, 1), (1, 0), (1, 1)]
    pictures = [render.payoff_table(payoffs, ("C", "D"), moves, "step 1") for moves in played]
    assert all(picture.shape == (6 * TILE, 9 * TILE, 3) for picture in pictures)
    assert all(picture.dtype == np.uint8 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    other = render.payoff_table(payoffs, ("C", "D"), None, "step 2")
    rows = np.flatnonzero((other != pictures[0]).any((1, 2)))
    assert rows.size and rows.min() > 4.5 * TILE  # the caption stands below the table
