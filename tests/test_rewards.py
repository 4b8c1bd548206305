import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lase_jax.rewards import gift_delta, group_delta, keep_rest

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


def test_batches_are_refused():
    with pytest.raises(AssertionError):
        gift_delta(jnp.zeros((2, 3)), jnp.zeros((2, 3, 3)))
    with pytest.raises(AssertionError):
        group_delta(jnp.zeros((2, 3)))
