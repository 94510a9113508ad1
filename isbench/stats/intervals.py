"""Intervals of differences that are paired by seed, and of shares.

d_i = ln arm_i - ln baseline_i over seeds i, and the interval is that of the mean of d: overlapping bars of
two arms are no test. NaN is a pair that does not exist and is left out; an infinite difference is a run
that diverged: it counts, and leaves the mean without a bound. Student's t, because a percentile bootstrap
that claims 95 % covers 83 % at n = 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

NAN, INFINITY = math.nan, math.inf


@dataclass(frozen=True, slots=True)
class Interval:
    """Mean of n values, its confidence interval, and the two-sided p-value of a mean of 0.

    NaN is what n values cannot tell; -inf and inf as bounds are no bounds.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float
    p: float


def log_ratios(arm: ArrayLike, baseline: ArrayLike) -> np.ndarray:
    """ln arm - ln baseline of costs, pair by pair; NaN where one is unknown or negative.

    0 and infinity (a run that diverged) give infinite ratios; equal costs, these included, a ratio of 1.
    """
    above, below = np.asarray(arm, dtype=float), np.asarray(baseline, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((above == below) & (above >= 0), 0.0, np.log(above) - np.log(below))


def paired(differences: ArrayLike, level: float = 0.95) -> Interval:
    """Student's t interval of the mean: mean +- t_{n-1, (1 + level)/2} sd / sqrt(n).

    No pair: NaN. One pair: no bound. Identical differences: no width. Some infinite: no bound and p = 1.
    """
    values = known(differences)
    if not values.size:
        return Interval(0, NAN, NAN, NAN, NAN, NAN)
    if values.size == 1:
        return Interval(1, float(values[0]), NAN, -INFINITY, INFINITY, NAN)
    if np.all(values == values[0]):
        same = float(values[0])
        return Interval(values.size, same, 0.0, same, same, 0.0 if same else 1.0)
    if not np.isfinite(values).all():
        return Interval(values.size, _infinite_mean(values), NAN, -INFINITY, INFINITY, 1.0)
    from scipy import special

    n, mean, sd = values.size, float(values.mean()), float(values.std(ddof=1))
    error = sd / math.sqrt(n)
    half = quantile(n, level) * error
    p = 2 * float(special.stdtr(n - 1, -abs(mean) / error)) if error else 0.0
    return Interval(n, mean, sd, mean - half, mean + half, p)


def welch(values: ArrayLike, others: ArrayLike, level: float = 0.95) -> Interval:
    """Interval of the difference of two means whose values are no pairs (Welch 1947).

    n: the smaller number of values; sd: that of the difference of two single ones. One value on a side, or
    an infinite one: no bound.
    """
    sides = known(values), known(others)
    n = min(side.size for side in sides)
    if not n:
        return Interval(0, NAN, NAN, NAN, NAN, NAN)
    if not all(np.isfinite(side).all() for side in sides):
        return Interval(n, NAN, NAN, -INFINITY, INFINITY, 1.0)
    one, other = (
        Moments(side.size, float(side.mean()), float(side.std(ddof=1)) if side.size > 1 else NAN)
        for side in sides
    )
    return apart(one, other, level)


@dataclass(frozen=True, slots=True)
class Moments:
    """What is left of n finite values: their mean and their standard deviation, NaN of a single one."""

    n: int
    mean: float
    sd: float


def apart(one: Moments, other: Moments, level: float = 0.95) -> Interval:
    """Welch's interval of the difference of two means, of values that are not at hand any more."""
    n, mean = min(one.n, other.n), one.mean - other.mean
    if n == 1:
        return Interval(1, mean, NAN, -INFINITY, INFINITY, NAN)
    from scipy import special

    variances, counts = np.array([one.sd**2, other.sd**2]), np.array([one.n, other.n])
    squares = variances / counts
    error, sd = math.sqrt(squares.sum()), math.sqrt(variances.sum())
    if not error:
        return Interval(n, mean, 0.0, mean, mean, 0.0 if mean else 1.0)
    freedom = error**4 / float((squares**2 / (counts - 1)).sum())
    half = float(special.stdtrit(freedom, (1 + level) / 2)) * error
    p = 2 * float(special.stdtr(freedom, -abs(mean) / error))
    return Interval(n, mean, sd, mean - half, mean + half, p)


def ratio(interval: Interval) -> Interval:
    """Of a log-ratio d the ratio exp(d) of arm to baseline; sd and p stay those of d."""
    low, mean, high = _exp(interval.low, interval.mean, interval.high)
    return replace(interval, mean=mean, low=low, high=high)


def speedup(interval: Interval) -> Interval:
    """Of a log-ratio d of costs the speed-up exp(-d), above 1 for a cheaper arm; sd and p stay those of d."""
    low, mean, high = _exp(-interval.high, -interval.mean, -interval.low)
    return replace(interval, mean=mean, low=low, high=high)


def gain(interval: Interval) -> Interval:
    """Of a log-ratio d of costs the share 1 - exp(d) that the arm saves; sd and p stay those of d."""
    of = ratio(interval)
    return replace(interval, mean=1 - of.mean, low=1 - of.high, high=1 - of.low)


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Score interval of the share h/n (Wilson 1927); 0 to 1 of nothing.

    (h + z^2/2 +- z sqrt(h (n - h)/n + z^2/4)) / (n + z^2), z the normal quantile of (1 + level)/2.
    """
    if not n:
        return 0.0, 1.0
    from scipy import special

    z = float(special.ndtri((1 + level) / 2))
    half = z * math.sqrt(hits * (n - hits) / n + z * z / 4)
    low, high = ((hits + z * z / 2 + side * half) / (n + z * z) for side in (-1, 1))
    return (low if hits else 0.0), (high if hits < n else 1.0)


def known(values: ArrayLike) -> np.ndarray:
    """The values [n] without NaN, flat."""
    flat = np.asarray(values, dtype=float).ravel()
    return flat[~np.isnan(flat)]


def compared(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Signs [n, m] of values [n] less others [m], infinite ones too."""
    return np.subtract(values[:, None] > others, values[:, None] < others, dtype=float)


def quantile(n: int, level: float) -> float:
    """t_{n-1, (1 + level)/2}: how many standard errors a two-sided interval of n values reaches."""
    from scipy import special

    return float(special.stdtrit(n - 1, (1 + level) / 2))


def _infinite_mean(values: np.ndarray) -> float:
    signs = np.unique(np.sign(values[np.isinf(values)]))
    return float(signs[0]) * INFINITY if signs.size == 1 else NAN


def _exp(*values: float) -> list[float]:
    with np.errstate(over="ignore"):
        return np.exp(values).tolist()
