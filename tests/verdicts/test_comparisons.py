"""Every arm against the baseline: what is compared, by how much, and what is said of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from isbench.store.plans import Primary
from isbench.verdicts.rows import COLUMNS, row
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, FIVE, Made, ending, lost, reaching

NOISE = (1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.015, 0.985)
UNIFORM = reaching(*(40 * noise for noise in NOISE))
TARGET = {"primary": AT_TARGET, "targets": (1.0,)}


def scaled(factor: float, of: tuple[float, ...] = NOISE, base: float = 40.0) -> list[Made]:
    """Runs that need a factor of the baseline's time, each seed a little more or less."""
    wobble = (1.0, 1.003, 0.998, 1.001, 0.997, 1.002, 1.0, 0.999)
    return reaching(*(base * factor * noise * w for noise, w in zip(of, wobble, strict=True)))


@pytest.mark.parametrize(
    ("factor", "said"), [(0.8, "faster"), (1.25, "slower"), (1.0, "equivalent"), (0.97, "inconclusive")]
)
def test_time_to_target_is_faster_slower_equivalent_or_open(only, factor: float, said: str) -> None:
    one, _ = only({"uniform": UNIFORM, "is": scaled(factor)}, **TARGET)
    assert one.verdict == said


def test_the_speedup_and_its_interval_are_those_of_the_log_ratios(only) -> None:
    times = np.array([30.0, 34.0, 29.0])
    other = np.array([40.0, 41.0, 37.0])
    one, _ = only({"uniform": reaching(*other), "is": reaching(*times)}, **TARGET)
    d = np.log(times / other)
    known = stats.ttest_1samp(d, 0)
    low, high = known.confidence_interval(0.95)
    found = row(one)
    assert found["speedup"] == pytest.approx(math.exp(-d.mean()))
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((math.exp(-high), math.exp(-low)))
    assert found["effect"] == pytest.approx(1 - math.exp(d.mean()))
    assert found["p_value"] == found["p_holm"] == pytest.approx(known.pvalue)


def test_a_time_is_where_the_line_meets_the_target_and_the_bracket_its_evaluations(only) -> None:
    one, _ = only({"uniform": reaching(40.5, 40.5), "is": reaching(20.5, 20.5)}, **TARGET)
    assert one.values == pytest.approx((20.5, 40.5))
    assert one.bracket == pytest.approx((40 / 21, 41 / 20))


@pytest.mark.parametrize("unit", ["epochs", "passes", "steps"])
def test_the_cost_of_a_target_is_told_in_what_the_budget_is_of(only, unit: str) -> None:
    amount = {"epochs": 5.0, "passes": 15.0, "steps": 1000.0}[unit]
    budget = FIVE.model_copy(update={"unit": unit, "amount": amount, "name": "minute"})
    if unit != "epochs":
        budget = budget.model_copy(update={"amount": amount})
    runs = {"uniform": reaching(30, 30), "is": reaching(15, 15)}
    one, _ = only(runs, budgets=(budget,), **TARGET)
    assert one.values == pytest.approx((amount / 4, amount / 2), rel=2e-2)


@pytest.mark.parametrize(("factor", "said"), [(0.8, "better"), (1.25, "worse"), (1.0, "equivalent")])
def test_a_value_at_the_end_is_better_worse_or_equivalent(only, factor: float, said: str) -> None:
    ends = [0.2 * noise for noise in NOISE]
    one, _ = only({"uniform": ending(*ends), "is": ending(*(factor * end for end in ends))})
    assert one.verdict == said
    assert row(one)["effect"] == pytest.approx(1 - factor)
    assert row(one)["speedup"] is None


def test_a_value_is_the_geometric_mean_so_that_it_agrees_with_its_effect(only) -> None:
    one, _ = only({"uniform": ending(0.1, 0.4), "is": ending(0.2, 0.3)})
    assert one.values == pytest.approx((math.sqrt(0.06), 0.2))
    assert 1 - one.values[0] / one.values[1] == pytest.approx(row(one)["effect"])


def test_everything_measured_is_compared_and_only_the_question_is_primary(found) -> None:
    ends = {"val_loss": 0.3, "test_error": 0.2, "test_loss": 0.4, "train_loss": 0.1}
    runs = {"uniform": reaching(40, 41, ends=ends), "is": reaching(30, 31, ends=ends)}
    rows = found(runs, primary=AT_TARGET, targets=(0.9, 1.0)).comparisons
    named = [(one.quantity.metric, one.quantity.target and one.quantity.target.share) for one in rows]
    metrics = ("val_error", "val_loss", "test_error", "test_loss", "train_loss")
    assert named == [*((metric, None) for metric in metrics), ("val_error", 0.9), ("val_error", 1.0)]
    assert [one.primary for one in rows] == [False] * 6 + [True]


def test_the_seconds_of_a_run_are_compared_where_they_are_no_budget(found) -> None:
    runs = {"uniform": ending(0.2, 0.3, seconds=50.0), "is": ending(0.2, 0.3, seconds=60.0)}
    rows = found(runs, budgets=(FIVE,), primary=made.AT_END.model_copy(update={"budget": "epochs-5"}))
    seconds = next(row(one) for one in rows.comparisons if one.quantity.metric == "train_seconds")
    assert seconds["speedup"] == pytest.approx(50 / 60)
    assert seconds["verdict"] == "slower"


def test_lower_targets_are_shares_of_the_improvement(found) -> None:
    rows = found({"uniform": reaching(40, 40), "is": reaching(20, 20)}, primary=AT_TARGET, targets=(0.5, 1.0))
    half = next(one for one in rows.comparisons if one.quantity.target and one.quantity.target.share == 0.5)
    assert half.quantity.target is not None
    assert half.quantity.target.value == pytest.approx(0.5)
    assert half.values == pytest.approx((10, 20))


def test_one_seed_has_a_number_and_no_verdict(only) -> None:
    one, _ = only({"uniform": ending(0.2), "is": ending(0.1)})
    assert (one.verdict, one.reason, one.n) == ("inconclusive", "one seed", 1)
    assert row(one)["effect"] == pytest.approx(0.5)
    assert row(one)["ci_low"] is None


@pytest.mark.parametrize("status", ["failed", "oom", "timeout", "interrupted", "missing"])
def test_a_run_without_a_result_takes_its_seed_out_of_the_pairs(only, status: str) -> None:
    one, _ = only({"uniform": ending(0.2, 0.2, 0.2), "is": [*ending(0.1, 0.1), lost(status)]})
    assert (one.n, one.names.seeds) == (2, 3)


def test_an_arm_that_never_ran_has_a_row_that_says_so(only) -> None:
    one, _ = only({"uniform": ending(0.2, 0.2), "is": [lost("missing"), lost("failed")]})
    assert (one.verdict, one.reason, one.n) == ("inconclusive", "no pairs", 0)
    assert row(one)["effect"] is None


def test_times_of_two_machines_are_no_pair(only) -> None:
    elsewhere = Made(end=0.1, machine="ba9876543210")
    one, _ = only({"uniform": ending(0.2, 0.2, 0.2), "is": [*ending(0.1, 0.1), elsewhere]})
    assert one.n == 2


def test_where_no_clock_counts_two_machines_are_a_pair(found) -> None:
    elsewhere = Made(end=0.1, machine="ba9876543210")
    primary = made.AT_END.model_copy(update={"budget": "epochs-5"})
    runs = {"uniform": ending(0.2, 0.2), "is": [*ending(0.1), elsewhere]}
    rows = {one.quantity.metric: one for one in found(runs, budgets=(FIVE,), primary=primary).comparisons}
    assert (rows["val_error"].n, rows["train_seconds"].n) == (2, 1)


def test_a_value_of_0_is_compared_by_difference(only) -> None:
    one, _ = only({"uniform": ending(0.10, 0.12, 0.11), "is": ending(0.0, 0.01, 0.0)})
    found = row(one)
    assert (one.scale, one.verdict) == ("difference", "better")
    assert found["effect"] == pytest.approx(0.32 / 3)
    assert found["margin"] == pytest.approx(0.02 * 0.11)
    assert found["value_than"] == pytest.approx(0.11)


def test_all_zeros_are_equivalent(only) -> None:
    one, _ = only({"uniform": ending(0.0, 0.0), "is": ending(0.0, 0.0)})
    assert one.verdict == "equivalent"


def test_psnr_is_better_the_higher_it_is(found) -> None:
    runs = {
        "uniform": ending(0.2, 0.2, ends={"psnr": 30.0}),
        "is": [*ending(0.2, ends={"psnr": 32.0}), *ending(0.2, ends={"psnr": 31.9})],
    }
    one = next(each for each in found(runs).comparisons if each.quantity.metric == "psnr")
    assert (one.scale, one.verdict) == ("difference", "better")
    assert row(one)["effect"] == pytest.approx(1.95)
    assert one.values == pytest.approx((31.95, 30.0))


def test_what_no_run_knows_is_not_compared(found) -> None:
    rows = found({"uniform": ending(0.2, 0.2), "is": ending(0.2, 0.2)}).comparisons
    assert {one.quantity.metric for one in rows} == {"val_error"}


def test_several_variants_are_races_of_their_own(found) -> None:
    runs = {"uniform": reaching(40, 40), "is": reaching(30, 30)}
    findings = found(runs, variants=("plain", "noisy"), **TARGET)
    assert [one.names.variant for one in findings.primary] == ["plain", "noisy"]
    assert "(noisy)" in findings.sentences()[1]


def test_a_race_with_another_budget_is_exploratory(found) -> None:
    runs = {"uniform": reaching(40, 40), "is": reaching(30, 30)}
    findings = found(runs, budgets=(FIVE, made.MINUTE), **TARGET)
    assert {one.names.budget for one in findings.primary} == {"minute"}
    assert {one.names.budget for one in findings.comparisons} == {"epochs-5", "minute"}


def test_without_the_baseline_nothing_is_compared(found) -> None:
    findings = found({"a": ending(0.2, 0.2), "b": ending(0.1, 0.1)})
    assert findings.comparisons == ()
    assert [caution.name for caution in findings.cautions] == ["no-answer"]


def test_a_plan_older_than_the_question_asks_for_the_end_at_equal_time(found) -> None:
    runs = {"uniform": ending(0.2, 0.2), "is": ending(0.1, 0.1)}
    findings = found(runs, budgets=(FIVE, made.MINUTE), primary=Primary())
    assert [(one.names.budget, one.quantity.metric) for one in findings.primary] == [("minute", "val_error")]


def test_columns_begin_with_those_of_the_contract_in_their_order() -> None:
    promised = "variant, budget, sampler, than, metric, target, n, effect, speedup, ci_low, ci_high, "
    promised += "bracket_low, bracket_high, p_value, p_holm, hit_rate, verdict, n_needed, primary"
    assert list(COLUMNS[:19]) == promised.split(", ")


def test_every_column_is_filled_by_every_row(only) -> None:
    one, _ = only({"uniform": ending(0.2), "is": ending(0.1)})
    assert tuple(row(one)) == COLUMNS


def test_a_variant_without_the_budget_of_the_question_answers_at_its_own(found) -> None:
    elsewhere = made.AT_END.model_copy(update={"budget": "hour"})
    runs = {"uniform": made.ending(0.2, 0.2), "arm": made.ending(0.1, 0.1)}
    findings = found(runs, budgets=(made.FIVE, made.MINUTE), primary=elsewhere)
    assert [(one.names.budget, one.primary) for one in findings.primary] == [("minute", True)]


def test_only_one_race_of_a_variant_answers_the_question(found) -> None:
    runs = {"uniform": made.ending(0.2, 0.2), "arm": made.ending(0.1, 0.1)}
    findings = found(runs, budgets=(made.FIVE, made.MINUTE), variants=("a", "b"))
    asked = [(race.variant, race.budget.name) for race in findings.folder.races if race.asked]
    assert asked == [("a", "minute"), ("b", "minute")]
