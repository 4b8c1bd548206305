import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lase_jax.core.rewards import (
    after_leaving,
    gift_delta,
    group_delta,
    inequity_delta,
    keep_rest,
)

NUM = 4
NUMBERS = st.integers(-1000, 1000).map(lambda x: x / 100)
SHARES = st.integers(0, 1000).map(lambda x: x / 1000 / (NUM - 1))


def array(elements, *shape):
    count = int(np.prod(shape))
    flat = st.lists(elements, min_size=count, max_size=count)
    return flat.map(lambda x: np.array(x, np.float32).reshape(shape))


gifts, fill = jax.jit(gift_delta), jax.jit(keep_rest)


def test_gifts_by_hand():
    reward = jnp.array([10.0, 1.0, -2.0])
    weights = jnp.array([[0.0, 0.1, 0.2], [0.5, 0.0, 0.0], [0.0, 0.5, 0.0]])
    # 0 hands out 3 and gets 0.5; 1 hands out 0.5 and gets 1 and half of -2; 2 hands out -1, gets 2
    np.testing.assert_allclose(gift_delta(reward, weights), [-2.5, -0.5, 3.0], rtol=1e-6)


@given(array(NUMBERS, NUM), array(SHARES, NUM, NUM))
def test_gifts_conserve_the_groups_reward_negative_ones_too(reward, weights):
    assert abs(float(gifts(reward, weights).sum())) <= 1e-5 * max(1.0, np.abs(reward).sum())


@given(array(NUMBERS, NUM), array(SHARES, NUM, NUM))
def test_gifts_are_the_papers_equation_2(reward, weights):
    whole = fill(weights)
    np.testing.assert_allclose(
        reward + gifts(reward, weights), reward @ np.asarray(whole), atol=1e-4
    )


@given(array(SHARES, NUM, NUM))
def test_rows_of_shares_sum_to_1(weights):
    whole = np.asarray(fill(weights))
    np.testing.assert_allclose(whole.sum(1), 1.0, atol=1e-6)
    off = ~np.eye(NUM, dtype=bool)
    np.testing.assert_array_equal(whole[off], weights[off])
    assert (np.diagonal(whole) >= -1e-6).all()


def test_group_delta_makes_every_reward_the_sum():
    reward = jnp.array([1.0, -2.0, 5.0])
    np.testing.assert_allclose(reward + group_delta(reward), [4.0, 4.0, 4.0])


def test_what_comes_after_leaving_is_paid_in_the_last_step():
    reward = jnp.array([1.0, 4.0, 2.0, 8.0, 5.0])
    done = jnp.array([False, False, False, True, False])
    leaves_first, leaves_last = [True, False, False, False, True], [True, True, True, False, True]
    active = jnp.array([[True] * 5, leaves_first, leaves_last]).T
    paid = after_leaving(reward, active, done, jnp.float32(0.5))
    np.testing.assert_allclose(paid[:, 0], 0.0)  # stays to the end
    np.testing.assert_allclose(paid[:, 1], [2.0 + 0.5 + 1.0, 0.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(paid[:, 2], [0.0, 0.0, 4.0, 0.0, 0.0])


def test_inequity_by_hand():
    others = jnp.array([5.0, 1.0, 2.0])  # two have more than 1.5, by 3.5 and 0.5, one less, by 0.5
    envy, guilt = inequity_delta(jnp.float32(1.5), others, jnp.float32(5.0), jnp.float32(0.05))
    np.testing.assert_allclose(envy, -5.0 * 4.0 / 3, rtol=1e-6)
    np.testing.assert_allclose(guilt, -0.05 * 0.5 / 3, rtol=1e-6)


averse = jax.jit(inequity_delta)


@given(NUMBERS, array(NUMBERS, NUM), st.permutations(range(NUM)))
def test_inequity_never_pays_and_does_not_care_who_has_more(own, others, order):
    own, alpha, beta = np.float32(own), np.float32(2.0), np.float32(0.5)
    found = averse(own, others, alpha, beta)
    assert found[0] <= 0 and found[1] <= 0  # a public implementation makes guilt a bonus
    np.testing.assert_allclose(found, averse(own, others[list(order)], alpha, beta), atol=1e-4)
    envied = averse(-own, -others, alpha, beta)  # who was behind is ahead
    np.testing.assert_allclose(found[0] / alpha, envied[1] / beta, atol=1e-4)


def test_batches_are_refused():
    with pytest.raises(AssertionError):
        gift_delta(jnp.zeros((2, 3)), jnp.zeros((2, 3, 3)))
    with pytest.raises(AssertionError):
        group_delta(jnp.zeros((2, 3)))
    with pytest.raises(AssertionError):
        inequity_delta(jnp.zeros(2), jnp.zeros((2, 3)), jnp.float32(1.0), jnp.float32(1.0))
