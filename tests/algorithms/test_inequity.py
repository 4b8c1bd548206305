"""Inequity aversion: traces, what they cost, and who sees them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import episode, facts, probe, settings

from envs.checks import ConfigError
from lase_jax.learners.actor_critic import Learner
from lase_jax.loop.society import society
from lase_jax.nets.actor_critic import ActorCritic

GAME = probe(lambda action: action, num_agents=3, horizon=6)
NUM, SEATS = 3, (2, 0)
CONFIG = settings("ia", alpha=3.0, beta=0.5, trace=0.9, gamma=0.8)
DECAY = 0.9 * 0.8


def built(config, seats=SEATS):
    agent = config.build(GAME, seats)
    return agent, agent.init(jax.random.key(0), agent.hyper)


def start(agent, envs=2):
    """Memory in the middle of an episode, when traces are not 0."""
    memory = agent.begin(envs)
    trace = jax.random.uniform(jax.random.key(3), memory.trace.shape)
    return memory._replace(trace=trace)


def plain(rollout, trace, alpha, beta):
    """The delta of the seats, step by step; ``trace [B, n, N]`` with the own one first."""
    delta, envs = np.zeros(rollout.reward.shape), rollout.reward.shape[1]
    active = np.asarray(rollout.active)
    for env in range(envs):
        for row, seat in enumerate(SEATS):
            others = [j for j in range(NUM) if j != seat]
            e = dict(zip([seat, *others], np.asarray(trace[env, row], float), strict=True))
            for t, reward in enumerate(np.asarray(rollout.reward)[:, env]):
                e = {j: DECAY * e[j] + reward[j] for j in e}
                ahead = sum(max(e[seat] - e[j], 0.0) for j in others)
                behind = sum(max(e[j] - e[seat], 0.0) for j in others)
                loss = (alpha * behind + beta * ahead) / (NUM - 1)
                delta[t, env, seat] = -loss * active[t, env, seat]
    return delta


def test_what_inequity_costs_equals_the_plain_way():
    agent, state = built(CONFIG)
    memory = start(agent)
    rollout = facts(GAME.spec, memory=memory)
    opinion = jax.jit(agent.shape)(state, rollout, jax.random.key(0))
    expected = plain(rollout, memory.trace, 3.0, 0.5)
    np.testing.assert_allclose(opinion.delta, expected, atol=1e-4)
    assert not opinion.weights.any() and not opinion.delta[..., 1].any()
    cost = opinion.metrics["inequity/envy"] + opinion.metrics["inequity/guilt"]
    mean = expected[..., SEATS].sum((0, 1)) / np.asarray(rollout.active)[..., SEATS].sum((0, 1))
    np.testing.assert_allclose(cost, mean, rtol=1e-4)


def test_inequity_outlasts_the_step_that_made_it():
    """Comparing the rewards of the moment, as a public implementation does, would give 0 here."""
    agent, state = built(settings("ia", alpha=0.0, beta=1.0, trace=0.9, gamma=0.8))
    rollout = facts(GAME.spec, memory=agent.begin(2))
    first = jnp.zeros_like(rollout.reward).at[0, :, 2].set(1.0)
    always = jnp.ones_like(rollout.active)
    rollout = rollout._replace(reward=first, active=always)
    delta = jax.jit(agent.shape)(state, rollout, jax.random.key(0)).delta
    np.testing.assert_allclose(delta[:, 0, 2], -(DECAY ** np.arange(6)), rtol=1e-5)


def test_traces_are_sums_not_averages():
    agent, state = built(CONFIG)
    acting, memory = agent.prepare(state), agent.begin(2)
    reward = jnp.array([[1.0, 0.0, 2.0]] * 2)
    for _ in range(100):
        memory = agent.remember(acting, memory, jnp.zeros((2, NUM), jnp.int32), reward)
    limit = np.array([[2.0, 1.0, 0.0], [1.0, 0.0, 2.0]]) / (1 - DECAY)  # own first
    np.testing.assert_allclose(memory.trace[0], limit, rtol=1e-4)


def policy_of(config):
    """The network of one agent, without its critic's."""
    spec = GAME.spec
    return ActorCritic(spec.obs_shape, config.learner.net, NUM, spec.num_actions)


@pytest.mark.parametrize("see", [True, False])
def test_the_policy_reads_the_traces_before_the_step(see):
    config = settings("ia", trace=0.9, gamma=0.8, see_traces=see)
    seats = tuple(range(NUM))
    agent = config.build(GAME, seats)
    algorithm = society(GAME.spec, [(agent, seats)])
    state = jax.jit(algorithm.init)(jax.random.key(0), algorithm.hyper)
    rollout = episode(GAME, algorithm, state)
    module = ActorCritic(
        GAME.spec.obs_shape, config.learner.net, extra=NUM, num_actions=GAME.spec.num_actions
    )
    seat, others = 1, [0, 2]
    trace = np.zeros((2, NUM))
    for t in range(6):
        shown = trace if see else np.zeros_like(trace)
        x = jnp.concatenate([rollout.obs[t, :, seat].astype(jnp.float32), shown], axis=-1)
        params = jax.tree.map(lambda leaf: leaf[seat], state[0].trained.params)
        log_pi = jax.nn.log_softmax(module.apply(params, x.astype(jnp.float32))[0])
        taken = np.take_along_axis(log_pi, rollout.action[t, :, seat, None], 1)[:, 0]
        np.testing.assert_allclose(rollout.log_prob[t, :, seat], taken, rtol=1e-4)
        trace = DECAY * trace + np.asarray(rollout.reward)[t][:, [seat, *others]]
    assert trace.any()


def test_learning_sees_what_acting_saw(monkeypatch):
    """The observations handed to the learner give the log-probabilities recorded in play."""
    handed = []

    learn = Learner.learn

    def spying(learner, state, rollout, reward, key):
        handed.append(rollout)
        return learn(learner, state, rollout, reward, key)

    monkeypatch.setattr(Learner, "learn", spying)
    seats = (2, 0, 1)
    agent, state = built(CONFIG, seats)
    algorithm = society(GAME.spec, [(agent, seats)])
    rollout = episode(GAME, algorithm, (state,))
    (memory,) = rollout.memory

    @jax.jit
    def handed_on(state, rollout):
        agent.learn(state, rollout, rollout.reward, jax.random.key(0), None)
        return handed.pop()

    seen = handed_on(state, rollout._replace(memory=memory))
    assert not handed
    module = ActorCritic(
        GAME.spec.obs_shape, CONFIG.learner.net, extra=NUM, num_actions=GAME.spec.num_actions
    )
    for row, seat in enumerate(seats):
        params = jax.tree.map(lambda leaf, row=row: leaf[row], state.trained.params)
        log_pi = jax.nn.log_softmax(module.apply(params, seen.obs[:, :, row])[0])
        taken = np.take_along_axis(log_pi, seen.action[:, :, row, None], -1)[..., 0]
        np.testing.assert_allclose(rollout.log_prob[:, :, seat], taken, rtol=1e-4, atol=1e-5)
    after = agent.remember(agent.prepare(state), memory, rollout.action[0], rollout.reward[0])
    np.testing.assert_allclose(seen.obs[1, :, :, -NUM:], after.trace, rtol=1e-5)


@pytest.mark.parametrize(("field", "value"), [("alpha", -1.0), ("beta", -0.1), ("trace", 1.5)])
def test_settings_that_cannot_work_are_refused(field, value):
    with pytest.raises(ConfigError, match=f"{field} is {value}"):
        settings("ia", **{field: value})
