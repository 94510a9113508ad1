import math
import re

import numpy as np
import pytest
from matplotlib import rc_context

from isbench.report import budgets, frames, report, tables
from isbench.report.figures import budgets as drawn
from isbench.report.figures import style
from isbench.store.records import OptimizerSpec
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


def test_budgets_stand_side_by_side_under_their_variants(budgeted):
    (table,) = budgets.tables(budgeted)
    assert table.variants == (("standard", 2), ("ricap", 2))
    assert table.budgets == ("thirty", "epochs-5") * 2
    assert [label for label, _ in table.rows] == list(budgeted.labels)
    entry = dict(table.rows)["uniform"][0]
    assert re.fullmatch(r"0\.\d{3} ± 0\.\d{3} \(3\)", entry.error.text)
    assert re.fullmatch(r"[+-]0\.\d{3} \[[+-]0\.\d{3}, [+-]0\.\d{3}\]", entry.difference)


def test_a_table_is_no_wider_than_a_page(tmp_path):
    four = [
        synthetic.THIRTY.model_copy(update={"name": name, "amount": 1.0 + at})
        for at, name in enumerate("abcd")
    ]
    plan = synthetic.plan_of(synthetic.BUDGETED[:2], four, seeds=1, variants=("standard", "ricap"), points=1)
    synthetic.fill(tmp_path, plan, synthetic.BUDGETED)
    found = budgets.tables(frames.load(tmp_path))
    assert [table.variants for table in found] == [(("standard", 4),), (("ricap", 4),)]


def test_a_cell_names_its_runs_only_where_their_number_differs(budgeted, tmp_path):
    assert budgets.counted(budgeted) == "n = 2 to 3"
    whole = of_arms(tmp_path, *synthetic.BUDGETED[:2])
    (table,) = budgets.tables(whole)
    assert budgets.counted(whole) == "n = 2"
    assert "(" not in table.rows[0][1][0].error.text


def test_small_losses_have_more_decimals():
    assert [budgets._digits(value) for value in (0.4, 1.7, 0.004, 0.0)] == [3, 3, 5, 3]


def of_arms(folder, *arms, budget=synthetic.EPOCHS, optimizers=None):
    """Results of some arms, some with optimisers of their own."""
    plan = synthetic.plan_of(arms, (budget,), seeds=2, points=2)
    cells, blocks = {}, []
    for block in plan.blocks:
        made = [synthetic.cell(arm, budget, block.seed, points=2) for arm in arms]
        own = [(optimizers or {}).get(one.sampler.label, one.optimizer) for one in made]
        made = [one.model_copy(update={"optimizer": each}) for one, each in zip(made, own, strict=True)]
        cells |= {one.id: one for one in made}
        blocks.append(block.model_copy(update={"cells": tuple(one.id for one in made)}))
    synthetic.fill(folder, plan.model_copy(update={"cells": cells, "blocks": tuple(blocks)}), arms)
    return frames.load(folder)


def subsets(label, **options):
    return synthetic.Arm(label, "uniform-budget", options=options)


def test_the_arm_that_is_called_so_is_compared_with_wherever_it_stands(tmp_path):
    half = subsets("half", fraction=0.5)
    assert budgets.reference(of_arms(tmp_path, synthetic.UNIFORM, half, subsets("uniform-budget"))) == (
        "uniform-budget"
    )


def test_a_name_alone_makes_no_random_subsets(tmp_path):
    named = synthetic.Arm("uniform-budget", "p-sgd")
    assert budgets.reference(of_arms(tmp_path, synthetic.UNIFORM, named, subsets("mine"))) == "mine"


def test_else_the_arm_with_the_fewest_options_of_its_own_is_compared_with(tmp_path):
    arms = synthetic.UNIFORM, subsets("half", fraction=0.5), subsets("plain")
    assert budgets.reference(of_arms(tmp_path, *arms)) == "plain"


def test_an_optimiser_of_its_own_counts_as_an_option(tmp_path):
    arms = synthetic.UNIFORM, subsets("slow"), subsets("usual")
    found = of_arms(tmp_path, *arms, optimizers={"slow": OptimizerSpec(lr=1e-5)})
    assert budgets.reference(found) == "usual"


def test_where_none_is_nearest_the_page_says_that_there_is_none_to_compare_with(tmp_path):
    arms = synthetic.UNIFORM, subsets("half", fraction=0.5), subsets("third", fraction=0.3)
    found = of_arms(tmp_path, *arms)
    assert budgets.reference(found) == ""
    assert budgets.rows(found)["difference"].isna().all()
    page = report(tmp_path).read_text()
    assert "half, third are all random subsets" in page
    assert "there is none to compare with" in page
    assert (tmp_path / "figures" / "budget-error.svg").is_file()
    assert not (tmp_path / "figures" / "budget-difference.svg").exists()


def test_a_budget_of_a_fraction_without_random_subsets_says_so_too(tmp_path):
    thirty = synthetic.THIRTY.model_copy(update={"fraction": 0.3})
    found = of_arms(tmp_path, synthetic.UNIFORM, synthetic.BUDGETED[2], budget=thirty)
    assert len(budgets.rows(found)) == 2
    assert budgets.compared_with(found).startswith("No arm is uniform-budget")


def test_without_an_arm_of_uniform_subsets_there_is_no_table(imponed):
    assert budgets.tables(imponed) == []
    assert budgets.rows(imponed).empty


def test_a_regression_is_told_by_its_loss(budgeted, tmp_path):
    plan = synthetic.plan_of(synthetic.BUDGETED, (synthetic.EPOCHS,), seeds=2, points=2)
    synthetic.fill(tmp_path, plan, synthetic.BUDGETED, classes=False)
    assert set(budgets.rows(frames.load(tmp_path))["metric"]) == {"test_loss"}


def diverging(folder, *lost):
    """Three arms at three seeds, of which some runs diverge: pairs of label and seed."""
    plan = synthetic.plan_of(ARMS, (synthetic.EPOCHS,), seeds=3, points=2)
    gone = [id for id, one in plan.cells.items() if (one.sampler.label, one.seed) in lost]
    synthetic.fill(folder, plan, ARMS, statuses=dict.fromkeys(gone, "diverged"))
    return frames.load(folder)


ARMS = synthetic.BUDGETED[:3]
REFERENCE, OTHER = (arm.label for arm in ARMS[1:])


def test_runs_that_diverged_are_counted_beside_what_the_others_reached(tmp_path):
    found = diverging(tmp_path, (OTHER, 0))
    one = row(budgets.rows(found), sampler=OTHER)
    assert (one["n"], one["diverged"], one["pairs"]) == (2, 1, 2)
    (table,) = budgets.tables(found)
    (entry,) = dict(table.rows)[OTHER]
    assert re.fullmatch(r"0\.\d{4} ± 0\.\d{4} \(2, 1 diverged\)", entry.error.text)
    assert entry.difference.endswith("]")
    assert budgets.counted(found) == (
        "n = 2 to 3; 1 run diverged, means and differences are over those that finished"
    )


def test_a_difference_to_an_arm_that_lost_runs_says_how_many_pairs_it_is_of(tmp_path):
    (table,) = budgets.tables(diverging(tmp_path, (REFERENCE, 0), (REFERENCE, 1)))
    (entry,) = dict(table.rows)[OTHER]
    assert entry.error.text.endswith(" (3)")
    assert re.fullmatch(r"[+-]0\.\d{4} \(1 pair\)", entry.difference)


def test_an_arm_all_of_whose_runs_diverged_keeps_its_row(tmp_path):
    found = diverging(tmp_path, *((OTHER, seed) for seed in range(3)))
    (table,) = budgets.tables(found)
    (entry,) = dict(table.rows)[OTHER]
    assert (entry.error.text, entry.error.number, entry.difference) == ("(0, 3 diverged)", None, "")
    with rc_context(style.SETTINGS):
        error, difference = drawn.pictures(found)
    texts = [text.get_text() for text in error.figure.axes[0].texts]
    assert "diverged" in texts
    assert OTHER in [text.get_text() for text in error.figure.axes[0].get_yticklabels()]
    assert OTHER not in [text.get_text() for text in difference.figure.axes[0].get_yticklabels()]
    for picture in (error, difference):
        assert picture.caption.endswith(f"which are over the others: {OTHER} 3.")
    assert "(0, 3 diverged)" in report(tmp_path).read_text()


def test_where_everything_diverged_the_table_says_so_and_there_is_no_picture(tmp_path):
    found = diverging(tmp_path, *((arm.label, seed) for arm in ARMS for seed in range(3)))
    (table,) = budgets.tables(found)
    assert {entry.error.text for _, (entry,) in table.rows} == {"(0, 3 diverged)"}
    assert drawn.pictures(found) == []
    assert "9 runs diverged" in report(tmp_path).read_text()


def test_nothing_that_ended_gives_no_table_and_no_picture(tmp_path):
    plan = synthetic.plan_of(ARMS, (synthetic.EPOCHS,), seeds=1, points=2)
    synthetic.fill(tmp_path, plan, ARMS, statuses=dict.fromkeys(plan.cells, "failed"))
    results = frames.load(tmp_path)
    assert budgets.tables(results) == drawn.pictures(results) == []


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
    assert page.index('<h2 id="protocols">') < page.index('<h2 id="budgets">')
    assert re.search(r'<th [^>]*colspan="2">ricap</th>', page)
    assert (budgeted.store.folder / "figures" / "budget-error.csv").is_file()


def test_the_page_says_which_arm_has_which_optimiser(tmp_path):
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
