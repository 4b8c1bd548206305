"""Counterfactuals by simulation, and the games' ceilings, where both are known by hand."""

import numpy as np
import pytest

import envs
from envs.registry import GAMES
from experiments import ceilings
from experiments.ceilings.analysis import played, societies
from experiments.credit import analysis, sweep, truth
from experiments.learning_curves.sweep import GAMES as OF_THE_PAPER
from experiments.study import load
from lase_jax.presets import preset
from lase_jax.runs.setup import set_up

SIZE = truth.Truth(states=8, continuations=64)


@pytest.mark.parametrize(("kind", "surprise"), [("random", 0.5), ("cooperator", 0.0)])
def test_a_perfect_q_pays_for_cooperation_what_was_not_foreseen(kind, surprise):
    """Against a defector each cooperation is worth T - P = 1.2; equation 3 makes it 1 - P(C)."""
    game = envs.make("ipd", horizon=3)
    worth, noise, _, helpful, otherwise = truth.findings(game, ("defector", kind), 1, 0.9, SIZE)
    assert float(worth) == pytest.approx(1.2, abs=1e-3)
    assert (float(noise) > 0.1) == (kind == "random")
    assert float(helpful) == pytest.approx(surprise, abs=0.1)
    assert otherwise in ("0.000", "nan")


@pytest.mark.parametrize("game", sweep.GAMES)
def test_one_lase_agent_plays_with_scripted_players(game):
    runs = sweep.runs((game,))
    assert len(runs) == len(sweep.TRACES) * len(sweep.STEPS)
    for run in list(runs.values())[:1]:
        assert set_up(run).seats == sweep.seats(game)


def test_the_first_arm_within_a_deviation_of_the_best_is_chosen():
    scores = {
        "lam_0-steps_1": np.array([0.0, 0.1, 0.2]),
        "lam_0-steps_4": np.array([0.2, 0.2, 0.2]),
        "lam_1-steps_4": np.array([0.2, 0.3, 0.4]),
    }
    assert analysis.chosen(scores) == "lam_0-steps_4"


@pytest.mark.parametrize("game", sweep.GAMES)
def test_presets_follow_what_q_knows(game):
    found = load(sweep.runs((game,)), sweep.KEPT)
    scores = {arm: analysis.together(game, found[f"{game}-{arm}"]) for arm in sweep.arms()}
    best = sweep.arms()[analysis.chosen(scores)]
    for algo in ("lase", "lase_wo"):
        agent = preset(game, algo).agent
        assert {field: getattr(agent, field) for field in best} == best


def test_societies_have_every_number_of_each_player():
    found = societies("cleanup")
    assert len(set(found)) == 15 and ("defector",) * 4 in found
    assert not any("random" in seats for seats in found)


def test_two_who_cooperate_earn_200():
    pair = ("cooperator", "cooperator")
    assert played("ipd", [pair], episodes=2) == {pair: pytest.approx(200.0)}


@pytest.mark.parametrize("game", OF_THE_PAPER)
def test_ceilings_do_not_exceed_the_bounds(game):
    bound = GAMES[game].spec().max_return
    assert bound is not None and 0 < ceilings.reached(game) <= bound + 1e-3
