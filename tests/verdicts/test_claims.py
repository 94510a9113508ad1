"""Claims decided on made-up runs: each test, what joins claims, many at once, and where they are told."""

import csv
import json
from xml.etree import ElementTree as xml

import pytest

from isbench.store.claims import Expectation, Measure, Trend
from isbench.verdicts import write
from isbench.verdicts.claims import Decision
from isbench.verdicts.claims import joined as merge
from tests.verdicts import made

LOW, HIGH = made.ending(0.100, 0.104, 0.098), made.ending(0.200, 0.198, 0.203)
ERROR, NAN = Measure(metric="val_error"), float("nan")


def claim(test: str, amount: float = 0.02, **more) -> Expectation:
    said = {"sampler": "arm", "than": "uniform", "measure": ERROR}
    return Expectation.model_validate({"test": test, "amount": amount, **said, **more})


def joined(test: str, *parts: Expectation) -> Expectation:
    return Expectation.model_validate({"test": test, "parts": parts})


@pytest.fixture
def decided(found):
    """The decision on one claim about an arm and uniform."""

    def answer(one, arm, uniform=HIGH, **plan):
        return found({"uniform": uniform, "arm": arm}, expect=(one,), **plan).claims[0]

    return answer


@pytest.mark.parametrize(
    ("one", "answer"),
    [
        (claim("better_by"), "held"),
        (claim("better_by", 0.9), "not held"),
        (claim("worse_by"), "not held"),
        (claim("within"), "not held"),
        (claim("no_worse_than"), "held"),
        (claim("at_most", 0.92), "held"),
        (claim("at_most", 0.1), "not held"),
        (claim("above", 0.6), "not held"),
        (claim("below", 0.6), "held"),
        (claim("below", 0.2, than=""), "held"),
        (claim("above", 0.2, than=""), "not held"),
        (claim("exact", 0.2), "held"),
        (claim("exact", 0.01), "not held"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.test}-{value.amount}-{value.than}",
)
def test_half_the_error_decides_each_test(decided, one, answer):
    assert decided(one, LOW).answer == answer


def test_twice_the_error_is_worse(decided):
    one = decided(claim("worse_by"), HIGH, LOW)
    assert (one.answer, round(one.interval.mean, 1)) == ("held", 0.5)


def test_a_wide_interval_is_inconclusive(decided):
    one = decided(claim("better_by"), made.ending(0.1, 0.3, 0.2))
    assert (one.answer, one.reason) == ("inconclusive", "spread")


def test_one_seed_decides_nothing(found):
    runs = {"uniform": made.ending(0.2), "arm": made.ending(0.1)}
    (one,) = found(runs, expect=(claim("better_by"),)).claims
    assert (one.answer, one.reason) == ("inconclusive", "one seed")


def test_a_ratio_is_only_shown_on_a_proxy(decided):
    one = decided(claim("at_most", 0.92, scale="proxy"), LOW)
    assert (one.said, one.reason) == ("inconclusive on proxy", "shown")


def test_arms_that_mostly_diverged_are_not_better(decided):
    lost = [made.Made(end=0.5, status="diverged")] * 6
    assert decided(claim("better_by"), lost, made.ending(*[0.2] * 6)).answer == "not held"


def test_sooner_is_by_seconds_to_the_target(decided):
    one = claim("sooner_than", 0.0, budget="minute", measure=Measure(target=1.0))
    arm, uniform = made.reaching(20, 21, 19), made.reaching(40, 41, 39)
    found = decided(one, arm, uniform)
    assert found.answer == "held"
    assert found.interval.mean == pytest.approx(2, rel=0.05)


def test_a_speed_up_is_compared_with_a_constant(decided):
    one = claim("speedup", 3.0, budget="minute", measure=Measure(target=1.0))
    assert decided(one, made.reaching(20, 21, 19), made.reaching(40, 41, 39)).answer == "not held"


def test_both_missing_the_target_is_inconclusive(decided):
    one = claim("sooner_than", 0.0, budget="minute", measure=Measure(target=1.0))
    assert decided(one, HIGH, HIGH).answer == "inconclusive"


@pytest.mark.parametrize(("sign", "answer"), [("-", "held"), ("+", "not held")])
def test_a_trend_has_a_direction(found, sign, answer):
    labels = ("a", "b", "c")
    runs = {"uniform": HIGH} | {
        label: made.ending(*(0.3 / (place + 1) + seed / 1000 for seed in range(3)))
        for place, label in enumerate(labels)
    }
    trend = Trend(option="pool", sign=sign, labels=labels, values=(1.0, 2.0, 3.0))
    (one,) = found(runs, expect=(claim("trend", sampler="a", than="", trend=trend),)).claims
    assert one.answer == answer
    assert one.change == pytest.approx(1 / 3 - 1, abs=0.01)


def test_a_window_is_the_mean_of_its_points(decided):
    window = Measure(metric="val_error", at=(0.0, 0.5))
    one = decided(claim("below", 1.0, than="", measure=window), made.ending(0.1, 0.1, 0.1))
    assert one.interval.mean == pytest.approx(0.7, abs=0.01)  # from 0.9 halfway to 0.1


def test_what_was_not_measured_is_inconclusive_and_says_so(decided):
    one = decided(claim("better_by", measure=Measure(phase="score")), LOW)
    assert (one.answer, one.reason) == ("inconclusive", "arm has no seconds of phase score per step")


def test_a_race_that_is_not_there_is_inconclusive(decided):
    one = decided(claim("better_by", budget="hour"), LOW)
    assert (one.answer, one.reason) == ("inconclusive", "there is no race of hour")


@pytest.mark.parametrize(
    ("test", "parts", "answer"),
    [
        ("all", ("better_by", "worse_by"), "not held"),
        ("any", ("better_by", "worse_by"), "held"),
        ("any", ("within", "worse_by"), "not held"),
        ("not", ("worse_by",), "held"),
        ("not", ("better_by",), "not held"),
    ],
)
def test_claims_are_joined_by_all_any_and_not(decided, test, parts, answer):
    assert decided(joined(test, *map(claim, parts)), LOW).answer == answer


@pytest.mark.parametrize("shown", [claim("at_most", 0.9, scale="proxy"), claim("better_by", budget="hour")])
def test_what_is_no_test_makes_no_other_claim_harder(found, shown):
    runs = {"uniform": HIGH, "arm": made.ending(0.15, 0.155, 0.135)}
    one, other = found(runs, expect=(claim("better_by"), shown)).claims
    assert (one.answer, one.p_holm) == ("held", one.p)
    assert other.answer == "inconclusive"


@pytest.mark.parametrize(
    ("test", "parts", "p"),
    [
        ("all", (("held", 0.01), ("held", 0.03)), 0.03),
        ("all", (("not held", 0.01), ("held", 0.001), ("inconclusive", 1.0)), 0.03),
        ("all", (("not held", 0.01), ("not held", 0.02)), 0.02),
        ("all", (("not held", 0.6), ("held", 0.001)), 1.0),
        ("all", (("held", 0.01), ("inconclusive", 1.0)), 1.0),
        ("any", (("held", 0.01), ("not held", 0.001)), 0.02),
        ("any", (("not held", 0.01), ("not held", 0.03)), 0.03),
        ("not", (("held", 0.01),), 0.01),
        ("all", (("held", NAN), ("held", 0.03)), 0.03),
        ("all", (("held", NAN), ("held", NAN)), NAN),
        ("all", (("not held", NAN), ("held", 0.03)), NAN),
    ],
)
def test_the_p_value_of_joined_claims_is_that_of_the_parts_that_decide(test, parts, p):
    decisions = [Decision(claim("better_by"), answer, p=each) for answer, each in parts]
    assert merge(Expectation(test=test), decisions).p == pytest.approx(p, nan_ok=True)


def test_what_holds_alone_may_not_hold_among_many(found):
    runs = {"uniform": HIGH, "arm": made.ending(0.15, 0.155, 0.135)}
    alone = found(runs, expect=(claim("better_by"),)).claims[0]
    assert 0.01 < alone.p < 0.05
    weak = claim("within", 0.2)
    among = found(runs, expect=(claim("better_by"), weak, weak, weak, weak)).claims[0]
    assert (among.answer, among.reason) == ("inconclusive", "family")


def test_the_repeated_baseline_widens_a_margin(found):
    runs = {"uniform": HIGH, "arm": made.ending(0.19, 0.188, 0.193), "aa": made.ending(0.3, 0.12, 0.25)}
    (one,) = found(runs, expect=(claim("better_by"),), controls={"aa": ("aa", "uniform")}).claims
    assert one.amount > 0.02
    assert one.answer == "not held"


def test_the_sentence_holds_claim_verdict_interval_and_place(found):
    one = claim("better_by", claim="C-1", says="it is better", scale="proxy")
    findings = found({"uniform": HIGH, "arm": LOW}, expect=(one,))
    ((said, sentence),) = findings.told_claims
    assert said == "held on proxy"
    assert sentence == (
        "C-1 (it is better) held on proxy. val_error of arm against uniform, claimed better (2 % matters): "
        "49.8 % [44.2, 54.8] lower (minute, Intel Xeon Processor, n = 3)."
    )


def test_claims_are_written_everywhere(tmp_path):
    claims = (claim("better_by", claim="C-1"), joined("all", claim("worse_by"), claim("better_by")))
    folder = made.folder(tmp_path / "made", {"uniform": HIGH, "arm": LOW}, expect=claims)
    write(folder)
    with (folder / "tables" / "claims.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["claim"], row["part"], row["verdict"]) for row in rows] == [
        ("C-1", "", "held"),
        ("claim 2", "", "not held"),
        ("claim 2", "1", "not held"),
        ("claim 2", "2", "held"),
    ]
    summary = json.loads((folder / "summary.json").read_text())["claims"]
    assert [(one["verdict"], len(one["parts"])) for one in summary] == [("held", 0), ("not held", 2)]
    told = (folder / "summary.md").read_text()
    of_arm = "| val\\_error of arm against uniform, minute |  | 3 | 49.8 % \\[44.2, 54.8\\] lower |"
    assert f"| C-1 {of_arm} held |" in told
    assert "| claim 2 | all of |  |  | 1 of 2 held | not held |" in told
    assert f"| part 1 {of_arm} not held |" in told
    assert "cells have a result; claims: 1 held, 1 not held**" in told
    cases = xml.parse(folder / "junit.xml").findall(".//testcase")
    cases = [case for case in cases if case.attrib["classname"].endswith(".claims")]
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"]]


def test_a_folder_without_claims_has_no_table_of_them(tmp_path):
    folder = made.folder(tmp_path / "made", {"uniform": HIGH, "arm": LOW})
    write(folder)
    assert not (folder / "tables" / "claims.csv").exists()


def test_where_all_parts_were_measured_is_said_once(found):
    one = joined("all", claim("better_by"), joined("not", claim("worse_by")))
    ((_, sentence),) = found({"uniform": HIGH, "arm": LOW}, expect=(one,)).told_claims
    assert sentence == (
        "claim 1 held. All of: val_error of arm against uniform, claimed better (2 % matters): "
        "49.8 % [44.2, 54.8] lower: held; [not that: val_error of arm against uniform, claimed worse "
        "(2 % matters): 49.8 % [44.2, 54.8] lower: not held]: held (minute, Intel Xeon Processor, n = 3)."
    )


def test_where_parts_were_measured_apart_each_says_so(found):
    parts = joined("all", claim("better_by"), claim("better_by", budget="epochs-5"))
    budgets = (made.MINUTE, made.FIVE)
    ((_, sentence),) = found({"uniform": HIGH, "arm": LOW}, expect=(parts,), budgets=budgets).told_claims
    assert "(minute, Intel Xeon Processor, n = 3): held; " in sentence
    assert "(epochs-5, Intel Xeon Processor, n = 3): held." in sentence


@pytest.mark.parametrize(
    ("test", "reason"), [("all", "parts"), ("any", "parts"), ("not", "there is no race of hour")]
)
def test_a_part_that_is_missing_leaves_a_claim_open(decided, test, reason):
    one = decided(joined(test, claim("better_by", budget="hour")), LOW)
    assert (one.answer, one.reason) == ("inconclusive", reason)


def test_one_part_that_held_is_enough_for_any_though_another_is_missing(decided):
    assert decided(joined("any", claim("better_by", budget="hour"), claim("better_by")), LOW).answer == "held"


def test_a_margin_that_noise_has_raised_says_so(found):
    runs = {"uniform": HIGH, "arm": LOW, "aa": made.ending(0.22, 0.218, 0.223)}
    findings = found(runs, expect=(claim("better_by"),), controls={"aa": ("aa", "uniform")})
    ((_, sentence),) = findings.told_claims
    assert "claimed better (9.98 % matters, 2 % raised to the noise): " in sentence


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (claim("better_by", 0.0), "claimed better: 49.8 % ["),
        (claim("worse_by"), "claimed worse (2 % matters): 49.8 % [44.2, 54.8] lower"),
        (claim("within", 0.05), "claimed the same to 5 %: 49.8 %"),
        (claim("no_worse_than", 0.05), "claimed worse by less than 5 %: 49.8 %"),
        (claim("at_most", 0.9), "claimed a ratio of at most 0.9: a ratio of 0.50 [0.45, 0.56]"),
        (claim("above", 0.3), "claimed above 0.3: a ratio of 0.50 ["),
        (claim("below", 0.3, than=""), "val_error of arm, claimed below 0.3: 0.101 ["),
        (claim("exact", 0.3), "claimed to agree to 0.3: off by 0.105 at most"),
        (claim("exact", 0.3, than=""), "claimed to be 0 to 0.3: off by 0.104 at most"),
        (claim("better_by", measure=ERROR.model_copy(update={"at": "auc"})), "on the mean of all points, "),
        (claim("better_by", measure=Measure()), "val_error of arm against uniform, "),
        (
            claim("sooner_than", 0.0, measure=Measure(target=0.5)),
            "cost of the 50 % target (val_error) of arm against uniform, claimed sooner (1.03x matters): ",
        ),
    ],
)  # fmt: skip
def test_a_sentence_says_what_was_claimed_and_what_was_found(found, one, told):
    ((_, sentence),) = found({"uniform": HIGH, "arm": LOW}, expect=(one,)).told_claims
    assert told in sentence


def test_what_a_recipe_says_of_a_claim_cannot_break_a_summary(tmp_path):
    nasty = claim("worse_by", claim="<b>|`C", says="a|b\n# <script>\x1b[31m @all\x00")
    folder = made.folder(tmp_path / "made", {"uniform": HIGH, "arm": LOW}, expect=(nasty,))
    write(folder)
    told = (folder / "summary.md").read_text()
    (row,) = (line for line in told.splitlines() if line.endswith(" not held |"))
    assert row.replace("\\|", "").count("|") == 7
    assert not any(mark in told for mark in ("<", "\x1b", "\x00", " @all", "\n# "))
    (failed,) = xml.parse(folder / "junit.xml").findall(".//testcase/failure")
    assert "script" in failed.text


def test_many_claims_are_cut_to_what_a_ci_system_shows(tmp_path):
    many = tuple(claim("better_by", claim=f"C-{n}", says="so" * 150) for n in range(300))
    folder = made.folder(tmp_path / "made", {"uniform": HIGH, "arm": LOW}, expect=many)
    write(folder)
    told = (folder / "summary.md").read_text()
    assert len(told.encode()) < 64_000
    assert "more lines" in told


def test_what_was_not_measured_is_told_with_where_it_was_looked_for(found):
    one = claim("better_by", measure=Measure(phase="score"))
    ((_, sentence),) = found({"uniform": HIGH, "arm": LOW}, expect=(one,)).told_claims
    why = "arm has no seconds of phase score per step"
    assert sentence == (
        f"claim 1 is inconclusive: {why}. seconds of phase score per step of arm against uniform, claimed "
        f"better (2 % matters), is not measured: {why} (minute, Intel Xeon Processor, n = 0 of 3)."
    )
