import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle import contest, play, side_by_side, steps_to, windows

from envs import cleanup, grid
from envs.checks import ConfigError
from envs.cleanup import CLEAN, PICK, Cleanup, Draws, State
from envs.types import Step

UP, DOWN, LEFT, RIGHT, STAY = range(5)
TINY = dict(rows=4, columns=3, num_agents=3, river_rows=1, orchard_rows=2, initial_waste=1)
NEVER = 0.999


def state_of(shape, position, waste=(), apples=()):
    grids = np.zeros((2, *shape), bool)
    for layer, cells in zip(grids, (waste, apples), strict=True):
        for cell in cells:
            layer[cell] = True
    return State(jnp.array(position, jnp.int32), *jnp.asarray(grids), jnp.int32(0))


def played(params, state, action, priority=None, waste=(NEVER, 0.0), apples=(NEVER, 0.0)):
    priority = np.arange(params.num_agents) if priority is None else priority
    draws = Draws(*(jnp.array(draw, jnp.float32) for draw in (priority, waste, apples)))
    return cleanup.transition(params, state, jnp.array(action, jnp.int32), draws)


def cells_of(grid):
    return [tuple(cell) for cell in np.argwhere(np.asarray(grid)).tolist()]


def nth_cell(cells, draw):
    """The cell that a draw in [0, 1) picks of a list in reading order."""
    return cells[min(int(np.float32(draw) * np.float32(len(cells))), len(cells) - 1)]


def reference(params, state, action, draws):
    shape = (params.rows, params.columns)
    river = [(row, column) for row in range(params.river_rows) for column in range(shape[1])]
    first = params.rows - params.orchard_rows
    orchard = [(row, column) for row in range(first, shape[0]) for column in range(shape[1])]
    waste, apples = state.waste.copy(), state.apples.copy()

    position = steps_to(shape, [tuple(cell) for cell in state.position.tolist()], action)
    acts = list(enumerate(action))
    cleaners = contest(
        {i: position[i] for i, act in acts if act == 5 and waste[position[i]]}, draws.priority
    )
    pickers = contest(
        {i: position[i] for i, act in acts if act == 6 and apples[position[i]]}, draws.priority
    )
    for agent in cleaners:
        waste[position[agent]] = False
    for agent in pickers:
        apples[position[agent]] = False

    density = waste.sum() / len(river)
    low, high = params.threshold_restoration, params.threshold_depletion
    growth = 1.0 if density <= low else max(0.0, (high - density) / (high - low))
    growth *= params.apple_spawn_probability
    if density < high and draws.waste[0] < params.waste_spawn_probability:
        waste[nth_cell([cell for cell in river if not waste[cell]], draws.waste[1])] = True
    if params.apple_growth == "cell":
        for cell, draw in zip(orchard, draws.apples, strict=True):
            apples[cell] |= draw < growth
    else:
        bare = [cell for cell in orchard if not apples[cell]]
        if bare and draws.apples[0] < growth:
            apples[nth_cell(bare, draws.apples[1])] = True

    cleaned = np.array([float(i in cleaners) for i, _ in acts])
    picked = np.array([float(i in pickers) for i, _ in acts])
    time = state.time + 1
    return State(np.array(position), waste, apples, time), Step(
        obs=windows(shape, position, (waste, apples), params.radius),
        reward=params.apple_reward * picked - params.cleaning_cost * cleaned,
        active=np.ones(len(position), bool),
        terminated=np.bool_(False),
        truncated=time >= params.horizon,
        events={"waste_cleaned": cleaned, "apples": picked},
    )


@pytest.mark.parametrize(
    "params",
    [
        Cleanup(),
        Cleanup(**TINY | dict(num_agents=3, radius=1), waste_spawn_probability=0.3),
        Cleanup(
            rows=5,
            columns=7,
            num_agents=9,
            river_rows=2,
            orchard_rows=1,
            radius=3,
            initial_waste=10,
            waste_spawn_probability=0.6,
            apple_spawn_probability=0.3,
            threshold_depletion=0.7,
            threshold_restoration=0.2,
            apple_growth="cell",
            apple_reward=2.0,
            cleaning_cost=0.5,
        ),
    ],
)
def test_equals_the_plain_reference(params):
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 7, (40, params.horizon, params.num_agents), np.int32)
    steps = side_by_side(cleanup, reference, params, actions)
    assert steps.events["waste_cleaned"].sum() > 50
    assert steps.events["apples"].sum() > 20


def test_an_agent_cleans_and_picks_only_where_it_stands():
    params = Cleanup(**TINY, threshold_depletion=1.0, cleaning_cost=0.5)
    state = state_of((4, 3), [(0, 0), (2, 1), (3, 1)], waste=[(0, 0), (0, 1)], apples=[(2, 1)])
    after, step = played(params, state, [CLEAN, PICK, PICK])
    assert step.reward.tolist() == [-0.5, 1.0, 0.0]
    assert step.events["waste_cleaned"].tolist() == [1.0, 0.0, 0.0]
    assert step.events["apples"].tolist() == [0.0, 1.0, 0.0]
    assert cells_of(after.waste) == [(0, 1)]
    assert cells_of(after.apples) == []
    after, step = played(params, state, [PICK, CLEAN, STAY])
    assert step.reward.tolist() == [0.0, 0.0, 0.0]
    assert cells_of(after.waste) == [(0, 0), (0, 1)]


def test_agents_share_cells_and_one_apple_is_one_apple():
    params = Cleanup(**TINY)
    state = state_of((4, 3), [(3, 0), (3, 0), (3, 1)], apples=[(3, 0)])
    after, step = played(params, state, [PICK, PICK, LEFT], priority=[0.2, 0.4, 0.9])
    assert step.reward.tolist() == [0.0, 1.0, 0.0]
    assert after.position.tolist() == [[3, 0]] * 3


def test_growth_follows_the_linear_law_after_cleaning():
    params = Cleanup()
    for waste, probability in ((0, 1.0), (2, 0.75), (7, 0.125), (8, 0.0), (9, 0.0)):
        dirty = [(row, column) for row in (0, 1) for column in range(8)][:waste]
        state = state_of((8, 8), [(4, 0)] * 4, waste=dirty)
        for draw in (probability - 0.01, probability + 0.01):
            after, _ = played(params, state, [STAY] * 4, apples=(draw, 0.0))
            assert cells_of(after.apples) == ([(6, 0)] if draw < probability else [])
    state = state_of((8, 8), [(0, 7)] + [(4, 0)] * 3, waste=[(0, column) for column in range(8)])
    after, _ = played(params, state, [CLEAN] + [STAY] * 3, apples=(0.1, NEVER))
    assert cells_of(after.apples) == [(7, 7)]


def test_waste_comes_back_below_the_depletion_threshold_only():
    params = Cleanup()
    row = [(0, column) for column in range(8)]
    for waste, draw, expected in (
        (row[:7], 0.09, [*row[:7], (0, 7)]),
        (row[:7], 0.11, row[:7]),
        (row, 0.09, row),
    ):
        state = state_of((8, 8), [(4, 0)] * 4, waste=waste)
        after, _ = played(params, state, [STAY] * 4, waste=(draw, 0.0))
        assert cells_of(after.waste) == expected


def test_every_orchard_cell_may_grow_for_itself():
    params = Cleanup(**TINY, apple_growth="cell", apple_spawn_probability=0.5)
    state = state_of((4, 3), [(1, 0)] * 3, apples=[(2, 1)])
    after, _ = played(params, state, [STAY] * 3, apples=[0.1, 0.9, 0.6, 0.4, 0.6, 0.2])
    assert cells_of(after.apples) == [(2, 0), (2, 1), (3, 0), (3, 2)]


def test_a_draw_chooses_every_cell_equally_often():
    mask = jnp.array([[True, False, True], [True, True, False]])
    draws = (np.arange(1000, dtype=np.float32) + 0.5) / 1000
    chosen = jax.jit(jax.vmap(lambda draw: cleanup.choose(mask, draw)))(jnp.asarray(draws))
    assert np.asarray(chosen).sum(0).tolist() == [[250, 0, 250], [250, 250, 0]]
    largest = np.nextafter(np.float32(1), np.float32(0))
    assert cells_of(cleanup.choose(mask, jnp.asarray(largest))) == [(1, 1)]
    assert cells_of(cleanup.choose(jnp.zeros((2, 2), bool), jnp.float32(0.5))) == []


@pytest.mark.parametrize(("act", "cell"), [(CLEAN, (0, 1)), (PICK, (3, 1))])
def test_ties_are_fair_over_keys(act, cell):
    params = Cleanup(**TINY, cleaning_cost=1.0)
    env = params.build()
    state = state_of((4, 3), [cell] * 3, waste=[(0, 1)], apples=[(3, 1)])
    keys = jax.random.split(jax.random.key(5), 2000)
    action = jnp.full(3, act, jnp.int32)
    _, step = jax.jit(jax.vmap(lambda key: env.step(key, state, action)))(keys)
    won = np.asarray(step.reward) != 0
    assert won.sum(1).tolist() == [1] * 2000
    np.testing.assert_allclose(won.mean(0), 1 / 3, atol=4 * np.sqrt(2 / 9 / 2000))


def test_an_episode_starts_with_waste_at_the_threshold_and_agents_between():
    keys = jax.random.split(jax.random.key(0), 200)
    state, obs = jax.jit(jax.vmap(Cleanup().build().reset))(keys)
    waste, position = np.asarray(state.waste), np.asarray(state.position)
    assert obs.shape == (200, 4, 5, 5, 7)
    assert (waste.sum((1, 2)) == 8).all()
    assert not waste[:, 2:].any()
    assert waste[:, :2].any(0).all()
    assert not state.apples.any()
    assert sorted(set(position[..., 0].ravel().tolist())) == [2, 3, 4, 5]
    assert all(len({tuple(cell) for cell in cells}) == 4 for cells in position.tolist())


def scripted_actions(name, obs, **settings):
    env = Cleanup(**settings).build()
    keys = jax.random.split(jax.random.key(0), 100)
    act = jax.vmap(lambda key: env.scripted[name](key, obs, jnp.int32(0)))
    return set(act(keys).tolist())


def seen_at(row, waste=(), apples=()):
    """What agent 0 sees from column 4 of the default map."""
    state = state_of((8, 8), [(row, 4)] * 4, waste, apples)
    return cleanup.observe(Cleanup(), state)[0]


@pytest.mark.parametrize(
    ("name", "row", "waste", "apples", "actions"),
    [
        ("cleaner", 4, [], [], {UP}),
        ("cleaner", 2, [], [], {UP}),
        ("cleaner", 1, [], [], {LEFT, RIGHT}),
        ("cleaner", 2, [(0, 5)], [], {UP}),
        ("cleaner", 0, [(0, 6)], [], {RIGHT}),
        ("cleaner", 0, [(0, 4)], [], {CLEAN}),
        ("pretender", 0, [(0, 6)], [], {RIGHT}),
        ("pretender", 0, [(0, 4)], [], {STAY}),
        ("defector", 3, [(1, 4)], [], {DOWN}),
        ("defector", 6, [], [], {LEFT, RIGHT}),
        ("defector", 6, [], [(6, 3)], {LEFT}),
        ("defector", 6, [], [(6, 4)], {PICK}),
        ("cooperator", 2, [(1, 4)], [], {UP}),
        ("cooperator", 6, [], [(6, 4)], {PICK}),
        ("cooperator", 3, [], [], {UP, DOWN}),
        ("cooperator", 1, [], [], {LEFT, RIGHT, DOWN}),
    ],
)
def test_scripted_seats_do_as_they_say(name, row, waste, apples, actions):
    assert scripted_actions(name, seen_at(row, waste, apples)) == actions


def first_nearest(window, key, otherwise):
    """`grid.step_towards` without its draw among equally near cells."""
    del key
    centre = window.shape[0] // 2
    offset = np.arange(window.shape[0]) - centre
    distance = jnp.asarray(np.abs(offset)[:, None] + np.abs(offset)[None])
    flat = jnp.where(window, distance, 99).argmin()
    row, column = flat // window.shape[0] - centre, flat % window.shape[0] - centre
    sideways = jnp.where(column < 0, LEFT, jnp.where(column > 0, RIGHT, STAY))
    action = jnp.where(row < 0, UP, jnp.where(row > 0, DOWN, sideways))
    return jnp.where(window.any(), action, otherwise).astype(jnp.int32)


def seats_by_count(episodes):
    count = np.repeat(np.arange(5), episodes)
    return count, (np.arange(4)[None] >= count[:, None]).astype(np.int32)


def test_cleaners_and_gatherers_earn_as_much_as_known(monkeypatch):
    # The known returns are those of seats that always take the first of several nearest cells.
    monkeypatch.setattr(grid, "step_towards", first_nearest)
    count, seats = seats_by_count(400)
    reward, events = play(Cleanup().build(), ("cleaner", "defector"), seats)
    assert (reward[seats == 0] == 0).all()
    assert (events["waste_cleaned"][seats == 1] == 0).all()
    for cleaners, expected in enumerate((0.0, 61.0, 70.0, 75.0, 0.0)):
        total = reward[count == cleaners].sum(1)
        # Expected: the rounded mean of 300 episodes, simulated independently.
        error = total.std() * np.sqrt(1 / 400 + 1 / 300)
        assert abs(total.mean() - expected) < 0.5 + 4 * error


def test_cooperators_and_defectors_make_a_dilemma_of_greed():
    count, seats = seats_by_count(300)
    reward, _ = play(Cleanup().build(), ("cooperator", "defector"), seats)
    cooperate = [reward[count == others + 1][:, 0].mean() for others in range(4)]
    defect = [reward[count == others][:, 3].mean() for others in range(4)]
    assert cooperate[3] > defect[0] == 0.0
    assert cooperate[0] > defect[0]  # no fear
    assert all(defect[others] > cooperate[others] for others in (1, 2, 3))  # greed


def test_random_returns_have_the_known_scale():
    reward, _ = play(Cleanup().build(), ("random",), np.zeros((1000, 4), np.int32))
    total = reward.sum(1)
    assert abs(total.mean() - 1.0) < 0.1 + 4 * total.std() / np.sqrt(1000)


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("num_agents", 17, "2 to 16"),
        ("river_rows", 0, "1 or more"),
        ("orchard_rows", 1.5, "1 or more"),
        ("initial_waste", 17, "0 to 16"),
        ("waste_spawn_probability", 1.1, "[0, 1]"),
        ("apple_spawn_probability", -0.1, "[0, 1]"),
        ("threshold_restoration", 2.0, "[0, 1]"),
        ("threshold_depletion", 0.0, "above threshold_restoration, 0"),
        ("apple_growth", "cel", "did you mean 'cell'?"),
        ("apple_reward", float("inf"), "finite"),
        ("cleaning_cost", -1.0, "[0, 1e+12]"),
    ],
)
def test_bad_settings_are_named(field, value, remedy):
    with pytest.raises(ConfigError) as error:
        Cleanup(**{field: value})
    assert str(error.value).startswith(f"{field} is {value!r}: ")
    assert remedy in str(error.value)


def test_regions_must_leave_room_for_the_agents():
    with pytest.raises(ConfigError, match=r"river_rows \+ orchard_rows is 8: leave between them"):
        Cleanup(river_rows=4, orchard_rows=4)
