import jax
import numpy as np
import pytest
from tiny import GAME as TINY

from envs.checks import ConfigError
from envs.matrix import COOPERATE, Matrix
from lase_jax.algorithms.scripted import Scripted
from lase_jax.loop.rollout import begin, play
from lase_jax.loop.society import society
from lase_jax.loop.train import Schedule, make_trainer

GAME = Matrix(horizon=8).build()


def cooperates(agent, num_envs=200, key=0):
    """Who cooperates when, ``[T, B]``, beside a defector."""
    seats = [(agent.build(GAME, (0,)), (0,)), (Scripted("defector").build(GAME, (1,)), (1,))]
    both = society(GAME.spec, seats)
    state = both.init(jax.random.key(key), both.hyper)
    world = begin(GAME, both, jax.random.key(key + 1), num_envs)
    acting = both.prepare(state)
    _, rollout, _ = play(GAME, both, acting, world, jax.random.key(key + 2), 8, "sample")
    assert (rollout.action[..., 1] != COOPERATE).all()
    return np.asarray(rollout.action[..., 0] == COOPERATE)


def test_a_share_of_the_episodes_follows_the_first_policy_and_no_episode_mixes_them():
    helps = cooperates(Scripted("cooperator", other="defector", share=0.25))
    assert (helps == helps[:1]).all()
    assert abs(helps[0].mean() - 0.25) < 0.1
    assert cooperates(Scripted("cooperator", other="defector", share=1.0)).all()
    assert not cooperates(Scripted("cooperator", other="defector", share=0.0)).any()


def test_seats_draw_their_policies_apart():
    both = society(
        GAME.spec, [(Scripted("cooperator", "defector", 0.5).build(GAME, (0, 1)), (0, 1))]
    )
    world = begin(GAME, both, jax.random.key(0), 100)
    acting = both.prepare(both.init(jax.random.key(0), both.hyper))
    _, rollout, _ = play(GAME, both, acting, world, jax.random.key(1), 1, "sample")
    same = np.asarray(rollout.action[0, :, 0] == rollout.action[0, :, 1]).mean()
    assert 0.3 < same < 0.7


def test_after_so_many_episodes_it_follows_the_other_policy_for_good():
    agent = Scripted("cooperator", other="defector", until=12)
    seats = [(agent.build(GAME, (0,)), (0,)), (Scripted("defector").build(GAME, (1,)), (1,))]
    algorithm = society(GAME.spec, seats)
    trainer = make_trainer(GAME, algorithm, Schedule(steps=8 * 4 * 6, num_envs=4))
    carry = trainer.init(jax.random.split(jax.random.key(0), 1), algorithm.hyper)
    _, metrics = trainer.run(carry, 6)
    assert metrics["event/cooperations"][:, 0, 0].tolist() == [8.0, 8.0, 8.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("own", "field"),
    [
        (dict(share=0.5), "other"),
        (dict(until=3), "other"),
        (dict(other="defector", share=1.5), "share"),
        (dict(other="defector", until=-1), "until"),
    ],
)
def test_settings_that_cannot_work_are_refused(own, field):
    with pytest.raises(ConfigError, match=f"^{field} is"):
        Scripted("cooperator", **own)


def test_an_unknown_other_policy_is_refused():
    with pytest.raises(ConfigError, match="^other is"):
        Scripted("cooperator", other="defecter").build(TINY.build(), (0,))
