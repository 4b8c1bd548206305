import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.theory.analysis import kind, missed
from experiments.theory.dynamics import GAMMA, ascent, gifts, gradient, payoffs, resting

IPD = 1.2, -0.2


@pytest.mark.parametrize("theta", [0.0, 0.3, 1.0])
def test_gifts_are_those_of_the_appendix(theta):
    """Only who cooperates is given to, and the less the more it was expected."""
    expected = [[1.0 - theta, 0.0], [1.0 - theta, 0.0]]
    np.testing.assert_allclose(gifts(payoffs(*IPD), jnp.float32(theta)), expected, atol=1e-6)


def test_slopes_are_those_of_equations_15_and_16():
    temptation, sucker = IPD
    own, other = 0.3, 0.6
    if_cooperates = other + (1.0 - own) - temptation * other
    if_defects = sucker + (1.0 - own) * temptation
    expected = (if_cooperates * other + if_defects * (1.0 - other)) / (1.0 - GAMMA)
    found = gradient(payoffs(*IPD), jnp.float32(own), jnp.float32(other))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("game", "points"),
    [
        ((0.5, 0.5), [(1, 1)]),
        ((0.5, -0.8), [(0, 0), (1, 1)]),
        (IPD, [(5 / 6, 5 / 6)]),
        ((1.5, 0.8), [(1, 0.5), (0.5, 1)]),
        ((1.9, -0.1), [(0.8998, 0.3224), (0.3224, 0.8998)]),
    ],
)
def test_agents_end_where_the_closed_form_says(game, points):
    np.testing.assert_allclose(resting(*game), points, atol=1e-3)
    start = jax.random.uniform(jax.random.key(0), (16, 2))
    ends = np.asarray(jax.vmap(ascent, (None, None, 0))(*game, start))
    assert missed(*game, ends).max() < 0.01
    reached = np.abs(ends[:, None] - resting(*game)).max(-1).argmin(-1)
    assert len({*reached.tolist()}) == len(points)


def test_games_are_told_by_temptation_and_sucker_payoff():
    found = kind(np.array([0.5, 0.5, 1.5, 1.5, 1.0, 0.5]), np.array([0.5, -0.5, 0.5, -0.5, 0.3, 0]))
    assert found.tolist() == ["Harmony", "Stag-Hunt", "Snowdrift", "Prisoner's Dilemma", "", ""]
