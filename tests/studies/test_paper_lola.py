"""Arms and rules of the reproduction of Foerster et al. 2018."""

import json

import numpy as np
import pytest
from made import RISING, SEEDS, made, of_all_runs, reported, results

from experiments.paper.book import Results
from experiments.paper.lola import PAPER, exact, stages
from experiments.paper.scales import SCALES


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The exact study with few pairs, and where its files lie."""
    out = tmp_path_factory.mktemp("exact")
    exact.write(exact.Exact(seeds=6, out=out))
    return out


def test_arms_differ_in_what_they_foresee():
    runs = stages.matrix_games(SCALES["cpu"])
    ahead = {name: run.agent.lookahead for name, run in runs.items()}
    assert ahead["ipd-naive"] == 0 and ahead["ipd-lola_3"] == 3
    assert runs["ipd-lola_model"].agent.opponent == "learned"
    pennies = runs["matching_pennies-lola"]
    assert pennies.game.second and pennies.game.horizon == 150
    assert pennies.agent.learner.gamma == 0.9


def test_the_exact_study_decides_three_claims(small):
    numbers = json.loads((small / "results.json").read_text())
    found = Results({}, {"exact": numbers})
    assert PAPER.judge(30, found).parts[0].holds  # naive players defect
    assert PAPER.judge(32, found).word == "reproduced"
    assert PAPER.judge(31, found).parts[1].holds  # and never come to rest
    swapped = numbers | {"tournament": np.flip(numbers["tournament"]).tolist()}
    assert PAPER.judge(32, Results({}, {"exact": swapped})).word == "not reproduced"
    assert (small / "exact.png").stat().st_size > 10_000


def test_sampled_learners_are_judged_by_reward_per_step():
    def of(value):
        return made(agents=2, return__extrinsic=np.full((SEEDS, 2), 100.0 * value))

    good = dict(ipd__lola_2=of(-1.1), ipd__lola_3=of(-1.2), ipd__lola_model=of(-1.05))
    assert PAPER.judge(33, results(**good, ipd__naive=of(-1.99))).word == "reproduced"
    bad = good | dict(ipd__lola_3=of(-1.9))
    assert PAPER.judge(33, results(**bad, ipd__naive=of(-1.99))).word == "not reproduced"


def test_own_coins_count_as_a_share():
    def of(own, returns):
        coins = dict(event__own_coins=np.full((SEEDS, 2), own) + RISING[:, None] / 10)
        others = dict(event__others_coins=np.full((SEEDS, 2), 10.0 - own))
        return made(returns + RISING / 10, agents=2, **coins, **others)

    runs = dict(coingame_3x3__lola=of(8.0, 5.0), coingame_3x3__naive=of(5.0, 0.0))
    found = PAPER.judge(34, results(**runs))
    assert found.word == "reproduced" and "LOLA 0.8" in found.parts[0].found


def test_every_figure_and_table_is_made_of_what_is_kept(tmp_path, small):
    def numbers(index, agents):
        del index
        counts = ("own_coins", "others_coins", "cooperations")
        return {}, {f"event__{count}": np.ones((SEEDS, agents)) for count in counts}

    exact_ones = {"exact": json.loads((small / "results.json").read_text())}
    reported(PAPER, Results(of_all_runs(PAPER, numbers), exact_ones), tmp_path)
