"""Control arms, the noise floor, and primary comparisons that are made together."""

from __future__ import annotations

import math

import pytest

from isbench.stats.p_values import holm
from isbench.verdicts.rows import row
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, ending, reaching

ENDS = (0.20, 0.21, 0.19, 0.22)
BASE = ending(*ENDS)
BARELY = ending(*(end * factor for end, factor in zip(ENDS, (0.93, 0.95, 0.90, 0.94), strict=True)))
LOUD = ending(0.24, 0.18, 0.22, 0.19)
SAME = ending(*(end * factor for end, factor in zip(ENDS, (1.02, 0.99, 1.01, 0.97), strict=True)))


def aa(**more) -> dict:
    return {"controls": {"aa": ("aa", "uniform"), **more}}


def test_p_values_are_adjusted_over_the_arms_of_a_race(found) -> None:
    rows = found({"uniform": BASE, "a": BARELY, "b": SAME, "c": SAME[::-1]}).primary
    assert [one.p_holm for one in rows] == pytest.approx(holm([one.difference.p for one in rows]).tolist())
    assert {one.family for one in rows} == {3}


def test_a_difference_stands_alone_and_falls_among_many(found, only) -> None:
    alone, _ = only({"uniform": BASE, "is": BARELY})
    assert alone.verdict == "better"
    runs = {"uniform": BASE, "is": BARELY, **{f"arm-{n}": SAME for n in range(30)}}
    many = found(runs, points=1).primary
    assert (many[0].verdict, many[0].reason) == ("inconclusive", "family")
    assert many[0].n_needed is not None
    assert many[0].n_needed > many[0].n


def test_an_open_question_needs_more_seeds_than_it_had(found) -> None:
    rows = found({"uniform": BASE, "a": SAME, "b": ending(0.21, 0.20, 0.19, 0.2)}).primary
    assert all(one.n_needed is None or one.n_needed > one.n for one in rows if one.reason == "spread")
    assert any(one.n_needed for one in rows)


def test_exploratory_rows_are_not_adjusted(found) -> None:
    ends = {"test_error": 0.3}
    runs = {"uniform": ending(0.2, 0.21, ends=ends), "is": ending(0.1, 0.1, ends=ends)}
    rows = [row(one) for one in found(runs).comparisons if not one.primary]
    assert rows
    assert all(each["p_holm"] is None for each in rows)


def test_races_of_two_variants_are_two_families(found) -> None:
    rows = found({"uniform": BASE, "is": BARELY}, variants=("plain", "noisy")).primary
    assert [one.family for one in rows] == [1, 1]


def test_control_arms_have_rows_but_are_in_no_family(found) -> None:
    runs = {"uniform": BASE, "is": BARELY, "placebo:is": SAME, "aa": SAME[::-1]}
    controls = aa(**{"placebo:is": ("placebo", "is")})
    findings = found(runs, **controls)
    assert [one.names.sampler for one in findings.primary] == ["is"]
    assert findings.primary[0].family == 1
    assert {one.control for one in findings.comparisons} == {"", "placebo", "aa"}


@pytest.fixture
def against_noise(found):
    """The comparison of an arm where uniform was run again with these ends."""
    return lambda arm, again: found({"uniform": BASE, "is": arm, "aa": again}, **aa()).primary[0]


def test_the_margin_is_never_below_the_noise_floor(against_noise) -> None:
    quiet = against_noise(BARELY, BASE)
    assert (quiet.verdict, quiet.margin) == ("better", pytest.approx(math.log1p(0.02)))
    loud = against_noise(BARELY, LOUD)
    assert (loud.verdict, loud.reason) == ("inconclusive", "noise")
    assert loud.margin == loud.floor > 0.02


def test_noise_makes_nothing_equivalent(against_noise) -> None:
    assert against_noise(BASE, BASE).verdict == "equivalent"
    assert against_noise(BASE, LOUD).verdict == "equivalent"
    slightly = ending(*(1.03 * end for end in ENDS))
    assert against_noise(slightly, LOUD).verdict == "inconclusive"


def test_a_difference_beyond_the_noise_is_seen(against_noise) -> None:
    assert against_noise(ending(*(0.5 * end for end in ENDS)), LOUD).verdict == "better"


def test_the_floor_of_times_is_that_of_times(found) -> None:
    runs = {"uniform": reaching(40, 40), "is": reaching(20, 20), "aa": reaching(44, 44)}
    one = found(runs, primary=AT_TARGET, targets=(1.0,), **aa()).primary[0]
    assert one.floor == pytest.approx(math.log(1.1))


def test_the_floor_of_a_difference_is_in_its_own_units(found) -> None:
    runs = {"uniform": ending(0.1, 0.0), "is": ending(0.3, 0.31), "aa": ending(0.14, 0.04)}
    one = found(runs, **aa()).primary[0]
    assert (one.scale, one.floor) == ("difference", pytest.approx(0.04))


def test_a_repetition_that_diverged_leaves_no_margin(found) -> None:
    broken = made.Made(end=0.2, status="diverged")
    runs = {"uniform": BASE, "is": BARELY, "aa": [broken, *BASE[1:]]}
    one = found(runs, **aa()).primary[0]
    assert (one.verdict, one.reason) == ("inconclusive", "noise")


def test_the_floor_is_empty_without_a_repetition(only) -> None:
    one, _ = only({"uniform": BASE, "is": BARELY})
    assert row(one)["noise_floor"] is None
