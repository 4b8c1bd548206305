from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle import play, side_by_side

from envs import escape_room
from envs.checks import ConfigError
from envs.escape_room import DOOR, LEVER, START, EscapeRoom, State
from envs.types import Step

NAMES = ("cooperator", "defector", "random")
THREE = EscapeRoom(num_agents=3, levers=2)


def reference(params, state, action, draws):
    """Agent by agent; nothing is drawn."""
    del draws
    num, over = params.num_agents, bool(state.over)
    place = [int(p) if over else int(a) for p, a in zip(state.place, action, strict=True)]
    pulling = [not over and p == LEVER for p in place]
    is_open = sum(pulling) >= params.levers
    reward, left = np.zeros(num), np.zeros(num)
    for agent in range(num):
        if over:
            continue
        if is_open and place[agent] == DOOR:
            reward[agent], left[agent] = params.escape_reward, 1
        elif place[agent] != int(state.place[agent]):
            reward[agent] = -params.move_cost
    after = State(np.array(place, np.int32), np.bool_(over or left.any()), state.time + 1)
    obs = np.zeros((num, 3 * num), bool)
    for agent in range(num if not after.over else 0):
        order = [agent, *(j for j in range(num) if j != agent)]
        for slot, j in enumerate(order):
            obs[agent, 3 * slot + place[j]] = True
    return after, Step(
        obs=obs,
        reward=reward,
        active=np.full(num, not over),
        terminated=np.bool_(False),
        truncated=after.time >= params.horizon,
        events={"pulls": np.array(pulling, float), "escapes": left},
    )


GAME = SimpleNamespace(
    reset=escape_room.reset,
    draw=lambda params, key: (),
    transition=lambda params, state, action, draws: escape_room.transition(params, state, action),
)


@pytest.mark.parametrize("params", [EscapeRoom(), THREE, EscapeRoom(move_cost=0.5, horizon=9)])
def test_equals_the_plain_reference(params):
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 3, (400, params.horizon, params.num_agents), np.int32)
    steps = side_by_side(GAME, reference, params, actions)
    assert steps.events["escapes"].any() and not steps.active.all()


@pytest.mark.parametrize(
    ("params", "action", "reward", "over"),
    [
        (EscapeRoom(), [LEVER, DOOR], [-1.0, 10.0], True),
        (EscapeRoom(), [DOOR, DOOR], [-1.0, -1.0], False),
        (EscapeRoom(), [START, LEVER], [0.0, -1.0], False),
        (THREE, [LEVER, DOOR, START], [-1.0, -1.0, 0.0], False),
        (THREE, [LEVER, DOOR, LEVER], [-1.0, 10.0, -1.0], True),
    ],
)
def test_first_moves_by_hand(params, action, reward, over):
    state, _ = escape_room.reset(params, jax.random.key(0))
    after, step = escape_room.transition(params, state, jnp.array(action, jnp.int32))
    assert step.reward.tolist() == reward and bool(after.over) == over
    assert step.obs.any() != over


def test_scripted_returns_and_the_best_there_is():
    seats = np.array([[0, 0], [0, 1], [1, 1]], np.int32)
    reward, events = play(EscapeRoom().build(), NAMES, seats)
    np.testing.assert_array_equal(reward, [[-1.0, -1.0], [-1.0, 10.0], [-1.0, -1.0]])
    np.testing.assert_array_equal(events["escapes"], [[0, 0], [0, 1], [0, 0]])
    assert EscapeRoom().spec().max_return == 9.0 and THREE.spec().max_return == 8.0


@pytest.mark.parametrize(
    ("field", "value"), [("levers", 2), ("levers", 0), ("num_agents", 1), ("move_cost", -1.0)]
)
def test_settings_that_cannot_work_are_refused(field, value):
    with pytest.raises(ConfigError, match=f"{field} is {value}"):
        EscapeRoom(**{field: value})
