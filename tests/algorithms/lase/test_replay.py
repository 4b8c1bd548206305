import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import facts, probe, same

from envs.checks import ConfigError
from lase_jax.algorithms.lase.replay import Replay, present_batch

SPEC = probe(lambda action: action, num_agents=3, horizon=4).spec  # 8 bits an observation
WIDE = SPEC._replace(obs_shape=(3, 3, 3))  # 27 bits: not a multiple of 8
COUNTS = WIDE._replace(obs_dtype=np.dtype(np.uint8))
SEATS = (2, 0)


def drawn(replay, buffer, key, episodes, count):
    sample = jax.jit(replay.sample, static_argnums=2)
    return sample(buffer, jax.random.key(key), episodes, jnp.int32(count), ())


def stored(spec, capacity, batches, envs=2):
    replay = Replay(spec, SEATS, capacity)
    buffer = replay.init()
    for update in range(batches):
        rollout = facts(spec, envs=envs, seed=update)
        rollout = rollout._replace(obs=rollout.obs.astype(spec.obs_dtype))
        buffer = jax.jit(replay.add)(buffer, rollout, jnp.int32(update))
    return replay, buffer


@pytest.mark.parametrize("spec", [SPEC, WIDE, COUNTS])
def test_what_comes_out_is_what_went_in(spec):
    replay, buffer = stored(spec, capacity=2, batches=1)
    rollout = facts(spec)
    found = drawn(replay, buffer, 0, 12, 2)
    assert found.obs.dtype == spec.obs_dtype and found.obs.shape == (
        4,
        12,
        2,
        math.prod(spec.obs_shape),
    )
    first = np.array([(found.joint[:, i] == rollout.action[:, 0]).all() for i in range(12)])
    assert 0 < first.sum() < 12  # both episodes are drawn
    expected = present_batch(rollout, SEATS, 2)
    expected = expected._replace(obs=expected.obs.astype(spec.obs_dtype))
    taken = expected._replace(
        **{
            name: getattr(expected, name)[:, np.where(first, 0, 1)]
            for name in expected._fields
            if name != "memory"
        }
    )
    assert same(found, taken)


def test_bits_are_an_eighth_of_the_bytes():
    replay, buffer = stored(WIDE, capacity=5, batches=1)
    assert replay.binary and buffer.obs.dtype == jnp.uint8
    assert buffer.obs.shape == (5, 4, 2, 4)
    assert Replay(WIDE, SEATS, 0).init().obs.size == 0


def test_the_oldest_is_overwritten():
    _, buffer = stored(SPEC, capacity=5, batches=4)  # 8 episodes into 5 places
    held = [facts(SPEC, seed=update).reward[:, env, 2] for update, env in episodes_held(5, 8)]
    np.testing.assert_array_equal(buffer.reward[:, :, 0], jnp.stack(held))


def episodes_held(capacity, count):
    """(update, environment) of the episode in each place of a full ring."""
    newest = {number % capacity: number for number in range(count)}
    return [divmod(newest[place], 2) for place in range(capacity)]


def test_only_stored_episodes_are_drawn():
    replay, buffer = stored(SPEC, capacity=64, batches=1)
    found = drawn(replay, buffer, 1, 50, 2)
    assert found.present[0].all()  # an empty place has nobody present
    assert not buffer.present[2:].any()
    full = drawn(replay, buffer, 1, 50, 1_000_000)
    assert not full.present[0].all()


def test_a_buffer_smaller_than_the_batch_is_refused():
    with pytest.raises(ConfigError, match="replay is 3: use at least num_envs, 4"):
        stored(SPEC, capacity=3, batches=1, envs=4)


def test_parts_of_episodes_are_refused():
    replay = Replay(SPEC, SEATS, 8)
    with pytest.raises(ConfigError, match="rollout_length is 2"):
        replay.add(replay.init(), facts(SPEC, steps=2), jnp.int32(0))


def test_the_present_batch_is_evenly_spaced():
    rollout = facts(SPEC, envs=5)
    found = present_batch(rollout._replace(memory=jnp.arange(5)), SEATS, 2)
    np.testing.assert_array_equal(found.joint, rollout.action[:, [0, 2]])
    np.testing.assert_array_equal(found.action, rollout.action[:, [0, 2]][..., [2, 0]])
    np.testing.assert_array_equal(found.reward, rollout.reward[:, [0, 2]][..., [2, 0]])
    np.testing.assert_array_equal(found.obs, rollout.obs[:, [0, 2]][:, :, [2, 0]])
    np.testing.assert_array_equal(found.memory, [0, 2])
    assert present_batch(rollout, SEATS, 9).done.shape == (4, 5)
