"""GO: everyone learns on the sum of all rewards, also after it has left if that is asked for."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from probes import facts, probe, settings

from envs.checks import ConfigError
from lase_jax.runs.setup import set_up

STEPS, GAMMA = 4, 0.5
GAME = probe(lambda action: action, num_agents=2, num_actions=2, horizon=STEPS)
REWARD = np.array([[1, 0], [2, 3], [0, 4], [0, 8]], np.float32)
STAYS = np.array([[True, True], [True, True], [False, True], [False, True]])


def returns(**options):
    """The discounted sums of what the two agents learn on, while they take part."""
    agent = settings("go", gamma=GAMMA, **options).build(GAME, (0, 1))
    state = jax.jit(agent.init)(jax.random.key(0), agent.hyper)
    rollout = facts(GAME.spec, envs=1)
    rollout = rollout._replace(reward=jnp.asarray(REWARD)[:, None], active=STAYS[:, None])
    paid = rollout.reward + agent.shape(state, rollout, jax.random.key(1)).delta
    discount = GAMMA ** np.arange(STEPS)
    return (np.where(STAYS, paid[:, 0], 0.0) * discount[:, None]).sum(0)


def test_everyone_learns_on_the_sum_while_it_takes_part():
    np.testing.assert_allclose(returns(), [1 + 2.5, 1 + 2.5 + 1 + 1])


def test_others_rewards_may_weigh_less():
    np.testing.assert_allclose(returns(eta=0.0), [1 + 1, 1.5 + 1 + 1])
    np.testing.assert_allclose(returns(eta=0.5), [2 + 0.5 * 1.5, 3.5 + 0.5 * 2])
    later = 0.5 * (0.25 * 4 + 0.125 * 8)
    np.testing.assert_allclose(returns(eta=0.5, after_leaving=True)[0], 2 + 0.75 + later)
    with pytest.raises(ConfigError, match="^eta is -1"):
        settings("go", eta=-1.0)


def test_who_has_left_may_learn_on_the_groups_whole_return():
    np.testing.assert_allclose(returns(after_leaving=True), [5.5, 5.5])


def test_what_comes_later_needs_whole_episodes():
    run = tiny.config("go")
    schedule = replace(run.schedule, rollout_length=2)
    set_up(replace(run, schedule=schedule))
    agent = replace(run.agent, after_leaving=True)
    with pytest.raises(ConfigError, match="rollout_length is 2: use 0, or no after_leaving"):
        set_up(replace(run, agent=agent, schedule=schedule))
