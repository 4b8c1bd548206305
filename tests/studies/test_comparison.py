import numpy as np
import pytest

from experiments import comparison


def test_intervals_stay_within_what_was_reached_and_hold_both_outcomes():
    two_modes = np.array([0.0, 0.0, 0.0, 1.0, 1.0])
    found = comparison.mean(two_modes)
    assert found.value == pytest.approx(0.4)
    assert 0.0 <= found.low < 0.2 and 0.6 < found.high <= 1.0


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(200, 20))
    covered = [found.low < 0 < found.high for found in map(comparison.mean, draws)]
    assert 0.86 < np.mean(covered) < 0.99


def test_a_band_has_the_interval_of_every_point_in_time():
    curves = np.array([[0.0, 0, 0, 1, 1], [3, 3, 3, 3, 3]])
    low, high = comparison.band(curves)
    expected = comparison.mean(curves[0])
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=0.01)
    assert (low[1], high[1]) == (3.0, 3.0)
    assert np.isnan(comparison.band(curves[:, :1])).all()


def test_the_inter_quartile_mean_leaves_out_both_ends():
    values = np.array([-100.0, 1, 2, 3, 4, 5, 6, 700])
    found = comparison.inter_quartile_mean(values)
    assert found.value == pytest.approx(3.5) and found.low < 3.5 < found.high


def test_the_probability_of_improvement_is_a_share_of_pairs_with_ties_as_half():
    found = comparison.improvement(np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.0]))
    assert found.value == pytest.approx((0.0 + 1 + 0.5 + 1 + 1 + 1) / 6)
    swapped = comparison.improvement(np.array([2.0, 0.0]), np.array([1.0, 2.0, 3.0]))
    assert swapped.value == pytest.approx(1 - found.value)
    assert found.side == "neither"


def test_all_above_is_above_and_equal_is_neither():
    high, low = np.arange(5.0) + 10, np.arange(4.0)
    assert comparison.improvement(high, low).side == "above"
    assert comparison.improvement(low, high).side == "below"
    same = comparison.improvement(np.ones(3), np.ones(3))
    assert same == (0.5, 0.5, 0.5) and same.side == "neither"


def test_missing_numbers_are_left_out_and_one_seed_has_no_interval():
    assert comparison.mean(np.array([1.0, np.nan, 3.0])).value == 2.0
    one = comparison.mean(np.array([1.0, np.nan]))
    assert one.value == 1.0 and np.isnan(one.low) and np.isnan(one.high)
    assert np.isnan(comparison.mean(np.array([np.nan])).value)


def test_an_estimate_is_the_same_in_every_call_and_reads_well():
    values = np.array([41.0, 44, 37, 39])
    assert comparison.mean(values) == comparison.mean(values)
    assert str(comparison.Estimate(41.234, 38.0, 44.96)) == "41.2 [38, 45]"


def test_numbers_of_the_same_seeds_are_compared_in_pairs():
    """Seeds differ by far more than the two numbers of each."""
    first, second = np.arange(10.0), np.arange(10.0) - 0.1

    def gap(first, second, axis=-1):
        return first.mean(axis) - second.mean(axis)

    paired = comparison.estimate(gap, first, second, paired=True)
    assert paired.low == pytest.approx(0.1) == paired.high
    apart = comparison.estimate(gap, first, second)
    assert apart.low < 0 < apart.high
    first[0] = np.nan
    assert comparison.estimate(gap, first, second, paired=True).value == pytest.approx(0.1)


def test_numbers_of_hundreds_keep_a_digit_after_the_point():
    assert str(comparison.Estimate(115.68, 0.8452, 99.96)) == "115.7 [0.845, 100]"


@pytest.mark.parametrize(
    ("first", "second", "bounds"),
    [
        (10, 6, (0.7, 0.519, 0.844)),  # Newcombe's method 10: .4 (.038 to .687) as a difference
        (6, 10, (0.3, 0.156, 0.481)),
        (10, 10, (0.5, 0.361, 0.639)),  # by a bootstrap it would have no width
        (0, 10, (0.0, 0.0, 0.196)),
    ],
)
def test_shares_of_seeds_have_an_interval_where_a_bootstrap_has_none(first, second, bounds):
    shown = (np.arange(10) < count for count in (first, second))
    assert comparison.improvement_of_shares(*shown) == pytest.approx(bounds, abs=1e-3)


def test_a_difference_has_the_sign_of_the_first():
    low, high = np.linspace(0.0, 1.0, 10), np.linspace(3.0, 4.0, 10)
    found = comparison.difference(high, low)
    assert found.value == pytest.approx(3.0) and 2.0 < found.low < 3.0 < found.high < 4.0
    assert comparison.difference(low, high).value == pytest.approx(-3.0)
    assert comparison.difference(high, low, paired=True) == pytest.approx((3.0, 3.0, 3.0))
