import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle import contest, play, side_by_side, steps_to, windows

from envs import snowdrift
from envs.checks import ConfigError
from envs.snowdrift import REMOVE, Draws, Snowdrift, State
from envs.types import Step

UP, DOWN, LEFT, RIGHT, STAY = range(5)


def state_of(shape, position, drifts):
    cells = np.zeros(shape, bool)
    for cell in drifts:
        cells[cell] = True
    return State(jnp.array(position, jnp.int32), jnp.asarray(cells), jnp.int32(0))


def played(params, state, action, priority):
    draws = Draws(priority=jnp.array(priority, jnp.float32))
    return snowdrift.transition(params, state, jnp.array(action, jnp.int32), draws)


def blocked_moves(position, target, priority):
    """Stops movers one by one until everyone who still moves can."""
    before = {cell: agent for agent, cell in enumerate(position)}
    wants = {i: cell for i, cell in enumerate(target) if cell != position[i]}
    moving = contest(wants, priority)
    changed = True
    while changed:
        changed = False
        for agent in sorted(moving):
            owner = before.get(target[agent])
            if owner is None:
                continue
            if owner not in moving or target[owner] == position[agent]:
                moving.remove(agent)
                changed = True
    return [target[i] if i in moving else position[i] for i in range(len(position))]


def reference(params, state, action, draws):
    shape = (params.rows, params.columns)
    position = [tuple(cell) for cell in state.position.tolist()]
    target = steps_to(shape, position, action)
    position = blocked_moves(position, target, draws.priority) if params.blocking else target
    wants = {
        i: position[i] for i, act in enumerate(action) if act == 5 and state.drifts[position[i]]
    }
    removers = contest(wants, draws.priority)
    drifts = state.drifts.copy()
    for agent in removers:
        drifts[position[agent]] = False
    removed = np.array([float(i in removers) for i in range(len(position))])
    time = state.time + 1
    return State(np.array(position), drifts, time), Step(
        obs=windows(shape, position, (drifts,), params.radius),
        reward=params.removal_reward * len(removers) - params.removal_cost * removed,
        active=np.ones(len(position), bool),
        terminated=np.bool_(False),
        truncated=time >= params.horizon,
        events={"drifts_removed": removed},
    )


@pytest.mark.parametrize(
    "params",
    [
        Snowdrift(horizon=60),
        Snowdrift(rows=3, columns=5, num_agents=7, num_drifts=9, radius=1, horizon=60),
        Snowdrift(
            rows=4, columns=3, num_agents=6, num_drifts=7, radius=3, horizon=60, blocking=False
        ),
    ],
)
def test_equals_the_plain_reference(params):
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 6, (50, params.horizon, params.num_agents), np.int32)
    steps = side_by_side(snowdrift, reference, params, actions)
    assert steps.events["drifts_removed"].sum() > 50


def test_a_removal_pays_everyone_and_costs_the_remover():
    params = Snowdrift(rows=2, columns=3, num_agents=3, num_drifts=2)
    state = state_of((2, 3), [(0, 0), (0, 1), (1, 2)], [(0, 0), (1, 2)])
    state, step = played(params, state, [REMOVE, REMOVE, STAY], [0.1, 0.2, 0.3])
    assert step.reward.tolist() == [2.0, 6.0, 6.0]
    assert step.events["drifts_removed"].tolist() == [1.0, 0.0, 0.0]
    assert np.argwhere(np.asarray(state.drifts)).tolist() == [[1, 2]]
    _, step = played(params, state, [REMOVE, STAY, REMOVE], [0.1, 0.2, 0.3])
    assert step.reward.tolist() == [6.0, 6.0, 2.0]


def test_two_removers_of_one_drift_share_neither_credit_nor_cost():
    params = Snowdrift(rows=2, columns=2, num_agents=2, num_drifts=1, blocking=False)
    state = state_of((2, 2), [(1, 1), (1, 1)], [(1, 1)])
    _, step = played(params, state, [REMOVE, REMOVE], [0.1, 0.2])
    assert step.reward.tolist() == [6.0, 2.0]


def test_agents_block_each_other_or_share_cells():
    state = state_of((2, 2), [(0, 0), (0, 1)], [(1, 1)])
    shared = dict(rows=2, columns=2, num_agents=2, num_drifts=1)
    blocked, _ = played(Snowdrift(**shared), state, [RIGHT, STAY], [0.1, 0.2])
    assert blocked.position.tolist() == [[0, 0], [0, 1]]
    passed, _ = played(Snowdrift(**shared, blocking=False), state, [RIGHT, STAY], [0.1, 0.2])
    assert passed.position.tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize("blocking", [True, False])
def test_ties_are_fair_over_keys(blocking):
    params = Snowdrift(rows=2, columns=3, num_agents=2, num_drifts=1, blocking=blocking)
    env = params.build()
    start = [(0, 0), (0, 2)] if blocking else [(0, 1), (0, 1)]
    state = state_of((2, 3), start, [(0, 1)])
    action = jnp.array([RIGHT, LEFT] if blocking else [REMOVE, REMOVE], jnp.int32)
    keys = jax.random.split(jax.random.key(3), 2000)
    after, step = jax.jit(jax.vmap(lambda key: env.step(key, state, action)))(keys)
    won = (after.position[:, :, 1] == 1) if blocking else step.events["drifts_removed"] == 1
    assert np.asarray(won).sum(1).tolist() == [1] * 2000
    assert np.asarray(won)[:, 0].mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2000))


def test_an_episode_starts_on_distinct_cells():
    params = Snowdrift(rows=3, columns=4, num_agents=12, num_drifts=12)
    state, obs = snowdrift.reset(params, jax.random.key(0))
    assert len({tuple(cell) for cell in state.position.tolist()}) == 12
    assert state.drifts.all()
    assert obs.shape == (12, 5, 5, 14)


def test_scripted_seats_move_to_drifts_remove_them_or_never_do():
    params = Snowdrift()
    env = params.build()
    keys = jax.random.split(jax.random.key(0), 100)
    cooperate = jax.vmap(
        lambda obs, key: env.scripted["cooperator"](key, obs, jnp.int32(0)), (None, 0)
    )
    obs = jnp.zeros((5, 5, 6), bool)
    assert set(cooperate(obs, keys).tolist()) == {UP, DOWN, LEFT, RIGHT}
    assert set(cooperate(obs.at[4, 2, 4].set(True), keys).tolist()) == {DOWN}
    assert set(cooperate(obs.at[2, 2, 4].set(True), keys).tolist()) == {REMOVE}
    pretend = jax.vmap(
        lambda obs, key: env.scripted["pretender"](key, obs, jnp.int32(0)), (None, 0)
    )
    assert set(pretend(obs.at[4, 2, 4].set(True), keys).tolist()) == {DOWN}
    assert set(pretend(obs.at[2, 2, 4].set(True), keys).tolist()) == {STAY}
    defect = jax.vmap(lambda key: env.scripted["defector"](key, obs, jnp.int32(0)))
    assert set(defect(keys).tolist()) == {UP, DOWN, LEFT, RIGHT, STAY}


def test_scripted_returns_have_the_known_scale_and_the_dilemma():
    cooperators = np.repeat(np.arange(5), 400)
    seats = (np.arange(4)[None] >= cooperators[:, None]).astype(np.int32)
    reward, _ = play(Snowdrift().build(), ("cooperator", "defector"), seats)
    for count, expected in enumerate((0.0, 95.0, 114.0, 118.0, 120.0)):
        total = reward[cooperators == count].sum(1)
        # Expected: the rounded mean of 300 episodes, simulated independently.
        error = total.std() * np.sqrt(1 / 400 + 1 / 300)
        assert abs(total.mean() - expected) < 0.5 + 4 * error
    for others in (1, 2, 3):  # greed: it pays to defect when others cooperate
        defect = reward[cooperators == others][:, -1].mean()
        assert defect > reward[cooperators == others + 1][:, 0].mean()
    assert reward[cooperators == 1][:, 0].mean() > 0.0  # no fear


def test_random_returns_have_the_known_scale():
    seats = np.zeros((2000, 4), np.int32)
    reward, _ = play(Snowdrift().build(), ("random",), seats)
    total = reward.sum(1)
    # Expected: 3,000 games of a plain loop in which agents move in seat order and starts overlap.
    error = total.std() * np.sqrt(1 / 2000 + 1 / 3000)
    assert abs(total.mean() - 36.8) < 4 * error


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("num_drifts", 0, "1 to 64"),
        ("num_drifts", 65, "1 to 64"),
        ("num_agents", 1, "2 to 16"),
        ("removal_reward", float("nan"), "finite"),
        ("removal_cost", -1.0, "[0, 1e+12]"),
        ("blocking", "yes", "True or False"),
        ("radius", 8, "1 to 7"),
        ("horizon", 0, "1 or more"),
    ],
)
def test_bad_settings_are_named(field, value, remedy):
    with pytest.raises(ConfigError) as error:
        Snowdrift(**{field: value})
    assert str(error.value).startswith(f"{field} is {value!r}: ")
    assert remedy in str(error.value)


def test_the_most_a_group_can_earn():
    assert snowdrift.max_return(Snowdrift()) == 120.0
    assert snowdrift.max_return(Snowdrift(num_agents=8, num_drifts=12)) == 528.0
    assert snowdrift.max_return(Snowdrift(removal_cost=30.0)) == 0.0
