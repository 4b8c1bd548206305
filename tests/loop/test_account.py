"""What agents tell of each other for reports, against what training computes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import TINY, episode, settings

import envs
from lase_jax.algorithms.lase import counterfactual
from lase_jax.core.rewards import keep_rest
from lase_jax.core.scales import Scale
from lase_jax.loop.society import society
from lase_jax.types import Clock

GAME = envs.make(
    "ssh", num_agents=3, rows=4, columns=4, radius=1, horizon=8, num_hares=8, num_stags=1
)
NUM = GAME.spec.num_agents
KEY = jax.random.key(3)
MEMORY = dataclasses.replace(TINY, lstm=4)


def moved(state):
    """The same agents with other parameters, so that none of their policies is uniform."""

    def move(leaf):
        floats = jnp.issubdtype(leaf.dtype, jnp.floating) and leaf.ndim > 1
        return leaf + 0.5 * jax.random.normal(KEY, leaf.shape) if floats else leaf

    return jax.tree.map(move, state)


def told(game, groups):
    """A rollout, the opinion about it and the account of it of agents on some seats each."""
    everyone = society(game.spec, [(config.build(game, seats), seats) for config, seats in groups])
    state = moved(jax.jit(everyone.init)(KEY, everyone.hyper))
    rollout = episode(game, everyone, state, num_envs=16)
    opinion = jax.jit(everyone.weigh)(state, rollout, KEY)
    account = jax.jit(everyone.explain)(state, rollout)
    return jax.device_get((rollout, opinion, account))


@pytest.mark.parametrize(
    "config",
    [
        settings("lase"),
        settings("lase_wo", weigh="all"),
        settings("lase", net=MEMORY, imagine="acting"),
        settings("lase", foresee="real_policy"),
    ],
    ids=["lase", "lase_wo", "acting", "real_policy"],
)
def test_gifts_follow_by_equation_3_from_the_values_and_policies_told(config):
    rollout, opinion, account = told(GAME, [(config, (2, 0, 1))])
    taken = np.broadcast_to(rollout.action[:, :, None, :], account.relation.shape)
    q_taken = np.take_along_axis(account.value, taken[..., None], -1)[..., 0]
    share = np.vectorize(
        lambda *facts: float(counterfactual.relationship(*map(jnp.float32, facts), NUM)),
        signature="(),(a),(a)->()",
    )(q_taken, account.value, account.foreseen)
    both = np.isfinite(account.relation)
    np.testing.assert_allclose(account.relation[both], share[both], rtol=1e-4, atol=1e-5)
    given = np.where(config.weigh == "all", True, (rollout.reward != 0)[..., None]) & both
    expected = jax.vmap(jax.vmap(keep_rest))(jnp.where(given, share, 0.0).astype(jnp.float32))
    np.testing.assert_allclose(opinion.weights, expected, rtol=1e-4, atol=1e-5)
    assert (opinion.weights[given] > 0.01).any()


def test_an_account_says_nothing_of_oneself_and_of_who_is_gone():
    rollout, _, account = told(GAME, [(settings("lase"), (0, 1, 2))])
    other = ~np.eye(NUM, dtype=bool)
    there = rollout.active[..., None] & rollout.active[:, :, None] & other
    assert not there[..., other].all()  # some have left
    for leaf in (account.relation, account.value, account.foreseen, account.view):
        finite = np.isfinite(leaf).reshape(*there.shape, -1)
        np.testing.assert_array_equal(finite, np.broadcast_to(there[..., None], finite.shape))
    assert account.paid == () and account.influence == ()
    np.testing.assert_allclose(account.foreseen[there].sum(-1), 1.0, rtol=1e-4)
    assert ((account.view[there] >= 0) & (account.view[there] <= 1)).all()


def test_values_told_are_in_the_unit_of_rewards():
    """An agent whose returns have a root mean square of 3 learns values in thirds."""
    everyone = society(GAME.spec, [(settings("lase").build(GAME, (0, 1, 2)), (0, 1, 2))])
    (own,) = moved(jax.jit(everyone.init)(KEY, everyone.hyper))
    wide = own._replace(social=own.social._replace(scale=Scale(jnp.full(3, 9.0), jnp.float32(1))))
    rollout = episode(GAME, everyone, (own,))
    plain, scaled = (everyone.explain((state,), rollout) for state in (own, wide))
    np.testing.assert_allclose(scaled.value, 3 * plain.value, rtol=1e-5)
    np.testing.assert_array_equal(scaled.relation, plain.relation)


def test_seats_of_other_kinds_have_no_account():
    groups = [(settings("lase"), (1,)), (settings("giving"), (0,)), (settings("random"), (2,))]
    rollout, _, account = told(GAME, groups)
    assert np.isnan(account.relation[:, :, [0, 2]]).all()
    assert np.isfinite(account.relation[:, :, 1, 0]).any()
    assert np.isfinite(account.paid[:, :, 0]).all() and np.isnan(account.paid[:, :, 1:]).all()


@pytest.mark.parametrize("algo", ["giving", "lio"])
def test_what_is_paid_is_what_reaches_the_others(algo):
    _, opinion, account = told(GAME, [(settings(algo), (0, 1, 2))])
    assert account.paid.any()
    received = account.paid.sum(2)
    price = account.paid.sum(3) if algo == "giving" else 0.0
    np.testing.assert_allclose(opinion.delta, received - price, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("algo", ["si", "si_basic"])
def test_influence_told_is_what_pays(algo):
    config = settings(algo, weight=1.0, clip=100.0)
    _, opinion, account = told(GAME, [(config, (2, 0, 1))])
    assert np.nanmax(account.influence) > 0
    paid = np.nansum(account.influence, -1)
    slope = opinion.delta[paid > 0] / paid[paid > 0]
    np.testing.assert_allclose(slope, slope.mean(), rtol=1e-3)


def test_influencers_tell_of_influencees_that_are_there():
    """Seats 2 and 0 act first; only seat 1 can be influenced."""
    rollout, _, account = told(GAME, [(settings("si_basic", influencers=2), (2, 0, 1))])
    known = np.zeros((NUM, NUM), bool)
    known[[2, 0], 1] = True
    there = rollout.active[..., None] & rollout.active[:, :, None] & known
    assert not there[..., known].all()  # some have left
    np.testing.assert_array_equal(np.isfinite(account.influence), there)


def test_influence_of_symbols_told_is_what_training_measures():
    seats = 2, 0, 1
    agent = settings("si_comm").build(GAME, seats)
    everyone = society(GAME.spec, [(agent, seats)])
    (own,) = moved(jax.jit(everyone.init)(KEY, everyone.hyper))
    rollout = episode(GAME, everyone, (own,), num_envs=16)
    view = rollout._replace(memory=rollout.memory[0], notes=rollout.notes[0])
    _, metrics = jax.jit(agent.learn)(own, view, rollout.reward, KEY, Clock(jnp.int32(0)))
    influence = jax.jit(everyone.explain)((own,), rollout).influence
    assert np.nanmax(influence) > 0
    assert np.isnan(influence[-1]).all()  # nobody hears the last symbols
    other = np.array(seats)[:, None] != np.arange(NUM)
    mean = np.nanmean(influence[:-1, :, seats][..., other], (0, 1))
    np.testing.assert_allclose(mean, metrics["influence/pair"][other], rtol=1e-4)


def test_agents_without_an_account_tell_nothing():
    _, _, account = told(GAME, [(settings("a2c"), (0, 1, 2))])
    assert all(field == () for field in account)
