"""Intervals of runs that are no pairs."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy import stats

from isbench.stats.intervals import Moments, apart, welch


def test_it_is_the_interval_and_the_p_value_of_scipy() -> None:
    rng = np.random.default_rng(0)
    values, others = rng.normal(size=7), 3 + 2 * rng.normal(size=5)
    known = stats.ttest_ind(values, others, equal_var=False)
    low, high = known.confidence_interval(0.95)
    found = welch(values, others)
    assert (found.n, found.low, found.high, found.p) == pytest.approx((5, low, high, known.pvalue))


def test_unknown_values_are_left_out() -> None:
    assert welch([1.0, 2.0, math.nan], [3.0, 5.0]) == welch([1.0, 2.0], [3.0, 5.0])


def test_one_value_on_a_side_has_no_bound() -> None:
    found = welch([1.0], [3.0, 5.0])
    assert (found.n, found.mean, found.low, found.high) == (1, -3.0, -math.inf, math.inf)
    assert math.isnan(found.p)


def test_nothing_says_nothing() -> None:
    found = welch([], [1.0, 2.0])
    assert found.n == 0
    assert np.isnan([found.mean, found.low, found.high, found.p]).all()


def test_a_run_that_diverged_leaves_no_bound() -> None:
    found = welch([1.0, math.inf], [1.0, 2.0])
    assert (found.low, found.high, found.p) == (-math.inf, math.inf, 1.0)


def test_without_spread_there_is_no_width() -> None:
    assert (welch([2.0, 2.0], [1.0, 1.0]).low, welch([2.0, 2.0], [1.0, 1.0]).high) == (1.0, 1.0)
    assert welch([1.0, 1.0], [1.0, 1.0]).p == 1.0


def test_means_and_deviations_are_all_that_it_needs() -> None:
    rng = np.random.default_rng(7)
    one, other = rng.normal(0, 1, 5), rng.normal(0.3, 2, 8)
    kept = [Moments(len(side), float(side.mean()), float(side.std(ddof=1))) for side in (one, other)]
    assert astuple(apart(*kept)) == pytest.approx(astuple(welch(one, other)))
