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
    reward, delta = np.asarray(rollout.reward), np.zeros(rollout.reward.shape)
    for giver in (0, 2):
        receivers = [seat for seat in range(NUM) if seat != giver and active[seat]]
        for receiver in receivers:
            gift = 0.6 * reward[..., giver] / len(receivers)
            delta[..., giver] -= gift
            delta[..., receiver] += gift
    np.testing.assert_allclose(opinion.delta, delta, atol=1e-6)
