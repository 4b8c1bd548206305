import jax.numpy as jnp
import numpy as np
import pytest
from probes import facts, probe, selfplay, settings

import envs
from envs.checks import ConfigError
from lase_jax.core.seats import check_visible, co_players, take_columns, take_seats, visible

GAME = probe(lambda action: action, num_agents=2)


def test_seats_are_taken_from_every_field():
    rollout = facts(probe(lambda action: action, num_agents=4).spec)
    seats = (3, 1)
    taken = take_seats(rollout, seats)
    for field in ("obs", "action", "log_prob", "reward", "active"):
        expected = getattr(rollout, field)[:, :, list(seats)]
        np.testing.assert_array_equal(getattr(taken, field), expected, err_msg=field)
    np.testing.assert_array_equal(taken.events["ones"], rollout.events["ones"][..., [3, 1]])
    np.testing.assert_array_equal(taken.last_obs, rollout.last_obs[:, [3, 1]])
    np.testing.assert_array_equal(taken.done, rollout.done)
    np.testing.assert_array_equal(take_columns(rollout.reward, seats), taken.reward)


def test_co_players_are_the_other_seats():
    np.testing.assert_array_equal(co_players(3, (2, 0)), [[0, 1], [1, 2]])


def test_all_seats_in_order_are_taken_for_nothing():
    rollout = facts(probe(lambda action: action, num_agents=2).spec)
    assert take_seats(rollout, (0, 1)) is rollout
    assert take_columns(rollout.reward, (0, 1)) is rollout.reward
    assert take_seats(rollout, (1, 0)) is not rollout
    assert take_columns(rollout.reward, (0,)).shape[-1] == 1


@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_agents_that_stand_in_the_window_are_visible(dtype):
    spec = GAME.spec._replace(num_agents=3, obs_shape=(3, 3, 5))
    window = np.zeros((2, 3, 3, 5), dtype)
    window[0, 2, 0, 1] = 1  # agent 1 in a corner
    window[1, ..., 3:] = 1  # not an agent
    seen = visible(jnp.asarray(window.reshape(2, -1)), spec)
    np.testing.assert_array_equal(seen, [[0, 1, 0], [0, 0, 0]])


def test_who_is_visible_must_be_known_where_it_is_asked_for():
    blind = GAME.spec._replace(can_see_all=False, agent_planes=False)
    for spec in (GAME.spec, blind._replace(agent_planes=True), blind._replace(can_see_all=True)):
        check_visible("train_visible", True, spec)
    check_visible("train_visible", False, blind)
    with pytest.raises(ConfigError, match="train_visible is True: use False, or a view of probe"):
        check_visible("train_visible", True, blind)


COLOURS = envs.make("harvest_small", view="rgb")


@pytest.mark.parametrize(
    ("algo", "fields", "refused"),
    [
        ("lase", {}, "train_visible"),
        ("lase", dict(train_visible=False, weigh_visible=True), "weigh_visible"),
        ("si", {}, "influence_visible"),
        ("si", dict(influence_visible=False), "train_visible"),
        ("lase", dict(train_visible=False), ""),
        ("lase_wo", {}, ""),
        ("si", dict(influence_visible=False, train_visible=False), ""),
        ("a2c", {}, ""),
    ],
)
def test_colours_are_refused_by_whoever_reads_agents_from_windows(algo, fields, refused):
    config = settings(algo, **fields)
    if refused:
        with pytest.raises(ConfigError, match=f"{refused} is True: use False, or a view of harv"):
            selfplay(COLOURS, config)
    else:
        selfplay(COLOURS, config)
