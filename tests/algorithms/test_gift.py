"""Equal gifts by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import facts, probe, settings

NUM = 4
GAME = probe(lambda action: action, num_agents=NUM, num_actions=2, horizon=4)
KEY = jax.random.key(0)


@pytest.mark.parametrize(
    ("active", "weights"),
    [
        ((True, True, True, True), (0.2, 0.2, 0.2)),
        ((True, True, False, True), (0.3, 0.0, 0.3)),
        ((True, False, False, True), (0.0, 0.0, 0.6)),
        ((True, False, False, False), (0.0, 0.0, 0.0)),
    ],
)
def test_the_share_is_given_whoever_has_left(active, weights):
    rollout = facts(GAME.spec, envs=1)
    rollout = rollout._replace(active=jnp.broadcast_to(jnp.array(active), rollout.active.shape))
    agent = settings("gift", share=0.6).build(GAME, (0, 2))
    opinion = jax.jit(agent.shape)((), rollout, KEY)
    wanted = jnp.broadcast_to(jnp.array(weights), (*rollout.reward.shape[:2], NUM - 1))
    np.testing.assert_allclose(opinion.weights[:, :, 0, 1:], wanted, rtol=1e-6)


def test_of_gains_alone_no_loss_is_handed_on():
    rollout = facts(GAME.spec)
    own = np.asarray(rollout.reward)[..., [0, 2]]
    opinions = [
        jax.jit(settings("gift", share=0.6, gains=gains).build(GAME, (0, 2)).shape)(
            (), rollout, KEY
        )
        for gains in (False, True)
    ]
    given = [np.asarray(opinion.weights)[..., 1:].sum(-1) for opinion in opinions]
    assert (own > 0).any() and (own < 0).any()
    np.testing.assert_allclose(given[1], np.where(own > 0, given[0], 0.0), rtol=1e-6)


def test_what_is_given_arrives_at_those_who_take_part():
    agent = settings("gift", share=0.3).build(GAME, (2, 0))
    rollout = facts(GAME.spec)
    reward, present = np.asarray(rollout.reward), np.asarray(rollout.active)
    expected = np.zeros_like(reward)
    for giver in (2, 0):
        receivers = [seat for seat in range(NUM) if seat != giver]
        each = 0.3 * reward[..., giver] / np.maximum(present[..., receivers].sum(-1), 1)
        for receiver in receivers:
            gift = each * present[..., receiver]
            expected[..., giver] -= gift
            expected[..., receiver] += gift
    found = jax.jit(agent.shape)((), rollout, KEY)
    np.testing.assert_allclose(found.delta, expected, atol=1e-5)
    assert not present.all()
