from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import probe, same, selfplay, settings

from lase_jax.loop.rollout import begin, collector, play
from lase_jax.nets.layers import Net
from lase_jax.types import Clock

GAME = probe(lambda action: 2 * action, num_agents=2, horizon=6, leaves=(4, 6))
SOCIETY = selfplay(GAME, settings("a2c", net=Net(dense=(8,), lstm=4)))
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def acting():
    state = jax.jit(SOCIETY.init)(KEY, SOCIETY.hyper)
    return SOCIETY.prepare(state)


@partial(jax.jit, static_argnums=(2, 3))
def greedily(acting, world, num_steps, times=1):
    """Rollouts one after the other; neither the game nor greedy play draws anything."""
    rollouts = []
    for _ in range(times):
        world, rollout, kept = play(
            GAME, SOCIETY, acting, world, KEY, num_steps, "greedy", lambda state: state.time
        )
        rollouts.append(rollout)
    return rollouts, kept


def test_facts_are_the_games(acting):
    world = begin(GAME, SOCIETY, KEY, 3)
    (rollout,), kept = greedily(acting, world, 6)
    assert rollout.action.shape == (6, 3, 2) and rollout.obs.shape[:3] == (6, 3, 2)
    np.testing.assert_array_equal(rollout.obs[0], world.obs)
    np.testing.assert_array_equal(rollout.done, np.arange(6)[:, None] == [5, 5, 5])
    present = np.arange(6)[:, None, None] < np.array([4, 6])
    np.testing.assert_array_equal(rollout.active, np.broadcast_to(present, (6, 3, 2)))
    np.testing.assert_array_equal(rollout.reward, 2 * np.asarray(rollout.action) * present)
    np.testing.assert_array_equal(rollout.events["ones"], rollout.action)
    np.testing.assert_array_equal(kept, np.broadcast_to(np.arange(6)[:, None], (6, 3)))
    assert rollout.last_obs[:, :, 6].all()  # the time after the last step
    assert (rollout.log_prob < 0).all()


def test_segments_carry_game_and_memory_over(acting):
    world = begin(GAME, SOCIETY, KEY, 3)
    (whole,), _ = greedily(acting, world, 6)
    (first, second), _ = greedily(acting, world, 3, 2)
    joined = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, second)
    for field in ("obs", "action", "log_prob", "reward", "active", "done", "events"):
        assert same(getattr(joined, field), getattr(whole, field)), field
    assert not any(leaf.any() for leaf in jax.tree.leaves(first.memory))
    assert all(leaf.any() for leaf in jax.tree.leaves(second.memory))


def test_collecting_begins_anew_where_an_episode_does(acting):
    def times(num_steps):
        collect = jax.jit(collector(GAME, SOCIETY, 2, num_steps))
        world = begin(GAME, SOCIETY, KEY, 2)
        for update in range(4):
            world, rollout = collect(acting, world, KEY, Clock(jnp.int32(update)))
            fresh = not any(leaf.any() for leaf in jax.tree.leaves(rollout.memory))
            yield int(rollout.obs[0, 0, 0].argmax()), fresh, bool(rollout.done[-1].all())

    assert list(times(6)) == [(0, True, True)] * 4
    assert list(times(3)) == [(0, True, False), (3, False, True)] * 2
