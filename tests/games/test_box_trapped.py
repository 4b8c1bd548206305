from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle import play, side_by_side

from envs import box_trapped, registry
from envs.box_trapped import EAT, OPEN, WAIT, BoxTrapped, State
from envs.checks import ConfigError
from envs.types import Step

NAMES = ("cooperator", "defector", "random")
RING = registry.GAMES["box_ring"]
THREE = BoxTrapped(num_agents=3, outside=1, horizon=6, meal_reward=2.0, open_cost=0.5)


def reference(params, state, action, draws):
    """Agent by agent; nothing is drawn."""
    del draws
    num = params.num_agents
    before, after = [bool(x) for x in state.is_open], [bool(x) for x in state.is_open]
    reward, opened, meals = np.zeros(num), np.zeros(num), np.zeros(num)
    for agent in range(num):
        other = 0 if agent == num - 1 else agent + 1
        if action[agent] == OPEN:
            reward[agent] -= params.open_cost
            opened[agent] = not before[other]
            after[other] = True
        elif action[agent] == EAT and before[agent]:
            reward[agent] += params.meal_reward
            meals[agent] = 1
    obs = [[after[(agent + i) % num] for i in range(num)] for agent in range(num)]
    time = state.time + 1
    return State(np.array(after), time), Step(
        obs=np.array(obs),
        reward=reward,
        active=np.ones(num, bool),
        terminated=np.bool_(False),
        truncated=time >= params.horizon,
        events={"opened": opened, "meals": meals},
    )


GAME = SimpleNamespace(
    reset=box_trapped.reset,
    draw=lambda params, key: (),
    transition=lambda params, state, action, draws: box_trapped.transition(params, state, action),
)


@pytest.mark.parametrize("params", [BoxTrapped(), RING, THREE])
def test_equals_the_plain_reference(params):
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 3, (100, params.horizon, params.num_agents), np.int32)
    steps = side_by_side(GAME, reference, params, actions)
    assert steps.events["opened"].any() and steps.events["meals"].any()


def test_an_episode_by_hand():
    state, obs = box_trapped.reset(RING, jax.random.key(0))
    assert not obs.any()
    for action, reward, is_open in [
        ((EAT, EAT), (0.0, 0.0), (False, False)),
        ((OPEN, EAT), (-1.0, 0.0), (False, True)),
        ((OPEN, EAT), (-1.0, 1.0), (False, True)),  # pushed in vain
        ((EAT, OPEN), (0.0, -1.0), (True, True)),
        ((EAT, WAIT), (1.0, 0.0), (True, True)),
    ]:
        state, step = box_trapped.transition(RING, state, jnp.array(action, jnp.int32))
        assert tuple(step.reward.tolist()) == reward
        assert tuple(state.is_open.tolist()) == is_open
    assert step.obs.tolist() == [[True, True], [True, True]]


def test_in_the_paper_who_opens_misses_a_meal_and_nothing_else():
    """Agent 0 is outside and eats in every step; agent 1 eats once it has been freed."""
    seats = np.array([[0, 0], [1, 0]], np.int32)
    reward, events = play(BoxTrapped().build(), NAMES, seats)
    np.testing.assert_array_equal(reward, [[19.0, 19.0], [20.0, 0.0]])
    np.testing.assert_array_equal(events["opened"], [[1, 0], [0, 0]])
    assert BoxTrapped().spec().max_return == 38.0


@pytest.mark.parametrize(
    ("params", "best"),
    [
        (THREE, 3 * 5 * 2.0 - 2 * 0.5),
        (BoxTrapped(num_agents=3, outside=2, horizon=6), 16.0),
        (BoxTrapped(horizon=6, open_cost=9.0), 6.0),
    ],
)
def test_no_group_earns_more_than_the_bound(params, best):
    everyone = np.zeros((1, params.num_agents), np.int32)
    reward, _ = play(params.build(), NAMES, everyone)
    assert params.spec().max_return == best >= reward.sum()


def test_the_ring_is_a_dilemma():
    """Whoever opens is worse off, whatever the other does; all are best off when all open."""
    seats = np.array([[0, 0], [0, 1], [1, 1]], np.int32)
    reward, events = play(RING.build(), NAMES, seats)
    np.testing.assert_array_equal(reward, [[8.0, 8.0], [-1.0, 9.0], [0.0, 0.0]])
    assert RING.spec().max_return == reward[0].sum()
    np.testing.assert_array_equal(events["opened"], [[1, 1], [1, 0], [0, 0]])


@pytest.mark.parametrize(
    ("field", "value"), [("num_agents", 1), ("outside", 2), ("horizon", 0), ("open_cost", -1.0)]
)
def test_settings_that_cannot_work_are_refused(field, value):
    with pytest.raises(ConfigError, match=f"{field} is {value}"):
        BoxTrapped(**{field: value})
