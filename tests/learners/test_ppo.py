"""PPO by hand: one step is A2C's, the clip holds policies and values, minibatches are parts."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from probes import TINY, facts, probe, same, selfplay, settings, train

from envs.checks import ConfigError
from lase_jax.learners import A2C, PPO, with_learner
from lase_jax.learners.actor_critic import Learner, advantages
from lase_jax.learners.policy import Values, Views
from lase_jax.loop.train import Schedule
from lase_jax.runs import config as run_config

GAME = probe(lambda action: action, num_agents=2, num_actions=3, horizon=6)
SPEC = GAME.spec
KEY = jax.random.key(0)
ONE = jnp.float32(1.0)
ONCE = PPO(net=TINY, epochs=1, minibatches=1)


def learnt(config, rollout):
    """Two agents after one rollout, what they were before, and metrics."""
    learner = Learner(config, SPEC, 2)

    @jax.jit
    def both(rollout):
        state = learner.init(KEY, config.hyper())
        return state, *learner.learn(state, rollout, rollout.reward, KEY)

    return both(rollout)


@pytest.mark.parametrize("log_prob", ["behaviour", "policy"])
def test_a_single_step_has_the_gradient_of_a2c(log_prob):
    """At the old policy the ratio is 1, and its gradient that of the log-probability."""
    rollout = facts(SPEC, envs=4)
    shared = dict(net=TINY, max_grad_norm=1e6, log_prob=log_prob)
    _, ours, found = learnt(dataclasses.replace(ONCE, **shared), rollout)
    _, theirs, expected = learnt(A2C(**shared), rollout)
    for name in ("value_loss", "entropy", "grad_norm"):
        np.testing.assert_allclose(found[f"learn/{name}"], expected[f"learn/{name}"], rtol=1e-4)
    moments = (
        [v for _, v in optax.tree.get_all_with_path(s.trained.opt, "mu")] for s in (ours, theirs)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), *moments)
    np.testing.assert_allclose(found["learn/divergence"], 0.0, atol=1e-6)
    assert not found["learn/clipped"].any()


def scene(moved, value, advantage, **options):
    """The objective of one step in which an action's log-probability has moved by so much."""
    config = PPO(net=TINY, entropy=0.0, normalise=False, **options)
    old = jnp.log(jnp.array([[[0.25, 0.25, 0.5]]]))
    taken = 0.25 * jnp.exp(moved)
    new = jnp.log(jnp.stack([taken, 0.5 - taken, 0.5]))[None, None]
    ones = jnp.ones((1, 1), bool)
    action = jnp.zeros((1, 1), jnp.int32)
    rollout = facts(SPEC)._replace(action=action, active=ones, done=ones)
    old_value = jnp.full((1, 1), 2.0)
    fixed = config.targets(
        lambda: Views(old, Values(old_value, old_value), ONE),
        rollout,
        old_value + advantage,
        config.hyper(),
    )
    np.testing.assert_allclose(fixed.advantage, advantage, rtol=1e-5)
    views = Views(new, Values(jnp.full((1, 1), value), old_value), ONE)
    return config.objective(views, rollout, rollout.reward, fixed, config.hyper(), 0.0)


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "clipped"),
    [
        (1.1, 3.0, -3.3, 0),
        (1.5, 3.0, -3.6, 1),  # no more is earned beyond 1.2
        (0.5, 3.0, -1.5, 1),  # the way back stays open
        (0.5, -3.0, 2.4, 1),
        (1.5, -3.0, 4.5, 1),
    ],
)
def test_the_clipped_surrogate_by_hand(ratio, advantage, loss, clipped):
    _, parts = scene(jnp.log(ratio), 2.0, advantage)
    assert parts["policy_loss"] == pytest.approx(loss, rel=1e-5)
    assert parts["clipped"] == clipped
    assert parts["divergence"] == pytest.approx(ratio - 1 - np.log(ratio), abs=1e-6)


@pytest.mark.parametrize(
    ("value", "bound", "loss"),
    [
        (4.0, 0.0, 1.0),  # the goal is 2 + 3
        (4.0, 0.5, 6.25),  # only 2.5 counts
        (2.3, 0.5, 2.7**2),
        (-4.0, 0.5, 81.0),  # the worse of the two
    ],
)
def test_the_value_clip_by_hand(value, bound, loss):
    total, parts = scene(0.0, value, 3.0, value_clip=bound, critic=0.25)
    assert parts["value_loss"] == pytest.approx(loss, rel=1e-5)
    assert total == pytest.approx(-3.0 + 0.25 * loss, rel=1e-5)


def test_every_epoch_goes_over_all_environments_in_an_order_of_its_own():
    config = PPO(net=TINY, epochs=3, minibatches=2)
    data = jnp.broadcast_to(jnp.arange(8.0), (2, 8))

    def step(sums, part):
        assert part.shape == (2, 4)
        pairs = (part[0] // 2).astype(int)  # one of each two that follow each other
        order = (part[0] * 2.0 ** jnp.arange(4.0)).sum() ** 2
        numbers = {"learn/mean": part.mean()[None], "health/least": part.min()[None]}
        return sums.at[part[0].astype(int)].add(1), numbers | {
            "learn/order": order[None],
            "health/pairs": (pairs == jnp.arange(4)).all()[None].astype(jnp.float32),
        }

    times, metrics = config.go_over(step, jnp.zeros(8), data, KEY)
    np.testing.assert_array_equal(times, np.full(8, 3.0))
    np.testing.assert_allclose(metrics["learn/mean"], [3.5])
    assert metrics["health/least"] == jnp.zeros(1)  # the worst of them
    assert metrics["health/pairs"] == jnp.ones(1)
    _, other = config.go_over(step, jnp.zeros(8), data, jax.random.key(1))
    assert metrics["learn/order"] != other["learn/order"]
    with pytest.raises(ConfigError, match="minibatches is 2: use a divisor of num_envs, 7"):
        config.go_over(step, jnp.zeros(8), jnp.zeros((2, 7)), KEY)


def test_advantages_are_normalised_in_each_minibatch():
    config = PPO(net=TINY, normalise=True)
    rollout = facts(SPEC, envs=2)
    one = rollout._replace(**{n: getattr(rollout, n)[:, :, 0] for n in ("action", "active")})
    reward = rollout.reward[:, :, 0]
    values = Values(jnp.zeros_like(reward), jnp.zeros_like(reward))
    logits = jnp.zeros((*reward.shape, 3))
    hyper = config.hyper()
    fixed = config.targets(lambda: Views(logits, values, ONE), one, reward, hyper)
    raw = advantages(values, reward, one, hyper["gamma"], hyper["lam"], False)
    np.testing.assert_allclose(fixed.advantage, raw, rtol=1e-6)
    _, parts = config.objective(Views(logits, values, ONE), one, reward, fixed, hyper, 0.0)
    assert parts["policy_loss"] == pytest.approx(0.0, abs=1e-5)  # their mean, at a ratio of 1


def test_several_epochs_move_further_and_report_it():
    rollout = facts(SPEC, envs=4)
    _, once, _ = learnt(ONCE, rollout)
    before, often, found = learnt(dataclasses.replace(ONCE, epochs=4, minibatches=2), rollout)
    assert not same(once.trained, often.trained)
    counts = [leaf for leaf in jax.tree.leaves(often.trained.opt) if leaf.dtype == jnp.int32]
    assert all(count.tolist() == [8, 8] for count in counts)
    assert (found["learn/divergence"] > 0).all()
    assert often.episodes == before.episodes + 4  # counted once


def test_the_better_arm_is_learnt():
    arms = jnp.array([0.0, 1.0, 0.3])
    game = probe(lambda action: arms[action], num_actions=3, horizon=3)
    config = settings("ppo", lr=1e-2, epsilon_start=0.2, epsilon_episodes=200, minibatches=2)
    _, _, metrics = train(game, selfplay(game, config), updates=150, num_envs=4)
    ones = metrics["event/ones"][:, 0]
    assert ones[:3].mean() < 0.6 * game.spec.horizon < 0.8 * game.spec.horizon
    assert ones[-30:].mean() > 0.8 * game.spec.horizon


def test_minibatches_have_to_fit_the_schedule():
    run = run_config.default("ssh", "ppo")
    with pytest.raises(ConfigError, match="minibatches is 4: use a divisor of num_envs, 6"):
        dataclasses.replace(run, schedule=Schedule(num_envs=6))


def test_another_learner_keeps_what_both_can_set():
    agent = with_learner(settings("lase", lr=0.5, delta=0.3), "ppo")
    assert agent.learner == PPO(net=TINY, lr=0.5) and agent.delta == 0.3
    assert with_learner(agent, "ppo") is agent
    assert with_learner(settings("random"), "ppo") == settings("random")
    assert with_learner(agent, "a2c").learner == A2C(net=TINY, lr=0.5)
    with pytest.raises(ConfigError, match="learner is 'pop': did you mean 'ppo'"):
        with_learner(agent, "pop")


@pytest.mark.parametrize("field", ["epochs", "minibatches", "clip", "value_clip"])
def test_impossible_settings_are_named(field):
    with pytest.raises(ConfigError, match=f"{field} is -1"):
        PPO(**{field: -1})
