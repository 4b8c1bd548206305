import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

import envs
from envs.checks import ConfigError
from lase_jax import algorithms
from lase_jax.loop.player import player
from lase_jax.loop.rollout import begin, play
from lase_jax.loop.society import society

ENV = tiny.GAME.build()


def made(algo, mode="sample"):
    agents = algorithms.config(algo, net=tiny.NET)
    joint = society(ENV.spec, [(agents.build(ENV, (0, 1)), (0, 1))])
    state = jax.jit(joint.init)(jax.random.key(0), joint.hyper)
    return joint, state, player(ENV.spec, joint, state, mode, (algo, algo))


@pytest.mark.parametrize("algo", ["a2c", "ia", "si", "si_comm"])
def test_a_player_acts_as_the_society_does(algo):
    """With the same random numbers, step by step, its actions are those of `rollout.play`."""
    joint, state, one = made(algo)
    world = begin(ENV, joint, jax.random.key(1), 3)
    steps, key = ENV.spec.horizon, jax.random.key(2)
    play_all = jax.jit(
        lambda acting, world: play(ENV, joint, acting, world, key, steps, "sample")[1]
    )
    wanted = play_all(joint.prepare(state), world)
    key_act, key_env = jax.random.split(key)
    games = jax.random.split(key_env, (steps, 3))
    memory, obs, game = one.begin(3), world.obs.reshape(3, 2, *ENV.spec.obs_shape), world.env_state
    transition = jax.jit(jax.vmap(lambda s, a, k: ENV.transition(s, a, ENV.draw(k))))
    for step, key_step in enumerate(jax.random.split(key_act, steps)):
        action, memory = one.act(obs, memory, key_step)
        np.testing.assert_array_equal(action, wanted.action[step])
        game, out = transition(game, action, games[step])
        obs, memory = out.obs, one.remember(memory, action, out.reward, out.active)


@pytest.mark.parametrize("algo", ["a2c", "ia", "si_comm"])
def test_one_environment_needs_no_axis(algo):
    _, _, one = made(algo, "greedy")
    _, obs = ENV.reset(jax.random.key(0))
    many = jnp.stack([obs, obs])
    action, memory = one.act(obs, one.begin(), jax.random.key(3))
    actions, memories = one.act(many, one.begin(2), jax.random.key(3))
    assert action.shape == (2,) and actions.shape == (2, 2) and action.dtype == jnp.int32
    np.testing.assert_array_equal(actions[0], action)
    reward = jnp.zeros(2)
    memory = one.remember(memory, action, reward)
    memories = one.remember(memories, actions, jnp.zeros((2, 2)))
    for alone, both in zip(jax.tree.leaves(memory), jax.tree.leaves(memories), strict=True):
        assert both.shape == (2, *alone.shape)


def test_a_player_can_be_vmapped_and_scanned():
    _, _, one = made("a2c")
    states, obs = jax.vmap(ENV.reset)(jax.random.split(jax.random.key(0), 5))
    memory = jax.vmap(lambda _: one.begin())(jnp.arange(5))
    action, _ = jax.vmap(one.act)(obs, memory, jax.random.split(jax.random.key(1), 5))
    assert action.shape == (5, 2)
    assert repr(one) == "Player(a2c, a2c in stag_hunt, sample)"


def test_observations_of_another_game_are_refused():
    _, _, one = made("a2c")
    _, obs = envs.make("ipd").reset(jax.random.key(0))
    with pytest.raises(ConfigError, match=r"shape of obs is \(2, 5\): use \(2, 3, 3, 5\)"):
        one.act(obs, one.begin(), jax.random.key(0))
