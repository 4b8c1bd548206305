"""Agents of different runs at one table: who sits where, with which networks, and what it shows."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
import tiny
from PIL import Image

from envs.checks import ConfigError
from lase_jax.cli import commands
from lase_jax.reports import plots
from lase_jax.runs import crossplay
from lase_jax.runs.crossplay import LIMIT, guests, meet, parties, report, seatings
from lase_jax.runs.setup import set_up


@pytest.fixture(scope="module")
def runs():
    """A mixed society and one of A2C, both untrained."""
    configs = (tiny.config("gift").with_seats(("gift", "cooperator")), tiny.config("a2c", seed=7))
    setups = [set_up(config) for config in configs]
    return [(setup, setup.initial_carry()) for setup in setups]


def test_every_way_to_sit_or_else_every_pair():
    assert seatings(2, 2) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert len(seatings(3, 4)) == LIMIT
    assert seatings(4, 5)[:3] == [(0, 0, 0, 0, 0), (0, 0, 1, 1, 1), (0, 0, 2, 2, 2)]
    assert len(seatings(4, 5)) == 16


def test_a_guest_brings_its_own_network(runs):
    setup, carry = runs[1]
    found = guests(setup, carry)
    everyone = carry.state[0].trained.params
    for seat, guest in enumerate(found):
        own = jax.tree.map(lambda leaf, seat=seat: leaf[:, seat : seat + 1], everyone)
        jax.tree.map(np.testing.assert_array_equal, guest.acting.params, own)
        assert guest.kind.name == "a2c" and guest.acting.epsilon.shape == (2,)


def test_scripted_seats_and_learners_meet(runs):
    rows, returns = meet(runs, 50, seed=0, mode="sample")
    assert rows == seatings(2, 2) and returns.shape == (4, 2, 2)
    assert np.isfinite(returns).all() and returns.any()
    again = meet(runs, 50, seed=0, mode="sample")[1]
    np.testing.assert_array_equal(again, returns)


@pytest.mark.parametrize("algo", ["lio", "si_basic", "si_comm", "si"])
def test_agents_that_learn_together_meet_strangers(runs, algo):
    config = tiny.config(algo)
    setup = set_up(config)
    rows, returns = meet([runs[1], (setup, setup.initial_carry())], 5, seed=0, mode="sample")
    assert len(rows) == 4 and np.isfinite(returns).all()


def test_who_hears_each_other_sits_as_one_party(runs):
    setup = set_up(tiny.config("si_comm"))
    theirs = guests(setup, setup.initial_carry())
    both = guests(*runs[1]), theirs
    assert [party.present for party in parties(both, (1, 1))[0]] == [(0, 1)]
    assert [party.present for party in parties(both, (0, 1))[0]] == [(0,), (1,)]
    assert [party.present for party in parties(both, (0, 0))[0]] == [(0,), (1,)]


def test_runs_of_different_games_do_not_meet(runs):
    game = replace(tiny.GAME, horizon=5)
    other = set_up(replace(tiny.config("a2c"), game=game))
    with pytest.raises(ConfigError, match="name runs of one game"):
        meet([runs[0], (other, other.initial_carry())], 1, 0, "sample")


def test_a_table_and_a_picture(tmp_path):
    returns = np.array(
        [
            [[1.0, 3.0], [3.0, 5.0]],
            [[0.0, 2.0], [0.0, 2.0]],
            [[4.0, 6.0], [4.0, 6.0]],
            [[0.0, 0.0], [0.0, 0.0]],
        ]
    )
    result = report(("x", "y"), [(0, 0), (0, 1), (1, 0), (1, 1)], returns)
    assert result["tables"][1]["seats"] == ["x", "y"]
    assert result["tables"][0]["return"] == [2.0, 4.0]
    assert result["tables"][0]["collective"]["mean"] == 6.0
    json.dumps(result)
    own, group = plots.pairs(result)
    np.testing.assert_array_equal(own.mean(-1), [[3, 3], [3, 0]])  # x beside y: 0 and 6
    np.testing.assert_array_equal(own[0, 0], [2, 4])
    np.testing.assert_array_equal(group.mean(-1), [[6, 6], [6, 0]])
    plots.crossplay(result, "title", tmp_path / "x.png", 8.0)
    picture = np.asarray(Image.open(tmp_path / "x.png").convert("RGB"), int)
    assert (np.ptp(picture, axis=-1) > 60).mean() > 0.1  # the cells are coloured
    crossplay.show(result, "title")


def test_results_are_named_by_what_they_hold_and_none_is_written_over(tmp_path):
    first = crossplay.place(tmp_path, ["a", "b (2)"], "sample")
    assert first.name == "crossplay-a-b-2.json"
    first.touch()
    (tmp_path / "crossplay-a-b-2-2.png").touch()
    assert crossplay.place(tmp_path, ["a", "b (2)"], "sample").name == "crossplay-a-b-2-3.json"
    assert crossplay.place(tmp_path, ["a", "b"], "greedy").name == "crossplay-a-b-greedy.json"
    assert len(crossplay.place(tmp_path, ["long"] * 99, "sample").name) < 200


@pytest.mark.parametrize(("runs", "message"), [(["a"], "two runs or more"), (["a", "a"], "once")])
def test_runs_are_named_once_and_are_two(runs, message):
    with pytest.raises(ConfigError, match=message):
        commands.cross_play(runs, None, "lase")
