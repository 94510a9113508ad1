"""summary.json, summary.md and comparisons.csv."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from isbench.errors import EnvironmentFault, UsageError
from isbench.verdicts import below, find, read, write
from isbench.verdicts.markdown import LIMIT, escaped, markdown
from isbench.verdicts.rows import COLUMNS
from tests.report import synthetic
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, Made, ending, lost, reaching

TARGET = {"primary": AT_TARGET, "targets": (0.9, 1.0)}
CONTROLS = {"placebo:is": ("placebo", "is"), "aa": ("aa", "uniform")}
ARMS = {
    "uniform": reaching(40, 41, 39, 42, ends={"test_error": 0.2}),
    "is": reaching(30, 31, 30, 31, ends={"test_error": 0.1}),
    "low": [*reaching(50, 51, 50), lost("failed")],
    "placebo:is": reaching(45, 45, 44, 47),
    "aa": reaching(40, 40.5, 39.2, 42),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = made.folder(tmp_path / "made", ARMS, controls=CONTROLS, **TARGET)
    write(path)
    return path


def test_four_files_are_written(folder: Path) -> None:
    for name in ("tables/comparisons.csv", "summary.json", "summary.md", "junit.xml"):
        assert (folder / name).stat().st_size


def test_the_summary_says_what_was_asked_and_what_came_out(folder: Path) -> None:
    said = read(folder)
    assert said["schema_version"] == 1
    assert said["question"] == {
        "metric": "val_error",
        "budget": "minute",
        "target": 1.0,
        "baseline": "uniform",
    }
    assert said["cells"] == {"done": 19, "failed": 1}
    assert said["verdict"] == (
        "1 faster, 1 slower (val_error to 100 % of the improvement of uniform, minute); "
        "19 of 20 cells have a result"
    )
    assert [row["verdict"] for row in said["primary"]] == ["faster", "slower"]
    assert len(said["sentences"]) == len(said["primary"]) + len(said["splits"]) == 3
    assert said["claims"] == []
    assert {warning["name"] for warning in said["warnings"]} >= {"lost-cells", "few-seeds"}
    assert said["machines"][synthetic.MACHINE]["cores"] == 2


def test_every_arm_has_its_runs_and_its_means(folder: Path) -> None:
    arms = {arm["sampler"]: arm for arm in read(folder)["arms"]}
    assert arms["low"]["runs"] == {"done": 3, "failed": 1}
    assert (arms["aa"]["control"], arms["is"]["test_error"]) == ("aa", 0.1)


def test_a_summary_is_the_same_whenever_it_is_written(folder: Path) -> None:
    before = (folder / "summary.json").read_bytes()
    write(folder)
    assert (folder / "summary.json").read_bytes() == before


def test_nothing_that_is_no_number_is_written(tmp_path: Path) -> None:
    gone = Made(end=0.5, status="diverged")
    runs = {
        "uniform": ending(0.2, 0.2),
        "gone": [gone, gone],
        "lost": [lost("missing")] * 2,
        "zero": ending(0.0, 0.0),
    }
    path = made.folder(tmp_path / "made", runs)
    write(path)
    json.loads((path / "summary.json").read_text(), parse_constant=lambda text: pytest.fail(text))
    assert not re.search(r"\b(nan|inf)\b", (path / "tables" / "comparisons.csv").read_text(), re.I)


def test_the_table_has_a_row_for_every_comparison(folder: Path) -> None:
    with open(folder / "tables" / "comparisons.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(find(folder).comparisons) == 4 * 4
    assert sum(row["primary"] == "true" for row in rows) == 2


def test_a_folder_of_probes_has_nothing_that_was_raced(tmp_path: Path) -> None:
    plan = synthetic.with_probes(synthetic.plan_of(synthetic.STRATEGIES[:1], ()))
    synthetic.fill_probes(tmp_path, plan)
    write(tmp_path)
    assert read(tmp_path)["verdict"] == "nothing was raced"


def test_a_summary_that_was_never_written_is_missed(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="isbench report"):
        read(tmp_path)


def test_what_holds_no_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"plan\.json"):
        find(tmp_path)
    with pytest.raises(UsageError, match="holds no results"):
        below(tmp_path)


def test_markdown_is_one_line_one_table_and_what_to_beware_of(folder: Path) -> None:
    lines = (folder / "summary.md").read_text().splitlines()
    assert lines[2].startswith("**1 faster, 1 slower")
    assert lines[4:8] == [
        "| sampler | speed-up | target | reached after | by | n | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        r"| is | 1.33x \[1.29, 1.36\] | val\_error 0.1 | 30 s against 40 s "
        "| 4 of 4 against 4 of 4 | 4 | faster |",
        r"| low | 0.79x \[0.76, 0.83\] | val\_error 0.1 | 50 s against 40 s "
        "| 3 of 3 against 3 of 3 | 3 | slower |",
    ]
    assert all(line.startswith("- ") for line in lines[9:])


def test_markdown_of_values_has_both(tmp_path: Path) -> None:
    path = made.folder(
        tmp_path / "made", {"uniform": ending(0.2, 0.2), "is": ending(0.1, 0.1)}, variants=("a", "b")
    )
    write(path)
    text = (path / "summary.md").read_text()
    assert "| race | sampler | change | value | n | verdict |" in text
    assert r"| minute, b | is | 50.0 % \[50.0, 50.0\] lower | 0.1 against 0.2 | 2 | better |" in text


def test_markdown_of_what_has_no_numbers_is_a_table_too(tmp_path: Path) -> None:
    path = made.folder(
        tmp_path / "made", {"uniform": reaching(30, 30), "is": [lost("missing")] * 2}, **TARGET
    )
    write(path)
    rows = [line for line in (path / "summary.md").read_text().splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1


NASTY = "a|b<script>alert(1)</script>`x`[y](http://z)*_~!@all &amp; www.z.org\n# heading\x1b[31m"


def test_labels_cannot_write_markup() -> None:
    text = escaped(NASTY)
    assert not re.search(
        r"(?<!\\)[|`*_~\[\]()!#]", text.replace("&#64;", "").replace("&#47;", "").replace("&#46;", "")
    )
    assert "<" not in text
    assert "@" not in text
    assert "\n" not in text
    assert "\x1b" not in text
    assert "://" not in text
    assert "www." not in text


def test_a_nasty_label_stays_in_its_cell(tmp_path: Path) -> None:
    label = NASTY.replace("\n", " ").replace("\x1b", "")
    path = made.folder(tmp_path / "made", {"uniform": ending(0.2, 0.2), label: ending(0.1, 0.1)})
    write(path)
    rows = [line for line in (path / "summary.md").read_text().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}


def test_a_long_summary_is_cut_to_what_a_ci_system_shows(tmp_path: Path) -> None:
    path = made.folder(
        tmp_path / "made", {"uniform": ending(0.2, 0.2), "ü" * 120: ending(0.1, 0.1)}, points=1
    )
    findings = find(path)
    text = markdown(findings.folder, findings.comparisons * 2000, findings.cautions)
    assert len(text.encode()) <= LIMIT <= 64_000
    assert re.search(r"and \d+ more lines: see tables/comparisons\.csv\n$", text)
