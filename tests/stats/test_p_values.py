import itertools
import math

import numpy as np
import pytest
from scipy import stats

from isbench.stats.intervals import paired
from isbench.stats.p_values import (
    benjamini_hochberg,
    fisher,
    flipped_sums,
    holm,
    holm_levels,
    named,
    sign_flip,
)

NAN, INF = math.nan, math.inf
FAMILIES = [named(f"family {m}").random(m) ** 3 for m in (1, 2, 5, 12)]


def all_patterns(d: list[float]) -> float:
    observed = abs(math.fsum(d))
    sums = [
        abs(math.fsum(s * x for s, x in zip(signs, d, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(d))
    ]
    return sum(total >= observed - 1e-9 for total in sums) / len(sums)


@pytest.mark.parametrize(
    ("n", "least"), [(1, 1.0), (5, 0.0625), (6, 0.03125), (8, 0.0078125), (10, 2 / 1024)]
)
def test_the_smallest_p_of_n_pairs_is_two_patterns(n: int, least: float) -> None:
    assert sign_flip(np.arange(1, n + 1)) == least


@pytest.mark.parametrize(
    "d",
    [[0.1, -0.2, 0.3], [0.1] * 6, [0.3, 0.3, -0.3, 0.0], [0.1, 0.2, 0.3, -0.6], [1e-9, 2e-9, -5e-9, 1e-8]],
)
def test_sign_flips_are_counted_with_ties(d: list[float]) -> None:
    assert sign_flip(d) == all_patterns(d)


def test_a_tie_is_a_tie_whatever_the_order_of_adding() -> None:
    rng = named("orders")
    for _ in range(40):
        d = rng.integers(-6, 7, 9) / 10
        assert len({sign_flip(rng.permutation(d)) for _ in range(5)} | {all_patterns(d.tolist())}) == 1


def test_sign_flips_agree_with_scipys_permutation_test() -> None:
    d = named("permuted").normal(0.4, 1, size=9)
    theirs = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(d) == pytest.approx(theirs.pvalue)


def test_many_pairs_are_drawn_the_same_way_every_time_and_close_to_the_t_test() -> None:
    d = named("many").normal(0.3, 1, size=40)
    assert sign_flip(d) == sign_flip(d.copy())
    assert sign_flip(d) == pytest.approx(paired(d).p, abs=0.01)
    assert sign_flip(np.ones(40)) == 1 / (2**16 + 1)


def test_sign_flips_of_nothing_zeros_and_unknown() -> None:
    assert math.isnan(sign_flip([]))
    assert math.isnan(sign_flip([NAN]))
    assert sign_flip([0.0, 0.0, 0.0]) == 1
    assert sign_flip([NAN, 1.0, 2.0, NAN, 3.0]) == sign_flip([1.0, 2.0, 3.0])


def test_a_diverged_run_outweighs_all_others() -> None:
    assert sign_flip([INF, -1.0, -1.0]) == sign_flip([1e6, -1.0, -1.0])
    assert sign_flip([INF] * 6) == sign_flip([1.0] * 6)
    assert sign_flip([INF, -INF, 0.1]) == sign_flip([1e6, -1e6, 0.1])


@pytest.mark.parametrize(
    ("hits", "n", "others", "m"), [(4, 4, 0, 4), (3, 8, 1, 5), (0, 3, 0, 2), (2, 3, 7, 9)]
)
def test_two_shares_are_compared_by_fishers_exact_test(hits: int, n: int, others: int, m: int) -> None:
    theirs = stats.fisher_exact([[hits, n - hits], [others, m - others]])
    assert fisher(hits, n, others, m) == pytest.approx(float(theirs.pvalue))


def test_flipped_sums_are_all_sums_up_to_their_sign() -> None:
    values = np.array([1.0, 10.0, 100.0])
    assert sorted(flipped_sums(values)) == [-109, -89, 91, 111]


@pytest.mark.parametrize("p", FAMILIES, ids=len)
def test_holm_rejects_what_its_definition_rejects(p: np.ndarray) -> None:
    for alpha in (0.01, 0.05, 0.2, 0.7):
        rejected = np.zeros(len(p), dtype=bool)
        for k, index in enumerate(np.argsort(p)):
            if p[index] > alpha / (len(p) - k):
                break
            rejected[index] = True
        assert ((holm(p) <= alpha) == rejected).all()


@pytest.mark.parametrize("p", FAMILIES, ids=len)
def test_benjamini_hochberg_is_scipys(p: np.ndarray) -> None:
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg, holm_levels])
def test_a_test_that_was_not_made_counts_for_nothing(adjust) -> None:
    p = FAMILIES[2]
    found = adjust([NAN, *p[:2], NAN, *p[2:]])
    assert np.isnan(found[[0, 3]]).all()
    np.testing.assert_array_equal(found[[1, 2, 4, 5, 6]], adjust(p))
    assert adjust([]).size == 0
    assert np.isnan(adjust([NAN])).all()


def test_ties_one_and_zero_are_adjusted_alike() -> None:
    np.testing.assert_allclose(holm([0.02, 0.02, 1.0, 0.0]), [0.06, 0.06, 1.0, 0.0])
    np.testing.assert_allclose(benjamini_hochberg([0.02, 0.02, 1.0, 0.0]), [0.08 / 3, 0.08 / 3, 1.0, 0.0])


def test_an_interval_at_holms_level_excludes_nothing_where_holm_rejects() -> None:
    rng = named("levels")
    for _ in range(50):
        family = [rng.normal(0.5 * k, 1, size=6) for k in range(4)]
        p = [paired(d).p for d in family]
        found = [paired(d, level) for d, level in zip(family, holm_levels(p), strict=True)]
        assert [not i.low <= 0 <= i.high for i in found] == (holm(p) <= 0.05).tolist()


def test_holms_levels_stay_from_the_first_test_that_is_not_rejected() -> None:
    assert holm_levels([0.3], 0.9) == pytest.approx([0.9])
    assert holm_levels([0.04, 0.03, 0.02]) == pytest.approx([1 - 0.05 / 3] * 3)
    assert holm_levels([0.04, 0.001, 0.03]) == pytest.approx([0.975, 1 - 0.05 / 3, 0.975])
    assert holm_levels([0.04, 0.001, 0.002]) == pytest.approx([0.95, 1 - 0.05 / 3, 0.975])
