import numpy as np
import pytest

from lase_jax.reports import stats


def test_the_mean_leaves_out_what_is_missing():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 8.0]], np.float32)
    np.testing.assert_array_equal(stats.mean(values, 0), [2, 8])
    np.testing.assert_array_equal(stats.mean(values, 1), [1, 3, 8])
    assert np.isnan(stats.mean(values[:2], 0)[1])


@pytest.mark.parametrize(("rows", "first"), [(1, 0), (9, 8), (10, 9), (19, 17), (500, 450)])
def test_the_end_is_the_last_tenth(rows, first):
    values = np.arange(rows, dtype=float)[:, None] * [1, 2]
    assert stats.final_rows(rows) == rows - first
    np.testing.assert_array_equal(stats.final(values), values[first:].mean(0))


def test_the_band_is_students_interval_over_seeds():
    mean, half = stats.mean_and_band(
        np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0], [5, *[np.nan] * 2]])
    )
    np.testing.assert_allclose(mean, [2, 5, 5])
    np.testing.assert_allclose(half[:2], [4.3027 / np.sqrt(3), 12.7062], rtol=1e-4)
    assert np.isnan(half[2])


def test_a_bootstrapped_interval_lies_between_the_seeds():
    rng = np.random.default_rng(0)
    values = rng.random((50, 5)) ** 4
    low, high = stats.bootstrap(values)
    assert (low >= values.min(1)).all() and (high <= values.max(1)).all()
    assert (low < values.mean(1)).all() and (values.mean(1) < high).all()
    np.testing.assert_array_equal(low, stats.bootstrap(values)[0])
    few = np.array([[0.0, 1.0, np.nan], [1.0, np.nan, np.nan], [np.nan] * 3])
    low, high = stats.bootstrap(few)
    assert (low[0], high[0]) == (0, 1)
    assert np.isnan([low[1:], high[1:]]).all()


def test_of_many_seeds_it_is_that_of_the_normal_distribution():
    values = np.random.default_rng(1).normal(size=(1, 400))
    low, high = stats.bootstrap(values)
    half = 1.96 * values.std() / 20
    np.testing.assert_allclose((high - low) / 2, half, rtol=0.05)


def test_many_seeds_get_their_own_quantile():
    values = np.arange(20.0)[None]
    _, half = stats.mean_and_band(values)
    np.testing.assert_allclose(half, 2.0930 * values.std(ddof=1) / np.sqrt(20), rtol=1e-4)


def test_json_has_neither_nan_nor_infinity():
    assert [stats.number(value) for value in (1, np.nan, np.inf)] == [1.0, None, None]
