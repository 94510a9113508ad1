"""The tests that claims name, on numbers of a few seeds: which way is better, what counts, what decides."""

import math

import numpy as np
import pytest

from isbench.store.claims import Expectation, Measure, Probe, Trend
from isbench.verdicts.measures import Reading
from isbench.verdicts.tested import Tested as OfNumbers

ERROR, PICTURE = Measure(metric="val_error"), Measure(metric="psnr")
COVERAGE, PEARSON = (
    Measure(selection="coverage"),
    Measure(probe=Probe(score="loss", than="upper_bound", quantity="pearson")),
)
SURE = 0.95
ONE, HALF = (1.0, 1.01, 0.99, 1.0), (0.5, 0.51, 0.49, 0.5)
MISSED, HIT = np.ones(4, dtype=bool), np.zeros(4, dtype=bool)


def of_numbers(test, arm, than=None, amount=0.02, measure=ERROR, **more):
    """The test of these numbers."""
    reading = {name: more.pop(name) for name in ("missed", "floor") if name in more}
    claim = Expectation.model_validate({"test": test, "amount": amount, "measure": measure, **more})
    other = None if than is None else np.array(than)
    return OfNumbers(claim, Reading(np.array(arm), other, **reading))


def answer(*given, **more):
    return of_numbers(*given, **more).answer(SURE)


@pytest.mark.parametrize(
    ("test", "amount", "arm", "than", "said"),
    [
        ("better_by", 0.02, HALF, ONE, "held"),
        ("better_by", 0.0, HALF, ONE, "held"),
        ("better_by", 0.6, HALF, ONE, "not held"),
        ("better_by", 0.02, ONE, HALF, "not held"),
        ("better_by", 0.02, ONE, (1.2, 0.8, 1.1, 0.9), "inconclusive"),
        ("worse_by", 0.02, ONE, HALF, "held"),
        ("worse_by", 0.45, ONE, HALF, "held"),
        ("worse_by", 0.6, ONE, HALF, "not held"),
        ("worse_by", 0.02, HALF, ONE, "not held"),
        ("within", 0.6, HALF, ONE, "held"),
        ("within", 0.5, HALF, ONE, "inconclusive"),
        ("within", 0.4, HALF, ONE, "not held"),
        ("within", 0.05, ONE, ONE, "held"),
        ("no_worse_than", 0.05, HALF, ONE, "held"),
        ("no_worse_than", 0.05, ONE, HALF, "not held"),
        ("no_worse_than", 2.0, ONE, HALF, "held"),
        ("no_worse_than", 1.0, ONE, HALF, "inconclusive"),
        ("at_most", 0.6, HALF, ONE, "held"),
        ("at_most", 0.4, HALF, ONE, "not held"),
        ("at_most", 0.5, HALF, ONE, "inconclusive"),
        ("above", 0.4, HALF, ONE, "held"),
        ("above", 0.6, HALF, ONE, "not held"),
        ("below", 0.6, HALF, ONE, "held"),
        ("below", 0.4, HALF, ONE, "not held"),
        ("above", 0.4, HALF, None, "held"),
        ("below", 0.4, HALF, None, "not held"),
        ("above", 0.5, HALF, None, "inconclusive"),
        ("below", 0.5, HALF, None, "inconclusive"),
    ],
)
def test_ratios_of_what_is_better_lower(test, amount, arm, than, said):
    assert answer(test, arm, than, amount) == said


@pytest.mark.parametrize("measure", [PICTURE, PEARSON], ids=["psnr", "pearson"])
@pytest.mark.parametrize(
    ("test", "amount", "said"),
    [
        ("better_by", 0.02, "held"),
        ("better_by", 0.6, "not held"),
        ("worse_by", 0.02, "not held"),
        ("within", 0.6, "held"),
        ("within", 0.4, "not held"),
        ("no_worse_than", 0.02, "held"),
        ("above", 0.4, "held"),
        ("below", 0.4, "not held"),
    ],
)
def test_differences_of_what_is_better_higher(test, amount, said, measure):
    assert answer(test, ONE, HALF, amount, measure) == said


def test_less_of_what_is_better_higher_is_worse_and_no_better():
    assert answer("worse_by", HALF, ONE, measure=PICTURE) == "held"
    assert answer("no_worse_than", HALF, ONE, measure=PICTURE) == "not held"


def test_shares_are_compared_by_their_difference():
    assert answer("above", ONE, HALF, 0.4, COVERAGE) == "held"
    assert answer("above", ONE, HALF, 0.6, COVERAGE) == "not held"


def test_the_gain_is_of_the_geometric_mean():
    one = of_numbers("better_by", (0.5, 0.125), (1.0, 1.0)).interval(SURE)
    assert one.mean == pytest.approx(0.75)


def test_sooner_is_how_many_times_as_fast():
    one = of_numbers("sooner_than", HALF, ONE, missed=(HIT, HIT))
    assert (one.answer(SURE), round(one.interval(SURE).mean, 2)) == ("held", 2.0)
    assert answer("sooner_than", ONE, HALF, missed=(HIT, HIT)) == "not held"


def test_sooner_by_less_than_matters_is_not_sooner():
    assert answer("sooner_than", np.array(ONE) * 0.99, np.array(ONE), missed=(HIT, HIT)) == "not held"


def test_a_speed_up_must_exceed_what_is_claimed():
    assert answer("speedup", HALF, ONE, 1.9, missed=(HIT, HIT)) == "held"
    assert answer("speedup", HALF, ONE, 2.0, missed=(HIT, HIT)) == "inconclusive"
    assert answer("speedup", HALF, ONE, 2.1, missed=(HIT, HIT)) == "not held"


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [(MISSED, HIT, "not held"), (MISSED, MISSED, "inconclusive"), (HIT, MISSED, "held")],
    ids=["ours", "both", "theirs"],
)
def test_most_runs_missing_the_target_decide(ours, theirs, said):
    arm, than = (np.where(missed, 1.0, HALF) for missed in (ours, theirs))
    assert answer("sooner_than", arm, than, missed=(ours, theirs)) == said


def test_misses_of_one_run_decide_nothing():
    one = of_numbers("sooner_than", (1.0,), (0.5,), missed=(MISSED[:1], HIT[:1]))
    assert (one.answer(SURE), one.why_open) == ("inconclusive", "one seed")


def test_what_misses_decide_has_no_p_value():
    one = of_numbers("sooner_than", ONE, HALF, missed=(MISSED, HIT))
    assert math.isnan(one.p_value("not held"))


def rising(*ends, sign="+", amount=0.02, measure=ERROR, **more):
    """A trend over three settings, of seeds that go from 1 to these ends."""
    arm = np.array([np.ones(len(ends)), (1 + np.array(ends)) / 2, ends])
    option = {"option": "pool", "labels": ("a", "b", "c"), "values": (1.0, 2.0, 3.0)}
    return of_numbers("trend", arm, None, amount, measure, trend=Trend(sign=sign, **option), **more)


@pytest.mark.parametrize(
    ("ends", "sign", "said"),
    [
        ((1.3, 1.2, 1.25), "+", "held"),
        ((1.3, 1.2, 1.25), "-", "not held"),
        ((0.7, 0.8, 0.75), "-", "held"),
        ((1.01, 1.012, 1.011), "+", "inconclusive"),  # it rises, by less than matters
        ((1.0, 1.0, 1.0), "+", "not held"),
        ((1.3, 0.7, 1.25), "+", "inconclusive"),
    ],
)
def test_a_trend_rises_or_falls_within_every_seed(ends, sign, said):
    assert rising(*ends, sign=sign).answer(SURE) == said


@pytest.mark.parametrize(
    ("settings", "seeds", "said"),
    [(2, 3, "inconclusive"), (2, 6, "held"), (3, 2, "inconclusive"), (3, 3, "held")],
)
def test_a_perfect_order_that_chance_often_gives_says_nothing(settings, seeds, said):
    arm = np.repeat(np.arange(1.0, settings + 1)[:, None], seeds, axis=1)
    labels, values = tuple("abc"[:settings]), tuple(map(float, range(settings)))
    trend = Trend(option="pool", sign="+", values=values, labels=labels)
    assert of_numbers("trend", arm, None, trend=trend).answer(0.95) == said


def test_an_imperfect_order_that_all_seeds_share_needs_as_many_as_a_sign_test():
    column = np.array([1.0, 3.0, 2.0, 4.0])  # tau 0.67
    trend = Trend(option="pool", sign="+", values=(1.0, 2.0, 3.0, 4.0), labels=("a", "b", "c", "d"))
    few, many = (np.repeat(column[:, None], seeds, axis=1) for seeds in (4, 6))
    assert of_numbers("trend", few, None, trend=trend).answer(0.95) == "inconclusive"
    assert of_numbers("trend", many, None, trend=trend).answer(0.95) == "held"


def test_the_change_of_a_trend_is_relative_or_in_its_own_units():
    assert rising(1.21, 1.21).change == pytest.approx(0.21)
    assert rising(1.5, 1.7, measure=COVERAGE).change == pytest.approx(0.6)


@pytest.mark.parametrize("test", ["better_by", "worse_by", "within", "no_worse_than"])
def test_no_margin_is_below_the_noise_floor(test):
    assert of_numbers(test, ONE, HALF, floor=math.log(1.1)).amount == pytest.approx(0.1)
    assert of_numbers(test, ONE, HALF, floor=0.1, measure=PICTURE).amount == pytest.approx(0.1)
    assert of_numbers(test, ONE, HALF, floor=0.001).amount == 0.02


def test_nor_is_what_a_trend_must_amount_to():
    assert rising(1.2, 1.21, floor=math.log(1.5)).answer(SURE) == "inconclusive"


def test_a_constant_is_not_raised_by_noise():
    assert of_numbers("above", ONE, HALF, floor=1.0).amount == 0.02


@pytest.mark.parametrize(
    ("arm", "why"),
    [
        ((0.5,), "one seed"),
        ((0.5, 1.5, 0.5, 1.5), "spread"),
        ((math.inf, 0.5, 0.5, 0.5), "diverged"),
        ((0.0, 0.5, 0.5, 0.5), "zero"),
    ],
)
def test_why_a_claim_is_open(arm, why):
    one = of_numbers("better_by", arm, ONE[: len(arm)])
    assert (one.answer(SURE), one.why_open) == ("inconclusive", why)


def test_why_a_claim_is_open_where_both_missed():
    assert of_numbers("sooner_than", ONE, ONE, missed=(MISSED, MISSED)).why_open == "misses"


@pytest.mark.parametrize(("test", "said"), [("better_by", "not held"), ("worse_by", "held")])
def test_where_most_runs_diverged_the_arm_is_worse(test, said):
    assert answer(test, (*[math.inf] * 6, 0.5), np.ones(7)) == said


@pytest.mark.parametrize("arm", [(math.inf, math.inf, 0.5), (math.inf,) * 5])
def test_a_few_runs_that_diverged_say_nothing(arm):
    one = of_numbers("worse_by", arm, np.ones(len(arm)))
    assert (one.answer(SURE), one.why_open) == ("inconclusive", "diverged")


def test_runs_that_diverged_have_the_p_value_of_their_sign_test():
    one = of_numbers("worse_by", [math.inf] * 6, np.ones(6))
    assert one.p_value("held") == pytest.approx(2 / 2**6, rel=0.02)


def test_where_just_half_of_the_runs_diverged_nothing_is_said():
    assert answer("worse_by", (math.inf, math.inf, 0.5, 0.5), ONE) == "inconclusive"


def test_a_p_value_is_the_error_at_which_the_answer_changes():
    one = of_numbers("better_by", (0.5, 0.6, 0.4), (1.0, 1.0, 1.0))
    p = one.p_value("held")
    assert one.answer(1 - 1.05 * p) == "held"
    assert one.answer(1 - 0.95 * p) == "inconclusive"


def test_what_is_open_has_a_p_value_of_one():
    assert of_numbers("better_by", ONE, ONE).p_value("inconclusive") == 1
