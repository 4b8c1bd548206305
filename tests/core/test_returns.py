import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lase_jax.core.returns import continues, dice, gae

REWARD = jnp.array([1.0, 2.0, -3.0, 4.0])
VALUE = jnp.array([0.5, -1.0, 2.0, 0.25])
NEXT = jnp.array([-1.0, 2.0, 0.25, 8.0])
ON = jnp.ones(4)
END = jnp.array([1.0, 1.0, 1.0, 0.0])


def test_gae_by_hand():
    adv = gae(REWARD[:2], VALUE[:2], NEXT[:2], ON[:2], jnp.float32(0.5), jnp.float32(0.5))
    # delta = [1 - 0.5 - 0.5, 2 + 1 + 1] = [0, 4]; adv_0 = 0 + 0.5 * 0.5 * 4
    np.testing.assert_allclose(adv, [1.0, 4.0])


@pytest.mark.parametrize("cont", [ON, END])
def test_lambda_0_is_the_temporal_difference_error(cont):
    adv = gae(REWARD, VALUE, NEXT, cont, jnp.float32(0.9), jnp.float32(0.0))
    np.testing.assert_allclose(adv, REWARD + 0.9 * cont * NEXT - VALUE, rtol=1e-6)


@pytest.mark.parametrize(("cont", "after"), [(ON, 8.0), (END, 0.0)])
def test_lambda_1_is_the_monte_carlo_return(cont, after):
    adv = gae(REWARD, VALUE, NEXT, cont, jnp.float32(0.9), jnp.float32(1.0))
    expected, tail = [], after
    for reward in np.asarray(REWARD)[::-1]:
        tail = reward + 0.9 * tail
        expected.insert(0, tail)
    np.testing.assert_allclose(adv, np.array(expected) - VALUE, rtol=1e-5)


def test_nothing_flows_back_over_an_end():
    cont = jnp.array([1.0, 0.0, 1.0, 1.0])
    args = (VALUE, NEXT, cont, jnp.float32(0.9), jnp.float32(0.9))
    changed = gae(REWARD.at[2:].set(100.0), *args)
    np.testing.assert_array_equal(changed[:2], gae(REWARD, *args)[:2])


def test_an_agent_is_refused_a_batch():
    with pytest.raises(AssertionError):
        gae(REWARD[None], VALUE[None], NEXT[None], ON[None], jnp.float32(0.9), jnp.float32(0.9))


@pytest.mark.parametrize(
    ("active", "done", "expected"),
    [
        ([1, 1, 1], [0, 0, 1], [1, 1, 0]),  # the episode ends
        ([1, 1, 1], [0, 0, 0], [1, 1, 1]),  # a cut: bootstraps
        ([1, 1, 0], [0, 0, 1], [1, 0, 0]),  # removed in step 1, its last
        ([1, 0, 0], [0, 0, 0], [0, 0, 1]),  # removed; the last step is masked, for it took no part
    ],
)
def test_an_agents_game_goes_on_until_it_is_removed_or_the_episode_ends(active, done, expected):
    found = continues(jnp.array(active, bool), jnp.array(done, bool))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == jnp.float32


PAY = jnp.array([[1.0, -3.0], [2.0, 0.5]])
GAMES = jnp.array(list(itertools.product([0, 1], repeat=4))).reshape(16, 2, 2)
"""All games of two players and two steps: ``[16, T, player]``."""


def chosen(logits, game):
    """Log-probabilities ``[T]`` of a game; players know their first moves in the second step."""
    first, second = game
    state = 1 + 2 * first[0] + first[1]
    here = jnp.stack([logits[:, 0], logits[jnp.arange(2), state]])
    prob = jax.nn.log_sigmoid(jnp.where(game == 1, here, -here))
    return prob.sum(-1)


def test_derivatives_of_dice_are_those_of_the_expected_return():
    """First and second derivatives, mixed ones too, in a game whose every course is counted."""
    reward = PAY[GAMES[..., 0], GAMES[..., 1]]
    gamma = jnp.float32(0.9)

    def expected(logits):
        probs = jnp.exp(jax.vmap(chosen, (None, 0))(logits, GAMES).sum(-1))
        return (probs * (reward[:, 0] + gamma * reward[:, 1])).sum()

    def estimated(logits):
        log_probs = jax.vmap(chosen, (None, 0))(logits, GAMES)
        share = jax.lax.stop_gradient(jnp.exp(log_probs.sum(-1)))
        return (share * jax.vmap(dice, (0, 0, None))(log_probs, reward, gamma)).sum()

    logits = jnp.array(np.random.default_rng(0).normal(size=(2, 5)), jnp.float32)
    np.testing.assert_allclose(estimated(logits), expected(logits), rtol=1e-5)
    slopes = [jax.jit(jax.grad(f))(logits) for f in (estimated, expected)]
    np.testing.assert_allclose(*slopes, atol=1e-5)
    curves = [jax.jit(jax.hessian(f))(logits) for f in (estimated, expected)]
    np.testing.assert_allclose(*curves, atol=1e-5)
    assert abs(curves[1][0, :, 1, :]).max() > 0.05  # the players' derivatives do mix
