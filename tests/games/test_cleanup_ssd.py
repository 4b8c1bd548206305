import jax
import jax.numpy as jnp
import numpy as np
import pytest
import ssd_oracle
from oracle import play, side_by_side
from ssd_oracle import cells_of, grid_of

import envs
from envs import cleanup_ssd
from envs.checks import ConfigError
from envs.cleanup_ssd import MAPS, CleanupSsd, Draws, State
from envs.types import Step

UP, DOWN, LEFT, RIGHT, STAY, CLEAN = range(6)
SMALL, LARGE = envs.config("cleanup_7x7"), envs.config("cleanup_10x10")
THREE = envs.config("cleanup_10x10", num_agents=3)
FULL, TURNING = envs.config("cleanup_ssd"), envs.config("cleanup_small")
TURN_RIGHT, TURN_LEFT, FIRE, SWEEP = range(5, 9)
"""Actions of agents that turn and fire, whose cleaning has another number."""
NEVER = 0.9999999
RIVER = [(row, column) for row in range(1, 9) for column in (1, 2)]
"""The river of the large map, in reading order."""


def map_cells(params, kinds):
    return ssd_oracle.map_cells(MAPS[params.map], kinds)


def state_of(params, position, waste=(), apples=(), heading=None):
    text, nothing = MAPS[params.map], jnp.asarray(grid_of(MAPS[params.map], ()))
    return State(
        position=jnp.array(position, jnp.int32),
        heading=jnp.array(heading or [0] * len(position), jnp.int32),
        waste=jnp.asarray(grid_of(text, waste)),
        apples=jnp.asarray(grid_of(text, apples)),
        beam=nothing,
        fire=nothing,
        time=jnp.int32(0),
    )


transition = jax.jit(cleanup_ssd.transition, static_argnums=0)


def played(params, state, action, priority=None, waste=(NEVER, 0.0), apples=NEVER):
    priority = np.arange(params.num_agents) if priority is None else priority
    apples = np.broadcast_to(apples, len(map_cells(params, "B")))
    draws = Draws(*(jnp.array(draw, jnp.float32) for draw in (priority, waste, apples)))
    return transition(params, state, jnp.array(action, jnp.int32), draws)


def reference(params, state, action, draws):
    text = MAPS[params.map]
    river, orchard = map_cells(params, "HR"), map_cells(params, "B")
    waste, apples, beam = state.waste.copy(), state.apples.copy(), grid_of(text, ())
    acts = [params.spec().action_names[act] for act in action]

    position = [tuple(cell) for cell in state.position.tolist()]
    position, heading = ssd_oracle.moved(
        text, position, state.heading.tolist(), acts, draws.priority
    )
    eaten = np.array([float(apples[cell]) for cell in position])
    for cell in position:
        apples[cell] = False
    fire, fines, counts = ssd_oracle.fire(params, text, position, heading, acts)
    cleaned = np.zeros(len(position))
    for agent in np.argsort(-draws.priority):
        if acts[agent] == "clean":
            dirt = cells_of(waste)
            passed, _, met = ssd_oracle.beam(params, text, position, heading, agent, dirt)
            cleaned[agent] = len(met)
            waste &= ~grid_of(text, met)
            beam |= grid_of(text, passed)

    density = waste.sum() / len(river)
    low, high = params.threshold_restoration, params.threshold_depletion
    growth = 1.0 if density <= low else max(0.0, (high - density) / (high - low))
    bare = [cell for cell in river if not waste[cell]]
    chance = np.float32(params.waste_spawn_probability)
    if params.waste_rule == "until_one":
        chance = np.float32(1) - np.float32(1 - params.waste_spawn_probability) ** len(bare)
    if density < high and draws.waste[0] < np.float32(chance):
        index = int(np.float32(draws.waste[1]) * np.float32(len(bare)))
        waste[bare[min(index, len(bare) - 1)]] = True
    for cell, draw in zip(orchard, draws.apples, strict=True):
        if cell not in position and draw < params.apple_spawn_probability * growth:
            apples[cell] = True

    objects = {"waste": waste, "apple": apples, "river": grid_of(text, river)}
    stream = map_cells(params, "S")
    objects |= {"stream": grid_of(text, stream)} if stream else {}
    objects |= {"wall": grid_of(text, map_cells(params, "@")), "beam": beam}
    objects |= {"fire": fire} if params.fire else {}
    time = state.time + 1
    after = State(np.array(position), np.array(heading), waste, apples, beam, fire, time)
    return after, Step(
        obs=ssd_oracle.views(params, position, heading, objects),
        reward=params.apple_reward * eaten
        - params.cleaning_cost * np.array([act == "clean" for act in acts])
        - fines,
        active=np.ones(len(position), bool),
        terminated=np.bool_(False),
        truncated=time >= params.horizon,
        events={"waste_cleaned": cleaned, "apples": eaten} | (counts if params.fire else {}),
    )


@pytest.mark.parametrize(
    ("params", "steps"),
    [
        (SMALL, 50),
        (LARGE, 50),
        (
            envs.config(
                "cleanup_10x10",
                num_agents=3,
                radius=2,
                horizon=60,
                beam_width=5,
                beam_length=3,
                apple_spawn_probability=0.8,
                waste_spawn_probability=0.1,
                threshold_depletion=0.7,
                threshold_restoration=0.2,
                apple_reward=2.0,
                cleaning_cost=0.5,
            ),
            60,
        ),
        (
            envs.config(
                "cleanup_7x7",
                beam_width=1,
                beam_length=2,
                radius=1,
                waste_rule="one_draw",
                threshold_depletion=1.0,
            ),
            50,
        ),
        (envs.config("cleanup_small", fire_cost=0.5, hit_cost=7.0, apple_reward=2.0), 40),
        (envs.config("cleanup_ssd", view="rgb", start="fixed"), 20),
    ],
)
def test_equals_the_plain_reference(params, steps):
    rng = np.random.default_rng(0)
    names = params.spec().action_names
    size = (30, steps, params.num_agents)
    uniform = rng.integers(0, len(names), size, np.int32)
    weight = np.array([{"clean": 7.0, "fire": 2.0, "stay": 1.0}.get(name, 3.0) for name in names])
    busy = rng.choice(len(names), size, p=weight / weight.sum()).astype(np.int32)
    actions = np.concatenate([uniform, busy])
    steps = side_by_side(cleanup_ssd, reference, params, actions)
    assert steps.events["waste_cleaned"].sum() > 100
    if params.map != "25x18":  # where it takes longer until apples grow
        assert steps.events["apples"].sum() > 10
    if params.fire:
        assert steps.events["fired"].sum() > steps.events["hit"].sum() > 50


@pytest.mark.parametrize(
    ("params", "rows", "columns", "counts"),
    [
        (SMALL, 7, 7, [5, 2, 0, 0, 2]),
        (LARGE, 10, 10, [12, 8, 8, 0, 3]),
        (FULL, 25, 18, [103, 56, 63, 12, 10]),
    ],
)
def test_maps_have_the_published_cells(params, rows, columns, counts):
    text = MAPS[params.map]
    assert len(text) == rows and {len(line) for line in text} == {columns}
    edge = [*text[0], *text[-1], *(line[0] + line[-1] for line in text)]
    assert set("".join(edge)) == {"@"}
    assert [len(map_cells(params, kind)) for kind in "BHRSP"] == counts
    land = cleanup_ssd.land_of(params)
    assert cells_of(land.orchard) == map_cells(params, "B")
    assert cells_of(land.waste) == map_cells(params, "H")
    assert cells_of(land.river) == map_cells(params, "HR")
    assert cells_of(land.stream) == map_cells(params, "S")
    assert cells_of(land.walls) == map_cells(params, "@")
    assert land.spawns.tolist() == [list(cell) for cell in map_cells(params, "P")[::-1]]


def test_the_games_have_the_published_sizes():
    for params, window in ((SMALL, 9), (LARGE, 15)):
        spec = params.spec()
        assert (spec.num_agents, spec.horizon, spec.obs_shape) == (2, 50, (window, window, 8))
        assert sorted(spec.action_names) == sorted(["left", "right", "up", "down", "stay", "clean"])
        assert spec.action_names[CLEAN] == "clean"
        assert spec.plane_names[2:] == ("waste", "apple", "river", "wall", "beam", "inside")
        assert spec.can_see_all and spec.max_return == 98.0
    assert not envs.config("cleanup_7x7", radius=3).spec().can_see_all
    spec = FULL.spec()
    assert (spec.num_agents, spec.horizon, spec.obs_shape) == (5, 1000, (15, 15, 13))
    assert spec.action_names[5:] == ("turn_right", "turn_left", "fire", "clean")
    planes = ("waste", "apple", "river", "stream", "wall", "beam", "fire", "inside")
    assert spec.plane_names[5:] == planes and not spec.can_see_all
    assert spec.event_names == ("waste_cleaned", "apples", "fired", "hit")
    assert CleanupSsd() == FULL


@pytest.mark.parametrize(
    ("params", "position"),
    [
        (SMALL, [[5, 2], [1, 4]]),
        (LARGE, [[8, 3], [5, 4]]),
        (THREE, [[8, 3], [5, 4], [1, 6]]),
    ],
)
def test_every_episode_starts_alike(params, position):
    keys = jax.random.split(jax.random.key(0), 20)
    state, obs = jax.jit(jax.vmap(params.build().reset))(keys)
    state, obs = jax.device_get((state, obs))
    assert state.position.tolist() == [position] * 20
    for waste, apples in zip(state.waste, state.apples, strict=True):
        assert cells_of(waste) == map_cells(params, "H") and cells_of(apples) == []
    assert not state.beam.any()
    assert all((window == obs[0]).all() for window in obs)


def test_both_kinds_spawn_before_the_first_observation_where_they_may():
    params = envs.config("cleanup_10x10", apple_spawn_probability=1.0, threshold_depletion=0.75)
    keys = jax.random.split(jax.random.key(0), 300)
    state, _ = jax.jit(jax.vmap(params.build().reset))(keys)
    assert np.median(state.waste.sum((1, 2))) == 9  # one of eight draws at .5 is almost sure
    np.testing.assert_allclose(state.apples.sum((1, 2)).mean(), 12 / 3, atol=0.4)
    assert params.spec().max_return == 100.0


def ray(column, *rows):
    return [(row, column) for row in rows]


@pytest.mark.parametrize(
    ("cleaner", "other", "waste", "passed", "cleaned"),
    [
        # The middle ray begins ahead of the agent, those at the sides beside it; five cells each.
        (
            (7, 5),
            (8, 8),
            [],
            ray(5, 6, 5, 4, 3, 2) + ray(4, 7, 6, 5, 4, 3) + ray(6, 7, 6, 5, 4, 3),
            [],
        ),
        # Walls end rays.
        ((3, 5), (8, 8), [], ray(5, 2, 1) + ray(4, 3, 2, 1) + ray(6, 3, 2, 1), []),
        ((1, 8), (8, 5), [], [(1, 7)], []),
        # The first waste ends a ray and is all that it cleans; not what lies below the agent.
        (
            (6, 2),
            (8, 8),
            [(6, 2), (4, 2), (3, 2), (6, 1), (5, 1), (7, 1)],
            ray(1, 6) + ray(2, 5, 4) + ray(3, 6, 5, 4, 3, 2),
            [(4, 2), (6, 1)],
        ),
        # The middle ray reaches a row further than the others.
        (
            (8, 2),
            (8, 8),
            [(3, 1), (3, 2), (2, 2)],
            ray(1, 8, 7, 6, 5, 4) + ray(2, 7, 6, 5, 4, 3) + ray(3, 8, 7, 6, 5, 4),
            [(3, 2)],
        ),
        # An agent ends a ray, but what it stands on is cleaned.
        (
            (8, 2),
            (6, 2),
            [(5, 2), (5, 1)],
            ray(1, 8, 7, 6, 5) + ray(2, 7, 6) + ray(3, 8, 7, 6, 5, 4),
            [(5, 1)],
        ),
        (
            (8, 3),
            (8, 2),
            [(8, 2), (7, 2)],
            ray(2, 8) + ray(3, 7, 6, 5, 4, 3) + ray(4, 8, 7, 6, 5, 4),
            [(8, 2)],
        ),
    ],
)
def test_a_beam_cell_by_cell(cleaner, other, waste, passed, cleaned):
    state = state_of(LARGE, [cleaner, other], waste)
    after, step = played(LARGE, state, [CLEAN, STAY])
    assert cells_of(after.beam) == sorted(passed)
    assert cells_of(after.waste) == sorted(set(waste) - set(cleaned))
    assert step.events["waste_cleaned"].tolist() == [len(cleaned), 0]
    assert step.reward.tolist() == [0.0, 0.0]
    beam = LARGE.spec().plane_names.index("beam")
    assert step.obs[..., beam].sum((1, 2)).tolist() == [len(passed)] * 2
    again, _ = played(LARGE, after, [STAY, STAY])
    assert not again.beam.any()


def test_a_beam_may_have_other_sizes():
    params = envs.config("cleanup_10x10", beam_width=5, beam_length=2)
    state = state_of(params, [(5, 5), (8, 8)])
    after, _ = played(params, state, [CLEAN, STAY])
    sides = [cell for column in (3, 4, 6, 7) for cell in ray(column, 5, 4)]
    assert cells_of(after.beam) == sorted(sides + ray(5, 4, 3))
    narrow = envs.config("cleanup_10x10", beam_width=1)
    after, _ = played(narrow, state, [CLEAN, STAY])
    assert cells_of(after.beam) == sorted(ray(5, 4, 3, 2, 1))


@pytest.mark.parametrize(("first", "priority"), [(0, [0.9, 0.1]), (1, [0.1, 0.9])])
def test_beams_clean_one_after_the_other(first, priority):
    both = state_of(LARGE, [(8, 3), (7, 1)], waste=[(6, 2), (4, 2)])
    after, step = played(LARGE, both, [CLEAN, CLEAN], priority)
    assert cells_of(after.waste) == []
    assert step.events["waste_cleaned"].tolist() == [1.0, 1.0]
    one = state_of(LARGE, [(8, 3), (7, 1)], waste=[(6, 2)])
    _, step = played(LARGE, one, [CLEAN, CLEAN], priority)
    assert step.events["waste_cleaned"].tolist() == [float(first == 0), float(first == 1)]
    # Only the second one's ray reaches the second waste: (3, 2) is out of agent 0's reach.
    far = state_of(LARGE, [(8, 3), (7, 1)], waste=[(6, 2), (3, 2)])
    after, step = played(LARGE, far, [CLEAN, CLEAN], priority)
    assert cells_of(after.waste) == ([] if first == 0 else [(3, 2)])
    assert step.events["waste_cleaned"].tolist() == ([1.0, 1.0] if first == 0 else [0.0, 1.0])


def test_agents_clean_from_where_the_others_have_moved():
    state = state_of(LARGE, [(8, 2), (6, 3)], waste=[(4, 2)])
    after, _ = played(LARGE, state, [CLEAN, LEFT])
    assert after.position.tolist() == [[8, 2], [6, 2]]
    assert cells_of(after.waste) == [(4, 2)]


def test_cleaning_costs_even_where_there_is_no_waste():
    params = envs.config("cleanup_7x7", cleaning_cost=0.25, apple_reward=2.0)
    state = state_of(params, [(3, 3), (3, 4)], apples=[(3, 5)])
    _, step = played(params, state, [CLEAN, RIGHT])
    assert step.reward.tolist() == [-0.25, 2.0]
    assert step.events["waste_cleaned"].tolist() == [0.0, 0.0]
    assert step.events["apples"].tolist() == [0.0, 1.0]


def test_whoever_enters_a_cell_with_an_apple_eats_it():
    state = state_of(SMALL, [(2, 4), (4, 5)], apples=[(2, 5), (3, 5), (5, 5)])
    after, step = played(SMALL, state, [RIGHT, UP])
    assert step.reward.tolist() == [1.0, 1.0]
    assert cells_of(after.apples) == [(5, 5)]


def test_walls_stop_agents():
    for cell, action in (((1, 3), UP), ((5, 3), DOWN), ((3, 1), LEFT), ((3, 5), RIGHT)):
        after, _ = played(SMALL, state_of(SMALL, [cell, (3, 3)]), [action, STAY])
        assert after.position[0].tolist() == list(cell)


@pytest.mark.parametrize("winner", [0, 1])
def test_a_contested_cell_goes_to_the_higher_priority(winner):
    state = state_of(SMALL, [(3, 4), (4, 5)], apples=[(3, 5)])
    priority = [1.0 - winner, float(winner)]
    after, step = played(SMALL, state, [RIGHT, UP], priority)
    stays = [[3, 4], [4, 5]]
    stays[winner] = [3, 5]
    assert after.position.tolist() == stays
    assert step.reward.tolist() == priority


def test_agents_neither_swap_nor_enter_the_cell_of_one_that_stays_but_follow():
    side_by_side = state_of(SMALL, [(3, 3), (3, 4)])
    for action in ([RIGHT, LEFT], [RIGHT, STAY], [RIGHT, CLEAN]):
        after, _ = played(SMALL, side_by_side, action)
        assert after.position.tolist() == [[3, 3], [3, 4]]
    after, _ = played(SMALL, side_by_side, [RIGHT, RIGHT])
    assert after.position.tolist() == [[3, 4], [3, 5]]
    after, _ = played(SMALL, state_of(SMALL, [(3, 4), (3, 5)]), [RIGHT, RIGHT])
    assert after.position.tolist() == [[3, 4], [3, 5]]


@pytest.mark.parametrize("params", [SMALL, THREE, TURNING])
def test_random_play_keeps_to_the_map_and_to_one_agent_per_cell(params):
    env = params.build()
    keys = jax.random.split(jax.random.key(0), 60)

    def episode(key):
        key_reset, key_steps = jax.random.split(key)
        first, _ = env.reset(key_reset)

        def step(state, key):
            key_act, key_step = jax.random.split(key)
            action = jax.random.randint(key_act, (params.num_agents,), 0, env.spec.num_actions)
            after, _ = env.step(key_step, state, action)
            return after, (state, after)

        return jax.lax.scan(step, first, jax.random.split(key_steps, params.horizon))[1]

    before, after = jax.tree.map(np.asarray, jax.jit(jax.vmap(episode))(keys))
    land = cleanup_ssd.land_of(params)
    position = after.position.reshape(-1, params.num_agents, 2)
    code = position @ np.array([100, 1])
    assert (np.diff(np.sort(code, axis=-1), axis=-1) > 0).all()
    assert not land.walls[position[..., 0], position[..., 1]].any()
    assert not (after.waste & ~land.river).any() and not (after.apples & ~land.orchard).any()
    assert not (after.beam & land.walls).any()
    new_waste = (after.waste & ~before.waste).sum((-1, -2))
    assert new_waste.max() == 1
    limit = params.threshold_depletion * land.river.sum()
    assert (after.waste.sum((-1, -2)) <= max(limit + 1, land.waste.sum())).all()


@pytest.mark.parametrize(
    ("params", "waste", "probability"),
    [
        (SMALL, 0, 0.5),
        (SMALL, 1, 1 / 12),  # .5 (1 - .5 / .6)
        (SMALL, 2, 0.0),
        (LARGE, 0, 0.3),
        (LARGE, 3, 0.159375),  # .3 (1 - (3 / 16) / .4)
        (LARGE, 6, 0.01875),
        (LARGE, 7, 0.0),
        (LARGE, 8, 0.0),
    ],
)
def test_every_apple_cell_grows_by_the_linear_law(params, waste, probability):
    dirty = map_cells(params, "HR")[:waste]
    state = state_of(params, [(3, 3), (3, 4)], dirty)
    after, _ = played(params, state, [STAY, STAY], apples=probability + 0.001)
    assert cells_of(after.apples) == []
    after, _ = played(params, state, [STAY, STAY], apples=max(0.0, probability - 0.001))
    assert cells_of(after.apples) == (map_cells(params, "B") if probability else [])


def test_growth_counts_the_waste_that_cleaning_left_and_spares_agents():
    state = state_of(SMALL, [(5, 2), (2, 5)], waste=[(1, 1), (2, 1)])
    draws = [0.2, 0.0, 0.08, 0.09, 0.0]
    after, _ = played(SMALL, state, [CLEAN, STAY], apples=draws)
    assert cells_of(after.apples) == [(3, 5), (5, 5)]
    after, _ = played(SMALL, state, [STAY, STAY], apples=draws)
    assert cells_of(after.apples) == []


@pytest.mark.parametrize(
    ("params", "waste", "chance"),
    [
        (SMALL, 0, 0.75),  # one of two cells that draw at .5
        (SMALL, 1, 0.5),
        (SMALL, 2, 0.0),
        (LARGE, 6, 1 - 0.5**10),
        (LARGE, 7, 0.0),
    ],
)
def test_waste_appears_once_if_any_clean_cell_draws_it(params, waste, chance):
    river = map_cells(params, "HR")
    state = state_of(params, [(3, 3), (3, 4)], river[:waste])
    for draw, place, expected in (
        (chance + 0.0005, 0.0, []),
        (max(0.0, chance - 0.0005), 0.0, river[waste : waste + 1]),
        (max(0.0, chance - 0.0005), NEVER, river[-1:]),
    ):
        after, _ = played(params, state, [STAY, STAY], waste=(draw, place))
        assert cells_of(after.waste) == river[:waste] + (expected if chance else [])


def test_the_closed_form_is_the_walk_over_cells_in_random_order():
    rng = np.random.default_rng(0)
    river, trials = len(RIVER), 4000
    params = envs.config("cleanup_10x10", waste_spawn_probability=0.1)
    walks = np.zeros(river)
    for _ in range(trials):
        for cell in rng.permutation(river):
            if cell >= 3 and rng.random() < 0.1:
                walks[cell] += 1
                break
    state = state_of(params, [(3, 4), (3, 5)], RIVER[:3])
    draws = jnp.asarray(rng.random((trials, 2)), jnp.float32)
    pollute = jax.jit(jax.vmap(lambda draw: cleanup_ssd.pollute(params, state.waste, draw)))
    found = pollute(draws)
    counts = np.array([np.asarray(found)[:, row, column].sum() for row, column in RIVER])
    assert (counts[:3] == trials).all()
    error = 4 * np.sqrt(2 * walks[3:].mean())
    np.testing.assert_allclose(counts[3:], walks[3:], atol=error)
    np.testing.assert_allclose(walks.sum() / trials, 1 - 0.9**13, atol=0.03)


def test_windows_are_centred_and_show_the_walls():
    state = state_of(SMALL, [(5, 2), (1, 4)], waste=[(1, 1)], apples=[(5, 5)])
    obs = np.asarray(cleanup_ssd.observe(SMALL, state))
    planes = SMALL.spec().plane_names
    seen = {name: cells_of(obs[0, ..., index]) for index, name in enumerate(planes)}
    assert seen["agent_0"] == [(4, 4)] and seen["agent_1"] == [(0, 6)]
    assert seen["waste"] == [(0, 3)] and seen["apple"] == [(4, 7)]
    assert seen["river"] == [(0, 3), (1, 3)]
    assert (5, 4) in seen["wall"] and len(seen["wall"]) == 7 + 2 * 5
    assert len(seen["inside"]) == 6 * 7 and seen["beam"] == []


def scripted_actions(params, name, state, agent=0):
    env = params.build()
    obs = cleanup_ssd.observe(params, state)[agent]
    keys = jax.random.split(jax.random.key(0), 100)
    act = jax.jit(jax.vmap(env.scripted[name], (0, None, None)))
    return set(act(keys, obs, jnp.int32(agent)).tolist())


@pytest.mark.parametrize(
    ("name", "position", "waste", "apples", "actions"),
    [
        ("cleaner", [(5, 2), (1, 4)], [(1, 1)], [(5, 3)], {CLEAN}),
        ("cleaner", [(5, 4), (1, 5)], [(1, 1)], [], {LEFT}),
        ("cleaner", [(5, 2), (1, 4)], [], [(5, 3)], {STAY}),
        ("cleaner", [(5, 3), (5, 2)], [(1, 1)], [], {UP, DOWN, LEFT, RIGHT}),
        ("cleaner", [(1, 3), (1, 2)], [(1, 1)], [], {DOWN}),
        ("defector", [(5, 2), (1, 4)], [(1, 1)], [(5, 5)], {RIGHT}),
        ("defector", [(3, 5), (1, 4)], [], [(1, 5)], {UP}),
        ("defector", [(3, 4), (1, 4)], [], [], {RIGHT}),
        ("defector", [(3, 5), (1, 4)], [], [], {UP, DOWN}),
        ("defector", [(3, 4), (3, 5)], [], [], {UP, DOWN, LEFT, RIGHT}),  # around the other
        ("cooperator", [(5, 2), (1, 4)], [(1, 1)], [(5, 3)], {CLEAN}),
        ("cooperator", [(5, 4), (1, 2)], [(1, 1)], [(5, 5)], {RIGHT}),
    ],
)
def test_scripted_seats_do_as_they_say(name, position, waste, apples, actions):
    assert scripted_actions(SMALL, name, state_of(SMALL, position, waste, apples)) == actions


def test_a_cleaner_goes_to_where_its_beam_cleans_most():
    state = state_of(LARGE, [(8, 3), (5, 7)], waste=[(8, 1), (7, 1), (7, 2), (6, 2)])
    assert scripted_actions(LARGE, "cleaner", state) == {LEFT}
    state = state_of(LARGE, [(8, 2), (5, 7)], waste=[(8, 1), (7, 1), (7, 2), (6, 2)])
    assert scripted_actions(LARGE, "cleaner", state) == {CLEAN}


def test_with_little_in_view_a_cleaner_goes_left():
    params = envs.config("cleanup_10x10", radius=2)
    state = state_of(params, [(5, 6), (2, 2)])
    assert scripted_actions(params, "cleaner", state) == {LEFT}


@pytest.mark.parametrize(("params", "least", "spread"), [(SMALL, 36.0, 4.0), (LARGE, 26.0, 4.0)])
def test_cooperators_divide_the_labour_and_defectors_starve(params, least, spread):
    seats = np.repeat(np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 2]], np.int32), 100, axis=0)
    reward, events = play(params.build(), ("cooperator", "defector", "cleaner"), seats)
    total = reward.sum(1).reshape(5, 100)
    both, first, second, nobody, cleaners = total.mean(1)
    assert both > least and total[0].std() < spread
    assert first > least and second > 0.6 * least  # one cooperator is enough, and unpaid
    assert (reward[100:200, 0] == 0).all() and (reward[200:300, 1] == 0).all()
    assert nobody == 0.0 and not events["waste_cleaned"][300:400].any()
    assert cleaners == 0.0
    assert reward.sum(1).max() <= params.spec().max_return


@pytest.mark.parametrize(
    ("params", "apples", "waste"),
    # Means and standard errors of random games in the authors' environment, 2,500 and 6,000.
    [(SMALL, (1.394, 0.030), (5.716, 0.068)), (LARGE, (0.359, 0.010), (10.36, 0.084))],
)
def test_random_returns_have_the_known_scale(params, apples, waste):
    reward, events = play(params.build(), ("random",), np.zeros((1000, 2), np.int32))
    for found, (mean, error) in ((reward, apples), (events["waste_cleaned"], waste)):
        total = found.sum(1)
        assert abs(total.mean() - mean) < 4 * np.hypot(error, total.std() / np.sqrt(1000))


@pytest.fixture(scope="module")
def stay():
    """Plays the full game for so many steps from a state in which nobody does anything."""
    env = FULL.build()
    idle = jnp.full(FULL.num_agents, STAY, jnp.int32)

    def step(state, key):
        state, _ = env.step(key, state, idle)
        return state, state

    return jax.jit(lambda state: jax.lax.scan(step, state, jax.random.split(jax.random.key(0), 90)))


SPAWNS = [(4, 8), (5, 10), (10, 9), (10, 11), (11, 9)]
WATER = map_cells(FULL, "HR")


def test_waste_climbs_one_by_one_from_a_clean_river_and_stops_at_48(stay):
    _, states = stay(state_of(FULL, SPAWNS))
    waste, apples = states.waste.sum((1, 2)), states.apples.sum((1, 2))
    assert waste.tolist() == [*range(1, 49), *[48] * 42]
    grown = np.diff(np.concatenate([[0], apples]))
    assert grown[:20].sum() > 30 and (grown[48:] == 0).all()


@pytest.mark.parametrize(("waste", "grows"), [(48, False), (47, True)])
def test_nine_cells_must_be_cleaned_before_the_first_apple(stay, waste, grows):
    assert len(map_cells(FULL, "H")) - 9 == 47
    state, _ = played(FULL, state_of(FULL, SPAWNS, WATER[:waste]), [STAY] * 5, apples=0.0)
    assert cells_of(state.apples) == (map_cells(FULL, "B") if grows else [])
    last, _ = stay(state_of(FULL, SPAWNS, map_cells(FULL, "H")))
    assert last.waste.sum() == 56 and not last.apples.any()


def test_waste_may_draw_only_once():
    params = envs.config("cleanup_ssd", waste_rule="one_draw", waste_spawn_probability=0.25)
    state = state_of(params, SPAWNS, WATER[:10])
    for draw, expected in ((0.2499, WATER[:11]), (0.2501, WATER[:10])):
        after, _ = played(params, state, [STAY] * 5, waste=(draw, 0.0))
        assert cells_of(after.waste) == expected


def test_who_faces_elsewhere_cleans_there():
    river = state_of(TURNING, [(5, 2), (1, 8), (8, 8)], waste=[(4, 1), (4, 2), (6, 1), (6, 2)])
    for heading, left in ((0, [(6, 1), (6, 2)]), (2, [(4, 1), (4, 2)])):
        state = river._replace(heading=jnp.array([heading, 0, 0], jnp.int32))
        after, step = played(TURNING, state, [SWEEP, STAY, STAY])
        assert cells_of(after.waste) == left
        assert step.events["waste_cleaned"].tolist() == [2, 0, 0]


def test_fire_passes_over_waste_and_river_and_cleans_nothing():
    state = state_of(TURNING, [(8, 1), (2, 1), (8, 8)], waste=[(7, 1), (5, 1), (6, 2)])
    state, step = played(TURNING, state, [FIRE, STAY, STAY])
    assert cells_of(state.waste) == [(5, 1), (6, 2), (7, 1)]
    assert cells_of(state.fire) == sorted(ray(1, 7, 6, 5, 4, 3) + ray(2, 8, 7, 6, 5, 4))
    assert step.reward.tolist() == [-1.0, 0.0, 0.0]
    state = state_of(TURNING, [(7, 1), (2, 1), (8, 8)], waste=[(5, 1)])
    _, step = played(TURNING, state, [FIRE, STAY, STAY])
    assert step.reward.tolist() == [-1.0, -50.0, 0.0]


def test_agents_eat_before_they_fire_and_are_hit_where_they_have_moved():
    state = state_of(TURNING, [(8, 5), (5, 6), (1, 1)], apples=[(5, 5)])
    _, step = played(TURNING, state, [FIRE, LEFT, STAY])
    assert step.reward.tolist() == [-1.0, 1.0 - 50.0, 0.0]
    events = {name: count.tolist() for name, count in step.events.items()}
    assert events["fired"] == [1, 0, 0] and events["hit"] == [0, 1, 0]
    assert events["apples"] == [0, 1, 0]


@pytest.mark.parametrize(
    ("fire", "total"),
    # Means and standard errors of 28 random games in the code of Vinitsky et al.
    [pytest.param(False, (24.2, 2.5), marks=pytest.mark.slow), (True, (-4819.0, 220.0))],
)
def test_random_returns_on_the_full_map_have_the_known_scale(fire, total):
    env = envs.make("cleanup_ssd", fire=fire)
    reward, _ = play(env, ("random",), np.zeros((30, 5), np.int32))
    returns, (mean, error) = reward.sum(1), total
    assert abs(returns.mean() - mean) < 4 * np.hypot(error, returns.std() / np.sqrt(30))


@pytest.mark.slow
def test_on_the_full_map_two_cooperators_feed_three_defectors():
    seats = np.repeat(np.array([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]], np.int32), 4, axis=0)
    reward, _ = play(FULL.build(), ("cooperator", "defector"), seats)
    some, none = reward.reshape(2, 4, 5).mean(1)
    assert some.sum() > 1000 and some[2:].min() > 10 * some[:2].max()
    assert none.sum() == 0


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("map", "7x8", "did you mean '7x7'"),
        ("num_agents", 1, "2 to 16"),
        ("num_agents", 11, "use at most 10, the map's spawn cells"),
        ("waste_rule", "one", "use one of one_draw, until_one"),
        ("radius", 8, "1 to 7"),
        ("horizon", 0, "1 or more"),
        ("beam_width", 0, "1 or more"),
        ("beam_width", 4, "use an odd number"),
        ("beam_length", 0, "1 or more"),
        ("apple_spawn_probability", 1.5, "[0, 1]"),
        ("waste_spawn_probability", -0.1, "[0, 1]"),
        ("threshold_restoration", 2.0, "[0, 1]"),
        ("threshold_depletion", 0.0, "above threshold_restoration, 0"),
        ("apple_reward", float("inf"), "finite"),
        ("cleaning_cost", -1.0, "[0, 1e+12]"),
    ],
)
def test_bad_settings_are_named(field, value, remedy):
    with pytest.raises(ConfigError) as error:
        CleanupSsd(**{field: value})
    assert str(error.value).startswith(f"{field} is {value!r}: ")
    assert remedy in str(error.value)
