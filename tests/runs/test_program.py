import jax
import numpy as np

from lase_jax.runs.program import seed_keys


def test_a_seed_has_its_own_key_whoever_stands_beside_it():
    many = jax.random.key_data(seed_keys(np.arange(3, 7)))
    alone = jax.random.key_data(seed_keys(np.arange(5, 6)))
    np.testing.assert_array_equal(many[2], alone[0])
    assert len(np.unique(many, axis=0)) == 4
