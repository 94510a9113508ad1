"""The expected best of k trials, and what a trial that diverged counts as."""

import itertools

import numpy as np
import pytest
from matplotlib import rc_context

from isbench.report import frames, report, tables
from isbench.report.figures import style
from isbench.report.figures import tuning as figure
from isbench.report.tuning import Tuned, expected
from isbench.store.plans import Trial
from isbench.store.records import Budget, Outcome, Point, RunRecord
from isbench.store.tuning import Tried, at_edges, chosen, out_of_memory
from tests.report import synthetic

BUDGET = Budget(name="b", amount=1.0, unit="epochs")


def record(error, loss=1.0, status="done"):
    spent = {
        "progress": 0.0,
        "epochs": 0.0,
        "steps": 0,
        "trained": 0,
        "scored": 0,
        "loaded": 0,
        "passes": 0.0,
    }
    times = {"train_seconds": 0.0, "eval_seconds": 0.0, "lr": 0.1}
    first = Point(**spent, **times, val_error=0.9, val_loss=2.3)
    last = Point(**spent, **times, val_error=error, val_loss=loss)
    outcome = Outcome(status=status, started="")
    return RunRecord(cell=synthetic.cell(synthetic.UNIFORM), outcome=outcome, points=(first, last))


def tried(number, *records):
    trial = Trial(variant="", label="a", number=number, asked=3, options={"x": number}, cells=("c",))
    return Tried(trial, BUDGET, records)


def test_the_expected_best_is_the_mean_over_all_draws_with_repetition():
    values = [0.3, 0.1, 0.4, 0.25]
    for k, found in enumerate(expected(values), start=1):
        draws = [min(draw) for draw in itertools.product(values, repeat=k)]
        assert found == pytest.approx(np.mean(draws))


def test_one_trial_is_expected_to_reach_the_mean():
    assert expected([0.5])[0] == 0.5
    assert expected([]).size == 0


def test_the_mean_over_seeds_decides_and_the_loss_among_equals():
    lucky = tried(1, record(0.1), record(0.5))
    steady = tried(2, record(0.25), record(0.25))
    better = tried(3, record(0.2, 0.5), record(0.3, 0.5))
    assert chosen([lucky, steady]) is steady
    assert chosen([lucky, steady, better]) is better


def test_nothing_is_chosen_while_a_trial_has_no_result():
    assert chosen([tried(1, record(0.1)), tried(2, None)]) is None
    assert chosen([tried(1, record(0.1)), tried(2, record(0.2, status="failed"))]) is None


def test_one_seed_that_diverged_makes_a_trial_the_worst():
    good, bad = tried(1, record(0.8), record(0.8)), tried(2, record(0.1), record(0.1, status="diverged"))
    assert chosen([bad, good]) is good
    assert chosen([bad]) is None


def test_a_trial_that_diverged_counts_as_the_worst_and_at_least_as_no_training():
    bad = tried(2, record(None, None, status="diverged"))
    assert Tuned("", "a", (tried(1, record(0.2)), bad)).values == [0.2, 0.9]
    assert Tuned("", "a", (tried(1, record(0.95)), bad)).values == [0.95, 0.95]


def test_a_choice_at_the_edge_of_a_grid_of_numbers_is_told():
    def arm(*options, best):
        values = [0.1 if number == best else 0.5 for number in range(len(options))]
        return [
            Tried(tried(number).trial.model_copy(update={"options": own}), BUDGET, (record(value),))
            for number, (own, value) in enumerate(zip(options, values, strict=True))
        ]

    rates = [{"lr": rate} for rate in (0.01, 0.001, 0.1)]
    assert [at_edges(arm(*rates, best=best)) for best in range(3)] == [[], ["lr"], ["lr"]]
    assert at_edges(arm({"lr": 0.1}, {"lr": 0.01}, best=0)) == []  # of two, each is an edge
    assert at_edges(arm(*({"score": name} for name in "abc"), best=0)) == []
    assert at_edges(arm(*({"norm": on} for on in (True, False, None)), best=0)) == []
    both = [{"lr": rate, "pool": pool} for rate in (1, 2, 3) for pool in (8, 16, 32)]
    assert at_edges(arm(*both, best=3)) == ["pool"]
    assert at_edges([tried(1, record(0.1)), tried(2, None), tried(3, record(0.2))]) == []


@pytest.mark.parametrize(
    ("trials", "found"),
    [
        ([({"pool": 8}, "done"), ({"pool": 16}, "oom")], ["pool: 16"]),
        ([({"pool": 8}, "diverged"), ({"pool": 16}, "oom")], ["pool: 16"]),
        ([({"pool": 8}, "done"), ({"pool": 16}, "failed")], []),
        (
            [
                ({"lr": 1, "pool": 8}, "done"),
                ({"lr": 1, "pool": 16}, "oom"),
                ({"lr": 2, "pool": 16}, "oom"),
                ({"lr": 2, "pool": 8}, "done"),
            ],
            ["pool: 16"],
        ),
        (
            [
                ({"pool": 8, "batch": 64}, "done"),
                ({"pool": 16, "batch": 32}, "done"),
                ({"pool": 16, "batch": 64}, "oom"),
            ],
            ["pool: 16 with batch: 64"],
        ),
    ],
)
def test_what_takes_too_much_memory_is_what_no_trial_came_through_with(trials, found):
    made = [
        Tried(tried(1).trial.model_copy(update={"options": own}), BUDGET, (record(0.2, status=status),))
        for own, status in trials
    ]
    assert out_of_memory(made) == found


def test_a_page_of_trials_alone_has_a_table_for_each_arm_and_marks_the_chosen(tuned):
    page = report(tuned.store.folder).read_text()
    assert page.count('<tr class="chosen">') == 4
    assert "its grid holds no more, 4 were asked for" in page
    assert 'id="results"' not in page


def test_the_figure_has_a_value_for_each_number_of_trials(tuned):
    with rc_context(style.SETTINGS):
        found = figure.pictures(tuned)
    assert [picture.name for picture in found] == ["tuning-easy", "tuning-hard"]
    (easy, _) = (picture.numbers for picture in found)
    assert easy.groupby("sampler")["k"].max().tolist() == [3, 3]
    assert easy.groupby("sampler")["val_error"].is_monotonic_decreasing.all()


def test_a_trial_without_a_result_is_among_the_troubles(tmp_path):
    plan = synthetic.with_trials(synthetic.plan_of(synthetic.STRATEGIES[:2], ()))
    broken = next(iter(plan.tuning)).cells[0]
    store = synthetic.fill(tmp_path, plan, statuses={broken: "failed"})
    results = frames.load(store.folder)
    assert [row["cell"] for row in tables.troubles(results)] == [broken]
    assert "failed" in report(store.folder).read_text()
