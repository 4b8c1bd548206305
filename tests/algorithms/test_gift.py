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
    rollout = rollout._replace(
        reward=jnp.ones_like(rollout.reward),
        active=jnp.broadcast_to(jnp.array(active), rollout.active.shape),
    )
    agent = settings("gift", share=0.6).build(GAME, (0, 2))
    opinion = agent.shape(jax.jit(agent.init)(KEY, agent.hyper), rollout, KEY)
    wanted = jnp.broadcast_to(jnp.array(weights), (*rollout.reward.shape[:2], NUM - 1))
    np.testing.assert_allclose(opinion.weights[:, :, 0, 1:], wanted, rtol=1e-6)
