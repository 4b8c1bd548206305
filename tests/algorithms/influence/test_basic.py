"""Basic influence: who sees whom, and the influence against a plain way to compute it."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import TINY, blank_memory, facts, one_agent, probe, settings, shaken

from envs.checks import ConfigError
from lase_jax.algorithms.influence.effect import divergence, marginal
from lase_jax.learners.actor_critic import Learner
from lase_jax.loop.rollout import begin, play
from lase_jax.loop.society import society

NUM, ACTIONS = 4, 3
GAME = probe(lambda action: action, num_agents=NUM, num_actions=ACTIONS, horizon=4)
SPEC = GAME.spec
KEY = jax.random.key(0)
SEATS, LEADS = (2, 0, 3), 2  # seats 2 and 0 influence seat 3; seat 1 is somebody else
NETS = {"feed-forward": TINY, "recurrent": dataclasses.replace(TINY, lstm=8)}


@cache
def agents(kind="feed-forward", **options):
    """Three agents whose parameters are all random, and their state."""
    config = settings("si_basic", net=NETS[kind], influencers=LEADS, **options)
    agent = config.build(GAME, SEATS)
    state = jax.jit(agent.init)(KEY, agent.hyper)
    params = shaken(state.trained.params, KEY, scale=0.5)
    return config, agent, state._replace(trained=state.trained._replace(params=params))


def logits_of(config, state, row, obs, shown, memory):
    """One agent's logits and memory, and nothing but numpy around the network."""
    policy = Learner(config.learner, SPEC, len(SEATS), extra=LEADS * ACTIONS).policy
    params = one_agent(state.trained.params, row)
    told = np.zeros((LEADS, ACTIONS), np.float32)
    for slot, action in shown.items():
        told[slot, action] = 1.0
    x = jnp.concatenate([obs.astype(jnp.float32), told.reshape(-1)])[None]
    h, memory = policy.step(params, policy.fold(params), memory, x)
    return policy.action_logits(params, h)[0], memory


def mixture(logits, eps):
    return np.log((1 - eps) * np.asarray(jax.nn.softmax(logits)) + eps / ACTIONS)


def played(agent, state, mode="explore"):
    """An episode of theirs with somebody else, as they know it."""
    other = settings("a2c").build(GAME, (1,))
    mixed = society(SPEC, [(agent, SEATS), (other, (1,))])
    world = begin(GAME, mixed, KEY, 2)

    @jax.jit
    def run(state):
        acting = mixed.prepare((state, other.init(KEY, other.hyper)))
        return play(GAME, mixed, acting, world, KEY, SPEC.horizon, mode)[1]

    rollout = run(state)
    return rollout._replace(memory=rollout.memory[0], notes=rollout.notes[0])


@pytest.mark.parametrize("kind", NETS)
def test_influencees_act_on_what_influencers_just_did(kind):
    config, agent, state = agents(kind)
    rollout = played(agent, state, "sample")
    for row, seat in enumerate(SEATS):
        memory = blank_memory(config.learner.net)
        for t in range(SPEC.horizon):
            done = np.asarray(rollout.action)[t, 0, np.array(SEATS[:LEADS])]
            shown = {} if row < LEADS else dict(enumerate(done))
            obs = rollout.obs[t, 0, seat]
            logits, memory = logits_of(config, state, row, obs, shown, memory)
            expected = jax.nn.log_softmax(logits)[rollout.action[t, 0, seat]]
            assert rollout.log_prob[t, 0, seat] == pytest.approx(float(expected), abs=1e-4)


def plainly(config, state, rollout, measure, eps):
    """Influence of each influencer on the influencee in environment 0, ``[K, T]``."""
    found = np.zeros((LEADS, SPEC.horizon))
    memory, mine = (
        blank_memory(config.learner.net),
        [blank_memory(config.learner.net) for _ in range(LEADS)],
    )
    for t in range(SPEC.horizon):
        done = {k: int(rollout.action[t, 0, SEATS[k]]) for k in range(LEADS)}
        obs = rollout.obs[t, 0, SEATS[2]]
        true, after = logits_of(config, state, 2, obs, done, memory)
        for k in range(LEADS):
            own, mine[k] = logits_of(config, state, k, rollout.obs[t, 0, SEATS[k]], {}, mine[k])
            had = [
                mixture(logits_of(config, state, 2, obs, done | {k: a}, memory)[0], eps)
                for a in range(ACTIONS)
            ]
            whatever = marginal(jnp.array(had), jnp.array(mixture(own, eps)))
            there = rollout.active[t, 0, SEATS[k]] and rollout.active[t, 0, SEATS[2]]
            did = rollout.action[t, 0, SEATS[2]]
            moved = divergence(jnp.array(mixture(true, eps)), whatever, did, measure)
            found[k, t] = float(moved) if there else 0.0
        memory = after
    return found


@pytest.mark.parametrize(
    ("kind", "measure"), [("feed-forward", "kl"), ("recurrent", "jsd"), ("recurrent", "pmi")]
)
def test_influence_equals_the_plain_way(kind, measure):
    eps = 0.2
    options = {"measure": measure, "epsilon_start": eps, "influencee_reward": True, "weight": 0.5}
    config, agent, state = agents(kind, **options)
    rollout = played(agent, state)._replace(active=facts(SPEC, seed=3).active)
    opinion = jax.jit(agent.shape)(state, rollout, KEY)
    expected = plainly(config, state, rollout, measure, eps)
    delta = np.asarray(opinion.delta)[:, 0]
    np.testing.assert_allclose(delta[:, SEATS[0]], 0.5 * expected[0], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(delta[:, SEATS[1]], 0.5 * expected[1], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(delta[:, SEATS[2]], 0.5 * expected.sum(0), rtol=1e-3, atol=1e-5)
    assert not delta[:, 1].any() and np.abs(expected).max() > 1e-3
    pairs = np.asarray(opinion.metrics["influence/pair"])
    assert np.isfinite(pairs[:LEADS, SEATS[2]]).all() and np.isfinite(pairs).sum() == LEADS


def test_influencees_are_not_paid_unless_asked():
    _, agent, state = agents()
    delta = jax.jit(agent.shape)(state, played(agent, state), KEY).delta
    assert not delta[..., SEATS[2]].any() and delta[..., SEATS[0]].any()


@pytest.mark.parametrize("wrong", [0, 3, 4])
def test_some_influence_and_some_are_influenced(wrong):
    with pytest.raises(ConfigError, match=f"influencers is {wrong}"):
        settings("si_basic", influencers=wrong).build(GAME, SEATS)


def test_influencers_that_are_absent_are_not_seen():
    """Seat 0, the second influencer, has gone; seats 2 and 3 go on among strangers."""
    config, agent, state = agents()
    acting, present = agent.prepare(state), (2, 3)
    rest = config.actors(GAME, SEATS, present)
    obs = jax.random.normal(KEY, (1, len(present), *GAME.spec.obs_shape))
    draws = jnp.full((1, len(SEATS)), 0.4)
    decision, _ = rest.act(acting, rest.begin(1), obs, draws, "sample")
    lead = int(decision.action[0, 0])
    memory = blank_memory(config.learner.net)
    logits, _ = logits_of(config, state, 2, obs[0, 1], {0: lead}, memory)
    eps = float(acting.epsilon)
    np.testing.assert_allclose(decision.notes[0, 1], mixture(logits, eps), atol=1e-5)
    assert decision.action.shape == (1, 2)


def test_a_whole_society_acts_as_it_was_trained():
    config, agent, state = agents()
    acting, all_of_them = agent.prepare(state), config.actors(GAME, SEATS, SEATS)
    obs = jax.random.normal(KEY, (2, len(SEATS), *GAME.spec.obs_shape))
    draws = agent.draw(KEY, 2)
    one, other = (
        each.act(acting, each.begin(2), obs, draws, "sample")[0] for each in (agent, all_of_them)
    )
    jax.tree.map(np.testing.assert_array_equal, one, other)
