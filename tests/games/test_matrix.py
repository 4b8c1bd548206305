from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle import play, side_by_side

from envs import matrix, registry
from envs.checks import ConfigError
from envs.matrix import COOPERATE, DEFECT, Matrix, State
from envs.types import Step

CC, CD, DC, DD, START = range(5)
PAYOFFS = dict(reward=3.0, sucker=-1.5, temptation=5.0, punishment=0.5)
NAMES = ("cooperator", "defector", "tit_for_tat", "random")


def reference(params, state, action, draws):
    """Player by player; nothing is drawn."""
    del draws
    first = (params.reward, params.sucker, params.temptation, params.punishment)
    cells = {(0, 0): CC, (0, 1): CD, (1, 0): DC, (1, 1): DD}
    mine, theirs = map(int, action)
    reward, obs = np.zeros(2), np.zeros((2, 5), bool)
    for seat, pair in enumerate(((mine, theirs), (theirs, mine))):
        payoffs = params.second if seat and params.second else first
        reward[seat] = payoffs[cells[pair]]
        obs[seat, cells[pair]] = True
    time = state.time + 1
    return State(action, time), Step(
        obs=obs,
        reward=reward,
        active=np.ones(2, bool),
        terminated=np.bool_(False),
        truncated=time >= params.horizon,
        events={"cooperations": np.array([mine == COOPERATE, theirs == COOPERATE], float)},
    )


GAME = SimpleNamespace(
    reset=lambda params, key: matrix.reset(key),
    draw=lambda params, key: (),
    transition=lambda params, state, action, draws: matrix.transition(params, state, action),
)


@pytest.mark.parametrize(
    "params",
    [Matrix(), Matrix(**PAYOFFS, horizon=7), Matrix(**PAYOFFS, second=(1.0, 2.0, -3.0, 4.0))],
)
def test_equals_the_plain_reference(params):
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 2, (60, params.horizon, 2), np.int32)
    steps = side_by_side(GAME, reference, params, actions)
    assert np.unique(steps.reward).size == (8 if params.second else 4)
    assert steps.truncated.sum(1).tolist() == [1] * 60


@pytest.mark.parametrize(
    ("action", "reward", "seen"),
    [
        ([COOPERATE, COOPERATE], [3.0, 3.0], [CC, CC]),
        ([COOPERATE, DEFECT], [-1.5, 5.0], [CD, DC]),
        ([DEFECT, COOPERATE], [5.0, -1.5], [DC, CD]),
        ([DEFECT, DEFECT], [0.5, 0.5], [DD, DD]),
    ],
)
def test_each_pair_of_moves_pays_and_is_remembered_from_both_sides(action, reward, seen):
    state, obs = matrix.reset(jax.random.key(0))
    np.testing.assert_array_equal(obs, np.eye(5, dtype=bool)[[START, START]])
    _, step = matrix.transition(Matrix(**PAYOFFS), state, jnp.array(action, jnp.int32))
    assert step.reward.tolist() == reward
    np.testing.assert_array_equal(step.obs, np.eye(5, dtype=bool)[seen])
    assert step.events["cooperations"].tolist() == [float(act == COOPERATE) for act in action]


@pytest.mark.parametrize(
    ("name", "greed", "fear"),
    [
        ("ipd", True, True),
        ("iterated_stag_hunt", False, True),
        ("iterated_snowdrift", True, False),
        ("iterated_harmony", False, False),
    ],
)
def test_ready_made_games_are_ordered_as_their_names_say(name, greed, fear):
    game = registry.config(name)
    r, s, t, p = game.reward, game.sucker, game.temptation, game.punishment
    assert r > p and r > s and t > p  # what all social dilemmas share, and harmony
    assert 2 * r >= s + t  # turns at exploiting each other do not beat cooperation
    assert ((t > r), (p > s)) == (greed, fear)
    assert t != r and p != s
    assert name != "ipd" or (r, s, t, p) == (1.0, -0.2, 1.2, 0.0)


def test_in_matching_pennies_one_wins_what_the_other_loses():
    game = registry.config("matching_pennies")
    state, _ = matrix.reset(jax.random.key(0))
    for action, reward in (([0, 0], [1, -1]), ([1, 1], [1, -1]), ([0, 1], [-1, 1])):
        _, step = matrix.transition(game, state, jnp.array(action, jnp.int32))
        assert step.reward.tolist() == reward
    spec = game.spec()
    assert spec.max_return == 0.0 and not spec.helps  # no action is good for both


def test_the_best_pair_of_moves_bounds_the_return():
    assert Matrix().spec().max_return == pytest.approx(200.0)
    uneven = Matrix(second=(5.0, 0.0, 0.0, 0.0), horizon=10)
    assert uneven.spec().max_return == pytest.approx(60.0)


def test_scripted_returns_are_known():
    pairs = {
        ("cooperator", "cooperator"): (100.0, 100.0),
        ("cooperator", "defector"): (-20.0, 120.0),
        ("defector", "defector"): (0.0, 0.0),
        ("tit_for_tat", "tit_for_tat"): (100.0, 100.0),
        ("tit_for_tat", "cooperator"): (100.0, 100.0),
        ("tit_for_tat", "defector"): (-0.2, 1.2),
        ("defector", "tit_for_tat"): (1.2, -0.2),
    }
    seats = np.array([[NAMES.index(name) for name in pair] for pair in pairs], np.int32)
    reward, events = play(Matrix().build(), NAMES, seats)
    np.testing.assert_allclose(reward, list(pairs.values()), rtol=1e-5, atol=1e-5)
    assert events["cooperations"][5].tolist() == [1.0, 0.0]


def test_random_returns_have_the_known_scale():
    reward, events = play(Matrix().build(), NAMES, np.full((1000, 2), 3, np.int32))
    total = reward.sum(1)  # 1 for each cooperation, as T + S = R = 1
    assert total.mean() == pytest.approx(100.0, abs=4 * total.std() / np.sqrt(1000))
    np.testing.assert_allclose(total, events["cooperations"].sum(1), rtol=1e-5)


@pytest.mark.parametrize(
    ("seen", "action"),
    [(START, COOPERATE), (CC, COOPERATE), (DC, COOPERATE), (CD, DEFECT), (DD, DEFECT)],
)
def test_tit_for_tat_repeats_the_others_last_move(seen, action):
    obs = jnp.zeros(5, bool).at[seen].set(True)
    found = Matrix().build().scripted["tit_for_tat"](jax.random.key(0), obs, jnp.int32(0))
    assert found.dtype == jnp.int32 and found == action


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("reward", float("nan"), "finite"),
        ("sucker", "low", "finite"),
        ("temptation", float("inf"), "finite"),
        ("punishment", True, "finite"),
        ("second", (1.0, 2.0), "four payoffs"),
        ("horizon", 0, "1 or more"),
        ("horizon", 10.0, "whole number"),
    ],
)
def test_bad_settings_are_named(field, value, remedy):
    with pytest.raises(ConfigError) as error:
        Matrix(**{field: value})
    assert str(error.value).startswith(f"{field} is {value!r}: ")
    assert remedy in str(error.value)


def test_the_most_two_players_can_earn():
    assert matrix.max_return(Matrix()) == 200.0
    assert matrix.max_return(Matrix(sucker=1.0, temptation=4.0, horizon=10)) == 50.0
    assert matrix.max_return(Matrix(reward=-2.0, sucker=-3.0, temptation=-3.0)) == 0.0
