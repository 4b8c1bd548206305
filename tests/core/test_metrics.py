import jax.numpy as jnp
import numpy as np
import pytest
from probes import facts, probe

from lase_jax.core.metrics import TABLE, describe, equality, masked_mean, of_rollout


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
        "social/equality": 1 - 2 * 8 / (4 * 16),
        "social/equality_after": 1 - 2 * 10 / (4 * 16),
        "play/active": [1.0, 0.5],
        "event/ones": [12.0, 12.0],
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, err_msg=name)


def test_every_row_says_its_axes_unit_and_meaning():
    for name, row in TABLE.items():
        assert row.axes in ("", "N", "NN") and row.unit and row.meaning, name


def test_names_are_looked_up_and_unknown_ones_refused():
    assert describe("event/hares") is TABLE["event/*"]
    assert describe("return/total") is TABLE["return/total"]
    with pytest.raises(KeyError):
        describe("return/imaginary")
