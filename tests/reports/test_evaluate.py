import json

import jax
import numpy as np
import pytest
import tiny

from lase_jax.reports import animate, evaluate, stats
from lase_jax.runs.setup import set_up

SEATS = ("gift", "cooperator")


@pytest.fixture(scope="module")
def setup():
    run = tiny.config("gift").with_seats(SEATS)
    return set_up(run)


@pytest.fixture(scope="module")
def state(setup):
    return setup.initial_carry().state


@pytest.fixture(scope="module")
def found(setup, state):
    return evaluate.evaluate(setup.env, setup.algorithm, state, seeds=2, num_episodes=3)


def test_both_modes_have_every_seed_and_agent(found):
    assert set(found) == {"greedy", "sample"}
    for numbers in found.values():
        assert numbers["return/extrinsic"].shape == (2, 2)
        assert numbers["return/collective"].shape == (2,)
        assert {"event/hares", "event/stags", "social/equality_after"} <= set(numbers)


def test_gifts_change_hands_and_nothing_is_lost(found):
    for numbers in found.values():
        np.testing.assert_allclose(
            numbers["return/after_gifts"].sum(-1), numbers["return/collective"], atol=1e-5
        )
        np.testing.assert_allclose(
            numbers["gift/given"], 0.15 * numbers["return/extrinsic"] * [1, 0], atol=1e-5
        )


def test_the_same_seed_plays_the_same_episodes(setup, state, found):
    again = evaluate.evaluate(setup.env, setup.algorithm, state, 2, num_episodes=3)
    jax.tree.map(np.testing.assert_array_equal, again, found)
    other = evaluate.evaluate(setup.env, setup.algorithm, state, 2, num_episodes=3, seed=1)
    assert not all(
        np.array_equal(other["sample"][name], found["sample"][name], equal_nan=True)
        for name in found["sample"]
    )


def test_seeds_that_learn_nothing_play_too():
    scripted = set_up(tiny.config().with_seats(["defector", "random"]))
    state = scripted.initial_carry().state
    assert not jax.tree.leaves(state)
    numbers = evaluate.evaluate(scripted.env, scripted.algorithm, state, 2, num_episodes=3)
    assert numbers["sample"]["return/extrinsic"].shape == (2, 2)


def test_the_report_is_json_that_names_agents(found, capsys):
    found["sample"]["social/equality"] = np.array([np.nan, 0.5])
    report = evaluate.report(found, SEATS, [4, 5])
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert [agent["kind"] for agent in report["greedy"]["agents"]] == list(SEATS)
    assert report["sample"]["group"]["social/equality"] == 0.5
    assert report["sample"]["seeds"]["4"]["social/equality"] is None
    ends = found["greedy"]["return/extrinsic"][:, 1]
    _, half = stats.mean_and_band(ends[None])
    agent = report["greedy"]["agents"][1]
    np.testing.assert_allclose(agent["ci95"]["return/extrinsic"], half[0])
    assert report["sample"]["group"]["ci95"]["social/equality"] is None
    evaluate.show(report, num_seeds=2, num_episodes=3, most=7.5)
    printed = capsys.readouterr().out
    assert f"{ends.mean():.2f} ± {half[0]:.2f}" in printed and " of 7.5, equality" in printed
    for word in ("greedy", "cooperator", "after gifts", "hares"):
        assert word in printed


def test_a_scene_can_show_every_moment_and_has_what_was_given(setup, state):
    one = jax.tree.map(lambda leaf: leaf[0], state)
    scene = evaluate.scene(
        setup.env, setup.algorithm, one, jax.random.key(3), "sample", SEATS, "title"
    )
    horizon = setup.env.spec.horizon
    assert len({scene.picture(time).tobytes() for time in range(horizon + 1)}) > 1
    assert scene.reward.shape == (horizon, 2)
    np.testing.assert_allclose(scene.gift[:, 0, 1], 0.15 * scene.reward[:, 0], atol=1e-6)
    assert (scene.gift[:, 1] == 0).all() and (scene.gift[:, 0, 0] == 0).all()


def test_only_the_pictures_that_an_animation_shows_are_drawn(setup, state, monkeypatch):
    monkeypatch.setattr(animate, "MAX_FRAMES", 2)
    drawn = []

    def render(env_state):
        drawn.append(env_state)
        return setup.env.render(env_state)

    one = jax.tree.map(lambda leaf: leaf[0], state)
    game = setup.env._replace(render=render)
    scene = evaluate.scene(game, setup.algorithm, one, jax.random.key(3), "sample", SEATS, "title")
    assert not drawn
    frames = animate.frames(scene)
    assert len(drawn) == len(frames) == 3 < setup.env.spec.horizon + 1
