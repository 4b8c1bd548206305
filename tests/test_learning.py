"""What the presets learn, in games that learn within seconds; `make test-slow` runs it."""

import dataclasses

import pytest

from lase_jax import api
from lase_jax.presets import preset

pytestmark = pytest.mark.slow


def final_return(env, algo, steps, **own):
    """Collective return over the last tenth of training, lowest and highest of two seeds."""
    run = preset(env, algo)
    game = run.game.build()
    society = api.society(game, dataclasses.replace(run.agent, **own))
    schedule = dataclasses.replace(run.schedule, steps=steps)
    result = api.train(game, society, steps=schedule.steps, seeds=2, num_envs=schedule.num_envs)
    returns = result.metrics["return/collective"]
    last = returns[-len(returns) // 10 :].mean(0)
    return last.min(), last.max()


def test_in_the_ipd_selfish_agents_defect_and_lase_cooperates():
    """The bounds: 200 for mutual cooperation, of which epsilon leaves 195; 0 for defection."""
    assert final_return("ipd", "go", 600_000)[0] > 190
    assert final_return("ipd", "a2c", 600_000)[1] < 20
    assert final_return("ipd", "lase", 600_000)[0] > 150


def test_in_escape_room_one_agent_learns_to_pay_and_another_to_pull_the_lever():
    """The best there is: 9, of which epsilon leaves 8.7. Who must not be paid does not pull."""
    assert final_return("escape_room", "lio", 500_000)[0] > 8
    assert final_return("escape_room", "a2c", 500_000)[1] < 2


def test_in_the_ipd_lola_cooperates_where_naive_learners_defect():
    assert final_return("ipd", "lola", 320_000)[0] > 150
    assert final_return("ipd", "lola", 320_000, opponent="learned")[0] > 150
    assert final_return("ipd", "lola", 320_000, lookahead=0)[1] < 20


def test_in_coingame_the_averse_spare_each_others_coins():
    assert final_return("coingame", "ia", 1_000_000)[0] > 12
    assert final_return("coingame", "a2c", 1_000_000)[1] < 4


@pytest.mark.parametrize(("other", "low", "high"), [("tit_for_tat", 0.5, 0.7), ("random", 0, 0.02)])
def test_who_is_paid_for_influence_finds_it_where_there_is_some(other, low, high):
    """In nats: who repeats my moves can be influenced by as much as those moves are uncertain."""
    run = preset("ipd", "si")
    agent = dataclasses.replace(run.agent, weight=5.0)
    society = api.society(run.game.build(), [agent, other])
    result = api.train(run.game.build(), society, steps=200_000, seeds=1)
    influence = result.metrics["influence/pair"][-10:, 0, 0, 1].mean()
    assert low < influence < high


def test_on_the_small_cleanup_map_one_cleans_and_is_paid_for_it():
    """The practical best is 40, for one who gathers while the other cleans."""
    assert final_return("cleanup_7x7", "lio", 1_000_000)[0] > 18
    assert final_return("cleanup_7x7", "a2c", 1_000_000)[1] < 14


def test_trapped_agents_open_each_others_boxes_for_influence():
    """The best there is: 16. Influence needs actions that are uncertain, so it stops at half."""
    assert final_return("box_ring", "si", 400_000)[0] > 4
    assert final_return("box_ring", "a2c", 400_000)[1] < 1
    assert final_return("box_ring", "go", 400_000)[0] > 14
