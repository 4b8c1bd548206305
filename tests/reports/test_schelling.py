import numpy as np
import pytest
from probes import probe

import envs
from envs.checks import ConfigError
from lase_jax.reports import plots, schelling

GAMES = {
    "ssh": ("yes", "no"),
    "ssg": ("no", "yes"),
    "coingame": ("yes", "yes"),
    "cleanup": ("no", "yes"),
}
"""Fear and greed, as Fig. 10 of Kong et al. 2024 has them."""


@pytest.fixture(scope="module")
def dilemma():
    """Each co-player that plays 1 pays 3 to each other, at a cost of 2, in each of two steps."""
    game = probe(lambda action: 3 * (action.sum() - action) - 2 * action, num_agents=3)
    return schelling.diagram(game, "probe", episodes=50)


def test_what_one_earns_is_known_by_hand(dilemma):
    steps = dilemma.cooperators[1].mean / -2.0
    assert steps == int(steps) > 0
    means = [
        [estimate.mean / steps for estimate in kind]
        for kind in (dilemma.cooperators, dilemma.defectors, dilemma.everyone)
    ]
    np.testing.assert_allclose(means[0], [np.nan, -2, 1, 4])
    np.testing.assert_allclose(means[1], [0, 3, 6, np.nan])
    np.testing.assert_allclose(means[2], np.array([0, -2 + 6, 2 + 6, 12]) / 3)
    assert list(dilemma.verdicts.values()) == ["yes"] * 4


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ((2, 0.5), (1, 0.5), "yes"),
        ((1, 0.5), (2, 0.5), "no"),
        ((1.5, 0.5), (1, 0.5), "open"),
        ((1, 0), (1, 0), "no"),
    ],
)
def test_a_difference_that_intervals_allow_for_is_open(first, second, answer):
    assert schelling.Estimate(*first).above(schelling.Estimate(*second)) == answer


def test_the_table_says_where_nobody_is(dilemma):
    heads, rows = schelling.table(dilemma)
    assert len(rows) == 4 and all(len(row) == len(heads) for row in rows)
    assert rows[0][1] == "-" and rows[3][2] == "-"


def test_the_picture_is_a_png(dilemma, tmp_path):
    plots.schelling([dilemma, dilemma], tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.thorough
@pytest.mark.parametrize("name", GAMES)
def test_games_are_the_dilemmas_that_the_paper_says(name):
    found = schelling.diagram(envs.make(name), name, episodes=400).verdicts
    better, with_others, *temptations = found.values()
    assert better == with_others == "yes" and tuple(temptations) == GAMES[name]


@pytest.mark.parametrize("wrong", [dict(episodes=1), dict(pair=("cooperator", "cleaner"))])
def test_impossible_diagrams_are_named(wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} is"):
        schelling.diagram(envs.make("ipd"), "ipd", **wrong)
