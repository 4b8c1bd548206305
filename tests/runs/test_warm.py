from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.core.settings import changed
from lase_jax.nets.layers import Net
from lase_jax.runs import warm
from lase_jax.runs.setup import set_up


def state_of(config, shift=0.0):
    """The initial state of a run, whose numbers are moved by `shift`."""
    state = set_up(config).initial_carry().state
    return jax.tree.map(lambda leaf: leaf + jnp.asarray(shift, leaf.dtype), state)


def source(config, shift=1.0):
    return warm.Source("runs/x", config.kinds(), state_of(config, shift), {})


def params(state, group=0):
    return jax.tree.leaves(state[group].trained.params)


def test_parameters_are_copied_and_schedules_begin_anew():
    theirs = source(tiny.config())
    ours = replace(tiny.config(), agent=changed(tiny.config().agent, {"lr": 0.5}))
    first = state_of(ours)
    found = warm.started(ours.kinds(), first, theirs)
    for new, old, other in zip(params(found), params(first), params(theirs.state), strict=True):
        np.testing.assert_array_equal(new, other)
        assert np.all(new != old)
    assert float(found[0].hyper["lr"][0]) == 0.5
    assert float(found[0].episodes[0]) == 0.0
    for new, other in zip(found[0].scales[0], theirs.state[0].scales[0], strict=True):
        np.testing.assert_array_equal(new, other)
    opt, before = (jax.tree.leaves(state[0].trained.opt) for state in (found, first))
    assert all(np.array_equal(a, b) for a, b in zip(opt, before, strict=True))


def test_seats_take_those_of_their_own_place():
    theirs = source(tiny.config())
    ours = tiny.config().with_seats(["defector", "a2c"])
    found = warm.started(ours.kinds(), state_of(ours), theirs)
    for new, other in zip(params(found, 1), params(theirs.state), strict=True):
        np.testing.assert_array_equal(new[:, 0], other[:, 1])


def test_societies_of_two_kinds_become_one():
    faster = changed(tiny.config().agent, {"lr": 0.5})
    mixed = tiny.config().with_seats(["a2c", "faster"], own={"faster": faster})
    theirs, ours = source(mixed), tiny.config()
    found = warm.started(ours.kinds(), state_of(ours), theirs)
    for new, first, second in zip(
        params(found), params(theirs.state), params(theirs.state, 1), strict=True
    ):
        np.testing.assert_array_equal(new[:, 0], first[:, 0])
        np.testing.assert_array_equal(new[:, 1], second[:, 0])


def test_seeds_take_theirs_in_turn():
    theirs, ours = source(tiny.config()), tiny.config(seeds=3)
    found = warm.started(ours.kinds(), state_of(ours), theirs)
    for new, other in zip(params(found), params(theirs.state), strict=True):
        np.testing.assert_array_equal(new, other[np.array([0, 1, 0])])


WIDER = changed(tiny.config().agent, dict(net=Net(dense=(8,))))


@pytest.mark.parametrize(
    ("ours", "message"),
    [
        (tiny.config("gift"), "start_from is 'runs/x': seat 0 is 'a2c' there and 'gift' here"),
        (
            replace(tiny.config(), agent=WIDER),
            r"of seat 0 is \[.*4\] there and \[.*8\] here, use the",
        ),
        (
            replace(tiny.config(), game=replace(tiny.GAME, num_agents=3)),
            "it has 2 seats and this run 3, use one of as many seats",
        ),
        (
            replace(tiny.config(), agent=changed(WIDER, dict(net=Net(dense=(4,), lstm=4)))),
            "of seat 0 is missing there and ",
        ),
    ],
)
def test_what_differs_is_named(ours, message):
    with pytest.raises(ConfigError, match=message):
        warm.started(ours.kinds(), state_of(ours), source(tiny.config()))


def test_every_kind_of_agent_starts_from_its_like():
    for algo in ("lase", "lio", "lola", "si", "giving"):
        run = tiny.config(algo)
        setup = set_up(run)
        shapes = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), setup.shapes().state)
        found = warm.started(run.kinds(), shapes, warm.Source("x", run.kinds(), shapes, {}))
        assert jax.tree.structure(found) == jax.tree.structure(shapes)
        same = jax.tree.map(lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype), found, shapes)
        assert all(jax.tree.leaves(same))
