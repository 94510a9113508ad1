"""Reports of a regression: no errors, no classes, and for a picture what the models made of it."""

import numpy as np
import pytest
from matplotlib import rc_context

from isbench.report import tables, trust
from isbench.report.figures import ahead, curves, paper, reconstructions, style
from isbench.report.html import draw, render
from isbench.verdicts import find
from tests.report import synthetic


@pytest.fixture(scope="module")
def drawn(pictured):
    with rc_context(style.SETTINGS):
        return reconstructions.pictures(pictured)


def test_every_budget_has_its_picture(pictured, drawn):
    assert len(drawn) == len(pictured.groups) == 2


def test_the_numbers_are_those_of_the_last_moment(drawn):
    rows = drawn[0].numbers.set_index("sampler")
    assert rows.loc["uniform", "psnr"] == pytest.approx(20, abs=0.3)  # noise of 0.1
    assert rows.loc["uniform", "mse"] == pytest.approx(0.01, rel=0.1)
    assert rows.loc["uniform", "error_variation"] < 1
    assert np.isnan(rows.loc["broken", "psnr"])


def test_the_closer_look_is_where_the_edges_are(drawn):
    rows = drawn[0].numbers
    assert rows[["closer_row", "closer_column", "closer_side"]].drop_duplicates().to_numpy().tolist() == [
        [16, 28, 8]
    ]


def test_the_mean_squared_error_of_detail_is_that_of_the_quarter_with_the_strongest_edges():
    picture = synthetic.reference()
    edges = reconstructions.strength(picture)
    wrong = picture.copy()
    wrong[edges > np.quantile(edges, 0.75)] += 0.1
    found = reconstructions.measures(wrong, picture, edges, reconstructions.busiest(edges))
    assert found["mse_textured"] == pytest.approx(4 * found["mse"], rel=0.05)


def test_a_perfect_picture_has_an_endless_psnr_and_no_error():
    picture = synthetic.reference()
    edges = reconstructions.strength(picture)
    found = reconstructions.measures(picture, picture, edges, reconstructions.busiest(edges))
    assert (found["psnr"], found["error_p95"], found["error_variation"]) == (np.inf, 0, 0)


def test_all_arms_share_one_colour_scale_and_an_arm_that_diverged_says_so(drawn):
    axes = drawn[0].figure.axes
    maps = [each.images[0] for each in axes if each.images and each.images[0].cmap.name == "magma"]
    assert len({shades.get_clim() for shades in maps}) == 1
    assert any("diverged" in each.get_title() for each in axes)


def test_six_arms_stand_in_two_rows_of_three(drawn):
    titles = [each.get_title().split("\n")[0] for each in drawn[0].figure.axes]
    assert titles.count("reference") == 2
    assert all(height < 12 for _, height in [drawn[0].figure.get_size_inches()])


def test_the_table_has_loss_and_psnr_and_no_error(pictured):
    header, _ = tables.outcomes(pictured, pictured.groups[0])
    assert header[2:4] == ["test loss", "PSNR (dB)"]
    assert "test error" not in header


def test_curves_show_loss_and_psnr(pictured):
    with rc_context(style.SETTINGS):
        pictures = curves.pictures(pictured)
    assert set(pictures[0].numbers["metric"]) == {"test_loss", "psnr"}
    assert "test loss and PSNR (dB) against epochs" in pictures[0].caption


def test_captions_speak_of_no_accuracy(pictured):
    with rc_context(style.SETTINGS):
        said = [picture.caption for family in (ahead, paper) for picture in family.pictures(pictured)]
    assert said
    assert not [caption for caption in said if "accurac" in caption]


def test_the_page_says_that_nothing_is_held_out(pictured, tmp_path):
    assert dict(trust.checks(pictured))["held out"].startswith("nothing")
    found = find(pictured.store.folder)
    page = render(pictured, found, draw(pictured, found, tmp_path))
    assert "pixels of the picture that is trained on" in page


def test_thresholds_of_a_regression_are_judged_by_losses(tmp_path):
    from isbench.report import frames
    from isbench.report.figures import thresholds

    plan = synthetic.plan_of(synthetic.THRESHOLDS, (synthetic.SECONDS,), seeds=2, points=8)
    synthetic.fill(tmp_path, plan, synthetic.THRESHOLDS, classes=False)
    (picture,) = thresholds.pictures(frames.load(tmp_path))
    assert picture.numbers["test_loss"].notna().all()
    assert "test loss" in picture.caption
