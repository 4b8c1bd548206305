"""A person's seat: the person's actions count, the others play as they would."""

import jax
import numpy as np
import pytest
import tiny
from replayed import IPD, SSH

import envs
from envs.checks import ConfigError
from lase_jax.runs import person
from lase_jax.runs.config import Kind, named
from lase_jax.runs.setup import set_up

COOPERATE, DEFECT = 0, 1


def scripted(*names):
    return [Kind(name, named(name)) for name in names]


def test_the_person_acts_and_the_others_follow_their_scripts():
    game = person.Game(person.beside_scripted(IPD, 1, scripted("cooperator")), 0, "sample")
    for step, action in enumerate((DEFECT, COOPERATE, DEFECT, COOPERATE, DEFECT)):
        turn = game.go(action)
        assert turn.action.tolist() == [COOPERATE, action]
        expected = [1.0, 1.0] if action == COOPERATE else [-0.2, 1.2]
        np.testing.assert_allclose(turn.reward, expected, rtol=1e-6)
        assert turn.ends == (step == IPD.spec.horizon - 1)


def test_one_name_stands_for_all_others_and_seats_keep_their_order():
    one = person.beside_scripted(SSH, 1, scripted("defector"))
    assert one.names == ("defector", "you", "defector")
    two = person.beside_scripted(SSH, 0, scripted("cooperator", "random"))
    assert two.names == ("you", "cooperator", "random")


@pytest.mark.parametrize(
    ("seat", "others", "message"),
    [
        (3, ("random",), "seat is 3"),
        (0, ("random", "random", "random"), "seats is"),
        (0, ("cooperatr",), "policy is 'cooperatr': did you mean 'cooperator'"),
    ],
)
def test_impossible_tables_are_named(seat, others, message):
    with pytest.raises(ConfigError, match=message):
        person.beside_scripted(SSH, seat, scripted(*others))


def test_trained_players_act_by_their_own_policies():
    """Where the person does what the agent on its seat did, the others do what they did, too."""
    setup = set_up(tiny.config("a2c"))
    carry = setup.initial_carry()
    table = person.beside_trained(setup, carry, 1, 0)
    assert table.names == ("you", "a2c")
    game = person.Game(table, 0, "greedy")
    state = jax.tree.map(lambda leaf: leaf[1], carry.state)
    acting = setup.algorithm.prepare(state)
    for _ in range(setup.env.spec.horizon):
        draws = setup.algorithm.draw(jax.random.key(0), num_envs=1)
        world = game._world
        decision, _ = setup.algorithm.act(
            acting, setup.algorithm.begin(1), world.obs, draws, "greedy"
        )
        expected = np.asarray(decision.action)[0]
        turn = game.go(4)
        assert turn.action[1] == expected[1] and turn.action[0] == 4


def test_windows_are_read_as_signs():
    spec = SSH.spec
    letters = person.signs(spec)
    assert letters == {"agent_0": "0", "agent_1": "1", "agent_2": "2", "hare": "h", "stag": "s"}
    obs = np.zeros(spec.obs_shape, bool)
    obs[1:, :, spec.plane_names.index("inside")] = True
    obs[1, 1, [0, spec.plane_names.index("hare")]] = True
    obs[2, 0, spec.plane_names.index("stag")] = True
    rows = person.sight(spec, obs.ravel()).splitlines()
    assert [row.split() for row in rows] == [["#", "#", "#"], [".", "0h", "."], ["s", ".", "."]]


def test_short_observations_are_read_by_name():
    assert person.sight(IPD.spec, np.array([0, 0, 1, 0, 0], bool)) == "DC"
    assert person.sight(IPD.spec, np.zeros(5, bool)) == "nothing"


@pytest.mark.parametrize("name", envs.names())
def test_every_plane_has_a_sign_of_its_own(name):
    spec = envs.config(name).spec()
    if len(spec.obs_shape) == 3:
        found = person.signs(spec)
        assert len(set(found.values())) == len(found)
        assert set(spec.plane_names) - set(found) <= {"inside"}
