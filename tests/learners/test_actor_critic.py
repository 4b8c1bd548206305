import math
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import TINY, episode, facts, one_agent, probe, same, selfplay, settings, train

import envs
from envs.checks import ConfigError
from lase_jax.core.scales import root
from lase_jax.core.settings import changed
from lase_jax.learners import A2C
from lase_jax.learners.actor_critic import Learner, epsilon
from lase_jax.nets.actor_critic import CRITIC, ActorCritic
from lase_jax.nets.layers import Net

GAME = probe(lambda action: action, num_agents=2, num_actions=3, horizon=6)
SPEC = GAME.spec
PLAIN = settings("a2c", normalise=False, lam=0.0, entropy=0.0)
RECURRENT = settings("a2c", net=Net(dense=(8,), lstm=4))


@cache
def built(config):
    """The learner of two agents, jitted, and its first state."""
    learner = Learner(config.learner, SPEC, 2)

    @jax.jit
    def learn(state, rollout, reward):
        return learner.learn(state, rollout, reward, jax.random.key(1))

    return learn, jax.jit(learner.init)(jax.random.key(0), config.hyper())


def views(config, params, obs):
    """Log-policy and value by the network itself, for one feed-forward agent."""
    own_critic = config.learner.critic_trunk == "own"
    sizes = dict(num_actions=SPEC.num_actions, own_critic=own_critic)
    module = ActorCritic(SPEC.obs_shape, TINY, **sizes)
    logits, value = module.apply(params, obs.astype(jnp.float32))
    return np.asarray(jax.nn.log_softmax(logits)), np.asarray(value)


def losses(config, state, rollout, agent, unit):
    """Policy and value loss of one agent with one-step errors, the plain way."""
    reward, done = np.asarray(rollout.reward)[..., agent], np.asarray(rollout.done)
    active = np.asarray(rollout.active)[..., agent]
    obs = jnp.concatenate([rollout.obs, rollout.last_obs[None]])[:, :, agent]
    log_pi, value = views(config, one_agent(state.trained.params, agent), obs)
    value = value * unit
    ends = done & (not config.learner.bootstrap_at_horizon)
    goes_on = np.concatenate([active[1:], np.ones_like(active[:1])]) & ~ends
    error = reward + config.learner.gamma * goes_on * value[1:] - value[:-1]
    taken = np.asarray(rollout.action)[..., agent, None]
    if config.learner.log_prob == "behaviour":
        share = float(epsilon(state))
        log_pi = np.log((1 - share) * np.exp(log_pi) + share / SPEC.num_actions)
    log_taken = np.take_along_axis(log_pi[:-1], taken, -1)[..., 0]
    return -(log_taken * error)[active].mean(), ((error / unit) ** 2)[active].mean()


@pytest.mark.parametrize(
    ("steps", "ends", "config"),
    [
        (6, True, PLAIN),  # a whole episode: its horizon is the end of the game
        (6, True, changed(PLAIN, dict(bootstrap_at_horizon=True))),
        (3, False, PLAIN),  # a cut bootstraps
        (3, True, PLAIN),  # the last segment of an episode does not
        (6, True, changed(PLAIN, dict(log_prob="policy"))),
        (6, True, changed(PLAIN, dict(critic_trunk="shared", scale_values=False))),
    ],
)
def test_losses_equal_the_plain_way(steps, ends, config):
    learn, state = built(config)
    rollout = facts(SPEC, steps, envs=3, ends=ends)
    after, found = learn(state, rollout, rollout.reward)
    units = root(after.scales[0]) if config.learner.scale_values else np.ones(2)
    for agent, unit in enumerate(np.asarray(units)):
        policy_loss, value_loss = losses(config, state, rollout, agent, unit)
        np.testing.assert_allclose(found["learn/policy_loss"][agent], policy_loss, rtol=1e-3)
        np.testing.assert_allclose(found["learn/value_loss"][agent], value_loss, rtol=1e-4)


def test_what_happens_after_removal_teaches_nothing():
    learn, state = built(settings("a2c"))
    rollout = facts(SPEC)
    assert not rollout.active.all()
    first, _ = learn(state, rollout, rollout.reward)
    second, _ = learn(state, rollout, jnp.where(rollout.active, rollout.reward, 9.0))
    assert same(first, second)
    third, _ = learn(state, rollout, jnp.where(rollout.active, 9.0, rollout.reward))
    assert not same(first, third)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_agents_exploding_gradient_leaves_the_others_unchanged(bad):
    learn, state = built(settings("a2c"))
    rollout = facts(SPEC)
    first, _ = learn(state, rollout, rollout.reward)
    second, found = learn(state, rollout, rollout.reward.at[0, :, 1].set(bad))
    assert same(one_agent(first.trained, 0), one_agent(second.trained, 0))
    np.testing.assert_array_equal(found["health/actor"], [1.0, 0.0])


def test_agents_without_data_stay_as_they_are():
    learn, state = built(settings("a2c"))
    rollout = facts(SPEC)
    absent = rollout._replace(active=rollout.active.at[:, :, 0].set(False))
    after, found = learn(state, absent, rollout.reward)
    params = after.trained.params, state.trained.params
    assert same(*(one_agent(p, 0) for p in params))
    assert not same(*(one_agent(p, 1) for p in params))
    assert all(np.isfinite(value).all() for value in found.values())


def test_epsilon_falls_linearly_in_episodes():
    config = settings("a2c", epsilon_start=0.5, epsilon_end=0.1, epsilon_episodes=10)
    _, state = built(config)
    found = [float(epsilon(state._replace(episodes=jnp.float32(e)))) for e in (0, 5, 10, 99)]
    np.testing.assert_allclose(found, [0.5, 0.3, 0.1, 0.1], rtol=1e-5)


def test_the_weight_of_entropy_falls_linearly_in_episodes():
    config = settings("a2c", entropy=0.4, entropy_end=0.5, entropy_episodes=10)
    learner, (_, state) = Learner(config.learner, SPEC, 2), built(config)
    found = [
        float(learner.current(state._replace(episodes=jnp.float32(e)))["entropy"])
        for e in (0, 5, 10, 99)
    ]
    np.testing.assert_allclose(found, [0.4, 0.3, 0.2, 0.2], rtol=1e-5)


@pytest.mark.parametrize(
    "net", [TINY, Net(conv=(2,), dense=(8,), lstm=4)], ids=["dense", "recurrent"]
)
@pytest.mark.parametrize("trunk", ["own", "shared"])
def test_a_critic_with_layers_of_its_own_moves_no_others(net, trunk):
    game = probe_window() if net.conv else GAME
    config = settings("a2c", critic_trunk=trunk, net=net, lr=0.1, max_grad_norm=1e-3)
    learner = Learner(config.learner, game.spec, 2)
    rollout = facts(game.spec, memory=learner.begin(2))
    layers = []
    for critic in (0.0, 100.0):
        state = learner.init(jax.random.key(0), config.hyper() | {"critic": critic})
        after = jax.jit(learner.learn)(state, rollout, rollout.reward, jax.random.key(1))[0]
        layers.append(after.trained.params["params"])
    policy = [name for name in layers[0] if name not in CRITIC]
    assert same(*({name: tree[name] for name in policy} for tree in layers)) == (trunk == "own")
    assert not same(*(tree["value_head"] for tree in layers))


@pytest.mark.parametrize("trunk", ["own", "shared"])
def test_gradients_that_are_scaled_down_are_counted(trunk):
    learner = Learner(settings("a2c", critic_trunk=trunk, max_grad_norm=1.0).learner, SPEC, 3)
    norms = jnp.array([0.8, 0.9, 0.1]), jnp.array([0.9, 1.1, 0.2])
    together = 0.8**2 + 0.9**2 > 1.0 and trunk == "shared"
    np.testing.assert_array_equal(learner.shortened(*norms), [together, 1.0, 0.0])


def probe_window():
    return envs.make(
        "ssh", num_agents=2, rows=3, columns=3, radius=1, horizon=4, num_hares=1, num_stags=1
    )


def test_episodes_are_counted_when_they_end():
    learn, state = built(PLAIN)
    after, _ = learn(state, facts(SPEC, 3, envs=4, ends=False), jnp.zeros((3, 4, 2)))
    assert after.episodes == 0
    after, found = learn(after, facts(SPEC, 3, envs=4, ends=True), jnp.zeros((3, 4, 2)))
    assert after.episodes == 4
    np.testing.assert_allclose(found["learn/epsilon"], [0.5, 0.5])  # as it was while they played


def test_agents_differ_at_init_and_in_sampled_noise():
    society = selfplay(GAME, PLAIN)
    state = society.init(jax.random.key(0), society.hyper)
    params = state[0].trained.params
    assert not same(one_agent(params, 0), one_agent(params, 1))
    twins = jax.tree.map(lambda leaf: jnp.stack([leaf[0], leaf[0]]), params)
    state = (state[0]._replace(trained=state[0].trained._replace(params=twins)),)
    draws = society.draw(jax.random.key(1), 64)
    blind = jax.jit(lambda obs: society.act(society.prepare(state), ((),), obs, draws, "sample"))
    action = blind(jnp.ones((64, 2, math.prod(SPEC.obs_shape)), bool))[0].action
    assert 0.1 < (action[:, 0] == action[:, 1]).mean() < 0.6  # a third by chance
    assert len(np.unique(action[:, 0])) == 3  # and environments differ too


def test_greedy_play_takes_the_mode_and_exploration_the_mixture():
    config = settings("a2c", epsilon_start=1.0)
    learner = Learner(config.learner, SPEC, 2)
    _, state = built(config)
    head = {"kernel": 0.0, "bias": jnp.array([0.0, 9.0, 0.0])}

    def sure(path, leaf):
        names = [entry.key for entry in path]
        if "policy_head" not in names:
            return leaf
        return jnp.broadcast_to(jnp.asarray(head[names[-1]]), leaf.shape)

    params = jax.tree.map_with_path(sure, state.trained.params)
    acting = learner.prepare(state._replace(trained=state.trained._replace(params=params)))
    obs = jnp.zeros((200, 2, math.prod(SPEC.obs_shape)), bool)
    act = partial(learner.act, acting, (), obs, learner.draw(jax.random.key(0), len(obs)))
    greedy, sampled, explored = (act(mode)[0] for mode in ("greedy", "sample", "explore"))
    assert (greedy.action == 1).all()
    assert (sampled.action == 1).mean() > 0.99
    assert 0.25 < (explored.action == 1).mean() < 0.42
    np.testing.assert_allclose(explored.log_prob, np.log(1 / 3), rtol=1e-5)


def test_the_lstm_remembers_in_learning_what_it_did_in_play():
    society = selfplay(GAME, RECURRENT)
    learner = Learner(RECURRENT.learner, SPEC, 2)
    state = jax.jit(society.init)(jax.random.key(0), society.hyper)
    rollout = episode(GAME, society, state)
    acting = learner.prepare(state[0])

    @jax.jit
    def replayed(params, folded, memory, obs):
        x = obs.astype(jnp.float32)
        past = learner.policy.memories(params, folded, memory, x)
        return learner.policy.logits(params, folded, past, x), past

    for agent in range(2):
        memory = jax.tree.map(lambda leaf, i=agent: leaf[:, i], rollout.memory[0])
        own = (one_agent(tree, agent) for tree in (acting.params, acting.folded))
        logits, past = replayed(*own, memory, rollout.obs[:, :, agent])
        taken = rollout.action[:, :, agent, None]
        log_prob = np.take_along_axis(np.asarray(jax.nn.log_softmax(logits)), taken, -1)[..., 0]
        np.testing.assert_allclose(log_prob, rollout.log_prob[:, :, agent], rtol=1e-4)
        assert not past[0][0].any() and past[0][1].any()  # empty at first, then not


@pytest.mark.parametrize(
    "wrong",
    [
        {"lr": 0.0},
        {"gamma": 1.5},
        {"lam": -0.1},
        {"entropy": -1.0},
        {"entropy_end": -1.0},
        {"entropy_episodes": 0},
        {"critic_trunk": "owm"},
        {"critic": -1.0},
        {"max_grad_norm": 0.0},
        {"epsilon_start": 2.0},
        {"epsilon_end": float("nan")},
        {"epsilon_episodes": 0},
        {"log_prob": "polcy"},
    ],
)
def test_impossible_settings_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        A2C(**wrong)


def test_the_better_arm_and_the_discounted_return_are_learnt():
    """Agent 0 is paid by its action, agent 1 always 1."""
    arms = jnp.array([0.0, 1.0, 0.3])
    game = probe(lambda action: jnp.stack([arms[action[0]], 1.0]), num_actions=3, horizon=3)
    config = settings(
        "a2c", lr=2e-2, gamma=0.5, lam=0.0, normalise=False, epsilon_start=0.2,
        epsilon_episodes=200, critic_trunk="own", scale_values=True,
    )  # fmt: skip
    _, last, metrics = train(game, selfplay(game, config), updates=600, num_envs=4)
    ones = metrics["event/ones"][:, 0, 0]
    assert ones[:3].mean() < 0.6 * game.spec.horizon
    assert ones[-50:].mean() > 0.8 * game.spec.horizon
    params = jax.tree.map(lambda leaf: leaf[0, 1], last.state[0].trained.params)
    spec, unit = game.spec, jax.vmap(root)(last.state[0].scales[0])[0, 1]
    module = ActorCritic(spec.obs_shape, TINY, num_actions=spec.num_actions, own_critic=True)
    seat = jnp.broadcast_to(jnp.array([0.0, 1.0]), (3, 2))
    obs = jnp.concatenate([jnp.eye(4)[:3], seat], axis=1)  # the times before each step
    np.testing.assert_allclose(unit * module.apply(params, obs)[1], [1.75, 1.5, 1.0], atol=0.1)
