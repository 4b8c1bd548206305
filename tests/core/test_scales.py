"""Running scales of returns, by hand."""

import jax.numpy as jnp
import numpy as np

from lase_jax.core import scales
from lase_jax.core.scales import DECAY, Scale


def test_a_squared_return_is_the_mean_over_active_steps():
    reward = jnp.array([[1.0, 0.0], [2.0, 4.0]])  # two steps of two environments
    active = jnp.array([[True, True], [True, False]])
    cont = jnp.array([[1.0, 0.0], [0.0, 0.0]])
    found = scales.squared_return(reward, active, cont, jnp.float32(0.5))
    np.testing.assert_allclose(found, (2.0**2 + 0.0 + 2.0**2) / 3, rtol=1e-6)


def test_the_scale_is_a_running_mean_that_begins_with_the_first_update():
    first = scales.blank(2)
    np.testing.assert_array_equal(scales.root(first), [1.0, 1.0])
    once = scales.updated(first, jnp.array([4.0, 0.0]))
    np.testing.assert_allclose(scales.root(once), [2.0, 1.0], rtol=1e-5)  # 1: earned nothing yet
    twice = scales.updated(once, jnp.array([16.0, 9.0]))
    mean = (DECAY * np.array([4.0, 0.0]) + np.array([16.0, 9.0])) / (1 + DECAY)
    np.testing.assert_allclose(scales.root(twice), np.sqrt(mean), rtol=1e-5)


def test_a_layer_says_the_same_in_the_new_unit_but_at_first():
    before = Scale(jnp.array([4.0, 0.0]), jnp.float32(1.0))
    after = Scale(jnp.array([16.0, 9.0]), jnp.float32(1.0))
    layer = {"kernel": jnp.ones((2, 3, 1)), "bias": jnp.full((2, 1), 8.0)}
    found = scales.keep_output(layer, before, after)
    np.testing.assert_allclose(found["kernel"][:, 0, 0], [0.5, 1.0])
    np.testing.assert_allclose(found["bias"][:, 0], [4.0, 8.0])
    values = [layer["bias"][0] * scales.root(before)[0], found["bias"][0] * scales.root(after)[0]]
    np.testing.assert_allclose(*values)
