import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import facts, probe

from envs.checks import ConfigError
from lase_jax.loop.society import society
from lase_jax.types import Agent, Clock, Decision, Opinion, World

GAME = probe(lambda action: action, num_agents=4, num_actions=8, horizon=3)
SPEC = GAME.spec


def marked(seats, mark):
    """Agents whose every output says who they are: the seat, or the kind's mark."""
    ids = jnp.array(seats, jnp.float32)

    def act(acting, memory, obs, draws, mode):
        assert draws.shape == obs.shape[:2]
        seen = obs[..., -4:].argmax(-1).astype(jnp.int32)  # the seat, as its holder sees it
        log_prob = jnp.broadcast_to(acting * ids[None], seen.shape)
        return Decision(seen, log_prob, notes=log_prob), memory + 1.0

    def shape(state, rollout, key):
        assert rollout.memory.shape == rollout.notes.shape[1:] == (2, len(seats))
        lead = (*rollout.reward.shape[:2], len(seats), 4)
        weights = jnp.broadcast_to(ids[None, None, :, None] / 100, lead)
        delta = jnp.full(rollout.reward.shape, mark)
        return Opinion(delta, weights, {f"infer/{mark:.0f}": ids})

    def learn(state, rollout, reward, key, clock):
        assert rollout.memory.shape == rollout.notes.shape[1:] == (2, len(seats))
        return state + reward.sum(), {"learn/entropy": ids, "relation/weight": pairs(ids)}

    return Agent(
        hyper={"mark": mark},
        init=lambda key, hyper: jnp.float32(hyper["mark"]),
        begin=lambda num_envs: jnp.zeros((num_envs, len(seats))),
        prepare=lambda state: state,
        draw=lambda key, num_envs: jax.random.uniform(key, (num_envs, len(seats))),
        act=act,
        shape=shape,
        learn=learn,
    )


def pairs(ids):
    return 10.0 * ids[:, None] + jnp.arange(4.0)[None]


def mixture():
    groups = [(2, 0), (3,), (1,)]
    marks = (1.0, 10.0, 100.0)
    return society(SPEC, [(marked(s, m), s) for s, m in zip(groups, marks, strict=True)])


def played_by(mixed):
    """Random facts with the society's memories and notes."""
    memory = mixed.begin(2)
    return facts(SPEC, memory=memory, notes=jax.tree.map(lambda m: jnp.stack([m] * 3), memory))


def test_decisions_come_in_seat_order():
    mixed = mixture()
    state = mixed.init(jax.random.key(0), mixed.hyper)
    np.testing.assert_array_equal(state, [1.0, 10.0, 100.0])
    _, obs = jax.jit(jax.vmap(GAME.reset))(jax.random.split(jax.random.key(0), 2))
    draws = mixed.draw(jax.random.key(1), 2)
    decision, memory = mixed.act(mixed.prepare(state), mixed.begin(2), obs, draws, "sample")
    np.testing.assert_array_equal(decision.action, [[0, 1, 2, 3]] * 2)
    # each log-probability is the kind's mark times the seat
    np.testing.assert_array_equal(decision.log_prob, [[0.0, 100.0, 2.0, 30.0]] * 2)
    assert [leaf.shape for leaf in memory] == [(2, 2), (2, 1), (2, 1)]
    # each kind's notes are its own
    assert [note.tolist()[0] for note in decision.notes] == [[2.0, 0.0], [30.0], [100.0]]


def test_opinions_add_up_and_weights_come_in_seat_order():
    mixed = mixture()
    rollout = played_by(mixed)
    state = mixed.init(jax.random.key(0), mixed.hyper)
    opinion = mixed.weigh(state, rollout, jax.random.key(1))
    np.testing.assert_array_equal(opinion.delta, jnp.full(rollout.reward.shape, 111.0))
    np.testing.assert_allclose(opinion.weights.sum(-1), 1.0, rtol=1e-6)
    off = opinion.weights[0, 0][~np.eye(4, dtype=bool)].reshape(4, 3)
    np.testing.assert_allclose(off, np.arange(4)[:, None] / 100 * np.ones(3), rtol=1e-6)
    np.testing.assert_array_equal(opinion.metrics["infer/1"], [0.0, np.nan, 2.0, np.nan])


def test_everyone_learns_on_extrinsic_reward_plus_all_opinions_and_facts_stay():
    mixed = mixture()
    rollout = played_by(mixed)
    state = mixed.init(jax.random.key(0), mixed.hyper)
    world = World((), rollout.last_obs, mixed.begin(2))
    clock = Clock(jnp.int32(0))
    after, found, metrics = mixed.iterate(
        state, lambda *args: (world, rollout), world, jax.random.key(1), clock
    )
    assert found is world
    total = rollout.reward.sum() + 111.0 * rollout.reward.size
    np.testing.assert_allclose(after, np.array([1.0, 10.0, 100.0]) + total, rtol=1e-6)
    np.testing.assert_allclose(metrics["return/extrinsic"], rollout.reward.sum((0, 1)) / 2)
    np.testing.assert_allclose(
        metrics["return/total"], metrics["return/extrinsic"] + 3 * 111.0, rtol=1e-5
    )
    np.testing.assert_array_equal(metrics["learn/entropy"], [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(metrics["relation/weight"], pairs(jnp.arange(4.0)))
    np.testing.assert_array_equal(metrics["infer/10"], [np.nan] * 3 + [3.0])


@pytest.mark.parametrize("groups", [[(0, 1, 2)], [(0, 1), (1, 2, 3)], [(0, 1, 2, 3, 4)], []])
def test_every_seat_has_one_holder(groups):
    with pytest.raises(ConfigError, match="seats is"):
        society(SPEC, [(marked(seats, 1.0), seats) for seats in groups])
