"""Probes in tables, figures and on the page."""

import re

import numpy as np
import pytest
from matplotlib import rc_context

from isbench.errors import EnvironmentFault
from isbench.report import frames, probe_summary, probes, report
from isbench.report.figures import difference, probe, style
from isbench.store import export
from tests.report import synthetic


def draw(results):
    with rc_context(style.SETTINGS):
        return probe.pictures(results)


def filled(folder, **changes):
    plan = synthetic.with_probes(synthetic.plan_of(synthetic.STRATEGIES[:1], ()), **changes)
    return synthetic.fill_probes(folder, plan)


@pytest.fixture
def stored(tmp_path):
    """Probes of a sampler that keeps a number per sample."""
    return frames.load(filled(tmp_path, stored=True).folder)


def test_there_is_no_table_of_probes_where_none_is_planned(tmp_path):
    plan = synthetic.plan_of(synthetic.STRATEGIES[:1], seeds=1, points=2)
    store = synthetic.fill(tmp_path, plan)
    export.write_tables(store, plan)
    assert not (tmp_path / "tables" / "probe.csv").exists()


def test_a_score_has_rows_where_it_was_there(stored):
    counts = stored.probe.groupby("score")["step"].nunique()
    assert (counts["loss"], counts["stored"]) == (6, 5)


def test_a_damaged_probe_is_named(tmp_path):
    store = filled(tmp_path)
    (identity, *_) = sorted(store.plan().probed)
    arrays = store.exhibit(identity, "probe")
    for broken in (arrays | {"loss.tau": np.ones(3)}, {k: v for k, v in arrays.items() if k != "step"}):
        store.write_exhibit(identity, "probe", broken)
        with pytest.raises(EnvironmentFault, match="lacks an array"):
            frames.load(store.folder)


def test_a_quantity_that_came_later_than_a_probe_is_unknown(tmp_path):
    store = filled(tmp_path, seeds=1)
    (identity,) = store.plan().probed
    store.write_exhibit(
        identity, "probe", {k: v for k, v in store.exhibit(identity, "probe").items() if "age" not in k}
    )
    assert frames.load(store.folder).probe["age"].isna().all()


def test_squared_errors_are_added_up_over_checkpoints(probed):
    ((_, rows),) = probes.arms(probed)
    by_cell = rows[rows["score"] == "loss"].groupby("cell")["squared_error"].sum()
    line = next(line for line in probes.table(rows) if line[0].text == "loss")
    assert line[probes.HEADER.index("squared error")].number == pytest.approx(by_cell.mean())


def test_the_end_is_the_last_checkpoint_of_each_run(probed):
    ((_, rows),) = probes.arms(probed)
    last = rows[(rows["score"] == "loss") & (rows["step"] == 1000)]["variance_ratio"].mean()
    line = next(line for line in probes.table(rows) if line[0].text == "loss")
    assert line[probes.HEADER.index("at the end")].number == pytest.approx(last)


def test_variants_and_arms_have_tables_of_their_own(tmp_path):
    store = filled(tmp_path, variants=("easy", "hard"))
    titles = list(dict.fromkeys(row["probe"] for row in probe_summary(store.folder)))
    assert [title.split(":")[0] for title in titles] == ["easy", "hard"]


def test_distances_are_the_root_of_the_variance_ratio_and_as_drawn(probed):
    picture = draw(probed)[0]
    loss = picture.numbers[picture.numbers["score"] == "loss"].merge(
        probed.probe[probed.probe["score"] == "loss"], on=["seed", "step"], suffixes=("", "_table")
    )
    assert np.allclose(loss["distance"] ** 2, loss["variance_ratio"])
    left, right = picture.figure.axes
    assert left.get_ylim() == right.get_ylim()


def test_the_gradient_at_the_output_is_drawn_only_where_there_is_no_bound(probed):
    (arm,) = probe.found(probed)
    assert "output_gradient" not in arm.scores
    without = probe.Arm(arm.title, arm.rows[arm.rows["score"] != "upper_bound"], arm.first)
    assert "output_gradient" in without.scores
    names = [axes.get_title() for axes in probe.probabilities(without).figure.axes]
    assert names[1].startswith("output gradient")


def test_the_scatter_says_the_squared_error_of_what_it_shows(probed):
    (arm,) = probe.found(probed)
    titles = [axes.get_title() for axes in probe.probabilities(arm).figure.axes]
    for title, score in zip(titles, ("loss", "upper_bound"), strict=True):
        error = arm.first.quantity[score]["squared_error"].sum()
        assert title == f"{probes.NAMES[score]}: squared error {error:.2g}"


def test_what_a_sampler_stores_has_a_panel_and_a_line(stored):
    distance, scatter, _ = draw(stored)
    assert len(scatter.figure.axes) == 3
    assert "stored" in set(distance.numbers["score"])


def test_pictures_of_probes_are_the_same_bytes_twice(probed, tmp_path):
    for folder in ("a", "b"):
        for picture in draw(probed):
            style.save(picture, tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_page_of_probes_alone_shows_no_empty_races(probed):
    page = report(probed.store.folder).read_text()
    words = re.sub(r"<svg.*?</svg>|<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)
    assert "Scores on two-circles with circles-mlp: 2 of 2 probes have a result." in words
    assert "What each score is worth" in words
    assert 'id="results"' not in words
    assert "6 checkpoints up to 1,000 updates" in words


def test_a_probe_without_a_result_is_among_the_troubles(tmp_path):
    plan = synthetic.with_probes(synthetic.plan_of(synthetic.STRATEGIES[:1], ()))
    synthetic.fill(tmp_path, plan, synthetic.STRATEGIES[:1], only=())
    page = report(tmp_path).read_text()
    assert "0 of 2 probes have a result" in page
    assert page.count("<td>missing</td>") == 2


def test_the_difference_names_bound_and_output_gradient_once_and_leaves_out_the_exact_norm(probed):
    with rc_context(style.SETTINGS):
        (picture,) = difference.pictures(probed)
    labels = [label.get_text() for label in picture.figure.axes[1].get_yticklabels()]
    assert labels == ["output gradient\n= upper bound", "uniform", "loss", "LOW's weights"]
    assert set(picture.numbers["score"]) == {"output_gradient", "uniform", "loss", "low"}


def test_the_difference_shows_what_a_sampler_stores(stored):
    with rc_context(style.SETTINGS):
        (picture,) = difference.pictures(stored)
    assert "stored" in set(picture.numbers["score"])


def test_the_mean_difference_is_over_checkpoints_and_seeds(probed):
    with rc_context(style.SETTINGS):
        (picture,) = difference.pictures(probed)
    rows = picture.numbers[picture.numbers["score"] == "loss"]
    texts = [text.get_text() for text in picture.figure.axes[1].texts]
    assert f"{rows['squared_error'].mean():.2g}" in texts
