import pytest
from matplotlib import rc_context

from isbench.report import frames
from isbench.report.figures import epochs_and_time, paper, style
from tests.report import synthetic


def draw(results, family=epochs_and_time.pictures):
    with rc_context(style.SETTINGS):
        return family(results)


def filled(folder, arms=synthetic.MEMORIES, **changes):
    plan = synthetic.plan_of(arms, **{"seeds": 1, "points": 8, **changes})
    synthetic.fill(folder, plan, arms)
    return frames.load(folder)


def test_each_variant_has_a_picture_with_equal_epochs_beside_equal_time(remembered):
    pictures = draw(remembered)
    assert [picture.name.split("-")[3] for picture in pictures] == ["easy", "hard"]
    top = pictures[0].figure.axes[:2]
    assert [axes.get_title().split(" (")[0] for axes in top] == ["equal epochs", "equal time"]
    numbers = pictures[0].numbers
    assert set(zip(numbers["budget"], numbers["axis"], strict=True)) == {
        ("epochs-5", "epochs"),
        ("like-uniform-5-epochs", "train_seconds"),
    }


def test_rows_are_loss_and_error_each_followed_by_its_end(remembered):
    left = draw(remembered)[0].figure.axes[::2]
    assert [axes.get_ylabel() for axes in left] == [
        "test loss",
        "test loss,\nthe end",
        "test error",
        "test error,\nthe end",
    ]


def test_whole_curves_share_their_y_axis_and_the_ends_begin_at_three_quarters(remembered):
    axes = draw(remembered)[0].figure.axes
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert axes[2].get_xlim()[0] == pytest.approx(0.75 * 5.0)
    assert axes[3].get_xlim()[0] == pytest.approx(0.75 * 3.0)


@pytest.mark.parametrize("budget", [synthetic.EPOCHS, synthetic.SECONDS], ids=lambda budget: budget.unit)
def test_one_budget_alone_is_drawn_alone(budget, tmp_path):
    (picture,) = draw(filled(tmp_path, budgets=(budget,)))
    assert len(picture.figure.axes) == 4
    assert "(left)" not in picture.caption


def test_curves_of_few_points_have_no_close_look(tmp_path):
    (picture,) = draw(filled(tmp_path, points=4))
    assert [axes.get_ylabel() for axes in picture.figure.axes[::2]] == ["test loss", "test error"]
    assert "closely" not in picture.caption


def test_without_classes_there_is_the_loss_alone(tmp_path):
    results = filled(tmp_path)
    results.points["test_error"] = float("nan")
    (picture,) = draw(results)
    assert set(picture.numbers["metric"]) == {"test_loss"}


def test_an_arm_far_above_the_others_is_named_at_the_edge_of_the_close_look(remembered):
    end = draw(remembered)[0].figure.axes[3]
    assert [text.get_text() for text in end.texts] == ["dlis-5x ↑"]


def test_an_end_of_which_all_runs_diverged_is_left_empty(tmp_path):
    plan = synthetic.plan_of(synthetic.MEMORIES, seeds=1, points=8)
    synthetic.fill(tmp_path, plan, synthetic.MEMORIES, statuses=dict.fromkeys(plan.cells, "diverged"))
    (picture,) = draw(frames.load(tmp_path))
    assert "4 runs diverged" in picture.caption


def test_other_papers_are_drawn_their_own_way(results, remembered):
    assert draw(results) == []
    assert draw(remembered, paper.pictures) == []
