import sys
import warnings

import numpy as np
import pytest
import tiny

import envs
from envs.checks import ConfigError
from lase_jax.adapters.pettingzoo import parallel_env

checks = pytest.importorskip("pettingzoo.test")
GAMES = {
    "tiny": tiny.GAME.build(),
    "ipd": envs.make("ipd", horizon=3),
    "cleanup_ssd": envs.make("cleanup_small", horizon=4, view="rgb"),
    "box_trapped": envs.make("box_trapped", horizon=4),
}


@pytest.mark.parametrize("name", GAMES)
def test_pettingzoo_finds_nothing_wrong(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checks.parallel_api_test(parallel_env(GAMES[name], "rgb_array"), num_cycles=20)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("name", ["tiny", "ipd"])
def test_a_seed_gives_the_same_episodes(name):
    checks.parallel_seed_test(lambda: parallel_env(GAMES[name]), num_cycles=10)


def test_an_episode_is_that_of_the_game():
    env = parallel_env(tiny.GAME.build(), "rgb_array")
    obs, infos = env.reset(seed=3)
    assert list(obs) == env.agents == ["agent_0", "agent_1"]
    assert infos["agent_0"] == {"active": True}
    assert env.metadata["name"] == "stag_hunt_v1" and env.metadata["render_modes"] == ["rgb_array"]
    for step in range(4):
        for agent in env.agents:
            assert env.observation_space(agent).contains(obs[agent])
        obs, rewards, terminated, truncated, infos = env.step(dict.fromkeys(env.agents, 0))
        assert truncated["agent_1"] == (step == 3) and not any(terminated.values())
        assert all(type(reward) is float for reward in rewards.values())
    assert set(infos["agent_0"]) == {"active", *env.game.spec.event_names}
    assert env.agents == [] and env.step({}) == ({}, {}, {}, {}, {})
    picture = env.render()
    assert picture.dtype == np.uint8 and picture.ndim == 3


def test_an_action_of_every_agent_is_needed():
    env = parallel_env(tiny.GAME.build())
    env.reset()
    with pytest.raises(ConfigError, match=r"give those of \['agent_1'\], too"):
        env.step({"agent_0": 1})
    assert env.render() is None


def test_a_library_that_is_missing_is_named(monkeypatch):
    from lase_jax.adapters import library

    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    with pytest.raises(ConfigError, match="library is 'pettingzoo': pettingzoo is not installed"):
        library("pettingzoo", "pettingzoo")
