"""The figure of paired differences, on runs whose ratios are known."""

import numpy as np
import pytest
from matplotlib import rc_context

from isbench.report import frames, sight, verdict_tables
from isbench.report.figures import style, versus
from isbench.verdicts import find
from tests.verdicts import made

TEN = made.ending(0.2, 0.3, 0.4)
CONTROLS = {"placebo:quick": ("placebo", "quick")}


@pytest.fixture
def drawn(tmp_path):
    """The figure of a folder with these runs; keyword arguments go to the plan."""

    def draw(runs, *, narrow=False, **plan):
        folder = made.folder(tmp_path / "made", runs, **plan)
        with rc_context(style.SETTINGS):
            (picture,) = versus.pictures(frames.load(folder), find(folder), narrow=narrow)
        return picture

    return draw


def marks(picture, mark, **like):
    """Where the dots of an arm stand on the axis: those whose properties are these."""
    lines = [line for line in picture.figure.axes[0].lines if line.get_gid() == mark]
    lines = [one for one in lines if all(getattr(one, f"get_{name}")() == like[name] for name in like)]
    return np.concatenate([np.atleast_1d(one.get_xdata()) for one in lines]).tolist()


def test_the_dots_are_the_ratios_of_the_values_seed_by_seed(drawn):
    picture = drawn({"uniform": TEN, "half": made.ending(0.1, 0.15, 0.3)})
    assert picture.numbers["shown"].tolist() == pytest.approx([0.5, 0.5, 0.75])
    assert marks(picture, "arm1", markersize=3.6) == pytest.approx([0.5, 0.5, 0.75])


def test_the_large_dot_is_the_geometric_mean(drawn):
    picture = drawn({"uniform": TEN, "half": made.ending(0.1, 0.15, 0.3)})
    assert marks(picture, "arm1", markersize=7) == pytest.approx([(0.5 * 0.5 * 0.75) ** (1 / 3)])


def test_of_times_the_dots_are_speed_ups(drawn):
    runs = {"uniform": made.reaching(20, 30), "quick": made.reaching(10, 30)}
    picture = drawn(runs, primary=made.AT_TARGET, targets=(1.0,))
    assert picture.numbers["shown"].tolist() == pytest.approx([2.0, 1.0], rel=0.05)
    assert "speed-up" in picture.figure.axes[0].get_xlabel()


def test_a_miss_is_an_open_dot_at_the_edge_that_it_speaks_for(drawn):
    runs = {
        "uniform": [*made.reaching(30), *made.ending(0.5), *made.ending(0.5)],
        "late": [*made.ending(0.5), *made.reaching(30), *made.ending(0.5)],
    }
    picture = drawn(runs, primary=made.AT_TARGET, targets=(1.0,))
    low, high = picture.figure.axes[0].get_xlim()
    assert marks(picture, "arm1", markersize=4.2) == pytest.approx([low, high, 1.0])
    assert "3 pairs in which a run missed the target" in picture.caption


def test_a_run_that_diverged_is_an_open_dot_on_the_worse_side(drawn):
    broken = made.Made(end=0.5, status="diverged")
    picture = drawn({"uniform": TEN, "wild": [broken, *made.ending(0.3, 0.4)]})
    assert marks(picture, "arm1", markersize=4.2) == [picture.figure.axes[0].get_xlim()[1]]
    assert "diverged" in picture.caption


def test_an_interval_that_leaves_the_axis_ends_in_arrows(drawn):
    picture = drawn({"uniform": made.ending(0.2, 0.2), "wide": made.ending(0.1, 0.3)})
    low, high = picture.figure.axes[0].get_xlim()
    arrows = [line for line in picture.figure.axes[0].lines if line.get_marker() in ("<", ">")]
    assert [line.get_xdata()[0] for line in arrows] == [low, high]


def test_control_arms_stand_below_the_others(drawn):
    runs = {"uniform": TEN, "placebo:quick": TEN, "quick": TEN}
    picture = drawn(runs, controls=CONTROLS)
    labels = [label.get_text() for label in picture.figure.axes[0].get_yticklabels()]
    assert labels == ["quick", "placebo:quick"]
    assert "control arms" in picture.caption


def test_the_caption_says_who_when_where_and_on_how_many(drawn):
    caption = drawn({"uniform": TEN, "same": TEN}).caption
    for part in ("uniform", "paired by seed", "60 s", "Intel Xeon Processor", "n = 3", "95 % t interval"):
        assert part in caption, part


def test_the_narrow_figure_shows_the_same_and_names_every_arm(drawn):
    picture = drawn({"uniform": TEN, "half": made.ending(0.1, 0.15, 0.3)}, narrow=True)
    assert picture.figure.get_figwidth() == versus.NARROW
    assert picture.numbers["shown"].tolist() == pytest.approx([0.5, 0.5, 0.75])
    assert [text.get_text() for text in picture.figure.axes[0].texts] == ["half", "inconclusive"]


def test_the_primary_table_begins_with_the_baseline_and_gives_each_arm_a_row(tmp_path):
    runs = {
        "uniform": made.reaching(20, 30),
        "quick": made.reaching(10, 15),
        "placebo:quick": made.reaching(20, 30),
    }
    plan = {"primary": made.AT_TARGET, "targets": (1.0,), "controls": CONTROLS}
    (table,) = verdict_tables.primary(find(made.folder(tmp_path, runs, **plan)))
    assert [line.label for line in table.lines] == ["uniform", "quick"]
    assert [line.label for line in table.controls] == ["placebo:quick"]
    cells = dict(zip(table.header[1:], table.lines[1].cells, strict=True))
    assert cells["hits"].text == "2/2"
    assert cells["n"].number == 2
    assert cells["verdict"].text.startswith("faster")
    assert cells["p (Holm)"].text


def test_most_runs_missed_is_told_as_over_the_budget(tmp_path):
    runs = {"uniform": made.reaching(20, 30, 20), "late": made.ending(0.5, 0.5, 0.5)}
    (table,) = verdict_tables.primary(
        find(made.folder(tmp_path, runs, primary=made.AT_TARGET, targets=(1.0,)))
    )
    assert [value.text for value in table.lines[1].cells[2:4]] == ["over 60 s", "0/3"]


def test_sentences_share_the_place_that_they_begin_with(tmp_path):
    found = find(made.folder(tmp_path, {"uniform": TEN, "one": TEN, "other": TEN}))
    ((where, said),) = verdict_tables.sentences(found)
    assert where.startswith("On mnist/")
    assert [one.label for one in said] == ["one", "other"]
    for one, whole in zip(said, found.sentences(), strict=True):
        assert whole == f"{where}, {one.text}"


def test_many_verdicts_are_counted_first(tmp_path):
    two = find(made.folder(tmp_path / "two", {"uniform": TEN, "one": TEN, "other": TEN}))
    one = find(made.folder(tmp_path / "one", {"uniform": TEN, "one": TEN}))
    assert verdict_tables.tally(two) == "Against uniform: 2 equivalent."
    assert verdict_tables.tally(one) == ""


def test_more_spread_means_that_less_is_seen(tmp_path):
    runs = {"uniform": TEN, "even": made.ending(0.21, 0.31, 0.41), "uneven": made.ending(0.1, 0.6, 0.4)}
    (table,) = sight.sight(find(made.folder(tmp_path, runs)))
    even, uneven = (line.cells[2].number for line in table.lines)
    assert uneven > even > 0


def test_what_is_no_race_says_so(tmp_path):
    alone = find(made.folder(tmp_path, {"uniform": TEN}))
    assert "no arm beside uniform" in verdict_tables.nothing(alone)
