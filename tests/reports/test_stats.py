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


def test_many_seeds_get_their_own_quantile():
    values = np.arange(20.0)[None]
    _, half = stats.mean_and_band(values)
    np.testing.assert_allclose(half, 2.0930 * values.std(ddof=1) / np.sqrt(20), rtol=1e-4)


def test_json_has_neither_nan_nor_infinity():
    assert [stats.number(value) for value in (1, np.nan, np.inf)] == [1.0, None, None]
