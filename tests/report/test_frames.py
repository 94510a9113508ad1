import numpy as np
import pytest

from isbench.errors import UsageError
from isbench.report import frames
from tests.report import synthetic


def test_a_folder_without_a_plan_is_no_results_folder(tmp_path):
    with pytest.raises(UsageError, match=r"holds no plan\.json"):
        frames.load(tmp_path)


def test_a_mean_curve_reaches_the_end_of_the_longest_run(results):
    group = results.groups[0]
    curves = frames.mean_curves(results.points, group, "test_error", "train_seconds")
    for label in results.labels:
        last = group.of(results.points[results.points["sampler"] == label])
        last = last[last["progress"] == 1.0]["train_seconds"].mean()
        assert curves[curves["sampler"] == label]["x"].iloc[-1] == pytest.approx(last)


def test_a_mean_curve_is_the_mean_over_seeds(results):
    group = results.groups[0]
    points = group.of(results.points)
    at_end = points[(points["sampler"] == "uniform") & (points["progress"] == 1.0)]["test_loss"]
    curves = frames.mean_curves(results.points, group, "test_loss", "epochs")
    last = curves[curves["sampler"] == "uniform"].iloc[-1]
    assert (last["mean"], last["sd"], last["n"]) == pytest.approx((at_end.mean(), at_end.std(), 2))


def test_a_metric_that_begins_later_has_no_value_before(results):
    curves = frames.mean_curves(results.points, results.groups[0], "batch_loss", "epochs")
    assert curves["progress"].min() > 0
    assert curves["mean"].notna().all()


def test_a_point_that_comes_a_step_late_still_has_its_place_on_the_grid(results):
    group, late = results.groups[0], results.points.copy()
    late.loc[late["progress"] > 0, "progress"] += 0.01
    curves = frames.mean_curves(late, group, "batch_loss", "epochs")
    assert curves["progress"].min() == group.grid[1]


def test_one_run_has_a_mean_and_no_deviation(tmp_path):
    plan = synthetic.plan_of((synthetic.UNIFORM,), (synthetic.EPOCHS,), seeds=1, points=3)
    synthetic.fill(tmp_path, plan, (synthetic.UNIFORM,))
    one = frames.load(tmp_path)
    curves = frames.mean_curves(one.points, one.groups[0], "test_error", "epochs")
    assert curves["n"].tolist() == [1, 1, 1, 1]
    assert curves["sd"].isna().all()


@pytest.mark.parametrize(
    ("level", "expected"), [(1.0, 0.0), (0.75, 0.5), (0.5, 1.0), (0.25, 2.5), (0.1, np.nan), (1.5, 0.0)]
)
def test_a_level_is_reached_where_the_running_best_first_falls_to_it(level, expected):
    x, value = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.5, 0.6, 0.0 + 0.0])
    value[3] = 0.2
    reached = frames.first_reached(x, value, np.array([level]))[0]
    if level == 0.25:
        expected = 2.0 + (0.5 - 0.25) / 0.3
    assert reached == pytest.approx(expected, nan_ok=True)


def test_slugs_are_safe_as_file_names():
    assert frames.slug("../Equal time, 5 s") == "equal-time-5-s"
    assert frames.slug("///") == "x"
