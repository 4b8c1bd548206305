import json
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
from envs.checks import ConfigError
from envs.contract import require_game
from lase_jax import api
from lase_jax.adapters import from_jaxmarl
from lase_jax.adapters.from_jaxmarl import JaxMarl, game
from lase_jax.runs import config

COINS = JaxMarl(arguments=("num_inner_steps=4", "num_outer_steps=1"), horizon=4, can_see_all=True)


def test_jaxmarl_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "jaxmarl", None)
    with pytest.raises(ConfigError, match="is not installed, use `pip install jaxmarl`"):
        JaxMarl(horizon=3).build()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (dict(horizon=0), "horizon is 0: use a whole number, 1 or more"),
        (dict(arguments=("cnn",)), "arguments is 'cnn': write name=value"),
        (dict(arguments=("cnn=yes",)), "arguments is 'cnn=yes': write name=value"),
    ],
)
def test_settings_are_checked_without_jaxmarl(fields, message):
    with pytest.raises(ConfigError, match=message):
        JaxMarl(**fields)


@pytest.fixture(scope="module")
def walks():
    """Makes small environments: agents walk to the right, and leave where their walk ends."""
    pytest.importorskip("jaxmarl")
    from jaxmarl.environments import spaces
    from jaxmarl.environments.multi_agent_env import MultiAgentEnv

    class Walk(MultiAgentEnv):
        """Two agents at places on a line; action 1 is a step, each earns where it is."""

        ends = (2, 3)  # places at which agents are done

        def __init__(self):
            super().__init__(num_agents=2)
            self.action_spaces = dict.fromkeys(self.agents, spaces.Discrete(2))

        def by_agent(self, values):
            return {agent: values[seat] for seat, agent in enumerate(self.agents)}

        def get_obs(self, place):
            return self.by_agent(place[:, None] * jnp.array([[1, 10]]))

        def reset(self, key):
            place = jnp.zeros(2, jnp.int32)
            return self.get_obs(place), {"place": place, "length": 0, "key": key}

        def step_env(self, key, state, actions):
            moves = jnp.stack([actions[agent] for agent in self.agents])
            place = state["place"] + moves
            longer = state["length"] + 0.5  # its dtype is another one
            after = {"place": place, "length": longer, "key": key}
            done = place >= jnp.array(self.ends)
            dones = self.by_agent(done) | {"__all__": done.all()}
            return self.get_obs(place), after, self.by_agent(place * 1.0), dones, {"note": place}

    def make(**changes):
        """An environment of a class with these methods and attributes."""
        return type("Changed", (Walk,), changes)()

    return make


def played(env, actions):
    """States and steps of an episode of given actions ``[T, N]``."""
    state, obs = jax.jit(env.reset)(jax.random.key(0))
    states, steps, step = [state], [], jax.jit(env.step)
    for time, action in enumerate(actions):
        state, out = step(jax.random.key(time), state, jnp.asarray(action, jnp.int32))
        states.append(state)
        steps.append(out)
    return obs, states, jax.tree.map(lambda *leaves: np.stack(leaves), *steps)


def test_who_is_done_leaves_and_when_all_are_the_rest_is_empty(walks):
    env = game(walks(), horizon=6)
    assert env.spec.name == "Changed" and env.spec.max_return is None
    assert env.spec.event_names == () and env.spec.obs_shape == (2,)
    obs, states, steps = played(env, [(1, 0), (1, 1), (1, 1), (0, 1), (1, 1), (1, 1)])
    assert obs.shape == (2, 2) and obs.dtype == env.spec.obs_dtype == jnp.int32
    np.testing.assert_array_equal(steps.active[:, 0], [1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(steps.active[:, 1], [1, 1, 1, 1, 0, 0])
    np.testing.assert_array_equal(steps.reward[:, 0], [1, 2, 0, 0, 0, 0])
    np.testing.assert_array_equal(steps.reward[:, 1], [0, 1, 2, 3, 0, 0])
    np.testing.assert_array_equal(steps.obs[:, 1, 1], [0, 10, 20, 30, 30, 30])
    np.testing.assert_array_equal(steps.truncated, [0, 0, 0, 0, 0, 1])
    assert not steps.terminated.any()
    lengths = [float(state.inner["length"]) for state in states]
    assert lengths == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0, 2.0]


def test_what_would_go_on_is_cut_off(walks):
    steps = played(game(walks(ends=(99, 99)), horizon=2), [(0, 0), (0, 1)])[-1]
    assert steps.active.all()
    np.testing.assert_array_equal(steps.truncated, [0, 1])


def spaces_of(*kinds):
    return lambda self, agent: kinds[self.agents.index(agent)]


def see(make):
    """An environment whose observations are something else."""
    return lambda self, place: {agent: make(seat) for seat, agent in enumerate(self.agents)}


def state_grows(self, key, state, actions):
    place, rewards = jnp.zeros(3, jnp.int32), dict.fromkeys(self.agents, 0.0)
    return self.get_obs(place), state | {"place": place}, rewards, {"__all__": False}, {}


def pays(rewards):
    def step_env(self, key, state, actions):
        return self.get_obs(state["place"]), state, rewards, {"__all__": False}, {}

    return step_env


def masks(self, state):
    return dict.fromkeys(self.agents, jnp.array([True, False]))


def refusals():
    from jaxmarl.environments.spaces import Box, Discrete

    one, two = Discrete(2), Discrete(3)
    return {
        "action spaces is .*'agent_1': 'Box'.*use an environment with Discrete spaces": dict(
            action_space=spaces_of(one, Box(0, 1, (2,)))
        ),
        "numbers of actions is {'agent_0': 2, 'agent_1': 3}: .*that do nothing": dict(
            action_space=spaces_of(one, two)
        ),
        r"shapes of observations is .*\(2,\)}: .*pad the smaller": dict(
            get_obs=see(lambda seat: jnp.zeros(seat + 1))
        ),
        "observations is .*'dict'.*one array each, join its parts": dict(
            get_obs=see(lambda seat: {"map": jnp.zeros(2), "goods": jnp.zeros(1)})
        ),
        r"observations is \['agent_0'\]: .*also of \['agent_1'\]": dict(
            get_obs=lambda self, place: {"agent_0": place}
        ),
        r"rewards is \['agent_0'\]: .*also of \['agent_1'\]": dict(step_env=pays({"agent_0": 1.0})),
        r"rewards is .*\(2,\)\]: let each agent have one number": dict(
            step_env=pays({"agent_0": jnp.zeros(2), "agent_1": jnp.zeros(2)})
        ),
        r"state after a step is .*\(3,\)}: let it have the shapes of the start": dict(
            step_env=state_grows
        ),
        "does not play as a MultiAgentEnv of 2 agents .NotImplementedError": dict(
            reset=lambda self, key: super(type(self).__mro__[1], self).reset(key)
        ),
        "some actions are forbidden at the start, use one that allows all": dict(
            get_avail_actions=masks
        ),
    }


def test_what_does_not_fit_is_named_with_the_remedy(walks):
    for message, changes in refusals().items():
        with pytest.raises(ConfigError, match=message):
            game(walks(**changes), horizon=3)


def test_masks_that_forbid_nothing_fit(walks):
    free = lambda self, state: dict.fromkeys(self.agents, jnp.ones(2))  # noqa: E731
    assert game(walks(get_avail_actions=free), horizon=3).spec.num_actions == 2


def test_wrappers_would_be_passed_by(walks):
    from jaxmarl.wrappers.baselines import LogWrapper

    with pytest.raises(ConfigError, match="env is 'LogWrapper': give a MultiAgentEnv without"):
        game(LogWrapper(walks()), horizon=3)
    with pytest.raises(ConfigError, match="horizon is 0"):
        game(walks(), horizon=0)


@pytest.fixture(scope="module")
def coins():
    pytest.importorskip("jaxmarl")
    return COINS.build()


def test_an_episode_is_that_of_the_environment(coins):
    import jaxmarl

    require_game(COINS)
    theirs = jaxmarl.make("coin_game", num_inner_steps=4, num_outer_steps=1)
    actions = np.random.default_rng(0).integers(0, 5, (4, 2))
    obs, _, steps = played(coins, actions)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        first, state = theirs.reset(jax.random.key(0))
        np.testing.assert_array_equal(obs, [first["0"], first["1"]])
        for time, (one, two) in enumerate(actions.tolist()):
            joint = {"0": jnp.int32(one), "1": jnp.int32(two)}
            seen, state, paid, _, _ = theirs.step_env(jax.random.key(time), state, joint)
            np.testing.assert_array_equal(steps.obs[time], [seen["0"], seen["1"]])
            np.testing.assert_array_equal(steps.reward[time], [paid["0"], paid["1"]])
    assert steps.active.all() and coins.settings == COINS


def test_what_jaxmarl_cannot_make_is_refused():
    pytest.importorskip("jaxmarl")
    with pytest.raises(ConfigError, match="did you mean 'coin_game'"):
        JaxMarl("coingame").build()
    with pytest.raises(ConfigError, match="JaxMARL cannot make it with the arguments {'sides': 7}"):
        JaxMarl(arguments=("sides=7",)).build()


def test_a_config_may_name_the_class_without_a_game_on_the_menu():
    assert config.from_json(config.to_json(COINS)) == COINS
    assert config.to_json(COINS)["kind"] == "lase_jax.adapters.from_jaxmarl:JaxMarl"


def test_pictures_show_windows_and_vectors():
    blank, red, blue = (from_jaxmarl.EMPTY,) * 3, *map(np.array, from_jaxmarl.AGENT_COLOURS[1::-1])
    windows = np.zeros((2, 3, 2, 4), np.int8)
    windows[1, 0, 1, 1] = 1
    picture = from_jaxmarl.picture(windows)
    side = from_jaxmarl.PANEL + from_jaxmarl.TILE
    assert picture.shape == (side, 2 * side, 3) and picture.dtype == np.uint8
    cell = from_jaxmarl.PANEL // 3
    np.testing.assert_array_equal(picture[0, 0], blank)
    np.testing.assert_array_equal(picture[0, side + cell], red)
    np.testing.assert_array_equal(picture[0, side], blank)
    vectors = from_jaxmarl.picture(np.array([[1e6, -1e6, 0.0, 0.0, 0.0]], np.float32))
    cell = from_jaxmarl.PANEL // 3
    np.testing.assert_allclose(vectors[0, 0], blue, atol=1)
    np.testing.assert_allclose(vectors[0, cell], red, atol=1)
    np.testing.assert_array_equal(vectors[cell, 0], blank)
    np.testing.assert_array_equal(vectors[cell, 2 * cell], (from_jaxmarl.PAPER,) * 3)


@pytest.fixture
def menu(monkeypatch):
    """A menu that forgets."""
    monkeypatch.setattr(envs.GAMES, "_entries", dict(envs.GAMES._entries))


@pytest.mark.thorough
@pytest.mark.parametrize("algo", ["ppo", "lase"])
def test_ours_train_in_theirs_by_name_and_their_runs_are_runs(algo, menu, coins, tmp_path):
    envs.register("their_coins", COINS)
    env = envs.make("their_coins")
    result = api.train(env, api.society(env, algo), steps=64, num_envs=4, seeds=2)
    returns = result.metrics["return/collective"]
    assert returns.shape == (4, 2) and np.isfinite(returns).all()
    result.save(tmp_path / "run")
    saved = json.loads((tmp_path / "run" / "config.json").read_text())["run"]
    assert (saved["env"], saved["game"]["environment"]) == ("their_coins", "coin_game")
    loaded = api.load(tmp_path / "run")
    assert loaded.config.game == COINS
    jax.tree.map(np.testing.assert_array_equal, loaded.state, result.state)
    found = loaded.evaluate(episodes=3)["greedy"]["return/collective"]
    assert found.shape == (2,) and np.isfinite(found).all()
    assert loaded.play(seed=1).gif().startswith(b"GIF")
    more = api.train(env, api.society(env, algo), steps=16, num_envs=4, start=tmp_path / "run")
    assert np.isfinite(more.metrics["return/collective"]).all()


@pytest.mark.slow
def test_ours_learn_a_game_of_theirs():
    """Three agents share minus the distances of landmarks to who is nearest; random: -78."""
    pytest.importorskip("jaxmarl")
    env = JaxMarl("MPE_simple_spread_v3", horizon=25, can_see_all=True).build()
    result = api.train(env, api.society(env, "ppo"), steps=500_000, seeds=2)
    returns = result.metrics["return/collective"]
    means = partial(np.mean, axis=0)
    assert (means(returns[-50:]) > means(returns[:20]) + 10).all()
