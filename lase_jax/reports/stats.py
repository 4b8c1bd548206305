"""Statistics of tables, curves and summaries; missing numbers (NaN) are left out.

Letters: R rows in time, S seeds.
"""

from typing import Any

import numpy as np
from scipy.special import stdtrit

FINAL_SHARE = 0.1
"""Final results are means over this last share of the rows."""
LEVEL = 0.95
"""Confidence level of the intervals."""
RESAMPLES = 2000
"""How many times seeds are drawn by the bootstrap."""


def mean(values: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Mean along one or several axes in float64, leaving out NaN; NaN where nothing is left."""
    present = ~np.isnan(values)
    total = np.where(present, values, 0.0).sum(axis, dtype=np.float64)
    return np.where(present.any(axis), total / np.maximum(present.sum(axis), 1), np.nan)


def final_rows(rows: int) -> int:
    """How many of a run's rows count as its end."""
    return max(1, round(FINAL_SHARE * rows))


def final(values: np.ndarray) -> np.ndarray:
    """Mean over the last `FINAL_SHARE` of the rows ``[R, ...]``, without NaN: ``[...]``."""
    return mean(values[-final_rows(len(values)) :], 0)


def mean_and_band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over seeds and half width of its `LEVEL` interval (Student's t), both ``[R]``.

    Args:
        values: ``[R, S]``; NaN is left out. With fewer than two seeds the half width is NaN.
    """
    count = (~np.isnan(values)).sum(-1)
    middle = mean(values, -1)
    squares = np.where(np.isnan(values), 0.0, (values - middle[:, None]) ** 2).sum(-1)
    freedom = np.maximum(count - 1, 0)
    spread = np.sqrt(squares / np.maximum(freedom, 1))
    quantile = np.where(freedom > 0, stdtrit(np.maximum(freedom, 1), (1 + LEVEL) / 2), np.nan)
    return middle, quantile * spread / np.sqrt(np.maximum(count, 1))


def bootstrap(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the `LEVEL` interval of the mean over seeds, by the bootstrap, both ``[R]``.

    They are percentiles of means over seeds that are drawn with replacement, always the same draws;
    so an interval lies between the lowest and the highest seed and cannot leave what is possible.

    Args:
        values: ``[R, S]``; NaN is left out. With fewer than two seeds the ends are NaN.
    """
    seeds = values.shape[1]
    drawn = np.random.default_rng(0).multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES)
    present = ~np.isnan(values)
    count = present @ drawn.T.astype(np.float64)  # [R, RESAMPLES]
    total = np.where(present, values, 0.0) @ drawn.T
    several = present.sum(1) > 1
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    ends = np.full((2, len(values)), np.nan)
    tail = (1 - LEVEL) / 2
    ends[:, several] = np.nanquantile(means[several], (tail, 1 - tail), axis=1)
    return ends[0], ends[1]


def number(value: Any) -> float | None:
    """A number for JSON; None for NaN and infinity, which JSON does not have."""
    return float(value) if np.isfinite(value) else None
