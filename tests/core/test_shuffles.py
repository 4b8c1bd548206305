import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lase_jax.core.shuffles import exchanged, shuffled


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_only_marked_values_change_places_and_each_line_has_an_order_of_its_own(axis):
    values = jnp.arange(4 * 5 * 6.0).reshape(4, 5, 6)
    mask = jax.random.uniform(jax.random.key(0), values.shape) < 0.6
    found = np.asarray(jax.jit(shuffled, static_argnums=3)(jax.random.key(1), values, mask, axis))
    np.testing.assert_array_equal(found[~mask], values[~mask])
    assert (found != values).sum() > 20
    ordered = [np.sort(np.where(mask, part, -1.0), axis) for part in (found, values)]
    np.testing.assert_array_equal(*ordered)


def test_every_order_is_as_likely():
    keys = jax.random.split(jax.random.key(0), 6000)
    mask = jnp.array([True, False, True, True])
    found = jax.vmap(lambda key: shuffled(key, jnp.arange(4), mask, 0))(keys)
    _, counts = np.unique(np.asarray(found), axis=0, return_counts=True)
    assert len(counts) == 6
    np.testing.assert_allclose(counts / len(keys), 1 / 6, atol=0.02)  # four standard deviations


def test_a_line_without_marks_stays():
    values = jnp.arange(3.0)
    np.testing.assert_array_equal(
        shuffled(jax.random.key(0), values, jnp.zeros(3, bool), 0), values
    )


def test_exchanged_values_come_from_any_other_place():
    mask = jnp.array([True, False, True, True])
    keys = jax.random.split(jax.random.key(0), 200)
    found = np.asarray(jax.vmap(lambda key: exchanged(key, jnp.arange(4), mask, 0))(keys))
    assert {tuple(row) for row in found} == {(2, 1, 3, 0), (3, 1, 0, 2)}
    alone = jnp.array([False, True, False, False])
    assert exchanged(keys[0], jnp.arange(4), alone, -1).tolist() == [0, 1, 2, 3]
