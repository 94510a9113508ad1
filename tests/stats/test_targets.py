import math

import numpy as np
import pytest
from scipy import stats

from isbench.errors import UsageError
from isbench.stats.p_values import named
from isbench.stats.targets import Crossing, crossing, hit_rate, ladder, median_time, restricted_mean

INF, NAN = math.inf, math.nan
X = [0.0, 1.0, 2.0, 3.0, 4.0]
MISS = Crossing(4.0, 4.0, 4.0, True)


def walked(x: list[float], value: list[float], target: float, budget: float) -> Crossing:
    """The definition, one evaluation at a time."""
    missed = Crossing(budget, budget, budget, True)
    if not value or not math.isfinite(value[-1]):
        return missed
    points = [(a, b) for a, b in zip(x, value, strict=True) if not math.isnan(b)]
    previous = None
    for number, (when, now) in enumerate(points):
        confirmed = number + 1 == len(points) or points[number + 1][1] <= target
        if now <= target and confirmed:
            if previous is None:
                return Crossing(when, when, when, False)
            start, before = previous
            if start >= budget:
                return missed
            at = when if before == INF else np.interp(target, [now, before], [when, start])
            return Crossing(min(at, budget), start, min(when, budget), False)
        previous = (when, now)
    return missed


def test_crossings_of_random_curves_are_those_of_a_walk() -> None:
    rng = named("curves")
    seen = set()
    for _ in range(1500):
        k = int(rng.integers(0, 9))
        x = np.cumsum(rng.random(k)).tolist()
        value = rng.integers(0, 5, k).astype(float)
        value[rng.random(k) < 0.15] = NAN
        value[rng.random(k) < 0.05] = INF
        target, budget = float(rng.integers(0, 5)) - 0.5 * float(rng.random() < 0.5), 4.0
        ours, theirs = crossing(x, value, target, budget), walked(x, value.tolist(), target, budget)
        assert ours.censored == theirs.censored
        assert (ours.at, ours.low, ours.high) == pytest.approx((theirs.at, theirs.low, theirs.high))
        assert ours.low <= ours.at <= ours.high <= budget or ours.low == ours.high
        seen.add(ours.censored)
    assert seen == {True, False}


def test_a_crossing_is_interpolated_between_its_evaluations() -> None:
    assert crossing(X, [10, 8, 4, 3, 2], 5.0, 4.0) == Crossing(1.75, 1.0, 2.0, False)
    assert crossing(X, [10, 8, 5, 3, 2], 5.0, 4.0) == Crossing(2.0, 1.0, 2.0, False)


def test_a_dip_that_the_next_evaluation_does_not_confirm_is_none() -> None:
    assert crossing(X, [10, 4, 6, 4, 4], 5.0, 4.0) == Crossing(2.5, 2.0, 3.0, False)
    assert crossing(X, [10, 4, 6, 4, 6], 5.0, 4.0) == MISS


def test_the_last_evaluation_confirms_itself() -> None:
    assert crossing(X, [10, 9, 8, 7, 3], 5.0, 4.0) == Crossing(3.5, 3.0, 4.0, False)


def test_a_target_that_the_first_evaluation_meets_is_reached_there() -> None:
    assert crossing(X, [5, 4, 9, 9, 9], 5.0, 4.0) == Crossing(0.0, 0.0, 0.0, False)
    assert crossing([2.0], [5.0], 5.0, 4.0) == Crossing(2.0, 2.0, 2.0, False)


@pytest.mark.parametrize(
    "value", [[9, 9, 9, 9, 9], [9, 4, 4, 4, NAN], [9, 4, 4, INF, NAN], [NAN] * 5, [9] + [NAN] * 4]
)
def test_a_run_that_never_gets_there_or_diverges_is_censored_at_the_budget(value: list[float]) -> None:
    assert crossing(X, value, 5.0, 4.0) == MISS


def test_a_run_that_stopped_as_diverged_is_a_miss_whatever_it_had_reached() -> None:
    assert crossing(X[:3], [9, 4, 4], 5.0, 4.0, diverged=True) == MISS
    assert not crossing(X[:3], [9, 4, 4], 5.0, 4.0).censored


def test_no_evaluation_is_a_miss_and_a_run_cut_short_is_censored_at_the_budget() -> None:
    assert crossing([], [], 5.0, 4.0) == MISS
    assert crossing(X[:2], [9, 8], 5.0, 4.0) == MISS


def test_an_unknown_value_is_passed_over_and_confirms_nothing() -> None:
    assert crossing(X, [10, NAN, 4, NAN, 3], 5.0, 4.0) == Crossing(2 * 5 / 6, 0.0, 2.0, False)
    assert crossing(X, [10, 4, NAN, 6, 6], 5.0, 4.0) == MISS


def test_after_an_infinite_value_there_is_nothing_to_interpolate() -> None:
    assert crossing(X, [10, INF, 4, 4, 4], 5.0, 4.0) == Crossing(2.0, 1.0, 2.0, False)


def test_what_the_last_step_reaches_beyond_the_budget_counts_at_the_budget() -> None:
    assert crossing([0.0, 3.0, 4.1], [10, 8, 5], 5.0, 4.0) == Crossing(4.0, 3.0, 4.0, False)
    assert crossing([0.0, 4.0, 5.0], [10, 8, 4], 5.0, 4.0).censored


def test_an_unknown_target_is_never_reached() -> None:
    assert crossing(X, [10, 8, 4, 3, 2], NAN, 4.0) == MISS


def test_a_lower_target_is_never_reached_sooner() -> None:
    rng = named("monotone")
    for _ in range(200):
        value = 10 * np.exp(-np.arange(12) / 4) + rng.normal(0, 1, 12)
        times = [crossing(np.arange(12.0), value, target, 11.0).at for target in np.linspace(9, 0, 15)]
        assert times == sorted(times)


def test_a_ladder_holds_shares_of_the_improvement() -> None:
    assert ladder(0.9, 0.1, (0.0, 0.5, 0.95, 1.0)) == pytest.approx((0.9, 0.5, 0.14, 0.1))
    assert ladder(0.9, 0.1, ()) == ()


@pytest.mark.parametrize(("first", "last"), [(0.1, 0.1), (0.1, 0.2), (NAN, 0.1), (0.5, NAN), (INF, 0.1)])
def test_without_an_improvement_there_is_no_target(first: float, last: float) -> None:
    with pytest.raises(UsageError, match="no target to reach"):
        ladder(first, last, (1.0,))


def test_the_restricted_mean_is_the_area_under_scipys_kaplan_meier_curve() -> None:
    rng, budget = named("survival"), 3.0
    for n in (1, 2, 5, 8, 30):
        for scale in (0.5, 2.0, 8.0):
            times = np.round(rng.exponential(scale, n), 1)  # ties
            late = times > budget
            data = stats.CensoredData(uncensored=times[~late], right=np.full(late.sum(), budget))
            steps = stats.ecdf(data).sf
            ends = np.append(np.minimum(steps.quantiles, budget), budget)
            survive = np.append(1.0, steps.probabilities)
            area = float((np.diff(np.append(0.0, ends)) * survive[: len(ends)]).sum())
            assert restricted_mean(np.where(late, INF, times), budget) == pytest.approx(area)
            assert restricted_mean(np.minimum(times, budget), budget) == pytest.approx(area)


def test_the_restricted_mean_of_misses_is_the_budget_and_of_no_run_unknown() -> None:
    assert restricted_mean([INF, 5.0], 4.0) == 4
    assert restricted_mean([NAN, 2.0], 4.0) == 2
    assert math.isnan(restricted_mean([], 4.0))
    assert math.isnan(restricted_mean([NAN], 4.0))


def test_a_hit_rate_counts_what_is_not_censored() -> None:
    found = hit_rate([False, True, False, False])
    assert (found.hits, found.n, found.share) == (3, 4, 0.75)
    assert (found.low, found.high) == pytest.approx((0.3006, 0.9544), abs=1e-4)


def test_the_hit_rate_of_nothing_may_be_anything() -> None:
    found = hit_rate([])
    assert (found.hits, found.n, found.low, found.high) == (0, 0, 0.0, 1.0)
    assert math.isnan(found.share)


@pytest.mark.parametrize(
    ("times", "censored", "median"),
    [
        ([3.0, 1.0, 2.0], [0, 0, 0], 2.0),
        ([1.0, 2.0, 9.0, 9.0], [0, 0, 1, 1], 2.0),
        ([1.0, 9.0, 9.0], [0, 1, 1], None),
        ([9.0], [1], None),
        ([5.0], [0], 5.0),
        ([2.0, 2.0, 2.0, 2.0], [0, 0, 0, 0], 2.0),
        ([2.0, NAN, NAN], [0, 0, 0], 2.0),
        ([], [], None),
    ],
)
def test_a_median_time_needs_half_of_the_runs(times, censored, median) -> None:
    assert median_time(times, censored) == median
