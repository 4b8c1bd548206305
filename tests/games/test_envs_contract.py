"""What every game on the menu promises, whatever its rules; see `envs/types.py`."""

from functools import cache
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
from envs import Env, EnvSpec, GameConfig, Step

COPIES = 6
CROWDED = dict(rows=9, columns=6, num_agents=16, horizon=12)
"""Not square, as many agents as a map can hold, and short."""
LONGEST = 150
"""Steps of an episode, at most; longer games are cut to a length that takes no longer to test."""

MAPS = [name for name in envs.names() if hasattr(envs.GAMES[name], "rows")]
ON_MAPS = [(name, crowded) for name in MAPS for crowded in (False, True)]
ALL = [(name, False) for name in envs.names() if name not in MAPS] + ON_MAPS


class Played(NamedTuple):
    """An episode of several copies of a game under random actions."""

    case: tuple[str, bool]  # the game's name, and whether it is crowded
    config: GameConfig
    env: Env
    states: list  # T + 1 states, [B, ...] each
    obs: np.ndarray  # [T + 1, B, N, *obs_shape]
    step: Step  # [T, B, ...]


@cache
def built(case):
    """A game and its functions for many copies, each of which may be traced only once."""
    name, crowded = case
    chex.clear_trace_counter()  # it counts by name, and every game has the same names
    short = dict(horizon=min(envs.config(name).horizon, LONGEST))
    config = envs.config(name, **(CROWDED if crowded else short))
    env = config.build()
    reset = jax.jit(jax.vmap(chex.assert_max_traces(env.reset, n=1)))
    step = jax.jit(jax.vmap(chex.assert_max_traces(env.step, n=1)))
    return config, env, reset, step


def play(case, seed=0):
    config, env, reset, step = built(case)
    spec = env.spec
    rng = np.random.default_rng(seed)
    actions = rng.integers(
        0, spec.num_actions, (spec.horizon, COPIES, spec.num_agents), dtype=np.int32
    )
    keys = jax.random.split(jax.random.key(seed), (spec.horizon + 1) * COPIES)
    keys = keys.reshape(spec.horizon + 1, COPIES)
    state, first = reset(keys[0])
    states, steps = [state], []
    for key, action in zip(keys[1:], actions, strict=True):
        state, out = step(key, state, jnp.asarray(action))
        states.append(state)
        steps.append(out)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *steps)
    obs = np.concatenate([np.asarray(first)[None], stacked.obs])
    return Played(case, config, env, states, obs, stacked)


def label(case):
    return f"{case[0]}-crowded" if case[1] else case[0]


@pytest.fixture(scope="module", params=ALL, ids=label)
def played(request):
    return play(request.param)


@pytest.fixture(scope="module", params=ON_MAPS, ids=label)
def mapped(request):
    return play(request.param)


def is_present(mapped):
    """``[T + 1, B, N]``: the agent's own plane has a one at the centre of its window."""
    radius = mapped.config.radius
    centre = mapped.obs[:, :, :, radius, radius]
    return np.stack([centre[:, :, agent, agent] for agent in range(centre.shape[2])], axis=-1)


def test_the_spec_is_whole(played):
    spec = played.env.spec
    assert isinstance(spec, EnvSpec) and spec == played.config.spec()
    assert spec.version >= 1 and spec.horizon == played.config.horizon
    assert spec.num_agents >= 2 and spec.num_actions == len(spec.action_names)
    assert spec.obs_shape[-1] == len(spec.plane_names)
    for names in (spec.action_names, spec.plane_names, spec.event_names):
        assert names and len(set(names)) == len(names)
    assert {*spec.helps, *spec.harms} <= set(spec.event_names)
    assert not set(spec.helps) & set(spec.harms)


def test_shapes_and_dtypes_are_as_declared(played):
    spec, step = played.env.spec, played.step
    lead = (spec.horizon, COPIES)
    assert played.obs.shape == (spec.horizon + 1, COPIES, spec.num_agents, *spec.obs_shape)
    assert played.obs.dtype == spec.obs_dtype
    assert set(step.events) == set(spec.event_names)
    chex.assert_shape([step.reward, step.active, *step.events.values()], (*lead, spec.num_agents))
    chex.assert_shape([step.terminated, step.truncated], lead)
    chex.assert_type([step.reward, *step.events.values()], np.float32)
    chex.assert_type([step.active, step.terminated, step.truncated], bool)


def test_rewards_are_finite_and_within_the_bound_and_counts_are_counts(played):
    chex.assert_tree_all_finite((played.states, played.step))
    for count in played.step.events.values():
        np.testing.assert_array_equal(count, np.maximum(np.round(count), 0.0))
    bound = played.env.spec.max_return
    assert bound is None or played.step.reward.sum((0, 2)).max() <= bound


def test_an_episode_lasts_exactly_its_horizon(played):
    ends = played.step.terminated | played.step.truncated
    assert not ends[:-1].any() and ends[-1].all()


def test_who_has_left_neither_earns_nor_does_anything_nor_comes_back(played):
    step = played.step
    assert step.active[0].all()
    assert (step.active[1:] <= step.active[:-1]).all()
    for gain in (step.reward, *step.events.values()):
        assert (gain[~step.active] == 0.0).all()


def test_the_same_keys_are_the_same_game_and_others_another(played):
    again, other = play(played.case), play(played.case, seed=1)
    chex.assert_trees_all_equal(again.states, played.states)
    chex.assert_trees_all_equal(again.step, played.step)
    assert not np.array_equal(other.obs, played.obs)
    if played.case in ON_MAPS:
        assert len({start.tobytes() for start in played.obs[0]}) > COPIES // 2


def test_scripted_seats_act_within_the_rules(played):
    env, spec = played.env, played.env.spec
    assert {"cooperator", "defector", "random"} <= set(env.scripted)
    obs = np.concatenate([played.obs[0], played.obs[-1]]).reshape(-1, *spec.obs_shape)
    keys = jax.random.split(jax.random.key(0), len(obs))
    seats = np.arange(len(obs), dtype=np.int32) % spec.num_agents

    @jax.jit
    @jax.vmap
    def act(key, obs, seat):
        return {name: policy(key, obs, seat) for name, policy in env.scripted.items()}

    actions = act(keys, obs, seats)
    chex.assert_shape(list(actions.values()), (len(obs),))
    chex.assert_type(list(actions.values()), np.int32)
    for action in actions.values():
        assert (action >= 0).all() and (action < spec.num_actions).all()
    assert set(actions["random"].tolist()) == set(range(spec.num_actions))


def test_pictures_are_images_and_show_what_changes(played):
    states = jax.device_get((played.states[0], played.states[-1]))
    first, last = (jax.tree.map(lambda leaf: leaf[0], state) for state in states)
    pictures = [played.env.render(state) for state in (first, last)]
    for picture in pictures:
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[-1] == 3
    assert not np.array_equal(*pictures)


def test_an_agent_sees_itself_at_the_centre_while_it_takes_part(mapped):
    present = is_present(mapped)
    np.testing.assert_array_equal(present[:-1], mapped.step.active)
    assert not mapped.obs[~present].any()


def test_first_the_agents_in_seat_order_and_last_the_inside(mapped):
    spec = mapped.env.spec
    agents = tuple(f"agent_{seat}" for seat in range(spec.num_agents))
    assert spec.plane_names[: spec.num_agents] == agents
    assert spec.plane_names[-1] == "inside"
    height, width, _ = spec.obs_shape
    assert height == width == 2 * mapped.config.radius + 1


def test_everything_is_inside_the_map(mapped):
    config = mapped.config
    position = np.stack([state.position for state in mapped.states])
    assert (position >= 0).all() and (position < [config.rows, config.columns]).all()
    inside = mapped.obs[..., -1]
    assert not (mapped.obs & ~inside[..., None]).any()
    offset = np.arange(-config.radius, config.radius + 1)
    in_rows, in_columns = (
        (line >= 0) & (line < size)
        for line, size in (
            (position[..., 0, None] + offset, config.rows),
            (position[..., 1, None] + offset, config.columns),
        )
    )
    edgeless = getattr(config, "torus", False)
    expected = in_rows[..., :, None] & in_columns[..., None, :] | edgeless
    present = is_present(mapped)
    np.testing.assert_array_equal(inside[present], expected[present])
