import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lase_jax.algorithms.lase.counterfactual import advantage, relationship, uninformed
from lase_jax.core.rewards import gift_delta

ACTIONS = 3
VALUES = st.lists(st.integers(-10_000, 10_000), min_size=ACTIONS, max_size=ACTIONS)
PROBS = st.lists(st.integers(1, 100), min_size=ACTIONS, max_size=ACTIONS)

every_action = jax.jit(jax.vmap(relationship, (0, None, None, None)), static_argnums=3)
every_advantage = jax.jit(jax.vmap(advantage, (0, None, None)))


def arrays(q, p):
    q, p = np.array(q, np.float32) / 100, np.array(p, np.float32)
    return q, p / p.sum()


@pytest.mark.parametrize("num_agents", [2, 4])
def test_by_hand(num_agents):
    q, probs = jnp.array([2.0, 6.0, 4.0]), jnp.array([0.5, 0.25, 0.25])
    # The expectation is 3.5 and the spread 4: advantages -1.5, 2.5, 0.5.
    np.testing.assert_allclose(every_advantage(q, q, probs), [-1.5, 2.5, 0.5])
    expected = np.array([0.0, 2.5, 0.5]) / 4 / (num_agents - 1)
    np.testing.assert_allclose(every_action(q, q, probs, num_agents), expected, rtol=1e-6)


@given(VALUES, PROBS)
def test_weights_lie_between_0_and_an_equal_share(q, p):
    q, p = arrays(q, p)
    weights = np.asarray(every_action(q, q, p, 4))
    assert (weights >= 0).all() and (weights <= np.float32(1 / 3)).all()


@given(VALUES, PROBS)
def test_the_expected_advantage_is_0(q, p):
    q, p = arrays(q, p)
    assert abs(float(p @ np.asarray(every_advantage(q, q, p)))) <= 1e-5 * max(1, np.abs(q).max())


def test_where_no_action_matters_nothing_is_given():
    q, probs = jnp.full(3, 5.0), jnp.array([1.0, 0.0, 0.0])
    np.testing.assert_array_equal(every_action(q, q, probs, 2), 0.0)


@pytest.mark.parametrize("broken", ["q", "probs"])
def test_a_network_that_has_broken_down_gives_nothing(broken):
    q, probs = jnp.array([0.0, 1.0, 2.0]), jnp.full(3, 1 / 3)
    if broken == "q":
        q = q.at[0].set(jnp.nan)
    else:
        probs = probs.at[0].set(jnp.nan)
    np.testing.assert_array_equal(every_action(q, q, probs, 2), 0.0)


R, S, T, P = 1.0, -0.2, 1.2, 0.0  # the paper's prisoner's dilemma; action 0 cooperates
PAYOFF = np.array([[R, S], [T, P]])  # [own action, other's action]


def weight(own, other, imagined):
    """The share that one player gives when Q is its payoff and it imagines P(C) of the other."""
    q = jnp.array(PAYOFF[own], jnp.float32)
    return float(relationship(q[other], q, jnp.array([imagined, 1 - imagined]), 2))


@pytest.mark.parametrize("theta", [0.0, 0.3, 0.9, 1.0])
def test_matrix_games_weights_are_the_papers(theta):
    for own in (0, 1):
        assert weight(own, 0, theta) == pytest.approx(1 - theta, abs=1e-6)  # w_CC and w_DC
        assert weight(own, 1, theta) == 0.0  # w_CD and w_DD


def test_matrix_games_total_rewards_are_the_papers():
    first, second = 0.3, 0.8  # what 2 imagines of player 1, and 1 of player 2
    expected = {
        (0, 0): second * R + (1 - first) * R,
        (0, 1): S + (1 - first) * T,
        (1, 0): second * T,
        (1, 1): P,
    }
    for (one, two), total in expected.items():
        reward = jnp.array([PAYOFF[one, two], PAYOFF[two, one]], jnp.float32)
        shares = [[0.0, weight(one, two, second)], [weight(two, one, first), 0.0]]
        found = reward + gift_delta(reward, jnp.array(shares, jnp.float32))
        assert float(found[0]) == pytest.approx(total, abs=1e-6)
        assert float(found.sum()) == pytest.approx(float(reward.sum()), abs=1e-6)


@pytest.mark.parametrize("probs", [(0.2,) * 5, (0.9, 0.04, 0.03, 0.02, 0.01), (0.3, 0.7)])
def test_the_floor_is_what_values_drawn_at_random_give(probs):
    probs = jnp.array(probs)
    q = jax.random.normal(jax.random.key(0), (20_000, len(probs)))
    drawn = jax.jit(jax.vmap(relationship, (0, 0, None, None)), static_argnums=3)
    for action in range(len(probs)):
        expected = drawn(q[:, action], q, probs, 4).mean()
        np.testing.assert_allclose(uninformed(action, probs, 4), expected, atol=0.005)


def test_the_floor_between_two_equally_likely_actions_is_a_quarter():
    assert uninformed(jnp.int32(1), jnp.array([0.5, 0.5]), 2) == 0.25
