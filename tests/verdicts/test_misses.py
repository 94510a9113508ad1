"""Runs that miss a target, runs that diverge, and targets that do not exist."""

from __future__ import annotations

import math

import pytest

from isbench.verdicts import between
from isbench.verdicts.rows import row
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, Made, ending, reaching

TARGET = {"primary": AT_TARGET, "targets": (1.0,)}
MISS = Made(end=0.3)


def broken(n: int) -> list[Made]:
    return [Made(end=0.5, status="diverged")] * n


def test_a_miss_counts_as_the_budget_and_is_told_by_the_hit_rate(only) -> None:
    one, _ = only({"uniform": reaching(30, 30, 30, 30), "is": [*reaching(15, 15, 15), MISS]}, **TARGET)
    found = row(one)
    assert (found["hit_rate"], found["hit_rate_than"]) == (0.75, 1.0)
    assert found["speedup"] == pytest.approx(math.exp(-(3 * math.log(0.5) + math.log(2)) / 4))


def test_where_most_runs_of_both_miss_nothing_is_said(only) -> None:
    one, _ = only({"uniform": [MISS, MISS, *reaching(50)], "is": [MISS] * 3}, **TARGET)
    assert (one.verdict, one.reason, one.n_needed) == ("inconclusive", "misses", None)


def test_an_arm_that_misses_what_the_baseline_reaches_at_the_last_moment_is_slower(only) -> None:
    one, _ = only({"uniform": reaching(*[59.5] * 6), "is": [MISS] * 6}, **TARGET)
    assert one.difference.high < one.margin
    assert (one.verdict, one.reason) == ("slower", "misses")


def test_a_few_such_seeds_are_too_few_to_say_so(only) -> None:
    one, _ = only({"uniform": reaching(*[59.5] * 5), "is": [MISS] * 5}, **TARGET)
    assert (one.verdict, one.reason) == ("inconclusive", "misses")


def test_a_target_that_is_not_asked_for_is_as_strict(found) -> None:
    runs = {"uniform": reaching(*[59.5] * 3), "is": [MISS] * 3}
    (one,) = [one for one in found(runs, targets=(1.0,)).comparisons if one.quantity.target]
    assert (one.primary, one.verdict, one.reason) == (False, "inconclusive", "misses")


def test_seeds_at_which_both_miss_say_nothing(only) -> None:
    late = reaching(*[59.5] * 2)
    one, _ = only({"uniform": [*late, *late, *late[:1], *[MISS] * 3], "is": [*late, *[MISS] * 6]}, **TARGET)
    assert (one.p_misses, one.verdict, one.reason) == (0.25, "inconclusive", "misses")


def test_among_many_arms_more_seeds_must_miss(found) -> None:
    missing = {f"arm-{n}": [MISS] * 6 for n in range(3)}
    primary = found({"uniform": reaching(*[59.5] * 6), **missing}, **TARGET).primary
    assert [one.verdict for one in primary] == ["inconclusive"] * 3


def test_an_arm_that_reaches_what_the_baseline_misses_is_faster_only_beyond_the_margin(only) -> None:
    late, _ = only({"uniform": [MISS] * 8, "is": reaching(*[59.5] * 8)}, **TARGET)
    assert late.verdict == "inconclusive"
    soon, _ = only({"uniform": [MISS] * 8, "is": reaching(*[30, 31] * 4)}, **TARGET)
    assert soon.verdict == "faster"


def test_censored_times_that_look_alike_are_no_equivalence(only) -> None:
    one, _ = only({"uniform": [*reaching(59, 59), MISS], "is": [MISS] * 3}, **TARGET)
    assert one.verdict == "inconclusive"


def test_a_run_that_diverged_misses_the_target_though_it_had_reached_it(only) -> None:
    late = Made(at=0.5, status="diverged")
    one, _ = only({"uniform": reaching(30, 30, 30), "is": [late] * 3}, **TARGET)
    assert one.hits is not None
    assert (one.hits[0].hits, one.n, one.verdict) == (0, 3, "slower")


@pytest.mark.parametrize(
    ("n", "said"), [(1, "inconclusive"), (4, "inconclusive"), (5, "inconclusive"), (6, "worse"), (8, "worse")]
)
def test_an_arm_is_worse_by_rank_where_surely_more_than_half_of_its_runs_diverged(only, n, said) -> None:
    one, _ = only({"uniform": ending(*[0.2] * 8), "is": [*broken(n), *ending(*[0.1] * (8 - n))]})
    assert (one.verdict, one.reason, one.diverged) == (said, "diverged", (n, 0))
    assert row(one)["effect"] is row(one)["ci_low"] is row(one)["p_value"] is None


def test_two_of_three_that_diverged_are_too_few_to_say_so(only) -> None:
    one, _ = only({"uniform": ending(0.2, 0.2, 0.2), "is": [*broken(2), *ending(0.2)]})
    assert (one.verdict, one.reason, one.p_diverged) == ("inconclusive", "diverged", 0.5)


def test_among_many_arms_more_runs_must_diverge(found) -> None:
    gone = {f"arm-{n}": broken(6) for n in range(3)}
    primary = found({"uniform": ending(*[0.2] * 6), **gone}).primary
    assert [(one.verdict, one.reason) for one in primary] == [("inconclusive", "diverged")] * 3


def test_an_arm_is_better_where_the_baseline_diverged(only) -> None:
    one, _ = only({"uniform": broken(6), "is": ending(*[0.2] * 6)})
    assert one.verdict == "better"


def test_runs_that_are_no_pairs_diverge_by_their_shares(tmp_path) -> None:
    old = made.folder(tmp_path / "old", {"uniform": ending(*[0.2] * 4)})
    gone = [Made(end=0.5, status="diverged", machine="ba9876543210")] * 4
    new = made.folder(tmp_path / "new", {"uniform": gone}, machine="ba9876543210")
    (one,) = [one for one in between(old, new).comparisons if one.quantity.metric == "val_error"]
    assert (one.names.paired, one.verdict) == (False, "worse")
    assert one.p_diverged == pytest.approx(2 / 70)


def test_where_both_diverged_nothing_is_said(only) -> None:
    one, _ = only({"uniform": broken(3), "is": broken(3)})
    assert (one.verdict, one.reason) == ("inconclusive", "diverged")


def test_one_run_that_diverged_is_no_verdict(only) -> None:
    one, _ = only({"uniform": ending(0.2), "is": broken(1)})
    assert one.verdict == "inconclusive"


def test_a_pilot_that_did_not_improve_leaves_no_target(only) -> None:
    pilots = (made.pilot(first=0.5, last=0.6),)
    one, _ = only({"uniform": ending(0.6, 0.6), "is": ending(0.6, 0.6)}, pilots=pilots, **TARGET)
    assert (one.verdict, one.reason) == ("inconclusive", "no target")
    assert row(one)["target"] == 1.0
    assert row(one)["target_value"] is row(one)["speedup"] is row(one)["hit_rate"] is None


@pytest.mark.parametrize("pilots", [(), (made.pilot(first=None, last=None),)])
def test_without_a_pilot_there_is_no_target_but_a_row_that_says_so(found, pilots) -> None:
    runs = {"uniform": ending(0.6, 0.6), "is": ending(0.6, 0.6)}
    findings = found(runs, pilots=pilots, primary=AT_TARGET, targets=(0.5, 1.0))
    targets = [one.quantity.target for one in findings.comparisons if one.quantity.target]
    assert [target.share for target in targets] == [1.0]
    assert "pilot" in findings.sentences()[0]


def test_a_run_that_was_at_the_target_before_it_trained_has_no_speedup(only) -> None:
    one, _ = only({"uniform": reaching(30, 30), "is": [Made(first=0.09, end=0.05)] * 2}, **TARGET)
    assert (one.verdict, one.reason) == ("inconclusive", "at the start")
    assert row(one)["speedup"] is None
