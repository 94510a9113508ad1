"""junit.xml, held to the schema that pytest holds its own to: nothing but what that allows."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as xml

import pytest

from isbench.store.claims import Expectation
from isbench.verdicts import write
from tests.verdicts import made
from tests.verdicts.made import Made, ending, lost

BASE = (0.20, 0.21, 0.19, 0.22)
RUNS = {
    "uniform": ending(*BASE),
    "good": ending(0.1, 0.11, 0.1, 0.11),
    "same": ending(0.2, 0.21, 0.19, 0.22),
    "bad": ending(0.4, 0.41, 0.4, 0.42),
    "open": ending(0.25, 0.15, 0.25, 0.2),
    "lost": [*ending(0.1, 0.1, 0.1), lost("failed")],
    "missing": [lost("missing")] * 4,
    "gone": [Made(end=0.5, status="diverged")] * 4,
    "aa": ending(0.2, 0.21, 0.19, 0.221),
}
CLAIMS = tuple(
    Expectation(claim=label, test="better_by", amount=0.02, sampler=label, than="uniform")
    for label in ("good", "bad", "open", "missing")
)
TIME = r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?"
MAY = {  # attributes of each element, those that it must have first
    "testsuites": (set(), {"name", "time", "tests", "failures", "disabled", "errors"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {
            "skipped",
            "time",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
            "version",
            "group",
        },
    ),
    "properties": (set(), set()),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "classname"}, {"time", "group"}),
    "failure": (set(), {"type", "message"}),
    "error": (set(), {"type", "message"}),
    "skipped": (set(), {"type", "message"}),
}
INSIDE = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"failure", "error", "skipped"},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> xml.Element:
    path = made.folder(tmp_path_factory.mktemp("made"), RUNS, controls={"aa": ("aa", "uniform")})
    write(path)
    return xml.parse(path / "junit.xml").getroot()


@pytest.fixture(scope="module")
def claiming(tmp_path_factory: pytest.TempPathFactory) -> xml.Element:
    path = made.folder(tmp_path_factory.mktemp("claiming"), RUNS, expect=CLAIMS)
    write(path)
    return xml.parse(path / "junit.xml").getroot()


@pytest.mark.parametrize("document", ["root", "claiming"])
def test_every_element_has_the_attributes_and_children_of_the_schema(request, document: str) -> None:
    root = request.getfixturevalue(document)
    assert root.tag == "testsuites"
    for element in root.iter():
        must, may = MAY[element.tag]
        assert must <= set(element.attrib) <= must | may
        assert {child.tag for child in element} <= INSIDE.get(element.tag, set())


def test_properties_are_told_of_the_suite_alone(root: xml.Element) -> None:
    assert root.find("testsuite/properties/property[@name='baseline']") is not None
    assert root.findall(".//testcase//properties") == []


def test_counts_add_up(root: xml.Element) -> None:
    suite = root.find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[name]) == sum(case.find(tag) is not None for case in cases)
    assert int(suite.attrib["tests"]) == int(root.attrib["tests"]) == len(cases) == 7
    assert root.attrib["failures"] == suite.attrib["failures"]
    assert root.attrib["errors"] == suite.attrib["errors"]
    assert all(len(case) <= 1 for case in cases)


def test_times_are_written_as_the_schema_wants_them(root: xml.Element) -> None:
    timed = [element.attrib["time"] for element in root.iter() if "time" in element.attrib]
    assert len(timed) == 9
    assert all(re.fullmatch(TIME, time) for time in timed)


def test_worse_fails_lost_cells_are_errors_open_questions_skipped(root: xml.Element) -> None:
    found = {
        case.attrib["name"].split(":")[0]: [child.tag for child in case] for case in root.iter("testcase")
    }
    assert found == {
        "good": [],
        "same": [],
        "bad": ["failure"],
        "open": ["skipped"],
        "lost": ["error"],
        "missing": ["error"],
        "gone": ["skipped"],
    }


def test_an_outcome_says_the_sentence(root: xml.Element) -> None:
    failure = root.find(".//testcase[@name='bad: val_error']/failure")
    assert failure is not None
    assert failure.attrib["message"] == "worse"
    assert "bad ended at a val_error" in str(failure.text)


def test_names_tell_variants_and_budgets_apart(tmp_path: Path) -> None:
    runs = {"uniform": ending(0.2, 0.2), "is": ending(0.1, 0.1)}
    path = made.folder(tmp_path / "made", runs, variants=("plain", "noisy"))
    write(path)
    names = [case.attrib["classname"] for case in xml.parse(path / "junit.xml").iter("testcase")]
    assert names == ["synthetic.plain.minute", "synthetic.noisy.minute"]


def test_labels_cannot_break_the_document(tmp_path: Path) -> None:
    label = "]]> <b> & \x00\x1b\ufffe 'q' \"r\""
    path = made.folder(tmp_path / "made", {"uniform": ending(0.2, 0.2), label: ending(0.4, 0.4)})
    write(path)
    (case,) = xml.parse(path / "junit.xml").iter("testcase")
    assert case.attrib["name"] == "]]> <b> & ??? 'q' \"r\": val_error"


def test_nothing_to_compare_is_an_empty_suite(tmp_path: Path) -> None:
    path = made.folder(tmp_path / "made", {"uniform": ending(0.2, 0.2)})
    write(path)
    assert xml.parse(path / "junit.xml").getroot().attrib["tests"] == "0"


def test_claims_that_hold_pass_those_that_do_not_fail_open_ones_are_skipped(claiming: xml.Element) -> None:
    cases = [case for case in claiming.iter("testcase") if case.attrib["classname"].endswith(".claims")]
    assert {case.attrib["name"]: [child.tag for child in case] for case in cases} == {
        "good": [],
        "bad": ["failure"],
        "open": ["skipped"],
        "missing": ["skipped"],
    }
