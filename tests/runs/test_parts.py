import dataclasses

import numpy as np
import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.runs.parts import (
    DivergedError,
    Plan,
    check_health,
    extended,
    make_plan,
    plan_of,
    to_record,
)


@pytest.mark.parametrize("updates", [1, 7, 99, 100, 101, 2604, 12345])
def test_a_plan_is_whole_parts_and_hardly_more_than_was_asked_for(updates):
    plan = make_plan(updates, steps=10, chunks=100, points=500)
    assert plan.updates % plan.part == 0 and plan.part % plan.window == 0
    assert updates <= plan.updates <= updates * 1.05 + 1
    assert plan.updates // plan.window <= 550
    assert plan.updates // plan.part <= 200


@pytest.mark.parametrize(
    ("updates", "window", "part"),
    [(6000, 16, 64), (3000, 8, 32), (500, 1, 5), (800, 8, 8), (40, 1, 1)],
)
def test_rows_are_of_whole_episodes_where_parts_are_as_long(updates, window, part):
    plan = make_plan(updates, steps=10, chunks=100, points=500, phases=8)
    assert (plan.window, plan.part) == (window, part)


def test_phases_are_the_updates_of_an_episode():
    run = tiny.config(steps=80 * 600, chunks=10, points=100)
    short = dataclasses.replace(run.schedule, rollout_length=run.game.horizon // 2)
    halves = dataclasses.replace(run, schedule=short)
    assert plan_of(halves).window % 2 == 0 and plan_of(halves).window > 2


def test_rows_are_means_over_windows_without_nan():
    plan = Plan(updates=8, part=4, window=2, steps=10)
    values = np.array([1.0, 3.0, np.nan, 5.0], np.float32)[:, None]
    record = to_record({"x": values, "y": values * np.nan}, done=4, plan=plan)
    np.testing.assert_array_equal(record.update, [6, 8])
    np.testing.assert_array_equal(record.env_steps, [60, 80])
    np.testing.assert_array_equal(record.metrics["x"], [[2.0], [5.0]])
    assert np.isnan(record.metrics["y"]).all()


def test_a_loss_that_is_not_finite_is_named_where_it_came_first():
    good = np.ones((3, 2, 2))
    bad, worse = good.copy(), good.copy()
    bad[2, 0, 0], worse[1, 1, 0] = 0, 0
    worse[:, :, 1] = np.nan
    check_health({"health/actor": good, "learn/entropy": 0 * good}, 10, range(4, 6))
    with pytest.raises(DivergedError, match="update 12: .*'infer' of agent 0, seed 5"):
        check_health({"health/actor": bad, "health/infer": worse}, 10, range(4, 6))


@pytest.mark.parametrize(("chunks", "points"), [(100, 500), (7, 20), (3, 1000), (1, 1)])
@pytest.mark.parametrize("steps", [81, 160, 1000, 12345])
@pytest.mark.parametrize("length", [0, 1, 2])
def test_an_extended_run_has_the_same_parts_and_rows(chunks, points, steps, length):
    run = tiny.config(steps=80, chunks=chunks, points=points)
    schedule = dataclasses.replace(run.schedule, rollout_length=length)
    run = dataclasses.replace(run, schedule=schedule)
    more = extended(run, steps)
    before, after = plan_of(run), plan_of(more)
    assert (after.part, after.window, after.steps) == (before.part, before.window, before.steps)
    assert steps <= after.updates * after.steps < steps + after.part * after.steps
    assert extended(more, steps) == more and extended(run, 80) == run


def test_a_run_is_not_made_shorter():
    with pytest.raises(ConfigError, match="steps is 40: the run has 80, use more to extend it"):
        extended(tiny.config(steps=80), 40)
