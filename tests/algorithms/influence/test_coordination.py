"""Measures of communication: by hand, and against what chance alone makes of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lase_jax.algorithms.influence import coordination


def table(*rows):
    return jnp.asarray(np.array(rows, np.float32) / np.float32(np.sum(rows)))


def test_joint_counts_only_what_counts():
    first, second = jnp.array([0, 1, 1, 0]), jnp.array([2, 0, 0, 1])
    counts = jnp.array([True, True, True, False])
    found = coordination.joint(first, second, 2, 3, counts)
    np.testing.assert_allclose(found, [[0, 0, 1 / 3], [2 / 3, 0, 0]], rtol=1e-6)
    assert not coordination.joint(first, second, 2, 3, counts & False).any()


def test_information_by_hand():
    copied = coordination.mutual_information(table([1, 0], [0, 1]))
    assert copied == pytest.approx(np.log(2), rel=1e-5)
    assert coordination.mutual_information(table([1, 1], [1, 1])) == pytest.approx(0, abs=1e-6)
    partly = coordination.mutual_information(table([3, 1], [1, 3]))
    expected = 0.75 * np.log(0.375 / 0.25) + 0.25 * np.log(0.125 / 0.25)
    assert partly == pytest.approx(expected, rel=1e-5)


def test_consistency_by_hand():
    assert coordination.consistency(table([1, 0], [0, 1])) == pytest.approx(1)
    assert coordination.consistency(table([1, 1], [1, 1])) == pytest.approx(0, abs=1e-6)
    # one symbol always means action 0, the other is said with both alike; action 0 is done with
    # probability 2/3 after the first symbol; how often a value occurs makes no difference
    lopsided = table([2, 0], [1, 1])

    def h(*p):
        return -sum(q * np.log(q) for q in p)

    actions_given_symbols = 1 - 0.5 * h(0.5, 0.5) / np.log(2)
    symbols_given_actions = 1 - 0.5 * h(2 / 3, 1 / 3) / np.log(2)
    expected = (actions_given_symbols + symbols_given_actions) / 2
    assert coordination.consistency(lopsided) == pytest.approx(expected, rel=1e-5)


def test_values_that_never_occur_do_not_count():
    small = coordination.mutual_information(table([3, 1], [1, 3]))
    large = coordination.mutual_information(table([3, 1, 0], [1, 3, 0], [0, 0, 0]))
    assert small == pytest.approx(float(large), rel=1e-6)
    assert coordination.consistency(table([1, 0, 0], [0, 1, 0])) == pytest.approx(1)
    assert np.isnan(coordination.consistency(jnp.zeros((2, 2))))


def test_pairs_are_giver_first_and_chance_has_the_bias_that_is_stated():
    key_first, key_second = jax.random.split(jax.random.key(0))
    first = jax.random.randint(key_first, (2000, 3), 0, 4)
    second = jax.random.randint(key_second, (2000, 3), 0, 5)
    second = second.at[:, 2].set(first[:, 1])  # agent 2 does what agent 1 says
    found = coordination.pairwise(first, second, 4, 5, jnp.ones((2000, 3, 3), bool))
    assert found[1, 2] == pytest.approx(np.log(4), rel=0.01)
    rest = np.delete(np.asarray(found).reshape(-1), 1 * 3 + 2)
    assert rest.mean() == pytest.approx(3 * 4 / (2 * 2000), rel=0.5)
