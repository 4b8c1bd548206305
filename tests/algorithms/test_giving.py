"""Giving: gifts by hand, budgets, and learning that a price is not worth paying."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import episode, facts, probe, selfplay, settings, train

import envs
from envs.checks import ConfigError
from lase_jax.algorithms.giving import Givers
from lase_jax.learners.actor_critic import Learner
from lase_jax.loop.society import society
from lase_jax.nets.actor_critic import Symbols
from lase_jax.nets.layers import Net

GAME = probe(lambda action: jnp.zeros(action.shape), num_agents=3, num_actions=2, horizon=6)
KEY = jax.random.key(0)


def episode_of(agent, state, mode):
    """An episode of agents on all seats: the whole and their rollout."""
    everyone = society(GAME.spec, [(agent, (0, 1, 2))])
    rollout = episode(GAME, everyone, (state,), mode=mode)
    return rollout, rollout._replace(memory=rollout.memory[0], notes=rollout.notes[0])


def opinion(choice, active=None, seats=(0, 1, 2), **own):
    """What agents on some seats do to rewards with their choices ``[T, B, n]``, T two or more."""
    agent = settings("giving", **own).build(GAME, seats)
    state = jax.jit(agent.init)(KEY, agent.hyper)
    steps, num_envs, _ = np.shape(choice)
    rollout = facts(GAME.spec, steps, num_envs, notes=jnp.asarray(choice, jnp.int32))
    present = np.ones(rollout.active.shape, bool) if active is None else np.asarray(active)
    return agent.shape(state, rollout._replace(active=jnp.asarray(present)), KEY)


def test_a_gift_goes_to_whom_it_is_chosen_for_at_its_price():
    """Choices of an agent: nothing, to the second other, to the first, to both."""
    found = opinion([[[2, 1, 0]], [[0, 0, 0]]], amount=3.0, price=0.5)
    assert found.delta[0, 0].tolist() == [-1.5, 3.0 - 1.5, 3.0]
    both = opinion([[[3, 0, 0]], [[0, 0, 0]]], amount=3.0, price=0.5)
    assert both.delta[0, 0].tolist() == [-3.0, 3.0, 3.0]
    assert not found.weights.any()
    paid = np.asarray(found.metrics["incentive/paid"])
    assert paid[0, 1] == paid[1, 2] == pytest.approx(3.0 * 3)  # two steps are a third of an episode
    assert paid.sum() == pytest.approx(2 * 3.0 * 3)


def test_levels_are_equal_steps():
    """Of five values each, the first other's is the leading digit."""
    found = opinion([[[2 * 5 + 0, 0 * 5 + 3, 0]], [[0, 0, 0]]], amount=4.0, levels=4, price=0.0)
    assert found.delta[0, 0].tolist() == [0.0, 2.0, 3.0]


def test_some_agents_give_and_others_receive():
    found = opinion([[[2]], [[0]]], seats=(1,), amount=2.0)
    assert found.delta[0, 0].tolist() == [2.0, -2.0, 0.0]


@pytest.mark.parametrize("active", [[True, False, True], [False, True, True]])
def test_who_has_left_neither_gives_nor_receives(active):
    found = opinion([[[2, 0, 0]], [[0, 0, 0]]], active=[[active], [active]])
    assert not found.delta.any()


def test_zero_sum_at_a_price_of_one():
    choice = np.random.default_rng(0).integers(0, 4, (6, 4, 3))
    found = opinion(choice, amount=1.5)
    assert (np.abs(found.delta).sum(-1) > 0).any()
    np.testing.assert_allclose(found.delta.sum(-1), 0.0, atol=1e-6)


@pytest.mark.parametrize(("budget", "most"), [(0.0, 12.0), (5.0, 4.0), (1.0, 0.0)])
def test_nobody_gives_more_than_its_budget_in_an_episode(budget, most):
    config = settings("giving", amount=2.0, budget=budget)
    agent = config.build(GAME, (0, 1, 2))
    symbols = Symbols(2, parts=2)
    learner = Learner(config.learner, GAME.spec, 3, symbols=symbols)
    givers = Givers(config, GAME.spec, (0, 1, 2), learner)
    state = jax.jit(agent.init)(KEY, agent.hyper)
    head = state.trained.params["params"]["symbol_head"]
    head["bias"] = head["bias"].at[:, 1].set(50.0).at[:, 2].set(50.0)  # always to the first other
    acting, memory = agent.prepare(state), agent.begin(2)
    act, given = jax.jit(agent.act, static_argnums=4), np.zeros((2, 3))
    for step in range(6):
        draws = agent.draw(jax.random.key(step), 2)
        obs = jnp.zeros((2, 3, GAME.spec.obs_shape[0]))
        decision, memory = act(acting, memory, obs, draws, "sample")
        given += 2.0 * givers.shares.sum(-1)[np.arange(3)[None], np.asarray(decision.notes)]
    assert (given == most).all() and (memory.given == most).all()


def test_gifts_may_depend_on_what_others_do_in_the_same_step():
    """Whoever sees a co-player act 1 gives it all; greedily too, whatever was drawn."""
    config = settings("giving", see_actions=True, amount=2.0, levels=2, price=0.0)
    agent = config.build(GAME, (0, 1, 2))
    state = jax.jit(agent.init)(KEY, agent.hyper)
    params = jax.tree.map(jnp.zeros_like, state.trained.params)
    joint, head = (params["params"][name] for name in ("symbol_joint", "symbol_head"))
    for part in range(2):  # seen are two actions of each other, of which the second counts
        joint["kernel"] = joint["kernel"].at[:, -4 + 2 * part + 1, part].set(1.0)
        head["kernel"] = head["kernel"].at[:, part, 3 * part + 2].set(100.0)
        head["bias"] = head["bias"].at[:, 3 * part].set(50.0)
    state = state._replace(trained=state.trained._replace(params=params))
    for mode in ("sample", "greedy"):
        _, rollout = episode_of(agent, state, mode)
        given = np.asarray(agent.explain(state, rollout).paid)
        action = np.asarray(rollout.action)[:, :, None]
        expected = 2.0 * (action == 1) * ~np.eye(3, dtype=bool)
        np.testing.assert_array_equal(given, np.broadcast_to(expected, given.shape))
        assert 0 < given.sum() or mode == "greedy"


@pytest.mark.parametrize("net", [dict(dense=(8,)), dict(dense=(8,), lstm=8)])
def test_givers_that_see_learn_to_keep_what_is_their_own(net):
    game = envs.make("ipd", horizon=8)
    own = dict(see_actions=True, amount=1.0, lr=1e-2, gift_entropy=0.0, net=Net(**net))
    _, last, metrics = train(
        game, selfplay(game, settings("giving", **own)), updates=60, num_envs=16
    )
    paid = np.nansum(metrics["incentive/paid"][:, 0], axis=(-2, -1))
    assert paid[-10:].mean() < 0.3 * paid[:5].mean()


def test_gifts_become_rare_where_they_cost_their_worth():
    game = envs.make("ipd", horizon=8)
    config = settings("giving", amount=1.0, lr=1e-2, gift_entropy=0.0)
    _, last, metrics = train(game, selfplay(game, config), updates=60, num_envs=16)
    paid = np.nansum(metrics["incentive/paid"][:, 0], axis=(-2, -1))
    assert paid[-10:].mean() < 0.3 * paid[:5].mean()
    assert np.isfinite(metrics["giving/entropy"]).all()
    assert (metrics["health/actor"] == 1).all()
    free = dataclasses.replace(config, price=0.0)
    _, _, metrics = train(game, selfplay(game, free), updates=60, num_envs=16)
    assert np.nansum(metrics["incentive/paid"][-10:, 0]) > 0  # nothing speaks against it


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(amount=0.0), "amount is 0"),
        (dict(levels=0), "levels is 0"),
        (dict(price=-1.0), "price is -1"),
        (dict(budget=float("nan")), "budget is nan"),
        (dict(budget=2.0, see_actions=True), "budget is 2"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        settings("giving", **wrong)


def test_choices_that_are_too_many_are_refused():
    many = probe(lambda action: 0.0 * action, num_agents=8, num_actions=2, horizon=6)
    with pytest.raises(ConfigError, match="7 co-players make 19,487,171 choices"):
        settings("giving", levels=10).build(many, tuple(range(8)))
