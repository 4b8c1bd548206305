from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
from envs import cleanup_ssd, harvest_ssd, ssd
from envs.checks import ConfigError
from envs.ssd import AGENT_COLOURS, COLOURS, Ssd

UP, DOWN, LEFT, RIGHT, STAY, TURN_RIGHT, TURN_LEFT, FIRE = range(8)
NORTH, EAST, SOUTH, WEST = range(4)
LAND = ssd.layout(
    (
        "@@@@@@@@@@@@",
        "@          @",
        "@          @",
        "@          @",
        "@  P  P    @",
        "@    @     @",
        "@  P  P P  @",
        "@          @",
        "@          @",
        "@          @",
        "@@@@@@@@@@@@",
    )
)
GAME = Ssd(num_agents=3, radius=2)
MOVE = jax.jit(lambda *state: ssd.move(GAME, LAND, *state))


@partial(jax.jit, static_argnums=0)
def shot(settings, position, heading, fires):
    return ssd.fire(settings, LAND, ssd.aim(settings, LAND, position, heading), fires)


def numbers(values):
    return jnp.array(values, jnp.int32)


def moved(position, heading, action, priority=(3.0, 2.0, 1.0)):
    state = (numbers(position), numbers(heading), numbers(action), jnp.array(priority, jnp.float32))
    cells, headings = MOVE(*state)
    return [tuple(cell) for cell in cells.tolist()], headings.tolist()


def cells_of(grid):
    return [tuple(cell) for cell in np.argwhere(np.asarray(grid)).tolist()]


@pytest.mark.parametrize(
    ("heading", "after"),
    [
        # up, down, left, right: ahead, back, and to either side of where the agent faces.
        (NORTH, [(6, 3), (8, 3), (7, 2), (7, 4)]),
        (EAST, [(7, 4), (7, 2), (6, 3), (8, 3)]),
        (SOUTH, [(8, 3), (6, 3), (7, 4), (7, 2)]),
        (WEST, [(7, 2), (7, 4), (8, 3), (6, 3)]),
    ],
)
def test_moves_are_relative_to_where_an_agent_faces(heading, after):
    others = [(1, 1), (1, 10)]
    for action, cell in enumerate(after):
        cells, headings = moved([(7, 3), *others], [heading, 0, 0], [action, STAY, STAY])
        assert cells == [cell, *others] and headings == [heading, 0, 0]


def test_a_turn_is_a_quarter_and_takes_the_step():
    place = [(7, 3), (1, 1), (1, 10)]
    assert moved(place, [0, 1, 3], [TURN_RIGHT] * 3) == (place, [1, 2, 0])
    assert moved(place, [0, 1, 3], [TURN_LEFT] * 3) == (place, [3, 0, 2])
    assert moved(place, [0, 1, 3], [FIRE, STAY, FIRE]) == (place, [0, 1, 3])


def test_walls_stop_agents():
    place = [(6, 5), (1, 1), (4, 5)]
    assert moved(place, [NORTH, WEST, SOUTH], [UP] * 3)[0] == place


def test_two_that_face_each_other_never_swap_and_nobody_enters_the_cell_of_one_that_turns():
    place = [(7, 3), (7, 4), (1, 1)]
    assert moved(place, [EAST, WEST, 0], [UP, UP, STAY])[0] == place
    assert moved(place, [EAST, EAST, 0], [UP, DOWN, STAY])[0] == place
    assert moved(place, [EAST, WEST, 0], [UP, TURN_LEFT, STAY])[0] == place
    assert moved(place, [EAST, WEST, 0], [UP, FIRE, STAY])[0] == place


def test_agents_follow_in_chains_and_rings():
    chain = [(7, 3), (7, 4), (7, 5)]
    assert moved(chain, [EAST, NORTH, WEST], [UP, RIGHT, DOWN])[0] == [(7, 4), (7, 5), (7, 6)]
    assert moved(chain, [EAST, NORTH, WEST], [UP, RIGHT, STAY])[0] == chain
    ring = [(7, 3), (7, 4), (8, 4), (8, 3)]
    after, _ = moved(ring, [EAST, SOUTH, WEST, NORTH], [UP] * 4, [0.1, 0.2, 0.3, 0.4])
    assert after == [*ring[1:], ring[0]]


@pytest.mark.parametrize("winner", [0, 1, 2])
def test_one_of_those_that_contest_a_cell_gets_it(winner):
    place, priority = [(7, 3), (8, 4), (7, 5)], [0.1, 0.2, 0.3]
    priority[winner] = 1.0
    expected = place.copy()
    expected[winner] = (7, 4)
    assert moved(place, [EAST, NORTH, WEST], [UP] * 3, priority)[0] == expected


def test_the_cell_of_one_that_cannot_leave_is_contested_in_vain():
    place = [(6, 4), (5, 4), (7, 4)]
    assert moved(place, [WEST, EAST, NORTH], [RIGHT, UP, UP])[0] == place  # (5, 5) is wall


@pytest.mark.parametrize(
    ("heading", "lit"),
    [
        (
            NORTH,  # the middle ray from the cell ahead, the others from beside the agent
            [(7, 7), (6, 7), (5, 7), (4, 7), (3, 7)]
            + [(8, 6), (7, 6), (6, 6), (5, 6), (4, 6)]
            + [(8, 8), (7, 8), (6, 8), (5, 8), (4, 8)],
        ),
        (EAST, [(8, 8), (8, 9), (8, 10)] + [(row, c) for row in (7, 9) for c in (7, 8, 9, 10)]),
        (SOUTH, [(9, 7), (8, 6), (9, 6), (8, 8), (9, 8)]),
        (
            WEST,
            [(8, c) for c in (6, 5, 4, 3, 2)] + [(r, c) for r in (7, 9) for c in (7, 6, 5, 4, 3)],
        ),
    ],
)
def test_a_beam_cell_by_cell(heading, lit):
    others = numbers([(8, 7), (1, 1), (1, 10)])
    fires = jnp.array([True, False, False])
    passed, fines, counts = shot(GAME, others, numbers([heading, 0, 0]), fires)
    assert cells_of(passed) == sorted(lit)
    assert fines.tolist() == [1.0, 0.0, 0.0]
    assert counts["fired"].tolist() == [1, 0, 0] and counts["hit"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("place", "heading", "hit", "lost"),
    [
        ([(7, 5), (7, 8), (1, 1)], EAST, [0, 1, 0], []),
        ([(7, 5), (7, 10), (1, 1)], EAST, [0, 1, 0], []),  # the middle ray's last cell
        ([(7, 4), (7, 10), (1, 1)], EAST, [0, 0, 0], []),
        ([(7, 5), (6, 9), (1, 1)], EAST, [0, 1, 0], []),  # a side ray's last cell
        ([(7, 5), (6, 10), (1, 1)], EAST, [0, 0, 0], []),
        ([(7, 5), (6, 5), (8, 5)], EAST, [0, 1, 1], []),  # beside the agent, one on each side
        ([(7, 5), (7, 4), (6, 4)], EAST, [0, 0, 0], []),  # behind it
        ([(7, 5), (7, 6), (7, 7)], EAST, [0, 1, 0], [(7, 7), (7, 8), (7, 9), (7, 10)]),
        ([(7, 5), (3, 5), (4, 4)], NORTH, [0, 0, 1], [(5, 5), (4, 5), (3, 5), (2, 5), (3, 4)]),
    ],
)
def test_the_first_agent_in_each_ray_is_hit(place, heading, hit, lost):
    fires = jnp.array([True, False, False])
    passed, fines, counts = shot(GAME, numbers(place), numbers([heading, 0, 0]), fires)
    assert counts["hit"].tolist() == hit
    assert fines.tolist() == [1.0, *(50.0 * h for h in hit[1:])]
    assert not set(lost) & set(cells_of(passed))
    assert {place[i] for i in range(3) if hit[i]} <= set(cells_of(passed))


def test_every_beam_that_hits_counts():
    settings = replace(GAME, fire_cost=2.0, hit_cost=5.0)
    place, headings = numbers([(7, 5), (7, 7), (7, 9)]), numbers([EAST, WEST, WEST])
    _, fines, counts = shot(settings, place, headings, jnp.array([True, True, True]))
    # The beam of the last ends at the second, who is hit from both sides.
    assert counts["hit"].tolist() == [1, 2, 0]
    assert fines.tolist() == [2.0 + 5.0, 2.0 + 10.0, 2.0]


def test_beams_may_have_other_sizes():
    settings = replace(GAME, beam_width=5, beam_length=1)
    place, fires = numbers([(7, 5), (1, 1), (1, 10)]), jnp.array([True, False, False])
    passed, _, _ = shot(settings, place, numbers([EAST, 0, 0]), fires)
    assert cells_of(passed) == [(6, 5), (7, 6), (8, 5), (9, 5)]  # (5, 5) is wall


def window(settings, position, heading, marked, kind="apple"):
    objects = {kind: jnp.asarray(marked), "wall": jnp.asarray(LAND.walls)}
    return ssd.observe(settings, numbers(position), numbers(heading), objects)


@pytest.mark.parametrize(
    ("heading", "mark", "other"),
    [
        # An object at (6, 3) and an agent at (7, 5), seen from (7, 4) in a 5x5 window.
        (NORTH, (1, 1), (2, 3)),
        (EAST, (3, 1), (1, 2)),
        (SOUTH, (3, 3), (2, 1)),
        (WEST, (1, 3), (3, 2)),
    ],
)
def test_windows_are_turned_so_that_their_agent_faces_up(heading, mark, other):
    marked = np.zeros(LAND.shape, bool)
    marked[6, 3] = True
    place, ways = [(7, 4), (7, 5), (1, 1)], [heading, SOUTH, EAST]
    obs = window(GAME, place, ways, marked)
    assert obs.shape == (3, 5, 5, 6) and obs.dtype == bool
    assert cells_of(obs[0, ..., 3]) == [mark]
    assert cells_of(obs[0, ..., 0]) == [(2, 2)] and cells_of(obs[0, ..., 1]) == [other]
    assert cells_of(obs[1, ..., 0]) == [(2, 3)]  # to the right of one that faces down
    # From the corner, facing right, outside is behind and to the left.
    assert cells_of(obs[2, ..., 5]) == [(r, c) for r in range(4) for c in range(1, 5)]
    colours = window(replace(GAME, view="rgb"), place, ways, marked)
    assert cells_of((np.asarray(colours[0]) == (0.0, 1.0, 0.0)).all(-1)) == [mark]


def test_without_turning_windows_are_never_turned():
    marked = np.zeros(LAND.shape, bool)
    marked[6, 3] = True
    place = [(7, 4), (7, 5), (1, 1)]
    still = window(replace(GAME, turning=False), place, [0, 0, 0], marked)
    np.testing.assert_array_equal(still, window(GAME, place, [0, 0, 0], marked))


def test_colours_cover_what_lies_below_and_beams_cover_agents():
    one, shape = np.zeros((4, 8), bool), (4, 8)
    one[1, 1] = True
    everywhere = {kind: jnp.asarray(one) for kind in ("river", "stream", "waste", "apple")}
    position = numbers([(1, 2), (1, 4)])

    def colour(cell, objects):
        number = int(ssd.paint(position, objects)[cell])
        return (number >> 16, number >> 8 & 255, number & 255)

    nothing = {"apple": jnp.zeros(shape, bool)}
    assert colour((0, 0), nothing) == COLOURS["floor"]
    for kinds in (["river"], ["river", "waste"], ["stream"]):
        objects = {kind: everywhere[kind] for kind in kinds}
        assert colour((1, 1), objects) == COLOURS[kinds[-1]]
    assert [colour((1, 2), nothing), colour((1, 4), nothing)] == list(AGENT_COLOURS[:2])
    for kind in ("fire", "beam"):
        lit = jnp.asarray(np.roll(one, 1, axis=1))
        assert colour((1, 2), nothing | {kind: lit}) == COLOURS[kind]


def test_colours_are_those_of_the_original_scaled_to_one():
    obs = window(replace(GAME, view="rgb"), [(7, 4), (7, 5), (1, 1)], [0, 0, 0], LAND.walls)
    assert obs.shape == (3, 5, 5, 3) and obs.dtype == np.float32
    shown = {tuple(cell) for cell in np.round(255 * np.asarray(obs)).astype(int).reshape(-1, 3)}
    black = (0, 0, 0)  # floor, and outside of the map
    assert shown == {black, COLOURS["wall"], *AGENT_COLOURS[:3]}


@pytest.mark.parametrize(
    ("name", "game"), [("cleanup_ssd", cleanup_ssd), ("harvest_ssd", harvest_ssd)]
)
def test_scripted_players_see_the_same_in_both_views(name, game):
    planes, colours = envs.config(name), envs.config(name, view="rgb")
    env = planes.build()
    step = jax.jit(env.step)
    state, _ = jax.jit(env.reset)(jax.random.key(0))
    for time in range(3):  # without beams, which hide agents in colours only
        state, out = step(jax.random.key(time), state, numbers([TURN_LEFT, UP, UP, LEFT, UP]))
    kinds = planes.spec().plane_names[5:-1]
    seen = game.observe(colours, state)
    for seat in range(5):
        both = ((planes, out.obs[seat]), (colours, seen[seat]))
        for kind in ("apple", "wall", *(("waste",) if "waste" in kinds else ())):
            first, second = (ssd.look(view, obs, kinds, kind) for view, obs in both)
            np.testing.assert_array_equal(first & ~ssd.others(*both[0]), second)
        first, second = (ssd.others(*pair) for pair in both)
        np.testing.assert_array_equal(first, second)


def test_agents_start_on_random_distinct_spawn_cells_facing_any_way():
    begin = jax.vmap(lambda key: ssd.begin(GAME, LAND, key))
    position, heading = jax.tree.map(np.asarray, begin(jax.random.split(jax.random.key(0), 2000)))
    code = position @ np.array([100, 1])
    assert set(code.ravel().tolist()) == set((LAND.spawns @ np.array([100, 1])).tolist())
    assert (np.diff(np.sort(code, axis=-1), axis=-1) > 0).all()
    for seat in range(3):
        _, cells = np.unique(code[:, seat], return_counts=True)
        _, ways = np.unique(heading[:, seat], return_counts=True)
        np.testing.assert_allclose(cells / 2000, 1 / 5, atol=0.05)
        np.testing.assert_allclose(ways / 2000, 1 / 4, atol=0.05)


def test_a_fixed_start_is_in_seat_order_and_faces_up():
    position, heading = ssd.begin(replace(GAME, start="fixed"), LAND, jax.random.key(0))
    assert position.tolist() == [[6, 8], [6, 6], [6, 3]] and heading.tolist() == [0, 0, 0]
    _, heading = ssd.begin(replace(GAME, turning=False), LAND, jax.random.key(0))
    assert heading.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("turning", "fire", "names"),
    [
        (True, True, ("turn_right", "turn_left", "fire", "clean")),
        (False, True, ("fire", "clean")),
        (True, False, ("turn_right", "turn_left", "clean")),
        (False, False, ("clean",)),
    ],
)
def test_actions_and_events_follow_the_settings(turning, fire, names):
    settings = replace(GAME, turning=turning, fire=fire)
    assert ssd.actions(settings, "clean") == ("up", "down", "left", "right", "stay", *names)
    assert ssd.events(settings, "apples") == ("apples", *(("fired", "hit") if fire else ()))


def test_colours_show_no_learner_which_agents_it_sees():
    planes, colours = (envs.config("harvest_ssd", view=view).spec() for view in ("planes", "rgb"))
    assert planes.agent_planes and not colours.agent_planes
    assert colours.obs_shape == (15, 15, 3) and colours.obs_dtype == np.float32
    assert colours.plane_names == ("red", "green", "blue")


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("view", "rbg", "did you mean 'rgb'"),
        ("start", "free", "use one of fixed, random"),
        ("turning", 1, "use True or False"),
        ("fire", "no", "use True or False"),
        ("fire_cost", -1.0, "[0, 1e+12]"),
        ("hit_cost", float("nan"), "finite"),
        ("beam_width", 2, "use an odd number"),
        ("num_agents", 17, "2 to 16"),
    ],
)
def test_bad_settings_are_named(field, value, remedy):
    for name in ("cleanup_ssd", "harvest_ssd"):
        with pytest.raises(ConfigError) as error:
            envs.config(name, **{field: value})
        assert str(error.value).startswith(f"{field} is {value!r}: ")
        assert remedy in str(error.value)


def test_only_nine_agents_have_a_colour():
    with pytest.raises(ConfigError, match="num_agents is 10: use at most 9, as many as have a col"):
        envs.config("harvest_ssd", view="rgb", num_agents=10)
    assert envs.config("harvest_ssd", num_agents=16).spec().obs_shape == (15, 15, 20)


MAP = """
@@@@@@
@H PB@
@R PB@
@@@@@@
"""
"""A map of Cleanup as somebody draws it."""


def test_a_map_may_be_drawn():
    params = cleanup_ssd.CleanupSsd(map=MAP, num_agents=2, radius=2, horizon=5)
    land = ssd.land({}, MAP)
    assert land.shape == (4, 6) and int(land.river.sum()) == int(land.orchard.sum()) == 2
    np.testing.assert_array_equal(land.spawns, [[2, 3], [1, 3]])
    env = params.build()
    state, obs = env.reset(jax.random.key(0))
    assert obs.shape == (2, *env.spec.obs_shape) and env.render(state).ndim == 3
    _, step = env.step(jax.random.key(1), state, jnp.zeros(2, jnp.int32))
    assert step.reward.shape == (2,)
    assert (
        harvest_ssd.HarvestSsd(map="@@@@\n@PB@\n@P @\n@@@@", num_agents=2).build().spec.num_agents
        == 2
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("@R PB@", "@R xB@"),
            "map: row 3, column 4 is 'x': use one of a space, @, B, H, P, R, S.",
        ),
        (("@R PB@", "@R PB "), "map: row 3, column 6 is ' ': use a wall, @, all along the edge."),
        (
            ("@R PB@", "@R PB@@"),
            "map: length of row 3 is 7: use 6 columns in every row, as in row 1.",
        ),
        (("P", " "), "map: number of spawn cells of agents is 0: draw some, P."),
        (("B", " "), "map: number of apple cells is 0: draw some, B."),
        (("R", " "), ""),
        (("@H PB@\n@R PB@\n", ""), "rows of the map is 2: use a whole number, 3 to 100."),
        (("@R PB@", "@R  B@"), "num_agents is 2: use at most 1, the map's spawn cells."),
    ],
)
def test_what_is_wrong_on_a_map_is_named_by_row_and_column(change, message):
    text = MAP.replace(*change)
    if not message:
        cleanup_ssd.CleanupSsd(map=text, num_agents=2)
        return
    with pytest.raises(ConfigError) as error:
        cleanup_ssd.CleanupSsd(map=text, num_agents=2)
    assert str(error.value) == message


def test_harvest_has_no_river():
    with pytest.raises(
        ConfigError, match="map: row 2, column 2 is 'H': use one of a space, @, B, P"
    ):
        harvest_ssd.HarvestSsd(map=MAP, num_agents=2)
