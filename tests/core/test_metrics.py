import jax.numpy as jnp
import numpy as np
import pytest
from probes import facts, probe

from lase_jax.core.metrics import (
    TABLE,
    by_deed,
    describe,
    equality,
    explained,
    masked_mean,
    of_rollout,
    over_steps,
    slope,
)


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        ((1, 1, 1, 0), 0.75),
        ((3, 3, 0, 0), 0.5),
        ((2, 2, 2, 2), 1.0),
        ((0, 0, 7, 0), 0.25),
        ((3, -1), 0.0),  # |3 + 1| * 2 / (2 * 2 * 2) = 1
        ((0, 0, 0, 0), np.nan),
        ((1, -2), np.nan),
        ((1.0001, -1), np.nan),  # gains and losses cancel
        ((10, -8), -3.5),  # 2 * 18 / (2 * 2 * 2) = 4.5
    ],
)
def test_equality_by_hand(returns, expected):
    np.testing.assert_allclose(equality(jnp.array(returns, jnp.float32)), expected, rtol=1e-6)


def test_means_are_taken_where_the_mask_holds():
    value = jnp.array([[1.0, 5.0], [3.0, jnp.nan]])
    mask = jnp.array([[True, False], [True, False]])
    assert masked_mean(value, mask) == 2.0
    np.testing.assert_array_equal(masked_mean(value, mask, 0, jnp.nan), [2.0, np.nan])
    np.testing.assert_array_equal(masked_mean(value, mask, 1), [1.0, 3.0])
    assert masked_mean(value, ~mask[::-1] & mask) == 0.0


def test_the_share_of_variance_that_a_critic_foresaw():
    goal = jnp.array([[1.0, 2.0, 3.0, 99.0]])
    active = jnp.array([[True, True, True, False]])
    assert explained(jnp.zeros((1, 4)), goal, active) == 1.0
    assert explained(goal - 2.0, goal, active) == pytest.approx(0.0, abs=1e-6)
    assert explained(-goal, goal, active) == pytest.approx(0.0, abs=1e-6)
    assert explained(2.0 * goal, goal, active) == pytest.approx(-3.0, rel=1e-5)
    assert explained(goal, jnp.ones((1, 4)), active) == 0.0
    rounded = 1e-7 * goal  # 0, as a sum of an estimate and its error
    assert explained(rounded - goal, rounded, active) == 0.0


def test_slopes_are_differences_of_means_where_the_cause_is_0_or_1():
    value = jnp.array([[1.0, 9.0], [4.0, 9.0], [6.0, 9.0], [100.0, 9.0]])
    cause = jnp.array([[0.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    mask = jnp.array([[True, True], [True, True], [True, True], [False, False]])
    np.testing.assert_allclose(slope(value, cause, mask, 0), [4.0, np.nan], rtol=1e-6)


def test_several_steps_keep_their_mean_and_their_worst_health():
    steps = {"infer/distance": jnp.array([[1.0], [jnp.nan], [3.0]]), "health/infer": jnp.eye(3)}
    found = over_steps(steps)
    np.testing.assert_array_equal(found["infer/distance"], [2.0])
    np.testing.assert_array_equal(found["health/infer"], np.zeros(3))


SPEC = probe(lambda action: action, num_agents=2, horizon=4).spec


def two_steps():
    """Half an episode of one environment: 0 earns 4 and then -2, 1 earns 0 and then 6."""
    rollout = facts(SPEC, steps=2, envs=1)
    reward = jnp.array([[[4.0, 0.0]], [[-2.0, 6.0]]])
    active = jnp.array([[[True, True]], [[True, False]]])
    return rollout._replace(reward=reward, active=active, events={"ones": jnp.abs(reward)})


def test_numbers_by_hand_of_half_an_episode():
    given = jnp.array([[[[0.5, 0.5], [1.0, 0.0]]], [[[1.0, 0.0], [0.25, 0.75]]]])
    delta = jnp.array([[[-2.0, 2.0]], [[1.5, -1.5]]])
    found = of_rollout(two_steps(), delta, given, SPEC.horizon)
    expected = {
        "return/collective": 16.0,  # 8 in half an episode
        "return/extrinsic": [4.0, 12.0],
        "return/total": [3.0, 13.0],
        "return/after_gifts": [3.0, 13.0],
        "gift/given": [4.0, 3.0],
        "gift/received": [3.0, 4.0],
        "gift/weight": [[0.75, 0.25], [0.25, 0.75]],  # 1's first step had no reward
        "gift/deviation": [[0.25, 0.25], [0.0, 0.0]],
        "social/equality": 1 - 2 * 8 / (4 * 16),
        "social/equality_after": 1 - 2 * 10 / (4 * 16),
        "social/episode_equality": np.nan,  # it is not a whole one
        "social/episode_equality_after": np.nan,
        "play/active": [1.0, 0.5],
        "event/ones": [12.0, 12.0],
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, err_msg=name)


def test_incentives_are_told_apart_by_the_deed():
    """Three steps, two agents; the second leaves before the last step, the third is not asked."""
    spec = probe(lambda action: action, num_agents=3, horizon=3).spec
    received = jnp.array([[1.0, 10.0, 0.0], [3.0, 20.0, 0.0], [5.0, 99.0, 0.0]])[:, None]
    helped = jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])[:, None]
    active = jnp.array([[True] * 3, [True] * 3, [True, False, True]])[:, None]
    rollout = facts(spec, envs=1)._replace(active=active, events={"opened": helped})
    found = by_deed(received, rollout, ("opened",), (0, 1))
    np.testing.assert_array_equal(found["incentive/deed"], [3.0, np.nan])
    np.testing.assert_array_equal(found["incentive/else"], [3.0, 15.0])
    nothing = by_deed(received, rollout, (), (0,))
    assert np.isnan(nothing["incentive/deed"]) and nothing["incentive/else"] == 3.0


def test_equality_of_each_whole_episode_and_of_their_mean():
    reward = jnp.array([[[2.0, 0.0], [0.0, 2.0]]] * 4)  # in each episode one earns everything
    rollout = facts(SPEC, envs=2)._replace(reward=reward)
    keep = jnp.broadcast_to(jnp.eye(2), (4, 2, 2, 2))
    found = of_rollout(rollout, jnp.zeros_like(reward), keep, SPEC.horizon)
    assert found["social/equality"] == 1.0
    assert found["social/episode_equality"] == found["social/episode_equality_after"] == 0.5
    halves = of_rollout(rollout, jnp.zeros_like(reward), jnp.full_like(keep, 0.5), SPEC.horizon)
    assert halves["social/episode_equality_after"] == 1.0


def test_every_row_says_its_axes_unit_and_meaning():
    for name, row in TABLE.items():
        assert row.axes in ("", "N", "NN") and row.unit and row.meaning, name


def test_names_are_looked_up_and_unknown_ones_refused():
    assert describe("event/hares") is TABLE["event/*"]
    assert describe("return/total") is TABLE["return/total"]
    with pytest.raises(KeyError):
        describe("return/imaginary")
