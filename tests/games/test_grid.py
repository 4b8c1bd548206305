import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs import grid
from envs.checks import ConfigError
from envs.grid import DOWN, LEFT, RIGHT, STAY, UP
from envs.stag_hunt import StagHunt

SHAPE = (2, 3)
CELLS = np.array(list(itertools.product(range(2), range(3))), np.int32)


def test_moves_lead_one_cell_and_stop_at_the_edge():
    after = [grid.move(CELLS, np.full(6, action), SHAPE) for action in range(7)]
    row, column = CELLS.T
    columns = column.tolist()
    assert after[UP].tolist() == np.stack([0 * row, column], -1).tolist()
    assert after[DOWN].tolist() == np.stack([0 * row + 1, column], -1).tolist()
    assert after[LEFT][:, 1].tolist() == [{0: 0, 1: 0, 2: 1}[c] for c in columns]
    assert after[RIGHT][:, 1].tolist() == [{0: 1, 1: 2, 2: 2}[c] for c in columns]
    for action in (LEFT, RIGHT):
        assert after[action][:, 0].tolist() == row.tolist()
    for action in (STAY, 5, 6):  # what is no move stays
        np.testing.assert_array_equal(after[action], CELLS)
    assert after[UP].dtype == np.int32


def test_agents_on_one_cell_know_it():
    position = jnp.array([[0, 1], [1, 0], [0, 1]], jnp.int32)
    expected = [[True, False, True], [False, True, False], [True, False, True]]
    assert grid.same_cell(position).tolist() == expected


def test_cells_are_read_marked_and_cleared():
    position = jnp.array([[0, 2], [1, 0], [1, 0]], jnp.int32)
    marked = grid.mark(SHAPE, position)
    assert marked.tolist() == [[False, False, True], [True, False, False]]
    assert grid.at(jnp.arange(6).reshape(SHAPE), position).tolist() == [2, 3, 3]
    for where, left in (((0, 0, 0), 2), ((1, 0, 0), 1), ((0, 0, 1), 1), ((1, 1, 1), 0)):
        cleared = grid.clear(marked, position, jnp.array(where, bool))
        assert cleared.sum() == left
        assert not (cleared & ~marked).any()
    assert grid.clear(marked, position, jnp.array([False, True, False]))[0, 2]


def test_random_cells_are_distinct_and_every_cell_is_as_likely():
    keys = jax.random.split(jax.random.key(0), 3000)
    drawn = np.asarray(jax.jit(jax.vmap(lambda key: grid.random_cells(key, SHAPE, 4)))(keys))
    assert drawn.dtype == np.int32
    flat = np.sort(drawn @ np.array([3, 1]), axis=-1)
    assert flat.min() == 0 and flat.max() == 5
    assert (np.diff(flat) > 0).all()
    first = np.bincount(drawn[:, 0] @ np.array([3, 1]), minlength=6) / 3000
    np.testing.assert_allclose(first, 1 / 6, atol=4 * np.sqrt(5 / 36 / 3000))
    assert len(grid.random_cells(keys[0], SHAPE, 6)) == 6


def seen(shape, position, present, objects, radius):
    """What `grid.observe` promises, cell by cell of every window."""
    agents, size = len(position), 2 * radius + 1
    window = np.zeros((agents, size, size, agents + len(objects) + 1), bool)
    for viewer, row, column in itertools.product(range(agents), range(size), range(size)):
        cell = (position[viewer][0] + row - radius, position[viewer][1] + column - radius)
        if present[viewer] and 0 <= cell[0] < shape[0] and 0 <= cell[1] < shape[1]:
            others = [present[k] and tuple(position[k]) == cell for k in range(agents)]
            things = [layer[cell] for layer in objects]
            window[viewer, row, column] = [*others, *things, True]
    return window


@pytest.mark.parametrize(
    ("shape", "agents", "kinds", "radius"),
    [
        ((2, 5), 3, 1, 1),
        ((4, 3), 6, 2, 2),
        ((3, 4), 2, 3, 7),
        ((2, 3), 16, 14, 1),
        ((3, 2), 16, 16, 2),
    ],
)
def test_windows_show_what_is_around(shape, agents, kinds, radius):
    rng = np.random.default_rng(0)
    look = jax.jit(grid.observe, static_argnums=3)
    for _ in range(20):
        position = rng.integers(0, shape, (agents, 2)).astype(np.int32)
        present = rng.random(agents) < 0.7
        objects = tuple(rng.random((kinds, *shape)) < 0.4)
        found = look(position, present, objects, radius)
        assert found.dtype == bool
        np.testing.assert_array_equal(found, seen(shape, position, present, objects, radius))


def test_windows_turn_with_the_heading():
    cells = jnp.arange(1, 13, dtype=jnp.int32).reshape(3, 4)
    position = jnp.array([(1, 1)] * 4, jnp.int32)
    straight = [[1, 2, 3], [5, 6, 7], [9, 10, 11]]
    found = grid.windows(cells, position, 1, jnp.arange(4, dtype=jnp.int32))
    assert found[0].tolist() == grid.windows(cells, position[:1], 1)[0].tolist() == straight
    assert found[1].tolist() == [[3, 7, 11], [2, 6, 10], [1, 5, 9]]  # what is right comes up
    assert found[2].tolist() == [[11, 10, 9], [7, 6, 5], [3, 2, 1]]
    assert found[3].tolist() == [[9, 5, 1], [10, 6, 2], [11, 7, 3]]
    corner = grid.windows(cells, jnp.array([(0, 0)], jnp.int32), 1, jnp.array([2], jnp.int32))
    assert corner[0].tolist() == [[6, 5, 0], [2, 1, 0], [0, 0, 0]]


def test_planes_are_named_in_their_order():
    settings = StagHunt(num_agents=2, radius=1)
    spec = grid.spec(settings, ("up", "down"), ("hare",), ("hares",), None)
    assert spec.plane_names == ("agent_0", "agent_1", "hare", "inside")
    assert (spec.obs_shape, spec.num_actions) == ((3, 3, 4), 2)


KEYS = jax.random.split(jax.random.key(0), 400)
WALK = jax.jit(
    jax.vmap(lambda window, key: grid.step_towards(window, key, jnp.int32(6)), (None, 0))
)


def walks(*marked):
    """How often each action is taken in a window with some marked cells."""
    window = np.zeros((5, 5), bool)
    for cell in marked:
        window[cell] = True
    actions, counts = np.unique(WALK(window, KEYS), return_counts=True)
    return dict(zip(actions.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize(
    ("marked", "action"),
    [
        ([(1, 2)], UP),
        ([(4, 2)], DOWN),
        ([(2, 0)], LEFT),
        ([(2, 3)], RIGHT),
        ([(2, 2), (1, 2)], STAY),
        ([(1, 0)], UP),  # vertical moves come first
        ([(3, 4)], DOWN),
        ([(0, 2), (2, 3)], RIGHT),  # the nearest
        ([(0, 0), (4, 4), (2, 4), (4, 2), (1, 2)], UP),
        ([], 6),
    ],
)
def test_a_scripted_step_leads_to_the_nearest_cell(marked, action):
    assert walks(*marked) == {action: 400}


def test_of_equally_near_cells_each_is_as_likely():
    found = walks((0, 2), (2, 4), (1, 3), (2, 0))
    assert set(found) == {UP, RIGHT, LEFT}
    np.testing.assert_allclose(np.array([found[LEFT], found[RIGHT]]) / 400, 0.25, atol=0.09)


@pytest.mark.parametrize(
    ("field", "settings", "remedy"),
    [
        ("rows", (1, 5, 2, 1, 9), "2 to 64"),
        ("columns", (5, 65, 2, 1, 9), "2 to 64"),
        ("num_agents", (5, 5, 1, 1, 9), "2 to 16"),
        ("num_agents", (2, 2, 5, 1, 9), "use at most 4, the map's cells"),
        ("radius", (5, 5, 2, 8, 9), "1 to 7"),
        ("horizon", (5, 5, 2, 1, 0), "1 or more"),
    ],
)
def test_maps_that_cannot_work_are_named(field, settings, remedy):
    with pytest.raises(ConfigError) as error:
        grid.check_map(*settings)
    assert str(error.value).startswith(f"{field} is ") and remedy in str(error.value)
    grid.check_map(2, 64, 16, 7, 1)
