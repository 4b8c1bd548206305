import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs import grid, motion

FALLING = np.array([0.9, 0.8, 0.7, 0.6], np.float32)


def moved(position, target, priority=FALLING):
    arrays = (np.array(position, np.int32), np.array(target, np.int32))
    return motion.resolve(*arrays, jnp.asarray(priority[: len(position)])).tolist()


def test_a_free_cell_goes_to_the_highest_priority():
    position, target = [[0, 0], [0, 2], [1, 1]], [[0, 1], [0, 1], [0, 1]]
    assert moved(position, target) == [[0, 1], [0, 2], [1, 1]]
    rising = np.array([0.1, 0.2, 0.3], np.float32)
    assert moved(position, target, rising) == [[0, 0], [0, 2], [0, 1]]


def test_a_chain_advances_as_a_whole():
    position, target = [[0, 0], [0, 1], [0, 2]], [[0, 1], [0, 2], [0, 3]]
    assert moved(position, target) == target


def test_a_chain_stops_behind_one_that_stays():
    position, target = [[0, 0], [0, 1], [0, 2], [0, 3]], [[0, 1], [0, 2], [0, 3], [0, 3]]
    assert moved(position, target) == position


def test_a_chain_stops_behind_the_loser_of_a_contest():
    position, target = [[0, 3], [0, 1], [0, 0]], [[0, 2], [0, 2], [0, 1]]
    assert moved(position, target) == [[0, 2], [0, 1], [0, 0]]


def test_a_pair_does_not_swap_and_whoever_follows_waits():
    position, target = [[0, 1], [0, 2], [0, 0]], [[0, 2], [0, 1], [0, 1]]
    assert moved(position, target) == position


def test_a_ring_of_four_turns():
    position, target = [[0, 0], [0, 1], [1, 1], [1, 0]], [[0, 1], [1, 1], [1, 0], [0, 0]]
    assert moved(position, target) == target


def test_equal_priorities_have_one_winner():
    together, claims = jnp.ones((3, 3), bool), jnp.array([False, True, True])
    assert motion.winners(together, claims, jnp.zeros(3)).tolist() == [False, True, False]


@pytest.mark.parametrize(("shape", "num_agents"), [((3, 4), 9), ((2, 5), 10), ((4, 3), 5)])
def test_cells_stay_distinct_and_nobody_is_held_back_without_cause(shape, num_agents):
    def one(key):
        keys = jax.random.split(key, 3)
        position = grid.random_cells(keys[0], shape, num_agents)
        action = jax.random.randint(keys[1], (num_agents,), 0, 5)
        target = grid.move(position, action, shape)
        priority = jax.random.uniform(keys[2], (num_agents,))
        return position, target, priority, motion.resolve(position, target, priority)

    keys = jax.random.split(jax.random.key(0), 2000)
    trials = [np.asarray(x) for x in jax.jit(jax.vmap(one))(keys)]
    held = 0
    for position, target, priority, after in zip(*trials, strict=True):
        cells = {tuple(cell) for cell in after.tolist()}
        assert len(cells) == num_agents
        for agent in range(num_agents):
            if (after[agent] == target[agent]).all():
                continue
            held += 1
            assert (after[agent] == position[agent]).all()
            before = {tuple(cell): other for other, cell in enumerate(position.tolist())}
            owner = before.get(tuple(target[agent].tolist()))
            swaps = owner is not None and (target[owner] == position[agent]).all()
            rivals = np.flatnonzero((target == target[agent][None]).all(-1))
            outranked = any(priority[rival] > priority[agent] for rival in rivals)
            blocked = owner is not None and (after[owner] == position[owner]).all()
            assert swaps or outranked or blocked
    assert held > 1000


def test_no_seat_has_an_advantage():
    position, target = [[0, 0], [0, 2], [1, 1]], [[0, 1], [0, 1], [0, 1]]
    arrays = jnp.array(position, jnp.int32), jnp.array(target, jnp.int32)
    priority = jax.random.uniform(jax.random.key(1), (3000, 3))
    after = jax.jit(jax.vmap(lambda p: motion.resolve(*arrays, p)))(priority)
    share = np.asarray((after == arrays[1][None]).all(-1)).mean(0)
    assert share.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(share, 1 / 3, atol=4 * np.sqrt(2 / 9 / 3000))
