from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import probe, same, selfplay, settings

from envs.checks import ConfigError
from lase_jax.loop.train import Schedule, make_trainer

GAME = probe(lambda action: action, horizon=6)
SOCIETY = selfplay(GAME, settings("a2c"))
KEYS = jax.random.split(jax.random.key(0), 2)


@pytest.fixture(scope="module")
def trainer():
    """Training in segments of half an episode."""
    made = make_trainer(GAME, SOCIETY, Schedule(num_envs=3, rollout_length=3))
    return jax.jit(made.init), jax.jit(made.run, static_argnums=1)


def test_chunks_are_the_same_as_one_piece(trainer):
    init, run = trainer
    first = init(KEYS, SOCIETY.hyper)
    whole, metrics = run(first, 4)
    half, before = run(first, 2)
    chunked, after = run(half, 2)
    joined = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), before, after)
    assert same(joined, metrics)
    strip = partial(jax.tree.map, np.asarray)
    assert same(strip(whole._replace(key=())), strip(chunked._replace(key=())))
    assert same(jax.random.key_data(whole.key), jax.random.key_data(chunked.key))
    assert whole.clock.update == 4


def test_metrics_have_updates_seeds_and_seats(trainer):
    init, run = trainer
    last, metrics = run(init(KEYS, SOCIETY.hyper), 4)
    assert metrics["return/collective"].shape == (4, 2)
    assert metrics["return/extrinsic"].shape == (4, 2, 2)
    assert metrics["gift/weight"].shape == (4, 2, 2, 2)
    # every second segment ends three episodes
    np.testing.assert_array_equal(last.state[0].episodes, [6.0, 6.0])
    np.testing.assert_array_equal(last.world.env_state.time, 6)


def test_every_update_draws_anew(trainer):
    init, run = trainer
    (hyper,) = SOCIETY.hyper
    first = init(KEYS, (hyper | {"lr": 0.0},))
    last, metrics = run(first, 4)
    assert not same(jax.random.key_data(first.key), jax.random.key_data(last.key))
    played = np.asarray(metrics["event/ones"]).reshape(4, -1)
    assert len(np.unique(played, axis=0)) == 4


def test_seeds_in_turn_learn_what_seeds_side_by_side_learn(trainer, monkeypatch):
    init, _ = trainer
    first, runs = init(KEYS, SOCIETY.hyper), []
    for backend in ("cpu", "gpu"):
        monkeypatch.setattr(jax, "default_backend", lambda backend=backend: backend)
        made = make_trainer(GAME, SOCIETY, Schedule(num_envs=3, rollout_length=3))
        program = jax.jit(made.run, static_argnums=1).trace(first, 4)
        runs.append((str(program.jaxpr).count("scan["), program.lower().compile()(first)))
    (in_turn, (last, metrics)), (together, (other, others)) = runs
    assert in_turn == together + 1
    for ours, theirs in zip(
        *map(jax.tree.leaves, ((last.state, metrics), (other.state, others))), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_settings_are_swept_over_seeds(trainer):
    init, run = trainer
    (hyper,) = SOCIETY.hyper
    swept = (hyper | {"lr": jnp.array([0.0, 0.1])},)
    first = init(jnp.stack([KEYS[0], KEYS[0]]), swept)
    last, _ = run(first, 4)
    layers = [carry.state[0].trained.params["params"] for carry in (first, last)]
    params = [{name: net[name] for name in net if name != "value_head"} for net in layers]
    still, moved = ([jax.tree.map(lambda x, i=i: x[i], p) for p in params] for i in range(2))
    assert same(*still)
    assert not same(*moved)


@pytest.mark.parametrize(
    ("schedule", "per_update", "updates"),
    [
        (Schedule(steps=100, num_envs=4), 24, 5),
        (Schedule(steps=96, num_envs=4), 24, 4),
        (Schedule(steps=100, num_envs=4, rollout_length=3), 12, 9),
        (Schedule(steps=1), 96, 1),
    ],
)
def test_schedules_count_steps_of_all_environments(schedule, per_update, updates):
    assert schedule.steps_per_update(GAME.spec) == per_update
    assert schedule.num_updates(GAME.spec) == updates


@pytest.mark.parametrize("length", [4, 12])
def test_rollouts_divide_the_horizon(length):
    with pytest.raises(ConfigError, match="use a divisor of probe's horizon 6, or 0"):
        make_trainer(GAME, SOCIETY, Schedule(rollout_length=length))


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"num_envs": 0}, {"rollout_length": -1}])
def test_impossible_schedules_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Schedule(**wrong)
