"""The page in a browser: opened from disk, with nothing but itself."""

import shutil

import pytest

from isbench.report import report
from isbench.report.inline import contrast
from tests.report import synthetic

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: pip install .[dev]"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")

WIDTHS, SCHEMES = (1280, 400), ("light", "dark")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page with three arms and a control arm, at two budgets; a run diverged, which leaves a gap."""
    folder = tmp_path_factory.mktemp("browsed")
    arms = (*synthetic.STRATEGIES[:3], synthetic.Arm("placebo:highest-loss", "highest-loss", 0.9, 900.0))
    plan = synthetic.plan_of(arms, seeds=3, points=4)
    control = plan.cards[3].model_copy(update={"control": "placebo", "of": "highest-loss"})
    plan = plan.model_copy(update={"cards": (*plan.cards[:3], control)})
    lost = [one.id for one in plan.cells.values() if one.sampler.label == "highest-loss-cdf"]
    synthetic.fill(folder, plan, arms, statuses=dict.fromkeys(lost, "failed"))
    return report(folder).as_uri()


@pytest.fixture
def opened(browser, address):
    """Opens the page; keyword arguments say how the reader's browser is set up."""
    contexts = []

    def visit(width=1280, **settings):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **settings))
        page = contexts[-1].new_page()
        page.heard = []
        page.on("request", lambda request: page.heard.append(request.url))
        page.on("console", lambda message: page.heard.append(message.text))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()


def column(table, place):
    return [row.inner_text() for row in table.locator(f"tbody:first-of-type tr > :nth-child({place})").all()]


def head(table, name):
    return table.locator("thead th", has=table.page.get_by_role("button", name=name, exact=True))


def test_the_page_opens_from_disk_without_a_request_and_without_an_error(opened, address):
    page = opened()
    page.wait_for_load_state("networkidle")
    assert page.heard == [address]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_never_scrolls_sideways(opened, width, scheme):
    page = opened(width, color_scheme=scheme)
    for folded in page.locator("details").all():
        folded.evaluate("one => { one.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_table_sorts_by_click_its_numbers_by_value_and_its_gaps_last(opened):
    table = opened().locator("#protocols ~ .scroll table").first
    sort = head(table, "test error")
    sort.get_by_role("button").click()
    assert sort.get_attribute("aria-sort") == "ascending"
    rising = column(table, 3)
    sort.get_by_role("button").click()
    assert sort.get_attribute("aria-sort") == "descending"
    falling = column(table, 3)
    assert rising[-1] == falling[-1] == "\u2013"
    numbers = [float(text.split()[0]) for text in rising[:-1]]
    assert numbers == sorted(numbers)
    assert falling[:-1] == rising[-2::-1]


def test_a_table_sorts_by_keyboard_and_one_column_at_a_time(opened):
    table = opened().locator("#protocols ~ .scroll table").first
    head(table, "sampler").get_by_role("button").focus()
    table.page.keyboard.press("Enter")
    assert column(table, 1) == sorted(column(table, 1))
    head(table, "seconds").get_by_role("button").focus()
    table.page.keyboard.press("Space")
    assert table.locator("[aria-sort]").count() == 1


def test_control_arms_stay_below_the_rule(opened):
    table = opened().locator("#protocols ~ .scroll table").first
    for _ in range(2):
        head(table, "sampler").get_by_role("button").click()
        assert table.locator("tr").last.inner_text().startswith("placebo:highest-loss")


def test_an_arm_is_switched_off_everywhere_and_on_again(opened):
    page = opened()
    box = page.get_by_role("checkbox", name="highest-loss", exact=True)
    drawn = page.locator(f"main .{box.get_attribute('value')}")
    kinds = set(drawn.evaluate_all("all => all.map(one => one.tagName.toLowerCase())"))
    assert kinds >= {"li", "tr", "g", "div"}
    seen = drawn.filter(visible=True).count()
    box.uncheck()
    assert (seen > 0, drawn.filter(visible=True).count()) == (True, 0)
    box.check()
    assert drawn.filter(visible=True).count() == seen


def test_without_javascript_all_is_there_but_the_controls(opened):
    page = opened(java_script_enabled=False)
    assert page.locator(".arms").is_hidden()
    assert page.locator("button").count() == 0
    for part in (
        ".verdicts li",
        "#verdict ~ .scroll table",
        "#verdict ~ figure svg",
        "#trust",
        "#environment",
    ):
        assert page.locator(part).first.is_visible(), part


@pytest.mark.parametrize("scheme", SCHEMES)
def test_words_can_be_read_in_both_themes(opened, scheme):
    page = opened(color_scheme=scheme)
    shade = "one => getComputedStyle(one).{}.match(/\\d+/g).slice(0, 3).map(Number)"
    ground = page.locator("body").evaluate(shade.format("backgroundColor"))
    for part in ("h1", "p", ".note", "a", ".word", "td", "figcaption", "summary"):
        ink = page.locator(part).first.evaluate(shade.format("color"))
        codes = ["#{:02x}{:02x}{:02x}".format(*color) for color in (ink, ground)]
        assert contrast(*codes) >= 4.5, part


def test_figures_are_drawn_on_the_colour_of_the_page(opened):
    for scheme in SCHEMES:
        page = opened(color_scheme=scheme)
        ground = page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
        paper = page.locator("figure svg path").first.evaluate("one => getComputedStyle(one).fill")
        assert paper == ground


def test_print_shows_what_is_folded_and_no_controls(opened):
    page = opened(color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator(".arms").is_hidden()
    assert (
        page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"
    )
