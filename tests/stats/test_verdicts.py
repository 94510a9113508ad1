import itertools
import math

import numpy as np
import pytest
from scipy import stats

from isbench.stats.intervals import Interval, gain, paired, ratio, speedup
from isbench.stats.p_values import named
from isbench.stats.verdicts import (
    TIME,
    VALUE,
    Answer,
    above,
    below,
    better,
    every,
    exact,
    kendall_tau,
    negation,
    no_worse,
    same,
    size,
    some,
    sooner,
    trend,
    verdict,
    worse,
)

INF, NAN = math.inf, math.nan
HELD, NOT, OPEN = "held", "not held", "inconclusive"
ONE_SEED, NO_SEED, DIVERGED = paired([0.5]), paired([]), paired([-0.5, -0.5, INF])


def between(low: float, high: float) -> Interval:
    return Interval(8, (low + high) / 2, 0.1, low, high, 0.5)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.3, -0.06, "faster"),
        (0.06, 0.3, "slower"),
        (-0.05, 0.05, "equivalent"),
        (-0.3, -0.05, "inconclusive"),
        (0.05, 0.3, "inconclusive"),
        (-0.3, 0.3, "inconclusive"),
        (0.01, 0.04, "equivalent"),
    ],
)
def test_a_verdict_is_where_the_interval_lies(low: float, high: float, word: str) -> None:
    assert verdict(between(low, high), 0.05, TIME) == word


def test_a_verdict_on_values_says_better_and_worse() -> None:
    assert verdict(between(-0.3, -0.1), 0.05, VALUE) == "better"
    assert verdict(between(0.1, 0.3), 0.05, VALUE) == "worse"


@pytest.mark.parametrize("unknown", [ONE_SEED, NO_SEED, DIVERGED], ids=["one", "none", "diverged"])
def test_too_few_seeds_or_a_diverged_one_decide_nothing(unknown: Interval) -> None:
    assert verdict(unknown, 0.0, TIME) == "inconclusive"
    for test in (better, worse, same, no_worse, above, below):
        assert test(unknown, 0.0) == OPEN
    assert sooner(speedup(unknown)) == size(ratio(unknown), 0.5) == trend(unknown, "+", 1.0, 0.0) == OPEN


def test_identical_runs_are_equivalent_even_without_a_margin() -> None:
    assert verdict(paired([0.0] * 3), 0.0, TIME) == "equivalent"
    assert verdict(paired([0.1] * 3), 0.0, TIME) == "slower"


def test_an_arm_that_always_diverges_is_worse() -> None:
    assert verdict(paired([INF] * 3), 0.05, VALUE) == "worse"


def test_an_unknown_margin_decides_nothing() -> None:
    assert verdict(between(-0.3, -0.1), NAN, TIME) == "inconclusive"


@pytest.mark.parametrize(
    ("low", "high", "hits", "word"),
    [
        (0.0, 0.0, (0.0, 0.0), "inconclusive"),
        (-0.9, -0.8, (3 / 8, 0.0), "inconclusive"),
        (0.0, 0.0, (3 / 8, 1.0), "inconclusive"),
        (0.0, 0.0, (0.5, 0.5), "equivalent"),
        (-0.9, -0.8, (1.0, 0.0), "faster"),
        (0.8, 0.9, (0.0, 1.0), "slower"),
    ],
)
def test_times_that_are_misses_alike_are_no_equivalence(low, high, hits, word) -> None:
    assert verdict(between(low, high), 0.05, TIME, hits=hits) == word


@pytest.mark.parametrize(
    ("test", "low", "high", "answer"),
    [
        *((better, 0.001, 0.02, HELD), (better, 0.001, 0.019, NOT), (better, 0.0, 0.02, OPEN)),
        *((better, -0.1, 0.1, OPEN), (better, -0.2, -0.1, NOT), (better, 0.1, 0.2, HELD)),
        *((worse, 0.1, 0.2, HELD), (worse, -0.2, -0.1, NOT), (worse, -0.1, 0.1, OPEN)),
        *((same, -0.02, 0.02, HELD), (same, 0.021, 0.03, NOT), (same, -0.03, -0.021, NOT)),
        *((same, -0.03, 0.0, OPEN), (same, 0.02, 0.03, OPEN)),
        *((no_worse, -0.019, 0.5, HELD), (no_worse, -0.5, -0.021, NOT), (no_worse, -0.02, 0.5, OPEN)),
        *((above, 0.021, 0.03, HELD), (above, 0.01, 0.019, NOT), (above, 0.02, 0.03, OPEN)),
        *((below, 0.01, 0.019, HELD), (below, 0.021, 0.03, NOT), (below, 0.01, 0.02, OPEN)),
        *((size, 0.001, 0.02, HELD), (size, 0.021, 0.03, NOT), (size, 0.01, 0.03, OPEN)),
    ],
)
def test_a_claim_is_answered_by_the_ends_of_its_interval(test, low: float, high: float, answer: str) -> None:
    assert test(between(low, high), 0.02) == answer


@pytest.mark.parametrize(
    ("low", "high", "hits", "other", "answer"),
    [
        (1.01, 1.10, 1.0, 1.0, HELD),
        (1.00, 1.10, 1.0, 1.0, OPEN),
        (1.001, 1.029, 1.0, 1.0, NOT),
        (0.8, 0.9, 1.0, 1.0, NOT),
        (1.01, 1.10, 3 / 8, 1.0, NOT),
        (1.01, 1.10, 1.0, 3 / 8, HELD),
        (1.01, 1.10, 3 / 8, 3 / 8, OPEN),
        (0.8, 0.9, 3 / 8, 3 / 8, OPEN),
        (1.01, 1.10, 0.5, 0.5, HELD),
        (1.01, 1.10, NAN, NAN, OPEN),
    ],
)
def test_sooner_minds_who_missed_the_target(low, high, hits, other, answer) -> None:
    assert sooner(between(low, high), hits=hits, hits_of_other=other) == answer


@pytest.mark.parametrize(
    ("low", "high", "change", "rising"),
    [
        (0.3, 0.9, 0.02, HELD),
        (0.3, 0.9, 0.019, OPEN),
        (0.3, 0.9, -0.5, OPEN),
        (0.3, 0.9, NAN, OPEN),
        (-0.9, -0.1, 0.5, NOT),
        (-0.2, 0.2, 0.5, NOT),
        (0.05, 0.15, 0.5, NOT),
        (-0.1, 0.9, 0.5, OPEN),
        (0.0, 0.9, 0.5, OPEN),
        (0.05, 0.9, 0.5, HELD),
    ],
)
def test_a_trend_needs_its_side_its_strength_and_its_size(low, high, change, rising) -> None:
    assert trend(between(low, high), "+", change, 0.02) == rising
    assert trend(between(-high, -low), "-", -change, 0.02) == rising


def test_an_identity_holds_or_does_not() -> None:
    assert exact(-1e-11, 1e-10) == HELD
    assert exact(1e-9, 1e-10) == exact(NAN, 1e-10) == exact(INF, 1e-10) == NOT


def test_all_and_any_are_duals() -> None:
    for answers in itertools.product((HELD, NOT, OPEN), repeat=3):
        given: list[Answer] = list(answers)  # pyright: ignore[reportAssignmentType]
        assert every(given) == (NOT if NOT in given else OPEN if OPEN in given else HELD)
        assert some(given) == negation(every([negation(answer) for answer in given]))


def test_to_ask_nothing_is_inconclusive() -> None:
    assert every([]) == some([]) == OPEN


def test_worse_of_one_is_better_of_the_other() -> None:
    d = named("worse").normal(0.1, 0.05, size=8)
    assert worse(gain(paired(-d)), 0.02) == HELD
    assert better(gain(paired(d)), 0.02) == NOT


@pytest.mark.parametrize("n", [2, 3, 5, 7])
def test_kendalls_tau_is_scipys_with_ties_and_unknowns(n: int) -> None:
    rng = named(f"tau {n}")
    for _ in range(25):
        x, y = rng.integers(0, 4, n).astype(float), rng.integers(0, 4, n).astype(float)
        x[0], x[1], y[0], y[1] = 0, 1, 0, 1
        expected = stats.kendalltau(x, y).statistic
        assert kendall_tau(x, y) == pytest.approx(expected)
        assert kendall_tau([*x, 2.0, NAN], [*y, NAN, 2.0]) == pytest.approx(expected)


def test_a_value_that_never_changes_has_no_trend_and_one_setting_no_tau() -> None:
    assert kendall_tau([1, 2, 3], [5, 5, 5]) == 0
    assert math.isnan(kendall_tau([1], [5]))
    assert math.isnan(kendall_tau([], []))
    assert math.isnan(kendall_tau([2, 2], [1, 5]))
    assert kendall_tau([1, 2, 3], [INF, INF, 1.0]) == pytest.approx(-2 / math.sqrt(6))


def test_a_trend_of_every_seed_is_held() -> None:
    pools = [256, 512, 1024, 2048]
    errors = named("pools").normal([[0.4, 0.3, 0.2, 0.1]] * 8, 0.01)
    tau = paired([kendall_tau(pools, row) for row in errors])
    change = float(np.exp(np.log(errors[:, -1] / errors[:, 0]).mean())) - 1
    assert trend(tau, "-", change, 0.02) == HELD
    assert trend(tau, "+", change, 0.02) == NOT
