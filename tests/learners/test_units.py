"""The unit in which a game pays makes no difference to what is learnt."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import SMALL, facts, probe, selfplay, settings, train

from lase_jax.core.settings import fitting
from lase_jax.learners import with_learner
from lase_jax.learners.actor_critic import Learner

NUM, UPDATES = 3, 25
CURVES = ("learn/entropy", "learn/value_loss", "event/ones", "relation/weight", "infer/value_loss")


def dilemma(factor):
    """Action 1 gives 2 to both others and costs 1, action 2 takes 1 from one other."""

    def pays(action):
        gives, takes = ((action == kind).astype(jnp.float32) for kind in (1, 2))
        return factor * (2.0 * (gives.sum() - gives) - gives + takes - jnp.roll(takes, 1))

    return probe(pays, num_agents=NUM, num_actions=3, horizon=4)


@cache
def curves(factor, algo, learner, critic_trunk="own", scale_values=True):
    agent = with_learner(settings(algo, lr=2e-2, epsilon_start=0.2), learner)
    game = dilemma(factor)
    own = dict(critic_trunk=critic_trunk, scale_values=scale_values)
    society = selfplay(game, fitting(agent, SMALL | own))
    return train(game, society, updates=UPDATES, num_envs=4)[2]


def furthest(first, second):
    """The largest difference between two runs, of any curve in any update."""
    names = [name for name in CURVES if name in first]
    return max(float(np.nanmax(np.abs(first[name] - second[name]))) for name in names)


@pytest.mark.parametrize("learner", ["a2c", "ppo"])
@pytest.mark.parametrize("algo", ["a2c", "go", "lase"])
def test_the_unit_of_rewards_makes_no_difference(algo, learner):
    factors = (1 / 128, 128.0)  # which round nothing
    small, large = (curves(factor, algo, learner) for factor in factors)
    assert furthest(small, large) < 5e-3
    paid = [
        found["return/collective"] / factor
        for found, factor in zip((small, large), factors, strict=True)
    ]
    np.testing.assert_allclose(*paid, atol=1e-2)


def test_it_does_where_values_are_in_units_of_reward():
    usual, large = (
        curves(factor, "go", "a2c", scale_values=False, critic_trunk="shared")
        for factor in (1.0, 128.0)
    )
    assert furthest(usual, large) > 0.1


def test_who_earns_nothing_any_more_still_learns_that():
    """The unit of values shrinks no faster than a critic can learn to say less."""
    spec = dilemma(1.0).spec
    learner = Learner(settings("a2c", lr=2e-3).learner, spec, NUM)
    rollout = facts(spec)
    paid = jnp.where(rollout.active, 1.0, 0.0)

    @jax.jit
    def losses(key):
        def step(state, chance):
            key, still = chance
            state, found = learner.learn(state, rollout, jnp.where(still, paid, 0.0), key)
            return state, found["learn/value_loss"]

        state = learner.init(key, settings("a2c", lr=2e-3).hyper())
        chances = jax.random.split(key, 2500), jnp.arange(2500) < 100
        return jax.lax.scan(step, state, chances)[1]

    late = np.asarray(losses(jax.random.key(0)))[-1000:]
    assert late.max() < 1.0
