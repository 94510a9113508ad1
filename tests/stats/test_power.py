import math
from itertools import pairwise

import pytest
from scipy import integrate, stats

from isbench.stats.noise import detectable_table
from isbench.stats.power import detectable, power_of, seeds_needed
from tests.stats.simulations import DETECTABLE, DETECTABLE_N

NAN = math.nan


@pytest.mark.parametrize("sd", DETECTABLE)
def test_detectable_effects_are_those_of_the_printed_table(sd: float) -> None:
    found = [math.expm1(effect) for effect in detectable_table(sd, DETECTABLE_N).values()]
    for ours, printed in zip(found, DETECTABLE[sd], strict=True):
        assert ours == pytest.approx(printed, abs=0.001 if printed < 0.1 else 0.007)


@pytest.mark.parametrize(
    ("effect", "sd", "n"), [(0.1, 0.1, 3), (0.05, 0.1, 8), (0.0, 1.0, 5), (-0.2, 0.1, 4)]
)
def test_power_is_the_chance_of_a_t_statistic_beyond_its_quantile(effect: float, sd: float, n: int) -> None:
    def beyond(chi: float) -> float:
        needed = stats.t.ppf(0.975, n - 1) * math.sqrt(chi / (n - 1))
        return stats.norm.sf(needed - abs(effect) * math.sqrt(n) / sd) * stats.chi2.pdf(chi, n - 1)

    assert power_of(effect, sd, n) == pytest.approx(integrate.quad(beyond, 0, 200)[0], abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 5, 8, 30, 500])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.99])
def test_a_detectable_effect_has_its_power_and_needs_its_seeds(n: int, power: float) -> None:
    effect = detectable(0.1, n, power)
    assert power_of(effect, 0.1, n) == pytest.approx(power, abs=1e-4)
    assert seeds_needed(0.1, 1.0001 * effect, 0.0, power) == n


def test_detectable_scales_with_noise_and_falls_with_seeds() -> None:
    assert detectable(0.2, 8) == pytest.approx(2 * detectable(0.1, 8))
    falling = list(detectable_table(0.1, range(2, 40)).values())
    assert falling == sorted(falling, reverse=True)
    assert detectable(0.1, 8, level=0.99) > detectable(0.1, 8)


def test_fewer_than_two_seeds_detect_nothing() -> None:
    assert detectable_table(0.1, (0, 1)) == {0: math.inf, 1: math.inf}
    assert power_of(0.5, 0.1, 1) == 0


def test_without_noise_every_effect_is_seen_and_none_without_effect() -> None:
    assert detectable(0.0, 2) == 0
    assert (power_of(0.1, 0.0, 2), power_of(0.0, 0.0, 2)) == (1, 0)
    assert seeds_needed(0.0, 0.1, 0.05) == seeds_needed(1e-12, -0.1, 0.05) == 2
    assert seeds_needed(0.0, 0.0, 0.05) == 2


def test_the_seeds_needed_are_the_first_that_settle() -> None:
    for sd, effect, margin in [(0.05, 0.1, 0.05), (0.1, -0.3, 0.05), (0.02, 0.06, 0.05)]:
        n = seeds_needed(sd, effect, margin)
        assert n
        assert power_of(abs(effect) - margin, sd, n) >= 0.8 > power_of(abs(effect) - margin, sd, n - 1)


def test_equivalence_has_to_hold_at_both_ends() -> None:
    n = seeds_needed(0.1, 0.0, 0.05)
    assert n
    assert power_of(0.05, 0.1, n) >= 0.9 > power_of(0.05, 0.1, n - 1)


def test_a_small_effect_is_settled_as_equivalent() -> None:
    none, some, close = (seeds_needed(0.1, effect, 0.05) for effect in (0.0, 0.02, 0.049))
    assert none
    assert some
    assert 2 < none < some
    assert close is None


@pytest.mark.parametrize(
    ("sd", "effect", "margin"),
    [
        *((0.1, 0.05, 0.05), (0.1, -0.05, 0.05), (0.0, 0.05, 0.05), (1.0, 0.001, 0.0)),
        *((NAN, 0.1, 0.0), (0.1, NAN, 0.0), (0.1, 0.1, NAN), (0.1, math.inf, 0.0), (0.1, 0.1, math.inf)),
    ],
)
def test_no_number_of_seeds_settles_the_margin_itself_nor_the_unknown(
    sd: float, effect: float, margin: float
) -> None:
    assert seeds_needed(sd, effect, margin) is None


def test_unknown_noise_detects_an_unknown_effect() -> None:
    assert math.isnan(detectable(NAN, 8))
    assert math.isnan(power_of(0.1, NAN, 8))


@pytest.mark.parametrize("effect", [0.02, 0.05, 0.1])
def test_power_rises_with_n_however_sure_it_is(effect: float) -> None:
    powers = [power_of(effect, 0.022, n) for n in (*range(2, 120), *range(120, 10_000, 37))]
    assert all(low <= high + 1e-9 for low, high in pairwise(powers))


def test_an_effect_within_the_margin_needs_few_seeds_where_the_spread_is_small() -> None:
    assert seeds_needed(0.022, 0.0027, 0.0198) == 17
