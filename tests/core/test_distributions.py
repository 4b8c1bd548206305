import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lase_jax.core.distributions import cross_entropy, policy, sample

LOGITS = jnp.array([[0.0, 1.0, 2.0], [3.0, -3.0, 0.0]])
PI = np.asarray(jax.nn.softmax(LOGITS))
ACTION = jnp.array([2, 1])


@pytest.mark.parametrize("epsilon", [0.0, 0.05, 0.5, 1.0])
def test_behaviour_is_the_mixture_of_policy_and_uniform(epsilon):
    expected = (1 - epsilon) * PI + epsilon / 3
    for given in (epsilon, jnp.float32(epsilon)):
        found = policy(LOGITS, given)
        np.testing.assert_allclose(found.probs, expected, atol=1e-6)
        taken = np.log(expected[[0, 1], ACTION])
        np.testing.assert_allclose(found.log_prob(ACTION), taken, rtol=1e-5)


@pytest.mark.parametrize("epsilon", [0.0, 1.0])
def test_gradients_are_finite_at_the_ends_of_the_mixture(epsilon):
    grads = jax.grad(lambda z: policy(z, jnp.float32(epsilon)).log_prob(ACTION).sum())(LOGITS)
    assert np.isfinite(grads).all()
    plain = np.eye(3)[np.asarray(ACTION)] - PI
    np.testing.assert_allclose(grads, (1 - epsilon) * plain, atol=1e-6)


def test_samples_have_the_mixtures_frequencies():
    wide = jnp.broadcast_to(LOGITS, (8000, 2, 3))
    draws = jax.random.uniform(jax.random.key(0), (8000, 2))
    taken = np.asarray(sample(policy(wide, jnp.float32(0.5)), draws))
    share = (taken[..., None] == np.arange(3)).mean(0)
    np.testing.assert_allclose(share, 0.5 * PI + 0.5 / 3, atol=0.02)


def test_impossible_actions_are_never_drawn():
    logits = jnp.array([-jnp.inf, 0.0, -jnp.inf, 0.1, -jnp.inf])
    extremes = jnp.array([0.0, 0.4, 0.6, 1.0 - 2.0**-24])
    taken = sample(policy(jnp.broadcast_to(logits, (4, 5))), extremes)
    np.testing.assert_array_equal(taken, [1, 1, 3, 3])


def test_the_mode_is_the_policys():
    np.testing.assert_array_equal(policy(LOGITS).mode(), [2, 0])


def test_cross_entropy_is_minus_log_probability_of_the_action():
    log_probs = jax.nn.log_softmax(LOGITS)
    np.testing.assert_allclose(
        cross_entropy(log_probs, ACTION), -np.log(PI[[0, 1], ACTION]), rtol=1e-6
    )
