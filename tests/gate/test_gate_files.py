"""The files of a check: each as strict as what reads it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as xml

import pytest

from isbench.gate.files import markdown
from isbench.gate.finding import Finding, Findings
from tests.gate import folders
from tests.verdicts.test_junit import INSIDE, MAY

LABEL = "<b>arm|`x`"


@pytest.fixture
def written(checked, kept: Path, tmp_path: Path):
    """The files of a check that fails."""
    folders.repoint(kept, folders.cell_of(kept, "arm", 1), 4, scored=64)
    (tmp_path / "summary.md").write_text("before\n")
    words = ["--junit", "junit.xml", "--summary", "summary.md"]
    words += ["--export-benchmark-action", "action.json", "--export-bencher", "bencher.json"]
    assert checked(*words).exit_code == 4
    return tmp_path


def test_junit_is_what_the_schema_allows(written: Path) -> None:
    root = xml.parse(written / "junit.xml").getroot()
    for element in root.iter():
        must, may = MAY[element.tag]
        assert must <= set(element.attrib) <= must | may
        assert {child.tag for child in element} <= INSIDE.get(element.tag, set())


def test_junit_has_a_case_for_each_thing_that_was_compared(written: Path) -> None:
    root = xml.parse(written / "junit.xml").getroot()
    cases = [(case.attrib["classname"], case.attrib["name"]) for case in root.iter("testcase")]
    assert ("synthetic.epochs-5.exact", "arm: exact") in cases
    assert len(set(cases)) == len(cases)
    (failure,) = root.iter("failure")
    assert "scored is 64" in (failure.text or "")


def test_a_check_that_compared_nothing_is_an_error_for_who_reads_junit_alone(cli, kept: Path) -> None:
    assert cli("check", kept, "--junit", "junit.xml").exit_code == 3
    root = xml.parse(Path("junit.xml")).getroot()
    assert root.attrib["errors"] == "1"
    assert [error.attrib["message"] for error in root.iter("error")] == ["nothing was compared"]


def test_the_summary_is_appended_with_one_verdict_and_one_table(written: Path) -> None:
    lines = (written / "summary.md").read_text().splitlines()
    assert lines[0] == "before"
    assert sum(line.startswith("**") for line in lines) == 1
    table = [line for line in lines if line.startswith("|")]
    assert "regression" in table[2]


def test_the_summary_is_escaped_and_short() -> None:
    found = Findings("x", strict=False)
    found.found = [Finding("exact", LABEL, f"{LABEL}{k}", "exact", "passed", "www.x.y") for k in range(2000)]
    text = markdown([found])
    assert len(text.encode()) <= 64_000
    assert "<b>" not in text
    assert "www.x" not in text
    assert "more lines" in text


def test_the_exports_are_ratios_to_the_baseline_arm(written: Path) -> None:
    action = json.loads((written / "action.json").read_text())
    assert {row["unit"] for row in action} == {"ratio"}
    assert action[0]["name"] == "synthetic/epochs-5/arm: val_error"
    bencher = json.loads((written / "bencher.json").read_text())
    measure = bencher["synthetic/epochs-5/arm"]["val_error"]
    assert measure["lower_value"] < measure["value"] == action[0]["value"] < measure["upper_value"]
