"""The key `expect`: what claims become, and what is said of those that make no sense."""

import pytest

from isbench.recipe import load

BASE = """\
dataset: digits
model: mlp
budgets: [{epochs: 1}, {like: uniform, epochs: 1, name: equal}]
primary: {metric: val_error, budget: equal, target: 0.95}
samplers:
  - uniform
  - {sampler: dlis, label: d, start: none}
  - {sampler: dlis, start: {tau: {above: 1.5}}, grid: {pool: [2x, 3x, 4x]}}
"""


@pytest.fixture
def claims(write):
    """The claims of a recipe with these lines under `expect`."""
    return lambda *lines, more="": (
        load(write(f"{BASE}{more}expect:\n" + "".join(f"  - {line}\n" for line in lines))).expect
    )


def test_a_claim_is_of_the_baseline_at_the_end_where_nothing_else_is_said(claims):
    (one,) = claims("{claim: A-1, sampler: d, metric: test_error, better_by: 2%}")
    assert (one.claim, one.test, one.amount, one.sampler, one.than) == (
        "A-1",
        "better_by",
        0.02,
        "d",
        "uniform",
    )
    assert (one.measure.metric, one.measure.at, one.budget) == ("test_error", "end", "")


def test_a_number_alone_has_nobody_to_be_compared_with(claims):
    (one,) = claims("{sampler: d, selection: {quantity: coverage_epoch}, at: [0, 0.5], above: 0.5}")
    assert (one.than, one.measure.selection, one.measure.at) == ("", "coverage_epoch", (0.0, 0.5))


def test_parts_take_over_what_the_whole_says_but_not_what_they_measure_otherwise(claims):
    (one,) = claims("{sampler: d, metric: test_loss, all: [{worse_by: 2%}, {phase: all, no_worse_than: 5%}]}")
    assert [part.sampler for part in one.parts] == ["d", "d"]
    assert [(part.measure.metric, part.measure.phase) for part in one.parts] == [
        ("test_loss", ""),
        ("", "all"),
    ]


def test_a_trend_is_over_the_arms_that_differ_in_one_option_alone(claims):
    (one,) = claims('{sampler: dlis, trend: {option: pool, metric: train_loss, sign: "-"}}')
    assert one.trend.labels == ("dlis[pool=2x]", "dlis[pool=3x]", "dlis[pool=4x]")
    assert one.trend.values == (128.0, 192.0, 256.0)


@pytest.mark.parametrize(
    ("line", "amount"),
    [
        ('trend: {option: pool, metric: train_loss, sign: "-"}', 0.02),
        ('selection: {quantity: coverage}, trend: {option: pool, sign: "-"}', 0.02),
        ('phase: all, trend: {option: pool, sign: "+"}', 0.03),
        ('target: 0.95, trend: {option: pool, sign: "+"}', 0.03),
        ('trend: {option: pool, metric: train_seconds, sign: "+"}', 0.03),
        ('phase: all, trend: {option: pool, sign: "+", by: 10%}', 0.1),
    ],
)
def test_a_trend_must_amount_to_what_matters_of_its_quantity(claims, line, amount):
    (one,) = claims(f"{{sampler: dlis, {line}}}")
    assert one.amount == amount


def test_a_claim_without_a_variant_must_hold_in_all(claims):
    more = "variants: {a: {}, b: {}}\n"
    whole, named = claims("{sampler: d, better_by: 2%}", "{sampler: d, variant: b, better_by: 2%}", more=more)
    assert (whole.test, [part.variant for part in whole.parts]) == ("all", ["a", "b"])
    assert (named.test, named.variant) == ("better_by", "b")


def test_a_probe_compares_scores_of_the_baselines_run(claims):
    (one,) = claims(
        "{probe: {score: upper_bound, than: loss, quantity: squared_error, at: [0, 5]}, better_by: 0%}"
    )
    assert (one.sampler, one.than, one.measure.probe.steps) == ("uniform", "", (0, 5))


def test_claims_change_no_run(write):
    plain, claiming = load(write(BASE)), load(write(f"{BASE}expect: [{{sampler: d, better_by: 2%}}]"))
    assert plain.settings == claiming.settings
    assert len(claiming.expect) == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{sampler: dd, better_by: 2%}", "sampler: no sampler is labelled 'dd' (did you mean 'd'?)"),
        (
            "{sampler: d, budget: epoch-1, better_by: 2%}",
            "budget: no budget is named 'epoch-1' (did you mean 'epochs-1'?)",
        ),
        ("{sampler: d, metric: test_error, than: d, better_by: 2%}", "sampler: d is compared with itself"),
        ("{sampler: d, speedup: 1.0}", "speedup: needs a target, as in target: 0.95"),
        (
            "{sampler: d, target: 0.9, metric: test_error, sooner_than: uniform}",
            "metric: must be that of primary, val_error: targets are shares of its improvement",
        ),
        (
            "{sampler: d, target: 0.9, budget: epochs-1, sooner_than: uniform}",
            "target: needs a pilot of that budget: add `targets: [0.95]`",
        ),
        (
            "{sampler: d, selection: {quantity: coverage}, better_by: 5%}",
            "better_by: makes no sense here: neither more nor less is better; say above or below",
        ),
        (
            "{sampler: d, phase: score, metric: val_loss, better_by: 5%}",
            "metric: goes not together with phase",
        ),
        (
            "{sampler: d, phase: score, at: auc, better_by: 5%}",
            "at: is of metrics; a phase takes end or two shares",
        ),
        (
            "{sampler: d, at: [0.5, 0.2], better_by: 5%}",
            "at: must be two rising shares of the run, as in [0, 0.2]",
        ),
        (
            "{sampler: d, selection: {quantity: coverage}, at_most: 2}",
            "at_most: is of ratios; say above or below",
        ),
        ("{probe: {score: loss, quantity: bias}, better_by: 1%}", "probe: needs `than`, another score"),
        ("{sampler: d, variant: x, better_by: 5%}", "variant: there are no variants"),
        ("{sampler: d, better: 5%}", "better: unknown key of expect (did you mean 'better_by'?)"),
        ("{better_by: 5%}", "sampler: is missing; expected the label of a sampler"),
        (
            '{sampler: dlis, trend: {option: pol, sign: "+"}}',
            "trend.option: no such option (did you mean 'pool'?)",
        ),
    ],
)  # fmt: skip
def test_a_senseless_claim_is_told_at_its_place(mistakes, line, told):
    (found,) = mistakes(f"{BASE}expect:\n  - {line}\n")
    assert found.split(": ", 1)[1] == f"expect.0.{told}"


def test_two_tests_at_once_are_none(mistakes):
    (found,) = mistakes(f"{BASE}expect: [{{sampler: d, better_by: 2%, within: 2%}}]\n")
    assert found.endswith("it names better_by and within")
