import re

import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context

from isbench.report import frames
from isbench.report.figures import (
    against_epochs,
    ahead,
    bank,
    budgets,
    difference,
    epochs_and_time,
    importance,
    looks,
    paper,
    phases,
    predicted,
    probe,
    reconstructions,
    selection,
    start,
    style,
    thresholds,
    tuning,
)
from isbench.report.html import FAMILIES
from tests.report import synthetic


def saved(pictures, folder):
    return {picture.name: style.save(picture, folder) for picture in pictures}


def draw(family, results):
    with rc_context(style.SETTINGS):
        return family(results)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.__module__.rsplit(".", 1)[-1])
def test_a_family_draws_pictures_with_numbers_and_a_caption_that_says_n(
    family,
    results,
    sweep,
    probed,
    predicting,
    remembered,
    pictured,
    imponed,
    banked,
    budgeted,
    tuned,
    tmp_path,
):
    fitting = {thresholds.pictures: sweep, probe.pictures: probed, difference.pictures: probed}
    fitting |= {epochs_and_time.pictures: remembered, reconstructions.pictures: pictured}
    fitting |= {against_epochs.pictures: imponed, bank.pictures: banked, budgets.pictures: budgeted}
    fitting |= {tuning.pictures: tuned, predicted.pictures: predicting}
    pictures = draw(family, fitting.get(family, results))
    assert pictures
    for picture in pictures:
        style.save(picture, tmp_path)
        assert not picture.numbers.empty
        assert "n = " in picture.caption
        assert {path.suffix for path in tmp_path.glob(f"{picture.name}.*")} == {".svg", ".png", ".csv"}


def test_the_same_numbers_give_the_same_bytes(results, tmp_path):
    first, second = (draw(paper.pictures, results) for _ in range(2))
    for folder, pictures in (("a", first), ("b", second)):
        saved(pictures, tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_pictures_carry_no_date_and_no_program(results, tmp_path):
    (svg,) = saved(draw(phases.pictures, results), tmp_path).values()
    assert "dc:date" not in svg
    assert b"Software" not in (tmp_path / "phases.png").read_bytes()


def test_the_baseline_is_black_and_dashed(results):
    look = looks.looks(results)["uniform"]
    assert (look.color, look.dash) == ("#000000", (0, (4, 2)))


def test_a_sampler_has_its_colour_whoever_it_is_compared_with(results, tmp_path):
    arms = (synthetic.UNIFORM, *reversed(synthetic.STRATEGIES[1:]))
    synthetic.fill(tmp_path, synthetic.plan_of(arms, (synthetic.EPOCHS,), seeds=1, points=2), arms, only=())
    here, there = looks.looks(results), looks.looks(frames.load(tmp_path))
    assert {label: here[label].color for label in here} == {label: there[label].color for label in here}


def test_every_sampler_of_the_catalogue_has_a_colour():
    from isbench.samplers.catalogue import CATALOGUE

    assert set(CATALOGUE) <= set(looks.COLORS)


def test_a_control_arm_has_the_colour_of_its_arm_and_a_marker_of_its_own(tmp_path):
    arms = (*synthetic.STRATEGIES[:2], synthetic.Arm("placebo:highest-loss", "highest-loss"))
    plan = synthetic.plan_of(arms, (synthetic.EPOCHS,), seeds=1, points=2)
    control = plan.cards[2].model_copy(update={"control": "placebo", "of": "highest-loss"})
    synthetic.fill(tmp_path, plan.model_copy(update={"cards": (*plan.cards[:2], control)}), arms, only=())
    arm, placebo = list(looks.looks(frames.load(tmp_path)).values())[1:]
    assert (placebo.color, placebo.control) == (arm.color, True)
    assert placebo.marker != arm.marker
    assert placebo.dash != arm.dash


def test_more_arms_than_colours_differ_in_their_dashes(results, tmp_path):
    arms = (synthetic.UNIFORM, *(synthetic.Arm(f"arm-{k}", "p-sgd", options={"k": k}) for k in range(20)))
    synthetic.fill(tmp_path, synthetic.plan_of(arms, (synthetic.EPOCHS,), seeds=1, points=2), arms, only=())
    look = looks.looks(frames.load(tmp_path))
    assert len({(one.color, one.dash) for one in look.values()}) == 21


def test_a_sweep_of_thresholds_is_coloured_as_a_sequence(sweep):
    assert list(looks.thresholds(sweep).values()) == [0.26, 0.5, 0.74, 0.8, 1.0]
    shades = [looks.looks(sweep)[label].color for label in looks.thresholds(sweep)]
    green = [int(shade[3:5], 16) for shade in shades]
    assert green == sorted(green)


def test_arms_that_differ_in_more_are_no_sweep(results):
    assert looks.thresholds(results) == {}
    assert draw(thresholds.pictures, results) == []


def test_the_figure_of_the_paper_has_accuracy_and_loss_against_time_for_each_budget(results):
    (picture,) = draw(paper.pictures, results)
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in picture.figure.axes]
    assert labels == 2 * [("training seconds", "test accuracy"), ("training seconds", "training loss")]


def test_panels_of_a_budget_of_seconds_share_its_limit(results):
    (picture,) = draw(paper.pictures, results)
    left, right = picture.figure.axes[2:4]
    assert left.get_xlim() == right.get_xlim() == pytest.approx((0.0, 3.0 * 1.02))


def test_a_diverged_run_is_crossed_and_left_out_of_the_mean(tmp_path):
    plan = synthetic.plan_of(synthetic.STRATEGIES[:2], (synthetic.EPOCHS,), seeds=2, points=4)
    bad = {
        one.id: "diverged" for one in plan.cells.values() if one.sampler.label != "uniform" and one.seed == 1
    }
    synthetic.fill(tmp_path, plan, statuses=bad)
    (picture,) = draw(paper.pictures, frames.load(tmp_path))
    markers = [line.get_marker() for line in picture.figure.axes[0].lines]
    assert (markers.count("x"), markers.count("o")) == (1, 1)
    assert set(picture.numbers[picture.numbers["sampler"] == "highest-loss"]["n"]) == {1}
    assert "1 run diverged" in picture.caption


def test_an_arm_of_which_all_runs_diverged_is_drawn_without_a_mean(tmp_path):
    plan = synthetic.plan_of(synthetic.STRATEGIES[:2], (synthetic.EPOCHS,), seeds=2, points=4)
    bad = {one.id: "diverged" for one in plan.cells.values() if one.sampler.label != "uniform"}
    synthetic.fill(tmp_path, plan, statuses=bad)
    damaged = frames.load(tmp_path)
    pictures = [picture for family in FAMILIES.values() for picture in draw(family, damaged)]
    saved(pictures, tmp_path / "figures")
    assert {picture.name.split("-")[0] for picture in pictures} == {"paper", "curves", "phases"}


def test_when_all_runs_diverged_there_are_crosses_and_no_means(tmp_path):
    plan = synthetic.plan_of(synthetic.STRATEGIES[:2], (synthetic.EPOCHS,), seeds=2, points=4)
    synthetic.fill(tmp_path, plan, statuses=dict.fromkeys(plan.cells, "diverged"))
    damaged = frames.load(tmp_path)
    pictures = [picture for family in FAMILIES.values() for picture in draw(family, damaged)]
    saved(pictures, tmp_path / "figures")
    assert "4 runs diverged" in pictures[0].caption
    assert pictures[0].numbers.empty


def test_the_accuracy_axis_fits_the_means_after_the_first_tenth(results):
    (picture,) = draw(paper.pictures, results)
    low, high = picture.figure.axes[0].get_ylim()
    rows = picture.numbers[
        (picture.numbers["metric"] == "test_accuracy") & (picture.numbers["progress"] >= 0.1)
    ]
    rows = rows[rows["budget"] == "epochs-5"]
    assert low < rows["mean"].min() < rows["mean"].max() < high <= 1.0
    assert low > 0.5


def test_a_level_that_somebody_never_reaches_has_no_number(results):
    rows = ahead.compare(results, results.groups[1])
    assert set(rows["censored"]) == {"", "sampler"}
    assert rows[rows["censored"] != ""]["seconds_ahead"].isna().all()
    assert rows[rows["censored"] == ""]["seconds_ahead"].notna().all()


def test_a_level_that_only_the_baseline_misses_says_so(results):
    rows = ahead.compare(results, results.groups[0])
    best = rows[rows["sampler"] == "highest-loss-cdf"].iloc[-1]
    assert best["censored"] == "baseline"


def test_seconds_ahead_are_positive_for_who_is_earlier(tmp_path):
    arms = (synthetic.UNIFORM, synthetic.Arm("quick", "p-sgd", skill=2.0))
    synthetic.fill(tmp_path, synthetic.plan_of(arms, (synthetic.SECONDS,), seeds=3), arms)
    quick = frames.load(tmp_path)
    rows = ahead.compare(quick, quick.groups[0])
    middle = rows[rows["level"].between(0.1, 0.3) & (rows["censored"] == "")]
    assert (middle["seconds_ahead"] > 0).all()


def test_without_the_baseline_nobody_is_ahead(tmp_path):
    arms = synthetic.STRATEGIES[1:3]
    synthetic.fill(tmp_path, synthetic.plan_of(arms, (synthetic.EPOCHS,), seeds=1, points=4), arms)
    assert draw(ahead.pictures, frames.load(tmp_path)) == []


def test_bars_of_phases_add_up_to_the_time_of_a_step(results):
    table = phases.per_step(results, results.groups[0])
    assert table.loc["uniform"].sum() == pytest.approx(1175.0)
    assert table.loc["highest-loss"].sum() == pytest.approx(2075.0)


def test_the_start_trace_marks_the_switch_and_the_threshold(results):
    (picture, *_) = draw(start.pictures, results)
    assert set(picture.numbers["sampler"]) == set(results.labels) - {"uniform"}
    axes = picture.figure.axes[0]
    (star,) = [line for line in axes.lines if line.get_marker() == "*"]
    first = picture.numbers[picture.numbers["sampler"] == "highest-loss"]
    assert star.get_xdata()[0] == first[first["active"] == 0]["step"].max()
    assert any(np.array_equal(line.get_ydata(), [0.5, 0.5]) for line in axes.lines)


def test_a_trace_is_cut_where_all_have_switched_long_before():
    quick = {"step": np.arange(1000), "active": np.arange(1000) >= 20}
    late = {"step": np.arange(1000), "active": np.arange(1000) >= 40}
    never = {"step": np.arange(1000), "active": np.zeros(1000)}
    assert start._horizon([quick, late]) == 200
    assert start._horizon([quick, never]) == 999


def test_selected_batches_are_spread_evenly_and_begin_with_the_first():
    arms = {name: {"step": np.arange(0, last, 100)} for name, last in (("a", 2100), ("b", 1100))}
    assert selection.columns(arms) == [0, 200, 400, 600, 800, 1000]


def test_importance_is_opacity_in_proportion_and_unknown_stays_unknown():
    value = np.array([0.0, 1.0, 2.0, np.nan, *[4.0] * 100])
    assert importance.opacity(value)[:5] == pytest.approx([0.04, 0.25, 0.5, np.nan, 1.0], nan_ok=True)
    assert importance.opacity(np.zeros(2)).tolist() == [1.0, 1.0]


def test_moments_are_epochs_where_the_budget_counts_them_and_shares_of_seconds(results):
    epochs, seconds = results.groups
    assert [importance.when(epochs, share) for share in (0.01, 1.0)] == ["epoch 0.05", "epoch 5"]
    assert importance.when(seconds, 0.25) == "25%"


def test_numbers_of_a_picture_are_safe_in_a_spreadsheet(results, tmp_path):
    drawn = style.figure(1.0)
    style.save(style.Picture("x", drawn, pd.DataFrame({"sampler": ["=1+1"]}), ""), tmp_path)
    assert (tmp_path / "x.csv").read_text() == "sampler\n'=1+1\n"


def test_all_that_is_drawn_of_an_arm_has_its_class(results, tmp_path):
    (svg,) = saved(draw(paper.pictures, results), tmp_path).values()
    assert len(re.findall(r'class="arm1"', svg)) >= 4
    assert 'id="arm1"' not in svg
