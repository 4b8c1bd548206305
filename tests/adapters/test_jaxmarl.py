import ippo
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

import envs
from envs.checks import ConfigError
from lase_jax.adapters.jaxmarl import multi_agent_env


def test_jaxmarl_is_named_where_it_is_missing():
    try:
        import jaxmarl  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match="is not installed, use `pip install jaxmarl`"):
            multi_agent_env(tiny.GAME.build())


@pytest.fixture
def env():
    pytest.importorskip("jaxmarl")
    return multi_agent_env(tiny.GAME.build())


def test_a_game_is_one_of_theirs(env):
    from jaxmarl.environments.multi_agent_env import MultiAgentEnv

    assert isinstance(env, MultiAgentEnv) and env.name == "stag_hunt" and env.num_agents == 2
    obs, state = env.reset(jax.random.key(0))
    assert obs.keys() == env.observation_spaces.keys() == {"agent_0", "agent_1"}
    space = env.observation_space("agent_0")
    assert obs["agent_0"].shape == space.shape and obs["agent_0"].dtype == space.dtype
    assert env.action_space("agent_1").n == 7
    assert env.get_avail_actions(state)["agent_0"].all()


def test_episodes_begin_anew_by_themselves(env):
    def step(carry, key):
        obs, state = carry
        actions = {
            agent: env.action_space(agent).sample(jax.random.fold_in(key, seat))
            for seat, agent in enumerate(env.agents)
        }
        obs, state, reward, done, info = env.step(key, state, actions)
        return (obs, state), (done["__all__"], state.step, reward, info["active"])

    first = env.reset(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 9)
    _, (done, count, reward, active) = jax.jit(lambda c, k: jax.lax.scan(step, c, k))(first, keys)
    np.testing.assert_array_equal(jnp.flatnonzero(done), [3, 7])
    np.testing.assert_array_equal(count, [1, 2, 3, 0, 1, 2, 3, 0, 1])
    assert reward["agent_0"].shape == (9,) and active.shape == (9, 2)


def test_their_wrappers_take_it(env):
    from jaxmarl.wrappers.baselines import LogWrapper

    logged = LogWrapper(env)
    still = dict.fromkeys(env.agents, jnp.int32(0))
    with jax.numpy_dtype_promotion("standard"):  # theirs is not strict
        _, state = logged.reset(jax.random.key(0))
        for _ in range(4):
            _, state, _, _, info = logged.step(jax.random.key(1), state, still)
    assert info["returned_episode"].all() and (info["returned_episode_lengths"] == 4).all()


@pytest.mark.slow
def test_a_learner_of_theirs_learns_a_game_of_ours():
    """Coins without a penalty: random agents find 1 in an episode, learners 7 of 32 steps."""
    from jaxmarl.wrappers.baselines import LogWrapper

    coins = envs.make("coingame", rows=4, columns=4, penalty=0.0, horizon=32)
    logged = LogWrapper(multi_agent_env(coins))
    blind = ippo.random_return(logged, jax.random.key(0))
    learnt = ippo.train(logged, 60, jax.random.key(1))[-10:].mean()
    assert blind < 2 and learnt > 5
