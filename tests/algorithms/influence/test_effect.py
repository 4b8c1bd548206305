"""Influence as a divergence: by hand, and on average the mutual information of actions."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lase_jax.algorithms.influence.effect import MEASURES, divergence, marginal


def logs(*probs):
    return jnp.log(jnp.array(probs))


def test_divergences_by_hand():
    had = jnp.stack([logs(0.5, 0.5), logs(0.9, 0.1)])
    whatever = marginal(had, logs(0.75, 0.25))
    np.testing.assert_allclose(jnp.exp(whatever), [0.6, 0.4], rtol=1e-6)
    found = {m: float(divergence(had[1], whatever, jnp.int32(0), m)) for m in MEASURES}
    assert found["kl"] == pytest.approx(0.9 * np.log(1.5) + 0.1 * np.log(0.25), rel=1e-5)
    assert found["pmi"] == pytest.approx(np.log(1.5), rel=1e-5)
    left = 0.9 * np.log(0.9 / 0.75) + 0.1 * np.log(0.1 / 0.25)
    right = 0.6 * np.log(0.6 / 0.75) + 0.4 * np.log(0.4 / 0.25)
    assert found["jsd"] == pytest.approx((left + right) / 2, rel=1e-5)
    assert float(divergence(had[1], whatever, jnp.int32(1), "pmi")) < 0


LOGITS = st.lists(st.floats(-4, 4, width=32), min_size=15, max_size=15).map(
    lambda x: np.array(x, np.float32).reshape(5, 3)
)


@jax.jit
def averages(logits):
    """Mean influence over own actions; mutual information; mean PMI over both agents' actions."""
    log_pi, had = jax.nn.log_softmax(logits[0]), jax.nn.log_softmax(logits[1:4])
    whatever = marginal(had, log_pi)
    pi, p, m = jnp.exp(log_pi), jnp.exp(had), jnp.exp(whatever)
    each = jax.vmap(partial(divergence, measure="kl"), (0, None, None))(had, whatever, 0)
    information = -(m * whatever).sum() + (pi[:, None] * p * had).sum()
    over_actions = jax.vmap(partial(divergence, measure="pmi"), (None, None, 0))
    pointwise = jax.vmap(over_actions, (0, None, None))(had, whatever, jnp.arange(3))
    return each, (pi * each).sum(), information, (pi[:, None] * p * pointwise).sum()


@given(LOGITS)
def test_mean_influence_is_the_mutual_information_of_actions(logits):
    each, mean, information, pointwise = averages(logits)
    assert (each >= -1e-5).all()
    np.testing.assert_allclose([mean, pointwise], information, atol=1e-5)
