import jax
import jax.numpy as jnp
import numpy as np
import pytest
import ssd_oracle
from oracle import play, side_by_side
from ssd_oracle import cells_of, grid_of

import envs
from envs import harvest_ssd
from envs.checks import ConfigError
from envs.harvest_ssd import MAPS, Draws, HarvestSsd, State
from envs.types import Step

UP, DOWN, LEFT, RIGHT, STAY, TURN_RIGHT, TURN_LEFT, FIRE = range(8)
FULL, SMALL = envs.config("harvest_ssd"), envs.config("harvest_small")
NEVER = 0.9999999
FAR = [(1, 1), (1, 9), (6, 11)]
"""Spawn cells of the small map."""


def map_cells(params, kinds):
    return ssd_oracle.map_cells(MAPS[params.map], kinds)


def state_of(params, position, apples=(), heading=None):
    text = MAPS[params.map]
    return State(
        position=jnp.array(position, jnp.int32),
        heading=jnp.array(heading or [0] * len(position), jnp.int32),
        apples=jnp.asarray(grid_of(text, apples)),
        fire=jnp.asarray(grid_of(text, ())),
        time=jnp.int32(0),
    )


transition = jax.jit(harvest_ssd.transition, static_argnums=0)


def played(params, state, action, priority=None, apples=NEVER):
    priority = np.arange(params.num_agents) if priority is None else priority
    apples = np.broadcast_to(apples, len(map_cells(params, "B")))
    draws = Draws(*(jnp.array(draw, jnp.float32) for draw in (priority, apples)))
    return transition(params, state, jnp.array(action, jnp.int32), draws)


def is_near(rule, down, right):
    """Whether a cell so far away belongs to the neighbourhood."""
    down, right = abs(down), abs(right)
    box = max(down, right)
    return 0 < box <= {"moore": 1, "l1": 2, "box": 2}[rule] and (rule != "l1" or down + right <= 2)


def reference(params, state, action, draws):
    text = MAPS[params.map]
    apples, orchard = state.apples.copy(), map_cells(params, "B")
    acts = [params.spec().action_names[act] for act in action]
    position = [tuple(cell) for cell in state.position.tolist()]
    position, heading = ssd_oracle.moved(
        text, position, state.heading.tolist(), acts, draws.priority
    )
    eaten = np.array([float(apples[cell]) for cell in position])
    for cell in position:
        apples[cell] = False
    fire, fines, counts = ssd_oracle.fire(params, text, position, heading, acts)

    left, around = set(cells_of(apples)), range(-3, 4)
    near_by = [(d, r) for d in around for r in around if is_near(params.neighbourhood, d, r)]
    for (row, column), draw in zip(orchard, draws.apples, strict=True):
        near = sum((row + down, column + right) in left for down, right in near_by)
        chance = np.float32(params.spawn_probabilities[min(near, 3)])
        if (row, column) not in position and draw < chance:
            apples[row, column] = True

    objects = {"apple": apples, "wall": grid_of(text, map_cells(params, "@"))}
    objects |= {"fire": fire} if params.fire else {}
    time = state.time + 1
    after = State(np.array(position), np.array(heading), apples, fire, time)
    return after, Step(
        obs=ssd_oracle.views(params, position, heading, objects),
        reward=params.apple_reward * eaten - fines,
        active=np.ones(len(position), bool),
        terminated=np.bool_(False),
        truncated=time >= params.horizon,
        events={"apples": eaten} | (counts if params.fire else {}),
    )


@pytest.mark.parametrize(
    ("params", "steps"),
    [
        (envs.config("harvest_small", apple_reward=2.0, hit_cost=3.0, horizon=20), 40),
        (envs.config("harvest_small", neighbourhood="l1", fire=False, beam_width=1), 40),
        (envs.config("harvest_ssd", view="rgb", neighbourhood="box"), 15),
        (envs.config("harvest_small", turning=False, beam_width=5, beam_length=2), 40),
    ],
)
def test_equals_the_plain_reference(params, steps):
    rng = np.random.default_rng(0)
    names = params.spec().action_names
    size = (20, steps, params.num_agents)
    uniform = rng.integers(0, len(names), size, np.int32)
    weight = np.array([{"up": 6.0, "stay": 1.0}.get(name, 2.0) for name in names])
    busy = rng.choice(len(names), size, p=weight / weight.sum()).astype(np.int32)
    steps = side_by_side(harvest_ssd, reference, params, np.concatenate([uniform, busy]))
    assert steps.events["apples"].sum() > 100
    if params.fire:
        assert steps.events["fired"].sum() > steps.events["hit"].sum() > 20


def test_the_games_have_the_published_sizes():
    assert len(MAPS["16x38"]) == 16 and {len(line) for line in MAPS["16x38"]} == {38}
    assert [len(map_cells(FULL, kind)) for kind in "BP"] == [155, 20]
    spec = FULL.spec()
    assert (spec.num_agents, spec.horizon, spec.obs_shape) == (5, 1000, (15, 15, 9))
    assert spec.action_names[5:] == ("turn_right", "turn_left", "fire")
    assert spec.plane_names[5:] == ("apple", "wall", "fire", "inside")
    assert spec.event_names == ("apples", "fired", "hit") and not spec.can_see_all
    assert HarvestSsd() == FULL and FULL.spawn_probabilities == (0.0, 0.005, 0.02, 0.05)


def test_the_small_map_has_what_its_game_says():
    assert len(MAPS["9x13"]) == 9 and {len(line) for line in MAPS["9x13"]} == {13}
    assert [len(map_cells(SMALL, kind)) for kind in "BP"] == [20, 7]
    for name in MAPS:
        edge = [*MAPS[name][0], *MAPS[name][-1], *(line[0] + line[-1] for line in MAPS[name])]
        assert set("".join(edge)) == {"@"}


def test_all_apples_are_there_at_first():
    state, _ = jax.jit(FULL.build().reset)(jax.random.key(0))
    assert cells_of(state.apples) == map_cells(FULL, "B")


@pytest.mark.parametrize(
    ("rule", "counted"),
    [
        ("moore", [(2, 4), (1, 4), (3, 4)]),
        ("l1", [(2, 4), (1, 4), (3, 4), (2, 3)]),
        ("box", [(2, 4), (1, 4), (3, 4), (2, 3), (4, 3)]),
    ],
)
def test_neighbourhoods_cell_by_cell(rule, counted):
    params = envs.config("harvest_small", neighbourhood=rule)
    apples = [(2, 4), (1, 4), (3, 4), (2, 3), (4, 3), (2, 5), (2, 8), (5, 5)]
    near = harvest_ssd.neighbours(params, jnp.asarray(grid_of(MAPS["9x13"], apples)))
    assert near[2, 5] == len(counted)  # (2, 5) itself does not count, nor do those further away
    assert near[0, 12] == 0


@pytest.mark.parametrize(
    ("near", "chance"), [(0, 0.0), (1, 0.005), (2, 0.02), (3, 0.05), (4, 0.05)]
)
def test_apples_grow_by_the_apples_around(near, chance):
    params = envs.config("harvest_small", spawn_probabilities=FULL.spawn_probabilities)
    around = [(1, 5), (2, 4), (2, 6), (3, 5)][:near]
    state = state_of(params, FAR, around)
    after, _ = played(params, state, [STAY] * 3, apples=chance + 1e-5)
    assert not after.apples[2, 5]
    after, _ = played(params, state, [STAY] * 3, apples=max(0.0, chance - 1e-5))
    assert after.apples[2, 5] == (near > 0)


def test_growth_counts_what_is_left_after_eating_and_before_it_and_spares_agents():
    patch = [(1, 5), (2, 4), (2, 6), (3, 5)]
    state = state_of(SMALL, [(2, 7), (1, 9), (6, 11)], patch)
    low, high = SMALL.spawn_probabilities[2:]
    after, step = played(SMALL, state, [LEFT, STAY, STAY], apples=(low + high) / 2)
    assert step.reward.tolist() == [1.0, 0.0, 0.0]
    assert after.apples[2, 5]  # three are left
    assert not after.apples[2, 6]  # under the agent that has eaten
    lone = state_of(SMALL, FAR, [(1, 5)])
    after, _ = played(SMALL, lone, [STAY] * 3, apples=0.0)
    assert cells_of(after.apples) == [(1, 5), (2, 4), (2, 5), (2, 6)]  # not yet (3, 5)


def test_beams_pass_over_apples():
    state = state_of(SMALL, [(7, 2), (4, 2), (1, 9)], [(6, 2), (5, 2)])
    after, step = played(SMALL, state, [FIRE, STAY, STAY])
    assert step.reward.tolist() == [-1.0, -50.0, 0.0]
    assert cells_of(after.apples) == [(5, 2), (6, 2)]


def test_random_play_keeps_to_the_map_and_to_one_agent_per_cell():
    env = SMALL.build()

    def episode(key):
        key_reset, key_steps = jax.random.split(key)

        def step(state, key):
            key_act, key_step = jax.random.split(key)
            action = jax.random.randint(key_act, (3,), 0, env.spec.num_actions)
            after, _ = env.step(key_step, state, action)
            return after, after

        first, _ = env.reset(key_reset)
        return jax.lax.scan(step, first, jax.random.split(key_steps, SMALL.horizon))[1]

    keys = jax.random.split(jax.random.key(0), 40)
    after = jax.tree.map(np.asarray, jax.jit(jax.vmap(episode))(keys))
    land = harvest_ssd.land_of(SMALL)
    position = after.position.reshape(-1, 3, 2)
    code = np.sort(position @ np.array([100, 1]), axis=-1)
    assert (np.diff(code, axis=-1) > 0).all()
    assert not land.walls[position[..., 0], position[..., 1]].any()
    assert not (after.apples & ~land.orchard).any() and not (after.fire & land.walls).any()
    assert set(np.unique(after.heading).tolist()) == {0, 1, 2, 3}


def scripted_actions(params, name, state):
    env = params.build()
    obs = harvest_ssd.observe(params, state)[0]
    keys = jax.random.split(jax.random.key(0), 100)
    act = jax.jit(jax.vmap(env.scripted[name], (0, None, None)))
    return set(act(keys, obs, jnp.int32(0)).tolist())


@pytest.mark.parametrize(
    ("name", "position", "heading", "apples", "actions"),
    [
        ("defector", (4, 5), 0, [(2, 5)], {UP}),
        ("defector", (4, 5), 1, [(2, 5)], {LEFT}),
        ("defector", (4, 5), 2, [(2, 5)], {DOWN}),
        ("defector", (4, 5), 3, [(2, 5)], {RIGHT}),
        ("cooperator", (4, 5), 0, [(2, 5), (1, 5)], {UP}),
        ("cooperator", (4, 5), 0, [(3, 5)], {TURN_RIGHT, TURN_LEFT}),  # the last one
        ("cooperator", (4, 5), 0, [(3, 5), (4, 2), (4, 3)], {LEFT}),
        ("cooperator", (4, 5), 0, [(2, 5)], {UP, TURN_RIGHT, TURN_LEFT}),
        # Round a last one in the way, or nowhere.
        ("cooperator", (4, 5), 0, [(3, 5), (1, 5), (1, 6)], {DOWN, LEFT, RIGHT, STAY}),
        ("defector", (1, 3), 0, [], {TURN_RIGHT, TURN_LEFT}),
    ],
)
def test_scripted_seats_do_as_they_say(name, position, heading, apples, actions):
    state = state_of(SMALL, [position, (6, 11), (7, 11)], apples, [heading, 0, 0])
    assert scripted_actions(SMALL, name, state) == actions
    colours = envs.config("harvest_small", view="rgb")
    assert scripted_actions(colours, name, state) == actions


def test_cooperators_keep_the_apples_and_defectors_finish_them():
    seats = np.repeat(np.array([[0, 0, 0], [0, 0, 1], [1, 1, 1]], np.int32), 60, axis=0)
    reward, _ = play(SMALL.build(), ("cooperator", "defector"), seats)
    all_keep, one_takes, all_take = reward.reshape(3, 60, 3).mean(1)
    assert all_keep.sum() > 2 * one_takes.sum() and all_keep.sum() > 2.5 * all_take.sum()
    assert one_takes[2] > one_takes[:2].max()


@pytest.mark.parametrize(
    ("fire", "total"),
    # Means and standard errors of 28 random games in the code of Vinitsky et al.
    [pytest.param(False, (321.6, 8.2), marks=pytest.mark.slow), (True, (-3848.0, 189.0))],
)
def test_random_returns_have_the_known_scale(fire, total):
    env = envs.make("harvest_ssd", fire=fire)
    reward, _ = play(env, ("random",), np.zeros((30, 5), np.int32))
    returns, (mean, error) = reward.sum(1), total
    assert abs(returns.mean() - mean) < 4 * np.hypot(error, returns.std() / np.sqrt(30))


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("map", "9x12", "did you mean '9x13'"),
        ("num_agents", 21, "2 to 16"),
        ("neighbourhood", "more", "did you mean 'moore'"),
        ("spawn_probabilities", (0.0, 0.1), "give a tuple of four"),
    ],
)
def test_bad_settings_are_named(field, value, remedy):
    with pytest.raises(ConfigError) as error:
        HarvestSsd(**{field: value})
    assert str(error.value).startswith(f"{field} is {value!r}: ")
    assert remedy in str(error.value)


def test_each_probability_is_checked():
    with pytest.raises(ConfigError, match=r"spawn_probabilities is 2.0: use .* \[0, 1\]"):
        HarvestSsd(spawn_probabilities=(0.0, 0.1, 0.2, 2.0))
