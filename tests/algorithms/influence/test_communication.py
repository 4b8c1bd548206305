"""Communication: what is heard when, the influence of symbols the plain way, who learns on what."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from probes import (
    TINY,
    blank_memory,
    cut_in_two,
    facts,
    one_agent,
    probe,
    selfplay,
    settings,
    shaken,
)

from envs.checks import ConfigError
from lase_jax.algorithms.influence.coordination import joint, mutual_information
from lase_jax.algorithms.influence.effect import divergence, marginal
from lase_jax.learners.actor_critic import Learner
from lase_jax.loop.rollout import begin, play
from lase_jax.loop.society import society
from lase_jax.nets.actor_critic import Symbols
from lase_jax.nets.layers import Net
from lase_jax.types import Clock

NUM, ACTIONS, SYMBOLS = 4, 3, 5
GAME = probe(lambda action: action, num_agents=NUM, num_actions=ACTIONS, horizon=4)
SPEC = GAME.spec
KEY = jax.random.key(0)
SEATS = (2, 0, 3)  # seat 1 is somebody else, who hears and says nothing
NETS = {"feed-forward": TINY, "recurrent": dataclasses.replace(TINY, lstm=8)}


@cache
def agents(kind="feed-forward", **options):
    """Three agents whose parameters are all random, and their state."""
    config = settings("si_comm", net=NETS[kind], vocabulary=SYMBOLS, **options)
    agent = config.build(GAME, SEATS)
    state = jax.jit(agent.init)(KEY, agent.hyper)
    params = shaken(state.trained.params, KEY, scale=2.0)
    return config, agent, state._replace(trained=state.trained._replace(params=params))


@cache
def mind(config):
    """What one agent makes of its parameters, its memory and all that it sees and hears."""
    size = len(SEATS) * SYMBOLS
    policy = Learner(config.learner, SPEC, len(SEATS), extra=size, symbols=Symbols(SYMBOLS)).policy

    @jax.jit
    def think(params, memory, x):
        h, memory = policy.step(params, policy.fold(params), memory, x)
        return policy.action_logits(params, h)[0], policy.symbol_logits(params, h)[0], memory

    return think


def think(config, state, row, obs, heard, memory):
    """One agent's logits of actions and of symbols, and its memory."""
    told = np.zeros((len(SEATS), SYMBOLS), np.float32)
    for speaker, symbol in enumerate(heard):
        if symbol < SYMBOLS:
            told[speaker, symbol] = 1.0
    x = np.concatenate([np.float32(obs), told.reshape(-1)])[None]
    return mind(config)(one_agent(state.trained.params, row), memory, x)


def mixture(logits, eps):
    return jnp.log((1 - eps) * jax.nn.softmax(logits) + eps / ACTIONS)


SILENCE = [SYMBOLS] * len(SEATS)


@pytest.mark.parametrize("kind", NETS)
def test_symbols_are_heard_by_all_in_the_next_step(kind):
    config, agent, state = agents(kind)
    other = settings("a2c").build(GAME, (1,))
    mixed = society(SPEC, [(agent, SEATS), (other, (1,))])
    everyone = (state, jax.jit(other.init)(KEY, other.hyper))
    world = begin(GAME, mixed, KEY, 2)

    @jax.jit
    def played(state):
        acting = mixed.prepare(state)
        return play(GAME, mixed, acting, world, KEY, SPEC.horizon, "greedy")[1]

    rollout = played(everyone)
    said = np.asarray(rollout.notes[0])
    assert said.shape == (SPEC.horizon, 2, 3) and rollout.notes[1] == ()
    for row, seat in enumerate(SEATS):
        memory, heard = blank_memory(config.learner.net), SILENCE
        for t in range(SPEC.horizon):
            obs = rollout.obs[t, 0, seat]
            logits, symbols, memory = think(config, state, row, obs, heard, memory)
            assert rollout.action[t, 0, seat] == logits.argmax()
            assert said[t, 0, row] == symbols.argmax()
            heard = said[t, 0]


def scene(agent, seed=3):
    """Random facts with random symbols."""
    said = np.random.default_rng(seed).integers(0, SYMBOLS, (SPEC.horizon, 2, 3))
    rollout = facts(SPEC, seed=seed)
    return rollout._replace(memory=agent.begin(2), notes=jnp.asarray(said, jnp.int32))


def plainly(config, state, rollout, measure, eps):
    """Influence of each symbol on each next action in environment 0, ``[T, n, n]``."""
    said = np.asarray(rollout.notes)[:, 0]
    found = np.zeros((SPEC.horizon, 3, 3))
    memory, before = [blank_memory(config.learner.net)] * 3, None
    for t in range(SPEC.horizon):
        heard = SILENCE if t == 0 else said[t - 1]
        obs = [rollout.obs[t, 0, seat] for seat in SEATS]
        now = [think(config, state, j, obs[j], heard, memory[j]) for j in range(3)]
        for k, j in np.ndindex(3, 3) if t else ():
            had = []
            for symbol in range(SYMBOLS):
                tried = [symbol if i == k else heard[i] for i in range(3)]
                logits = think(config, state, j, obs[j], tried, memory[j])[0]
                had.append(mixture(logits, eps))
            whatever = marginal(jnp.stack(had), jax.nn.log_softmax(before[k][1]))
            did = rollout.action[t, 0, SEATS[j]]
            moved = divergence(mixture(now[j][0], eps), whatever, did, measure)
            there = rollout.active[t - 1, 0, SEATS[k]] & rollout.active[t, 0, SEATS[j]]
            found[t - 1, k, j] = float(moved) if there and k != j else 0.0
        memory, before = [m for *_, m in now], now
    return found


@pytest.mark.parametrize(("kind", "measure"), [("feed-forward", "pmi"), ("recurrent", "kl")])
def test_influence_of_symbols_equals_the_plain_way(kind, measure):
    eps = 0.2
    config, agent, state = agents(kind, measure=measure, epsilon_start=eps)
    rollout = scene(agent)
    one = jax.tree.map(lambda leaf: leaf[:, :1], rollout._replace(last_obs=(), memory=()))
    one = one._replace(last_obs=rollout.last_obs[:1], memory=agent.begin(1))
    metrics = jax.jit(agent.learn)(state, one, one.reward, KEY, Clock(jnp.int32(0)))[1]
    expected = plainly(config, state, rollout, measure, eps)
    active = np.asarray(rollout.active)[:, 0][:, np.array(SEATS)]
    counts = active[:-1, :, None] & active[1:, None, :] & ~np.eye(3, dtype=bool)
    pairs = np.asarray(metrics["influence/pair"])[:, np.array(SEATS)]
    for k, j in np.ndindex(3, 3):
        where = counts[:, k, j]
        if where.any():
            mean = expected[:-1, k, j][where].mean()
            assert pairs[k, j] == pytest.approx(mean, rel=1e-3, abs=1e-6)
        else:
            assert np.isnan(pairs[k, j])
    assert np.isnan(np.asarray(metrics["influence/pair"])[:, 1]).all()
    earned = expected.sum(2)
    found = np.asarray(metrics["influence/reward"])
    np.testing.assert_allclose(found, earned.sum(0) / active.sum(0), rtol=1e-3, atol=1e-6)


def heads(paid=True, **options):
    """The kernels of both policies after one update."""
    _, agent, state = agents(max_grad_norm=1e6, **options)
    rollout = scene(agent)
    reward = rollout.reward if paid else jnp.zeros_like(rollout.reward)
    after = jax.jit(agent.learn)(state, rollout, reward, KEY, Clock(jnp.int32(0)))[0]
    params = after.trained.params["params"]
    return params["policy_head"]["kernel"], params["symbol_head"]["kernel"]


def test_actions_learn_on_reward_and_symbols_on_their_share_of_it_and_influence():
    alone = {paid: heads(paid, weight=0.0, alpha=0.0) for paid in (True, False)}
    both = heads(weight=0.0, alpha=1.0)
    influential = heads(weight=100.0, alpha=0.0)
    assert not np.allclose(alone[True][0], alone[False][0], atol=1e-5)
    np.testing.assert_allclose(alone[True][1], alone[False][1], atol=1e-6)
    for other in (both, influential):
        np.testing.assert_allclose(alone[True][0], other[0], atol=1e-6)
        assert not np.allclose(alone[True][1], other[1], atol=1e-5)


def test_symbols_learn_on_influence_when_they_are_sent_as_on_a_reward_of_that_size():
    config, agent, state = agents(max_grad_norm=1e6, weight=0.5, alpha=0.0)
    whole = scene(agent)
    steps = jax.tree.map(lambda leaf: leaf[:, :1], whole._replace(last_obs=(), memory=()))
    rollout = steps._replace(last_obs=whole.last_obs[:1], memory=agent.begin(1))
    eps = config.learner.epsilon_start
    earned = plainly(config, state, rollout, "kl", eps).sum(2)
    reward = np.zeros(rollout.reward.shape, np.float32)
    reward[:, 0, np.array(SEATS)] = 0.5 * earned
    plain = agents(max_grad_norm=1e6, weight=0.0, alpha=1.0)[1]
    clock = Clock(jnp.int32(0))
    found = jax.jit(agent.learn)(state, rollout, rollout.reward, KEY, clock)[0]
    hyper = state.hyper | {"weight": jnp.float32(0.0), "alpha": jnp.float32(1.0)}
    expected = jax.jit(plain.learn)(
        state._replace(hyper=hyper), rollout, jnp.asarray(reward), KEY, clock
    )[0]
    ours, theirs = (
        optax.tree.get(after.trained.opt.inner_states["policy"], "mu")["params"]["symbol_head"]
        for after in (found, expected)
    )
    assert jnp.abs(ours["kernel"]).max() > 1e-3
    np.testing.assert_allclose(ours["kernel"], theirs["kernel"], rtol=1e-2, atol=5e-4)


def test_symbols_may_have_a_layer_of_their_own():
    config = settings("si_comm", vocabulary=3, symbol_width=5, net=Net(dense=(8,)))
    agent = config.build(probe(lambda action: action, num_agents=2), (0, 1))
    params = jax.eval_shape(agent.init, KEY, agent.hyper).trained.params["params"]
    assert params["symbol_embedding"]["kernel"].shape == (2, 8, 5)
    assert params["symbol_head"]["kernel"].shape == (2, 5, 3)


def test_talk_is_measured():
    """Agent 1 does what agent 0 said a step before; symbols and actions are otherwise random."""
    config = settings("si_comm", vocabulary=ACTIONS)
    game = probe(lambda action: action, num_agents=2, num_actions=ACTIONS, horizon=40)
    agent = config.build(game, (0, 1))
    state = jax.jit(agent.init)(KEY, agent.hyper)
    rng = np.random.default_rng(0)
    said, done = rng.integers(0, ACTIONS, (2, 40, 50, 2))
    done[1:, :, 1] = said[:-1, :, 0]
    rollout = facts(game.spec, envs=50)._replace(
        action=jnp.asarray(done, jnp.int32),
        active=jnp.ones((40, 50, 2), bool),
        notes=jnp.asarray(said, jnp.int32),
        memory=agent.begin(50),
    )
    found = jax.jit(agent.learn)(state, rollout, rollout.reward, KEY, Clock(jnp.int32(0)))[1]
    heard = np.asarray(found["talk/symbol_action"])
    assert heard[0, 1] == pytest.approx(np.log(ACTIONS), rel=0.01) and heard[1, 0] < 0.01
    assert np.isnan(np.diag(heard)).all()
    assert np.asarray(found["talk/symbol_action_shuffled"])[0, 1] < 0.01
    assert np.asarray(found["talk/action_action"])[0, 1] < 0.01
    assert (np.asarray(found["talk/consistency"]) < 0.01).all()
    assert (np.asarray(found["talk/consistency_shuffled"]) < 0.01).all()
    assert np.asarray(found["talk/symbol_action_influential"])[0, 1] > 0.5
    assert np.asarray(found["talk/symbol_action_influential_shuffled"])[0, 1] < 0.02


def test_who_says_what_it_does_is_consistent_and_by_chance_is_not():
    config = settings("si_comm", vocabulary=ACTIONS)
    game = probe(lambda action: action, num_agents=2, num_actions=ACTIONS, horizon=40)
    agent = config.build(game, (0, 1))
    done = jnp.asarray(np.random.default_rng(0).integers(0, ACTIONS, (40, 50, 2)), jnp.int32)
    rollout = facts(game.spec, envs=50)._replace(
        action=done, active=jnp.ones((40, 50, 2), bool), notes=done, memory=agent.begin(50)
    )
    state = jax.jit(agent.init)(KEY, agent.hyper)
    found = jax.jit(agent.learn)(state, rollout, rollout.reward, KEY, Clock(jnp.int32(0)))[1]
    np.testing.assert_allclose(found["talk/consistency"], 1.0, rtol=1e-4)
    assert (np.asarray(found["talk/consistency_shuffled"]) < 0.01).all()


def test_moments_of_mean_influence_are_influential():
    """With one symbol nobody is ever influenced: every moment reaches the mean."""
    config = settings("si_comm", vocabulary=2)
    game = probe(lambda action: action, num_agents=2, num_actions=ACTIONS, horizon=4)
    agent = config.build(game, (0, 1))
    state = jax.jit(agent.init)(KEY, agent.hyper)
    rollout = facts(game.spec, envs=3)._replace(
        active=jnp.ones((4, 3, 2), bool),
        notes=jnp.zeros((4, 3, 2), jnp.int32),
        memory=agent.begin(3),
    )
    same = jax.tree.map(jnp.zeros_like, state.trained.params)  # listeners that nothing moves
    state = state._replace(trained=state.trained._replace(params=same))
    found = jax.jit(agent.learn)(state, rollout, rollout.reward, KEY, Clock(jnp.int32(0)))[1]
    moments = np.asarray(found["talk/symbol_action_influential"])
    np.testing.assert_allclose(moments, np.asarray(found["talk/symbol_action"]))
    assert not np.isnan(moments[0, 1])


def test_symbols_and_actions_are_drawn_apart():
    config = settings("si_comm", vocabulary=ACTIONS)
    game = probe(lambda action: action, num_agents=2, num_actions=ACTIONS, horizon=40)
    everyone = selfplay(game, config)
    state = jax.jit(everyone.init)(KEY, everyone.hyper)
    rollout = cut_in_two(game, everyone, state, num_envs=50)[0]
    there = jnp.ones(rollout.notes.size, bool)
    table = joint(rollout.notes.reshape(-1), rollout.action.reshape(-1), ACTIONS, ACTIONS, there)
    assert mutual_information(table) < 0.01


def test_who_has_left_is_not_heard():
    _, agent, state = agents()
    memory = agent.begin(2)._replace(heard=jnp.zeros((2, 3), jnp.int32))
    action = jnp.array([[0, 0, 0, 0], [0, 0, ACTIONS, 0]])  # seat 2, the first of them, has left
    after = agent.remember(agent.prepare(state), memory, action, jnp.zeros((2, 4)))
    assert after.heard.tolist() == [[0, 0, 0], [SYMBOLS, 0, 0]]


def test_who_talks_needs_a_listener():
    with pytest.raises(ConfigError, match="seats is"):
        settings("si_comm").build(GAME, (2,))


def test_who_is_absent_is_silent():
    """Seat 0 has gone: seats 2 and 3 hear each other, and nothing in its place."""
    config, agent, state = agents()
    acting, present = agent.prepare(state), (2, 3)
    rest = config.actors(GAME, SEATS, present)
    obs = jax.random.normal(KEY, (1, len(present), *SPEC.obs_shape))
    decision, memory = rest.act(acting, rest.begin(1), obs, rest.draw(KEY, 1), "sample")
    said = decision.notes[0]
    assert decision.action.shape == (1, 2)
    np.testing.assert_array_equal(memory.heard[0], [said[0], SYMBOLS, said[1]])
