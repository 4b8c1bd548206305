import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from probes import one_agent, same

from lase_jax.core.population import adam_scale, descend, finite, init_stacked, optimiser

LR = jnp.float32(0.1)


def agents(count=3):
    def init(key):
        return {"w": jax.random.normal(key, (4,)), "b": jnp.zeros(())}

    tx = optimiser(1.0)
    return tx, init_stacked(init, tx, jax.random.key(0), count)


def gradient(seed=1, count=3):
    drawn = jax.random.normal(jax.random.key(seed), (count, 5))
    return {"w": drawn[:, :4], "b": drawn[:, 4]}


def test_agents_begin_different():
    _, trained = agents()
    w = trained.params["w"]
    assert np.abs(w[:, None] - w[None]).sum(-1)[~np.eye(3, dtype=bool)].min() > 0.1


def test_adams_scale_turns_a_steady_gradient_into_its_step():
    """From the first step on, when moments are corrected most."""
    tx = optimiser(np.inf)
    trained = init_stacked(
        lambda key: {"w": jax.random.normal(key, (5,))}, tx, jax.random.key(0), 2
    )
    grads = {"w": jax.random.normal(jax.random.key(1), (2, 5))}
    for _ in range(3):
        before = trained.params["w"]
        trained, _ = descend(tx, trained, grads, LR)
        scale = jax.vmap(adam_scale)(trained.opt)["w"]
        np.testing.assert_allclose(before - trained.params["w"], LR * scale * grads["w"], rtol=1e-4)


def test_agents_are_clipped_and_stepped_each_by_itself():
    tx, trained = agents()
    grads = jax.tree.map(lambda g: g * 100.0, gradient())
    stacked, norm = jax.jit(lambda trained, grads: descend(tx, trained, grads, LR))(trained, grads)
    for i in range(3):
        alone = one_agent(trained, i)
        with jax.numpy_dtype_promotion("standard"):
            update, _ = tx.update(one_agent(grads, i), alone.opt)
        expected = jax.tree.map(lambda p, u: p - LR * u, alone.params, update)
        for name in expected:
            np.testing.assert_allclose(stacked.params[name][i], expected[name], rtol=1e-5)
        np.testing.assert_allclose(norm[i], optax.tree.norm(one_agent(grads, i)), rtol=1e-6)


def test_the_first_step_of_adam_is_the_learning_rate():
    tx, trained = agents()
    grads = gradient()
    after, _ = descend(tx, trained, grads, LR)
    step = after.params["w"] - trained.params["w"]
    np.testing.assert_allclose(step, -0.1 * jnp.sign(grads["w"]), rtol=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_one_agents_exploding_gradient_leaves_the_others_unchanged(bad):
    tx, trained = agents()
    grads = gradient()
    broken = jax.tree.map(lambda g: g.at[1].set(bad), grads)
    first, second = (descend(tx, trained, g, LR)[0] for g in (grads, broken))
    for i in (0, 2):
        assert same(one_agent(first, i), one_agent(second, i))
    assert not same(one_agent(first, 1), one_agent(second, 1))


def test_finite_says_whose_numbers_are_not():
    found = finite(jnp.array([1.0, jnp.nan, 2.0]), jnp.array([0.0, 0.0, -jnp.inf]))
    np.testing.assert_array_equal(found, [1.0, 0.0, 0.0])
