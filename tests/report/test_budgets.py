import math
import re

import numpy as np
import pytest
from matplotlib import rc_context

from isbench.report import budgets, frames, report
from isbench.report.figures import budgets as drawn
from isbench.report.figures import style
from tests.report import synthetic


@pytest.fixture(scope="module")
def pictures(budgeted):
    with rc_context(style.SETTINGS):
        return drawn.pictures(budgeted)


def row(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    (found,) = [each for _, each in table.iterrows()]
    return found


def test_the_interval_is_students():
    mean, low, high = budgets.interval(np.array([1.0, 2.0, 3.0]))
    half = 4.302653 * 1.0 / math.sqrt(3)  # the 97.5 % quantile of two degrees of freedom
    assert (mean, low, high) == pytest.approx((2.0, 2.0 - half, 2.0 + half), rel=1e-6)


def test_one_value_has_a_mean_and_no_interval():
    mean, low, high = budgets.interval(np.array([0.4]))
    assert (mean, math.isnan(low), math.isnan(high)) == (0.4, True, True)


def test_every_variant_budget_and_sampler_has_a_row(budgeted):
    table = budgets.rows(budgeted)
    assert len(table) == 2 * 2 * 5
    assert set(table["than"]) == {"uniform-budget"}


def test_the_difference_is_that_of_runs_with_the_same_seed(budgeted):
    found = row(budgets.rows(budgeted), variant="standard", budget="thirty", sampler="p-sgd")
    cells = budgeted.cells
    cells = cells[(cells["variant"] == "standard") & (cells["budget"] == "thirty")]
    errors = {
        name: cells[cells["sampler"] == name].set_index("seed")["test_error"]
        for name in ("p-sgd", "uniform-budget")
    }
    paired = errors["p-sgd"] - errors["uniform-budget"]
    assert (found["pairs"], found["difference"]) == (3, pytest.approx(paired.mean()))
    assert found["difference_low"] < found["difference"] < found["difference_high"]


def test_uniform_subsets_are_not_compared_with_themselves(budgeted):
    table = budgets.rows(budgeted)
    assert table[table["sampler"] == "uniform-budget"]["difference"].isna().all()


def test_a_missing_run_leaves_its_pair_out(budgeted):
    table = budgets.rows(budgeted)
    assert sorted(table["n"]) == [2] + [3] * 19


def test_each_variant_has_a_table_with_two_columns_for_each_budget(budgeted):
    standard, ricap = budgets.table(budgeted)
    assert (standard[0], ricap[0]) == ("standard", "ricap")
    assert standard[1] == ["sampler", "thirty", "minus uniform-budget", "epochs-5", "minus uniform-budget"]
    assert [line[0].text for line in standard[2]] == list(budgeted.labels)
    assert re.fullmatch(r"0\.\d+ ± 0\.\d+ \(3\)", standard[2][0][1].text)
    assert re.fullmatch(r"[+-]0\.\d{3} \[[+-]0\.\d{3}, [+-]0\.\d{3}\]", standard[2][0][2].text)


def test_without_an_arm_of_uniform_subsets_there_is_no_table(imponed):
    assert budgets.table(imponed) == []
    assert budgets.rows(imponed).empty


def test_a_regression_is_told_by_its_loss(budgeted, tmp_path):
    plan = synthetic.plan_of(synthetic.BUDGETED, (synthetic.EPOCHS,), seeds=2, points=2)
    synthetic.fill(tmp_path, plan, synthetic.BUDGETED, classes=False)
    assert set(budgets.rows(frames.load(tmp_path))["metric"]) == {"test_loss"}


def test_nothing_done_gives_no_table_and_no_picture(tmp_path):
    plan = synthetic.plan_of(synthetic.BUDGETED, (synthetic.EPOCHS,), seeds=1, points=2)
    synthetic.fill(tmp_path, plan, synthetic.BUDGETED, statuses=dict.fromkeys(plan.cells, "diverged"))
    results = frames.load(tmp_path)
    assert budgets.table(results) == drawn.pictures(results) == []


def test_errors_and_differences_are_drawn_with_a_column_for_each_budget(pictures):
    assert [picture.name for picture in pictures] == ["budget-error", "budget-difference"]
    for picture in pictures:
        assert [axes.get_title(loc="left") for axes in picture.figure.axes] == ["thirty", "epochs-5"]


def test_arms_are_grouped_by_augmentation(pictures, budgeted):
    names = [text.get_text() for text in pictures[0].figure.axes[0].get_yticklabels()]
    assert names == ["standard", *budgeted.labels, "ricap", *budgeted.labels]
    assert "uniform-budget" not in [text.get_text() for text in pictures[1].figure.axes[0].get_yticklabels()]


def test_a_single_seed_has_dots_and_no_intervals(tmp_path):
    plan = synthetic.plan_of(synthetic.BUDGETED, (synthetic.EPOCHS,), seeds=1, points=2)
    synthetic.fill(tmp_path, plan, synthetic.BUDGETED)
    with rc_context(style.SETTINGS):
        pictures = drawn.pictures(frames.load(tmp_path))
    assert all("n = 1" in picture.caption for picture in pictures)
    assert pictures[0].numbers["low"].isna().all()


def test_the_page_has_the_table_and_links_its_numbers(budgeted):
    page = report(budgeted.store.folder).read_text()
    assert page.index('<h2 id="budgets">') < page.index('<h2 id="results">')
    assert "<h3>ricap</h3>" in page
    assert (budgeted.store.folder / "figures" / "budget-error.csv").is_file()


def test_the_page_says_which_arm_has_which_optimiser(tmp_path):
    from isbench.report import tables
    from isbench.store.records import OptimizerSpec

    plan = synthetic.plan_of(synthetic.IMPONS, (synthetic.EPOCHS,), seeds=1, points=2)
    cells = {
        name: one.model_copy(update={"optimizer": OptimizerSpec(lr=0.1)})
        if one.sampler.label == "impon"
        else one
        for name, one in plan.cells.items()
    }
    changed = plan.model_copy(update={"cells": cells})
    synthetic.fill(tmp_path, changed, synthetic.IMPONS, only=())
    said = dict(tables.compared(frames.load(tmp_path)))["optimiser"]
    assert said.endswith("p-sgd / adam (lr 0.1): impon")
