"""The figure of predicted and true losses."""

import numpy as np
import pytest
from matplotlib import rc_context

from isbench.report.figures import predicted, style
from isbench.report.html import FAMILIES

ARMS = ("impon", "impon-no-norm")


@pytest.fixture(scope="module")
def picture(predicting):
    with rc_context(style.SETTINGS):
        (found,) = predicted.pictures(predicting)
    return found


def lines(picture, panel=0):
    """The mean lines of a panel, which alone have dots."""
    return [line for line in picture.figure.axes[panel].get_lines() if line.get_marker() == "o"]


def test_only_arms_that_predict_losses_are_drawn(picture):
    assert set(picture.numbers["sampler"]) == set(ARMS)
    assert len(lines(picture)) == len(ARMS)


def test_there_is_no_figure_where_nothing_predicts(probed):
    assert predicted.pictures(probed) == []


def test_every_variant_has_a_panel(picture):
    assert [axes.get_title(loc="left") for axes in picture.figure.axes] == ["mnist", "digits"]


def test_a_line_is_the_mean_over_seeds_of_the_rank_correlation_with_the_loss(picture, predicting):
    rows = predicting.probe
    rows = rows[(rows["score"] == "predicted") & (rows["variant"] == "mnist") & (rows["sampler"] == "impon")]
    means = rows.groupby("step")["spearman_loss"].mean().dropna()
    assert np.allclose(lines(picture)[0].get_ydata(), means)


def test_updates_are_counted_in_epochs(picture, predicting):
    length = next(iter(predicted.lengths(predicting).values()))
    assert length == pytest.approx(51_200 / 128)
    assert np.allclose(picture.numbers["epochs"], picture.numbers["step"] / length)


def test_a_checkpoint_without_a_correlation_has_no_dot(picture):
    missing = set(picture.numbers[picture.numbers["spearman_loss"].isna()]["step"])
    assert missing == {200.0}
    assert not np.isclose(lines(picture)[0].get_xdata(), 200 / 400).any()


def test_arms_have_colours_of_their_own(picture):
    assert len({line.get_color() for line in lines(picture)}) == len(ARMS)


def test_the_figure_is_on_the_page_and_its_caption_says_how_many_seeds(picture):
    assert predicted.pictures in FAMILIES.values()
    assert "n = 2" in picture.caption
    assert "64 fixed training samples" in picture.caption
