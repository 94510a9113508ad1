import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from isbench.stats.intervals import Interval, gain, log_ratios, paired, ratio, speedup, wilson
from isbench.stats.p_values import named

INF, NAN = math.inf, math.nan
SAMPLE = named("differences").normal(0.1, 0.3, size=9)


def alike(a: Interval, b: Interval) -> bool:
    return np.array_equal(dataclasses.astuple(a), dataclasses.astuple(b), equal_nan=True)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_the_paired_interval_is_that_of_scipys_t_test(level: float) -> None:
    ours, theirs = paired(SAMPLE, level), stats.ttest_1samp(SAMPLE, 0)
    assert (ours.low, ours.high) == pytest.approx(theirs.confidence_interval(level), rel=1e-12)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (ours.n, ours.mean, ours.sd) == pytest.approx((9, SAMPLE.mean(), SAMPLE.std(ddof=1)))


def test_an_unknown_pair_is_left_out_and_not_counted() -> None:
    assert alike(paired([*SAMPLE[:4], NAN, *SAMPLE[4:]]), paired(SAMPLE))


@pytest.mark.parametrize("nothing", [[], [NAN, NAN]])
def test_no_pair_tells_nothing(nothing: list[float]) -> None:
    assert alike(paired(nothing), Interval(0, NAN, NAN, NAN, NAN, NAN))


def test_one_pair_has_a_mean_and_no_bound() -> None:
    assert alike(paired([0.2]), Interval(1, 0.2, NAN, -INF, INF, NAN))


@pytest.mark.parametrize(("value", "p"), [(0.1, 0.0), (0.0, 1.0), (INF, 0.0)])
def test_identical_differences_have_an_interval_without_width(value: float, p: float) -> None:
    assert alike(paired([value] * 3), Interval(3, value, 0.0, value, value, p))


def test_a_run_that_diverged_counts_and_leaves_no_bound() -> None:
    assert alike(paired([-0.5, -0.5, INF]), Interval(3, INF, NAN, -INF, INF, 1.0))
    assert alike(paired([-INF, INF, 0.0, NAN]), Interval(3, NAN, NAN, -INF, INF, 1.0))


def test_differences_that_hardly_differ_keep_a_finite_interval() -> None:
    found = paired([0.1, 0.1, math.nextafter(0.1, 1)])
    assert found.low <= 0.1 <= found.high
    assert found.p < 1e-9


def test_an_interval_narrows_as_its_level_falls() -> None:
    wide, narrow = paired(SAMPLE, 0.99), paired(SAMPLE, 0.9)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_log_ratios_are_antisymmetric_and_know_limits() -> None:
    arm, base = [1.0, 2.0, 0.0, INF, 3.0], [2.0, 1.0, 1.0, 1.0, INF]
    expected = [-math.log(2), math.log(2), -INF, INF, -INF]
    np.testing.assert_allclose(log_ratios(arm, base), expected)
    np.testing.assert_allclose(log_ratios(base, arm), np.negative(expected))


def test_equal_costs_are_a_ratio_of_one_exactly() -> None:
    assert log_ratios([0.3, 0.0, INF], [0.3, 0.0, INF]).tolist() == [0.0, 0.0, 0.0]


def test_negative_and_unknown_costs_have_no_ratio() -> None:
    assert np.isnan(log_ratios([-1.0, 1.0, NAN, -1.0], [1.0, -1.0, 1.0, -1.0])).all()


def test_ratio_speedup_and_gain_say_the_same() -> None:
    d = paired(SAMPLE)
    r, s, g = ratio(d), speedup(d), gain(d)
    assert r.mean == pytest.approx(stats.gmean(np.exp(SAMPLE)))
    assert (s.low, s.mean, s.high) == pytest.approx((1 / r.high, 1 / r.mean, 1 / r.low))
    assert (g.low, g.mean, g.high) == pytest.approx((1 - r.high, 1 - r.mean, 1 - r.low))
    assert {(i.n, i.sd, i.p) for i in (r, s, g)} == {(d.n, d.sd, d.p)}


def test_ratios_of_intervals_without_bounds_have_none() -> None:
    assert (ratio(paired([1.0])).low, ratio(paired([1.0])).high) == (0.0, INF)
    assert (speedup(paired([1.0])).low, speedup(paired([1.0])).high) == (0.0, INF)
    assert (gain(paired([1.0])).low, gain(paired([1.0])).high) == (-INF, 1.0)
    assert ratio(paired([-2000.0, 2000.0])).high == INF


@pytest.mark.parametrize(("hits", "n"), [(0, 8), (1, 8), (4, 8), (8, 8), (3, 3), (0, 1), (37, 120)])
def test_wilson_is_scipys(hits: int, n: int) -> None:
    theirs = stats.binomtest(hits, n).proportion_ci(0.9, method="wilson")
    assert wilson(hits, n, 0.9) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilson_of_nothing_is_everything_and_certainty_reaches_the_end() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 5)[0] == 0
    assert wilson(5, 5)[1] == 1
