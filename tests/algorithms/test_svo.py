"""SVO by hand, and what orientations do to two learners who can give each other something."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import facts, probe, settings, train

from envs.checks import ConfigError
from lase_jax.loop.society import society

NUM = 3
GAME = probe(lambda action: action, num_agents=NUM, num_actions=2, horizon=4)
KEY = jax.random.key(0)


def delta(rollout, seats, **options):
    agent = settings("svo", **options).build(GAME, seats)
    state = jax.jit(agent.init)(KEY, agent.hyper)
    return agent.shape(state, rollout, KEY).delta


def of_one_step(*reward):
    """A rollout of one step in one environment with these rewards."""
    rollout = facts(GAME.spec, envs=1)
    step = jax.tree.map(lambda leaf: leaf[:1], rollout._replace(memory=(), last_obs=()))
    return step._replace(
        reward=jnp.array(reward, jnp.float32)[None, None],
        active=jnp.ones((1, 1, NUM), bool),
        last_obs=rollout.last_obs,
    )


@pytest.mark.parametrize(
    ("angle", "reward", "deviations"),
    [
        (45.0, (1.0, 1.0, 1.0), (0, 0, 0)),
        (0.0, (1.0, 0.0, 0.0), (0, 90, 90)),
        (90.0, (1.0, 0.0, 0.0), (90, 0, 0)),
        (45.0, (2.0, 0.0, 4.0), (0, 45, 45 - np.rad2deg(np.arctan2(1, 4)))),
        (45.0, (0.0, 0.0, 0.0), (45, 45, 45)),
        (45.0, (-1.0, 0.0, 0.0), (135, 135, 135)),
    ],
)
def test_deviations_from_the_wanted_angle_by_hand(angle, reward, deviations):
    found = delta(of_one_step(*reward), (0, 1, 2), angle=angle, weight=0.5)
    np.testing.assert_allclose(found[0, 0], -0.5 * np.deg2rad(deviations), atol=1e-6)


def test_only_these_seats_pay_and_only_while_they_take_part():
    rollout = facts(GAME.spec)
    assert not rollout.active.all()
    found = delta(rollout, (2, 0))
    assert not found[..., 1].any() and found[..., 0].any() and found[..., 2].any()
    assert not found[~rollout.active].any()
    assert not delta(rollout, (0, 1, 2), weight=0.0).any()


def test_a_prosocial_gives_what_an_individualist_keeps():
    """Action 1 gives 2 to the other and costs 1; the two seats are oriented apart."""

    def pays(action):
        gives = action.astype(jnp.float32)
        return 1.0 - gives + 2.0 * gives[::-1]

    game = probe(pays, num_agents=2, num_actions=2, horizon=2)
    common = dict(lr=2e-2, weight=4.0, gamma=0.0, epsilon_start=0.2, epsilon_episodes=200)
    kinds = [
        (settings("svo", angle=angle, **common), seat) for seat, angle in ((0, 0.0), (1, 90.0))
    ]
    both = society(game.spec, [(config.build(game, (seat,)), (seat,)) for config, seat in kinds])
    _, _, metrics = train(game, both, updates=300, num_envs=8)
    gave = metrics["event/ones"][-30:, 0].mean(0)
    assert gave[0] < 0.3 and gave[1] > 1.7


@pytest.mark.parametrize(("field", "value"), [("angle", 91.0), ("angle", -1.0), ("weight", -0.5)])
def test_settings_that_cannot_work_are_refused(field, value):
    with pytest.raises(ConfigError, match=f"{field} is {value}"):
        settings("svo", **{field: value})
