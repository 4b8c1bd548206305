"""How algorithms are compared: intervals by bootstrap and the probability of improvement.

The rules that use them stand in ``CLAIMS.md``. Resampled means stay within what the seeds have
reached, so that an interval never holds what is not possible; and both outcomes of a bimodal
algorithm count, where a t interval would pretend to a bell.

Source: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice".

Letters: R points in time, S seeds.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.stats import binomtest, bootstrap, trim_mean

from lase_jax.reports.stats import LEVEL

RESAMPLES = 5000


class Estimate(NamedTuple):
    """A statistic and its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """E.g. ``"41.2 [38.0, 44.9]"``."""
        value, low, high = map(_text, self)
        return f"{value} [{low}, {high}]"

    @property
    def side(self) -> Literal["above", "below", "neither"]:
        """On which side of one half the whole interval lies, for a probability of improvement."""
        if self.low > 0.5:
            return "above"
        return "below" if self.high < 0.5 else "neither"


UNKNOWN = Estimate(np.nan, np.nan, np.nan)
"""Of what is not there."""


def _text(value: float) -> str:
    """A number with three digits, or more if it needs them to have one after the point."""
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def iqm(values: np.ndarray, axis: int = -1) -> Any:
    """The inter-quartile mean: the mean without the lowest and the highest quarter."""
    return trim_mean(values, 0.25, axis=axis)


def mean(values: np.ndarray) -> Estimate:
    """The mean of ``values [S]``."""
    return estimate(np.mean, values)


def inter_quartile_mean(values: np.ndarray) -> Estimate:
    """The inter-quartile mean of ``values [S]``."""
    return estimate(iqm, values)


def improvement(first: np.ndarray, second: np.ndarray) -> Estimate:
    """The probability that a seed of `first` is above one of `second`, ties as half.

    Args:
        first: ``[S]`` of an algorithm.
        second: ``[S']`` of another.
    """
    return estimate(_share_above, first, second)


def difference(first: np.ndarray, second: np.ndarray, paired: bool = False) -> Estimate:
    """By how much the mean of ``first [S]`` is above that of ``second [S']``; see `estimate`."""
    return estimate(_difference, first, second, paired=paired)


def _difference(first: np.ndarray, second: np.ndarray, axis: int = -1) -> Any:
    return first.mean(axis) - second.mean(axis)


def improvement_of_shares(first: np.ndarray, second: np.ndarray) -> Estimate:
    """`improvement` for what a seed shows or does not, ``[S]`` and ``[S']``, both bool.

    No bootstrap, for which ten seeds of ten are a certainty: the interval of the difference of two
    shares by Newcombe's hybrid score (1998, "Interval estimation for the difference between
    independent proportions", method 10).
    """
    values, lows, highs = np.transpose([_wilson(shown) for shown in (first, second)])
    gap = values[0] - values[1]
    low = gap - np.hypot(values[0] - lows[0], highs[1] - values[1])
    high = gap + np.hypot(highs[0] - values[0], values[1] - lows[1])
    return Estimate(*(float(0.5 + end / 2) for end in (gap, low, high)))


def _wilson(shown: np.ndarray) -> tuple[float, float, float]:
    """A share and its Wilson interval."""
    ends = binomtest(int(shown.sum()), len(shown)).proportion_ci(LEVEL, method="wilson")
    return float(shown.mean()), float(ends.low), float(ends.high)


def _share_above(first: np.ndarray, second: np.ndarray, axis: int = -1) -> Any:
    del axis
    higher = first[..., :, None] > second[..., None, :]
    equal = first[..., :, None] == second[..., None, :]
    return (higher + 0.5 * equal).mean((-2, -1))


def estimate(statistic: Callable[..., Any], *samples: np.ndarray, paired: bool = False) -> Estimate:
    """A statistic of some samples and its percentile interval, the same in every call.

    Args:
        statistic: takes arrays ``[..., S]``, one for each sample, and ``axis=-1``.
        samples: ``[S]`` each; NaN is left out. With fewer than two seeds the interval is NaN.
        paired: whether they are numbers of the same seeds, and not independent of each other.
    """
    every = [np.asarray(sample, float) for sample in samples]
    if paired:
        whole = ~np.isnan(every).any(0)
        every = [sample[whole] for sample in every]
    known = [sample[~np.isnan(sample)] for sample in every]
    if min(map(len, known)) == 0:
        return UNKNOWN
    value = float(statistic(*known, axis=-1))
    if min(map(len, known)) < 2:
        return Estimate(value, np.nan, np.nan)
    low, high = _interval(statistic, *known, paired=paired)
    return Estimate(value, float(low), float(high))


def band(curves: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Both ends ``[R]`` of the interval of the mean over seeds of ``curves [R, S]``.

    NaN where a seed has no number, and with fewer than two seeds.
    """
    low, high = np.full((2, len(curves)), np.nan)
    whole = ~np.isnan(curves).any(-1)
    if whole.any() and curves.shape[-1] > 1:
        low[whole], high[whole] = _interval(np.mean, np.asarray(curves[whole], float), level=level)
    return low, high


def _interval(
    statistic: Callable[..., Any], *samples: np.ndarray, level: float = LEVEL, paired: bool = False
) -> tuple[Any, Any]:
    """Percentile interval of a statistic of samples ``[..., S]``, over their last axis."""
    found = bootstrap(
        samples,
        statistic,
        n_resamples=RESAMPLES,
        confidence_level=level,
        method="percentile",
        vectorized=True,
        paired=paired,
        axis=-1,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return found.low, found.high
