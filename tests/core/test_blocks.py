"""Loops over those samples that are needed: nothing is left out, and nothing done in vain."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lase_jax.core import blocks

AGENTS = 2
MASKS = st.integers(0, 2**40 - 1)


def true_values(shares, samples):
    """A number of its own for every share, agent and sample."""
    share, agent, sample = np.ogrid[:shares, :AGENTS, :samples]
    return 1000.0 * share + 100.0 * agent + sample + 1.0


@cache
def evaluation(shares, samples):
    """Evaluates those numbers in blocks, and adds up those that count."""
    values = jnp.asarray(np.moveaxis(true_values(shares, samples), 1, 2), jnp.float32)

    def step(kept, index, counts):
        found, total = kept
        value = blocks.take(values, index)
        return blocks.put(found, index, value), total + value.sum(where=counts)

    def run(needed):
        kept = jnp.zeros(needed.shape), jnp.float32(0.0)
        return blocks.over_blocks("test", step, needed, kept)

    return jax.jit(run)


@given(MASKS, MASKS, st.sampled_from([(1, 7), (1, 40), (2, 20)]))
def test_blocks_leave_nothing_out(first, second, shape):
    shares, samples = shape
    bits = [[mask >> i & 1 for i in range(shares * samples)] for mask in (first, second)]
    needed = np.array(bits, bool).reshape(AGENTS, shares, samples).swapaxes(0, 1)
    true = true_values(shares, samples)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "LEAST", 3)
        found, total = evaluation(shares, samples)(jnp.asarray(needed))
    found = np.asarray(found)
    np.testing.assert_array_equal(found[needed], true[needed])
    assert not found[~needed].any()
    np.testing.assert_allclose(total, true[needed].sum(), rtol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_work_follows_the_number_of_needed_samples(share):
    samples = blocks.LEAST * blocks.CHUNKS
    needed = jnp.asarray(np.arange(samples)[None, None] < share * samples)
    calls = []

    def step(kept, index, counts):
        jax.debug.callback(lambda: calls.append(1))
        return kept

    jax.block_until_ready(blocks.over_blocks("test", step, needed, jnp.float32(0.0)))
    jax.effects_barrier()
    assert len(calls) == -(-share * blocks.CHUNKS // 1)


def test_few_samples_are_one_block():
    assert blocks.block_size(blocks.LEAST - 1) == blocks.LEAST - 1
    assert blocks.block_size(blocks.LEAST + 1) == blocks.LEAST
    assert blocks.block_size(1000 * blocks.CHUNKS) == 1000


@pytest.mark.parametrize("count", [1, 2, 6])
def test_shares_hold_whole_environments_and_can_be_undone(count):
    leaf = jnp.arange(5 * 6 * 3).reshape(5, 6, 3)
    shared = blocks.by_share({"x": leaf}, count)["x"]
    assert shared.shape == (count, 30 // count, 3)
    own = np.asarray(leaf)[:, : 6 // count].reshape(-1, 3)
    np.testing.assert_array_equal(shared[0], own)
    np.testing.assert_array_equal(blocks.by_step(shared, 5), leaf)


def test_without_a_mesh_nobody_shares():
    assert blocks.shares(8) == 1


@pytest.mark.parametrize("count", [1, 2])
def test_samples_are_treated_alike_however_they_are_shared(count, monkeypatch):
    monkeypatch.setattr(blocks, "shares", lambda envs: count)
    first, second = jnp.arange(5.0 * 6 * 3).reshape(5, 6, 3), jnp.arange(30.0).reshape(5, 6)
    total, twice = blocks.as_samples(lambda a, b: (a.sum(-1) + b, 2 * a), first, second)
    np.testing.assert_array_equal(total, first.sum(-1) + second)
    np.testing.assert_array_equal(twice, 2 * first)
