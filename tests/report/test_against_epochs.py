import pandas as pd
import pytest
from matplotlib import rc_context

from isbench.report import frames
from isbench.report.figures import against_epochs, bank, budgets, epochs_and_time, looks, paper, style
from tests.report import synthetic


def draw(results, family=against_epochs.pictures):
    with rc_context(style.SETTINGS):
        return family(results)


def filled(folder, arms=synthetic.IMPONS, **changes):
    plan = synthetic.plan_of(arms, **{"budgets": (synthetic.EPOCHS,), "seeds": 1, "points": 4, **changes})
    synthetic.fill(folder, plan, arms)
    return frames.load(folder)


def seen(picture):
    return [axes for axes in picture.figure.axes if axes.axison]


def test_each_variant_has_its_panel_of_validation_accuracy(imponed):
    accuracy, _ = draw(imponed)
    assert [axes.get_title(loc="left") for axes in seen(accuracy)] == ["svhn", "cifar10", "cifar100"]
    assert seen(accuracy)[0].get_ylabel() == "validation accuracy"
    assert set(accuracy.numbers["metric"]) == {"val_accuracy"}


def test_accuracy_is_one_minus_the_validation_error(imponed):
    points = imponed.points
    assert (points["val_accuracy"] + points["val_error"]).to_numpy() == pytest.approx(1.0)


def test_losses_of_batches_stand_below_those_of_fixed_samples_and_are_marked(imponed):
    _, losses = draw(imponed)
    assert [axes.get_ylabel() for axes in seen(losses)[::3]] == ["training loss", "loss of the batches"]
    assert [text.get_text() for text in seen(losses)[3].texts] == [against_epochs.WARNING]
    assert "tell nothing about each other" in losses.caption


def test_the_accuracy_axis_leaves_out_the_untrained_model(imponed):
    accuracy, _ = draw(imponed)
    early = accuracy.numbers[(accuracy.numbers["variant"] == "svhn") & (accuracy.numbers["progress"] <= 0.1)]
    low, _ = seen(accuracy)[0].get_ylim()
    assert early["mean"].min() < low < early[early["progress"] > 0]["mean"].min()


def test_a_run_that_diverged_below_the_cut_of_the_axis_has_its_ring_at_the_edge(tmp_path):
    plan = synthetic.plan_of(synthetic.IMPONS, (synthetic.EPOCHS,), seeds=1, points=2)
    lost = [id for id, one in plan.cells.items() if one.sampler.label == "impon"]  # before its first point
    synthetic.fill(tmp_path, plan, synthetic.IMPONS, statuses=dict.fromkeys(lost, "diverged"))
    accuracy, _ = draw(frames.load(tmp_path))
    (axes,) = seen(accuracy)
    low, _ = axes.get_ylim()
    (ring,) = (line for line in axes.lines if line.get_marker() == "o" and not line.get_clip_on())
    assert low > 0.5
    assert list(ring.get_ydata()) == [low]
    style.save(accuracy, tmp_path)  # a ring far off would leave no room for the panel


def test_an_accuracy_axis_that_would_begin_near_0_begins_there():
    with rc_context(style.SETTINGS):
        axes = style.figure(1.0).subplots()
        against_epochs._cut(axes, pd.Series([0.1, 0.9]))
    assert axes.get_ylim()[0] == 0.0


def test_a_long_warning_moves_no_panel(imponed):
    _, losses = draw(imponed)
    losses.figure.draw_without_rendering()
    widths = [axes.get_position().width for axes in seen(losses)]
    gaps = [
        right.get_position().x0 - left.get_position().x1
        for left, right in zip(seen(losses)[:2], seen(losses)[1:3], strict=True)
    ]
    assert max(widths) < 1.05 * min(widths)
    assert max(gaps) < 1.5 * min(gaps)


def test_four_variants_stand_two_by_two(tmp_path):
    results = filled(tmp_path, variants=("a", "b", "c", "d"))
    accuracy, losses = draw(results)
    assert accuracy.figure.axes[0].get_gridspec().get_geometry() == (2, 2)
    assert losses.figure.axes[0].get_gridspec().get_geometry() == (4, 2)


def test_a_fifth_variant_leaves_a_panel_empty(tmp_path):
    accuracy, _ = draw(filled(tmp_path, variants=("a", "b", "c", "d", "e")))
    assert (len(accuracy.figure.axes), len(seen(accuracy))) == (6, 5)


def test_without_a_validation_set_the_test_set_is_shown(tmp_path):
    results = filled(tmp_path)
    results.points[["val_accuracy", "val_error", "val_loss"]] = float("nan")
    accuracy, _ = draw(results)
    assert seen(accuracy)[0].get_ylabel() == "test accuracy"


def test_each_budget_has_pictures_of_its_own(tmp_path):
    pictures = draw(filled(tmp_path, budgets=(synthetic.THIRTY, synthetic.EPOCHS)))
    assert [picture.name for picture in pictures] == [
        "validation-accuracy-thirty",
        "training-loss-thirty",
        "validation-accuracy-epochs-5",
        "training-loss-epochs-5",
    ]


def test_all_runs_may_have_diverged(tmp_path):
    plan = synthetic.plan_of(synthetic.IMPONS, (synthetic.EPOCHS,), seeds=1, points=8)
    synthetic.fill(tmp_path, plan, synthetic.IMPONS, statuses=dict.fromkeys(plan.cells, "diverged"))
    assert all("5 runs diverged" in picture.caption for picture in draw(frames.load(tmp_path)))


def test_papers_are_drawn_their_own_way(imponed, results, remembered):
    assert draw(results) == draw(remembered) == []
    assert draw(imponed, paper.pictures) == draw(imponed, epochs_and_time.pictures) == []
    assert draw(imponed, bank.pictures) == draw(imponed, budgets.pictures) == []


def test_what_is_compared_at_budgets_is_drawn_as_paper_002_does(budgeted):
    assert frames.sources(budgeted) == ("paper 002",)


def test_a_sweep_of_banks_is_coloured_as_a_sequence(banked):
    assert list(looks.banks(banked).values()) == [128, 200, 1600]
    shades = [looks.looks(banked)[label].color for label in looks.banks(banked)]
    green = [int(shade[3:5], 16) for shade in shades]
    assert green == sorted(green)


def test_arms_that_differ_in_more_than_the_bank_are_no_sweep(imponed, tmp_path):
    assert looks.banks(imponed) == {}
    odd = synthetic.Arm("odd", "impon", options={"bank": 400, "reset": "never"})
    assert looks.banks(filled(tmp_path, (*synthetic.BANKS, odd))) == {}


def test_a_sweep_of_banks_has_curves_and_their_ends_by_bank(banked):
    (picture,) = draw(banked, bank.pictures)
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in picture.figure.axes]
    row = [("epochs", "validation accuracy"), ("bank (samples)", "validation accuracy,\nthe end")]
    assert labels == 2 * row
    ends = picture.numbers[picture.numbers["shows"] == "end"]
    assert sorted(ends["bank"].dropna().unique()) == [128, 200, 1600]
    assert len(ends) == 2 * 4 * 3  # variants, arms, seeds


def test_the_accuracies_of_a_sweep_are_drawn_once(banked):
    assert [picture.name for picture in draw(banked)] == ["training-loss-epochs-5"]


def test_banks_that_are_close_do_not_all_have_their_number():
    assert bank._apart([128, 130, 160, 200, 400, 800, 1600]) == [128, 200, 400, 800, 1600]
