import math

import numpy as np
import pytest
from scipy import stats

from isbench.stats.p_values import named
from isbench.stats.profiles import (
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
    stratified_bootstrap,
)

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8, 40])
def test_the_interquartile_mean_is_scipys_trimmed_mean(n: int) -> None:
    scores = named(f"scores {n}").normal(size=n)
    assert interquartile_mean(scores) == pytest.approx(stats.trim_mean(scores, 0.25))
    assert interquartile_mean([*scores, NAN]) == interquartile_mean(scores)


def test_the_interquartile_mean_pools_workloads_and_shrugs_off_a_diverged_run() -> None:
    assert interquartile_mean([[1.0, 2.0], [3.0, -INF]]) == 1.5
    assert math.isnan(interquartile_mean([]))
    assert interquartile_mean([5.0]) == 5


def test_the_probability_of_improvement_is_mann_whitneys_u_over_workloads() -> None:
    rng = named("improvement")
    arm = [rng.integers(0, 6, 5).astype(float), rng.integers(0, 6, 8).astype(float)]
    other = [rng.integers(0, 6, 7).astype(float), rng.integers(0, 6, 8).astype(float)]
    u = [stats.mannwhitneyu(a, b).statistic / (len(a) * len(b)) for a, b in zip(arm, other, strict=True)]
    assert probability_of_improvement(arm, other) == pytest.approx(np.mean(u))
    assert probability_of_improvement(other, arm) == pytest.approx(1 - np.mean(u))


def test_ties_improve_by_half_and_unknown_scores_not_at_all() -> None:
    assert probability_of_improvement([[1.0, 1.0]], [[1.0]]) == 0.5
    assert probability_of_improvement([[2.0, NAN], [NAN]], [[1.0], [1.0]]) == 1
    assert probability_of_improvement([[-INF]], [[-INF]]) == 0.5
    assert math.isnan(probability_of_improvement([], []))
    assert math.isnan(probability_of_improvement([[NAN]], [[1.0]]))


def test_a_profile_counts_workloads_within_a_factor_of_the_best() -> None:
    times = {"a": [1.0, 4.0, INF], "b": [2.0, 4.0, 3.0], "c": [INF, NAN, 30.0]}
    found = performance_profile(times, [1.0, 2.0, 10.0])
    expected = {"a": [2, 2, 2], "b": [2, 3, 3], "c": [0, 0, 1]}
    for label, counts in expected.items():
        np.testing.assert_allclose(found[label], np.divide(counts, 3))


def test_a_workload_that_nobody_solves_is_solved_within_no_factor() -> None:
    found = performance_profile({"a": [INF, 0.0], "b": [NAN, 1.0]}, [1.0, 1e9])
    assert found["a"].tolist() == [0.5, 0.5]
    assert found["b"].tolist()[0] == 0


def test_a_profile_of_one_arm_is_the_share_it_solves_and_of_nothing_unknown() -> None:
    assert performance_profile({"a": [3.0, INF]}, 1.0)["a"].tolist() == [0.5]
    assert np.isnan(performance_profile({"a": []}, [1.0, 2.0])["a"]).all()
    assert performance_profile({}, [1.0]) == {}


def middle(workloads: list[np.ndarray]) -> float:
    return interquartile_mean(np.concatenate(workloads))


def test_a_bootstrap_interval_holds_the_statistic_and_repeats_with_its_generator() -> None:
    rng = named("workloads")
    samples = [rng.normal(k, 1, 20) for k in range(3)]
    low, high = stratified_bootstrap(samples, middle, named("a"), resamples=300)
    assert low < middle(samples) < high
    assert (low, high) == stratified_bootstrap(samples, middle, named("a"), resamples=300)
    narrow = stratified_bootstrap(samples, middle, named("a"), resamples=300, level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_runs_are_resampled_within_their_workload_and_pairs_stay_together() -> None:
    def checked(workloads: list[np.ndarray]) -> float:
        assert [len(runs) for runs in workloads] == [3, 2]
        assert set(workloads[1][:, 0]) <= {10.0, 20.0}
        assert all((runs[:, 1] == -runs[:, 0]).all() for runs in workloads)
        return float(workloads[0][:, 0].mean())

    samples = [np.array([[x, -x] for x in values]) for values in ([1.0, 2.0, 3.0], [10.0, 20.0])]
    stratified_bootstrap([*samples, np.empty((0, 2))], checked, named("b"), resamples=50)


def test_a_bootstrap_of_identical_runs_has_no_width_and_of_none_no_ends() -> None:
    assert stratified_bootstrap([np.full(4, 2.0)], middle, named("c"), resamples=20) == (2.0, 2.0)
    assert stratified_bootstrap([np.array([2.0])], middle, named("c"), resamples=20) == (2.0, 2.0)
    for nothing in ([], [np.array([])], [np.array([NAN])]):
        assert np.isnan(stratified_bootstrap(nothing, middle, named("c"), resamples=20)).all()
