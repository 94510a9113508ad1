import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from isbench.report import frames, inline, report, tables, trust, verdict_tables
from isbench.report.figures import looks
from isbench.verdicts import find
from tests.report import synthetic

HOSTILE = '</script><img src=x onerror=alert(1)> "$\\frac$'


class Page(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]


@pytest.fixture(scope="module")
def page(results):
    return report(results.store.folder).read_text()


def test_the_report_writes_tables_figures_and_the_page(page, results):
    folder = results.store.folder
    assert {path.name for path in (folder / "tables").iterdir()} >= {"runs.csv", "points.csv", "phases.csv"}
    assert (folder / "figures" / "paper.svg").is_file()
    assert page.startswith("<!doctype html>")


def test_the_page_needs_no_network(page):
    for tag, name, value in Page(page).attributes:
        if name in ("src", "href", "xlink:href", "srcset", "action"):
            assert value.startswith(("#", "figures/", "tables/", "data:image/png")), (tag, name, value)
    assert "://" not in page
    assert "@import" not in page


def test_ids_of_the_page_are_unique_and_references_resolve(page):
    attributes = Page(page).attributes
    identities = [value for _, name, value in attributes if name == "id"]
    assert len(identities) == len(set(identities))
    links = {value[1:] for _, name, value in attributes if name == "href" and value.startswith("#")}
    links |= set(re.findall(r"url\(#([^)]+)\)", page))
    assert links <= set(identities)


def test_sections_stand_in_the_order_of_the_argument(page):
    titles = re.findall(r"<h2[^>]*>([^<]+)</h2>", page)
    assert titles == [
        "Verdict",
        "Every protocol",
        "Where the time goes",
        "Break-even",
        "More figures",
        "How far to trust this",
        "Set-up and environment",
    ]


def test_the_verdict_comes_before_its_table_and_the_table_before_its_figure(page):
    first = page[page.index('<h2 id="verdict">') : page.index('<h2 id="protocols">')]
    places = [first.index(part) for part in ('<ul class="verdicts">', "<table", '<figure id="versus-')]
    assert places == sorted(places)


def test_every_primary_comparison_is_told_in_a_sentence_of_its_own(page, results):
    found = find(results.store.folder)
    said = [one for _, group in verdict_tables.sentences(found) for one in group]
    assert [one.label for one in said] == [one.names.sampler for one in found.primary]
    for one in said:
        assert f'<span class="word {one.verdict}">{one.verdict}</span><span>{one.text}</span>' in page


def test_what_is_drawn_of_an_arm_is_marked_as_its_own_everywhere(page, results):
    for look in looks.looks(results).values():
        for tag in ("li", "tr", "g", "div"):
            needed = tag != "li" or look.mark != "arm0"
            assert (re.search(rf'<{tag}[^>]* class="[^"]*{look.mark}\b', page) is not None) >= needed


def test_colours_of_figures_have_names_that_both_themes_define(page):
    used = set(re.findall(r"var\(--c-([0-9a-f]{6})\)", page))
    style = page[page.index("<style>") : page.index("</style>")]
    day, night = style.split("@media screen", 1)
    assert used
    assert (
        used == set(re.findall(r"--c-([0-9a-f]{6}):", day)) == set(re.findall(r"--c-([0-9a-f]{6}):", night))
    )


@pytest.mark.parametrize("color", [*looks.PALETTE, looks.GREY, looks.BLACK, "#440154"])
def test_every_colour_of_an_arm_can_be_told_from_the_page_by_night(color):
    assert inline.contrast(inline.by_night(color), inline.NIGHT) >= 3


def test_ink_and_paper_trade_places_by_night():
    assert inline.by_night("#ffffff") == inline.NIGHT
    assert inline.by_night("#000000") == inline.INK_BY_NIGHT


def test_hostile_labels_stay_text(tmp_path):
    arms = (synthetic.UNIFORM, synthetic.Arm(f"--> {HOSTILE}", "p-sgd"))
    plan = synthetic.plan_of(arms, (synthetic.EPOCHS,), seeds=1, points=2, variants=(HOSTILE,))
    synthetic.fill(tmp_path, plan, arms, exhibits=True)
    parsed = Page(report(tmp_path).read_text())
    assert "img" not in parsed.tags
    assert parsed.tags.count("script") == 1
    assert not [name for _, name, _ in parsed.attributes if name.startswith("on")]


def test_an_empty_plan_gives_a_page_that_says_so(tmp_path):
    plan = synthetic.plan_of(seeds=1, points=2)
    synthetic.fill(tmp_path, plan, only=())
    text = report(tmp_path).read_text()
    assert "0 of 10 runs have a result" in text
    assert "is open" not in text


def test_a_plan_that_waits_for_its_pilots_gives_a_page(tmp_path):
    plan = synthetic.plan_of(seeds=1, points=2).model_copy(update={"blocks": ()})
    synthetic.fill(tmp_path, plan, only=())
    assert "Nothing is planned yet" in report(tmp_path).read_text()


@pytest.mark.parametrize("draw", range(4))
def test_any_part_of_a_grid_gives_a_page_that_lists_the_rest(draw, tmp_path):
    plan = synthetic.plan_of(synthetic.STRATEGIES[:3], seeds=2, points=3)
    random = np.random.default_rng(draw)
    kept = {cell for cell in plan.cells if random.random() < 0.5}
    ends = ["done", "done", "diverged", "failed", "running", "oom", "interrupted"]
    statuses = {cell: str(random.choice(ends)) for cell in sorted(kept)}
    synthetic.fill(tmp_path, plan, only=kept, statuses=statuses)
    text = report(tmp_path).read_text()
    for cell in plan.cells:
        listed = f"<td>{cell}</td>" in text
        assert listed == (statuses.get(cell) != "done"), cell


def test_runs_that_were_looked_at_twice_have_no_curves(tmp_path):
    plan = synthetic.plan_of(synthetic.STRATEGIES[:2], (synthetic.EPOCHS,), seeds=1, points=1)
    synthetic.fill(tmp_path, plan)
    page = report(tmp_path).read_text()
    assert "at the start and the end of each run, so no curves are drawn" in page
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} == {"phases", "versus-epochs-5"}


def test_many_tables_and_figures_are_folded_but_for_the_first(tmp_path):
    variants = tuple("abcde")
    plan = synthetic.plan_of((synthetic.UNIFORM,), (synthetic.EPOCHS,), seeds=1, points=2, variants=variants)
    synthetic.fill(tmp_path, plan, (synthetic.UNIFORM,))
    page = report(tmp_path).read_text()
    folded = re.findall(r"<details><summary><h3>([^<]+)", page)
    assert folded == [f"epochs-5, {variant}" for variant in "bcde"]
    assert page.count("<details>") == page.count("</details>")


def test_a_budget_is_named_once_where_variants_share_it(tmp_path):
    plan = synthetic.plan_of((synthetic.UNIFORM,), seeds=1, points=2, variants=("a", "b"))
    synthetic.fill(tmp_path, plan, (synthetic.UNIFORM,), only=())
    said = dict(tables.compared(frames.load(tmp_path)))["budgets"]
    assert said == "epochs-5 (5 epochs); like-uniform-5-epochs (3 seconds)"


def test_every_section_is_linked_at_the_top(page):
    head = page[page.index("<nav") : page.index("</nav>")]
    assert re.findall(r'href="#([^"]+)"', head) == re.findall(r'<h2 id="([^"]+)"', page)


def test_a_missing_run_is_said_to_be_missing(tmp_path):
    plan = synthetic.plan_of((synthetic.UNIFORM,), (synthetic.EPOCHS,), seeds=2, points=2)
    kept, lost = plan.cells
    synthetic.fill(tmp_path, plan, (synthetic.UNIFORM,), only={kept})
    (row,) = tables.troubles(frames.load(tmp_path))
    assert (row["cell"], row["status"]) == (lost, "missing")


def test_rows_of_the_summary_have_the_same_columns_while_a_group_waits(tmp_path):
    from isbench.report import summary

    plan = synthetic.plan_of(synthetic.STRATEGIES[:2], seeds=1, points=2)
    first = [one.id for one in plan.cells.values() if one.budget.unit == "seconds"]
    synthetic.fill(tmp_path, plan, only=first)
    waiting, done = summary(tmp_path)[::2]
    assert list(waiting) == list(done)
    assert (waiting["test error"], done["test error"] != "") == ("", True)


def test_the_accounting_residual_is_that_of_the_worst_run(results):
    assert dict(trust.checks(results))["accounting"].startswith(
        "phases add up to the training time within 0.00%"
    )


def test_phases_that_do_not_add_up_are_told():
    one = synthetic.cell(synthetic.UNIFORM)
    last = list(synthetic.points_of(one, synthetic.UNIFORM))[-1]
    wrong = last.model_copy(update={"train_seconds": 2 * last.train_seconds})
    outcome = synthetic.Outcome(status="done", started="")
    record = trust.RunRecord(cell=one, outcome=outcome, points=(wrong,))
    assert trust.residual(record) == pytest.approx(0.5)


def test_a_criterion_on_held_out_loss_is_called_free_information(tmp_path):
    peeking = synthetic.StartSpec(name="loss_fraction", options={"below": 0.5, "of": "val"})
    arms = (synthetic.UNIFORM, synthetic.Arm("peeks", "highest-loss", start=peeking))
    synthetic.fill(tmp_path, synthetic.plan_of(arms, seeds=1, points=2), arms)
    said = dict(trust.checks(frames.load(tmp_path)))["start criteria"]
    assert "free information" in said
    assert "peeks (val)" in said


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.1], "0.1"),
        ([0.02, 0.03], "0.025 ± 0.007"),
        ([10.0, 12.0], "11.0 ± 1.4"),
        ([1.0, 1.0], "1 ± 0"),
        ([], ""),
    ],
)
def test_a_mean_has_as_many_digits_as_its_deviation_bears(values, text):
    import pandas as pd

    assert tables.spread(pd.Series(values, dtype=float)).text == text


def test_the_report_never_imports_torch(tmp_path):
    plan = synthetic.plan_of((synthetic.UNIFORM,), (synthetic.EPOCHS,), seeds=1, points=2)
    synthetic.fill(tmp_path, plan, (synthetic.UNIFORM,))
    code = (
        "import sys; from pathlib import Path; from isbench.report import report; report(Path(sys.argv[1]));"
        "rooms = ('isbench.samplers', 'isbench.train', 'isbench.datasets', 'matplotlib.pyplot', 'torch');"
        "print([name for name in rooms if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
