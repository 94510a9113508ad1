import itertools
import math

import numpy as np
import pytest

from isbench.stats.noise import detectable_table, floor, margin
from isbench.stats.p_values import named
from isbench.stats.power import detectable

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize("n", [2, 5, 8])
def test_the_floor_is_the_quantile_of_all_flipped_means(n: int) -> None:
    d = named(f"A/A {n}").normal(size=n)
    means = sorted(abs(np.mean(d * signs)) for signs in itertools.product((-1, 1), repeat=n))
    assert floor(d) == pytest.approx(means[math.ceil(0.95 * 2**n) - 1])
    assert floor(d, 0.5) == pytest.approx(means[2 ** (n - 1) - 1])


def test_the_floor_knows_no_names_and_scales_with_the_noise() -> None:
    d = named("A/A").normal(size=8)
    assert floor(-d) == pytest.approx(floor(d))
    assert floor(3 * d) == pytest.approx(3 * floor(d))
    assert floor([*d, NAN]) == floor(d)


def test_runs_that_repeat_bit_by_bit_have_no_floor_above_zero() -> None:
    assert floor([0.0] * 4) == 0


def test_one_pair_is_its_own_floor_no_pair_none_and_a_diverged_one_no_bound() -> None:
    assert floor([-0.3]) == pytest.approx(0.3)
    assert math.isnan(floor([]))
    assert math.isnan(floor([NAN]))
    assert floor([0.1, INF]) == INF


def test_more_than_sixteen_pairs_have_the_same_floor_every_time() -> None:
    d = named("many A/A").normal(size=60)
    assert floor(d) == floor(d)
    assert floor(d) == pytest.approx(1.96 * math.sqrt(np.mean(d**2) / 60), rel=0.05)


def test_the_margin_is_never_below_the_floor() -> None:
    assert margin(0.05, 0.02) == 0.05
    assert margin(0.05, 0.08) == 0.08
    assert margin(0.05, NAN) == 0.05
    assert margin(0.05, INF) == INF


def test_the_table_has_a_row_for_each_number_of_seeds() -> None:
    assert detectable_table(0.1, (3, 8)) == {3: detectable(0.1, 3), 8: detectable(0.1, 8)}
    assert detectable_table(0.1, ()) == {}
