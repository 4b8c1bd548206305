import jax
import numpy as np
import pytest

from lase_jax.runs import program
from lase_jax.runs.program import seed_keys


def test_a_seed_has_its_own_key_whoever_stands_beside_it():
    many = jax.random.key_data(seed_keys(np.arange(3, 7)))
    alone = jax.random.key_data(seed_keys(np.arange(5, 6)))
    np.testing.assert_array_equal(many[2], alone[0])
    assert len(np.unique(many, axis=0)) == 4


@pytest.mark.parametrize(
    ("folder", "words"),
    [(None, "20 to 50 s"), ("x", "20 to 50 s, or a few where it was compiled before")],
)
def test_compiling_takes_a_rough_time_unless_it_was_kept(folder, words, monkeypatch):
    monkeypatch.setattr(type(jax.config), "jax_compilation_cache_dir", folder, raising=False)
    assert program.expected(6.4) == words
    assert program.expected(0.01).startswith("1 to 2 s")
