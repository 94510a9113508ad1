"""P-values of paired differences by permutation, and what many tests at once do to p-values."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from isbench.stats.intervals import known

EXACT_UP_TO = 16  # pairs: 2^15 sign patterns up to their common sign
DRAWS = 2**16  # sign patterns above that
TIES = 1e-12  # sums of the same differences in another order differ by rounding


def sign_flip(differences: ArrayLike) -> float:
    """Two-sided p-value of the paired permutation test (Fisher 1935); NaN without pairs.

    The share of the 2^n sign patterns whose mean is at least as far from 0 as the observed one: all of them
    up to 16 pairs, above the observed one and 2^16 fixed random ones. An infinite difference counts as
    larger than all finite ones together.
    """
    values = known(differences)
    if not values.size:
        return math.nan
    infinite = np.isinf(values)
    beyond = 1 + 2 * float(np.abs(values[~infinite]).sum())
    values = np.where(infinite, np.copysign(beyond, values), values)
    far = np.abs(flipped_sums(values)) >= abs(float(values.sum())) - TIES * float(np.abs(values).sum())
    if values.size <= EXACT_UP_TO:
        return float(far.mean())
    return (1 + int(far.sum())) / (1 + far.size)


def fisher(hits: int, n: int, others: int, m: int) -> float:
    """Two-sided p-value that `hits` of n and `others` of m are of one share (Fisher 1922); NaN of nothing.

    The probability, their sum given, of all splits that are no likelier than the observed one.
    """
    if not n or not m:
        return math.nan
    total = hits + others
    ways = {k: math.comb(n, k) * math.comb(m, total - k) for k in range(max(0, total - m), min(n, total) + 1)}
    return sum(each for each in ways.values() if each <= ways[hits]) / math.comb(n + m, total)


def flipped_sums(values: np.ndarray) -> np.ndarray:
    """Sums [k] of finite values under sign patterns, up to the sign of the sum.

    All 2^(n-1) patterns of up to 16 values, above a fixed random choice of 2^16.
    """
    if values.size <= EXACT_UP_TO:
        sums = values[:1]
        for value in values[1:]:
            sums = np.concatenate([sums + value, sums - value])
        return sums
    rng = named("sign flips")
    sums = np.full(DRAWS, values[0])
    for value in values[1:]:
        sums += np.where(rng.random(DRAWS) < 0.5, value, -value)
    return sums


def holm(p_values: ArrayLike) -> np.ndarray:
    """Adjusted p-values that keep the family-wise error (Holm 1979).

    Of the k-th smallest of m: max over j <= k of min(1, (m - j + 1) p_(j)).
    NaN is a test that was not made: it stays NaN and counts for nothing.
    """
    given = np.asarray(p_values, dtype=float)
    order, m = _ascending(given)
    adjusted = np.full(given.shape, math.nan)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, given[order] * np.arange(m, 0, -1)))
    return adjusted


def holm_levels(p_values: ArrayLike, level: float = 0.95) -> np.ndarray:
    """Confidence level of each test's interval at which it excludes 0 exactly where Holm's procedure rejects.

    1 - alpha / (m - k + 1) for the k-th smallest p, held from the first test on that is not rejected; NaN
    for NaN.
    """
    given, alpha = np.asarray(p_values, dtype=float), 1 - level
    order, m = _ascending(given)
    shares = alpha / np.arange(m, 0, -1)
    accepted = np.flatnonzero(given[order] > shares)
    if accepted.size:
        shares[accepted[0] :] = shares[accepted[0]]
    levels = np.full(given.shape, math.nan)
    levels[order] = 1 - shares
    return levels


def benjamini_hochberg(p_values: ArrayLike) -> np.ndarray:
    """Adjusted p-values that keep the false discovery rate (Benjamini & Hochberg 1995).

    Of the k-th smallest of m: min over j >= k of min(1, p_(j) m / j).
    NaN is a test that was not made: it stays NaN and counts for nothing.
    """
    given = np.asarray(p_values, dtype=float)
    order, m = _ascending(given)
    adjusted = np.full(given.shape, math.nan)
    rising = np.minimum(1.0, given[order] * m / np.arange(1, m + 1))
    adjusted[order] = np.minimum.accumulate(rising[::-1])[::-1]
    return adjusted


def named(stream: str) -> np.random.Generator:
    """A generator that depends on a name alone, so that the same data give the same number."""
    return np.random.default_rng(list(stream.encode()))


def _ascending(p_values: np.ndarray) -> tuple[np.ndarray, int]:
    """Positions of the known p-values from the smallest, and how many they are."""
    m = int((~np.isnan(p_values)).sum())
    return np.argsort(p_values, kind="stable")[:m], m
