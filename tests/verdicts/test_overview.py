"""The table of claims over many results folders, and `isbench report` that prints it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from isbench.cli import app
from isbench.store.claims import Expectation, Measure
from isbench.verdicts import claim_texts, claimed, write
from tests.verdicts import made

RUNS = {"uniform": made.ending(0.200, 0.198, 0.203), "arm": made.ending(0.100, 0.104, 0.098)}


def claim(test: str = "better_by", **more) -> Expectation:
    said = {"sampler": "arm", "than": "uniform", "measure": Measure(metric="val_error"), "amount": 0.02}
    return Expectation.model_validate({"test": test, **said, **more})


BETTER = claim(claim="C-1", says="it is better", scale="proxy")
BOTH = Expectation(claim="C-2", says="it is both", test="all", parts=(claim(), claim("worse_by")))


@pytest.fixture
def results(tmp_path):
    """Makes a results folder with claims."""

    def make(name: str, *claims: Expectation) -> Path:
        return made.folder(tmp_path / "results" / name, RUNS, expect=claims)

    return make


@pytest.fixture
def report(monkeypatch):
    """The command, with verdicts alone as the report."""

    def verdicts(folder: Path) -> Path:
        write(folder)
        return folder / "report.html"

    monkeypatch.setattr("isbench.report.report", verdicts)
    return lambda *words: CliRunner().invoke(app, ["report", *map(str, words)])


def test_a_row_for_each_claim_and_one_for_each_part(results):
    folder = results("one", BETTER, BOTH)
    write(folder)
    told = claim_texts(claimed(folder))
    assert [(row["claim"], row["says"], row["n"], row["verdict"]) for row in told] == [
        ("C-1", "it is better", "3", "held on proxy"),
        ("C-2", "it is both", "", "not held"),
        ("  part 1", "val_error of arm against uniform, minute", "3", "held"),
        ("  part 2", "val_error of arm against uniform, minute", "3", "not held"),
    ]
    assert [row["estimate"] for row in told] == [
        "49.8 % [44.2, 54.8] lower",
        "1 of 2 held",
        "49.8 % [44.2, 54.8] lower",
        "49.8 % [44.2, 54.8] lower",
    ]


def test_parts_are_told_apart_by_where_they_are_of(results):
    parts = tuple(claim(budget=name, says="it is") for name in ("minute", "hour"))
    folder = results("one", Expectation(says="it is", test="all", parts=parts))
    write(folder)
    assert [row["says"] for row in claim_texts(claimed(folder))] == [
        "it is",
        "val_error of arm against uniform, minute",
        "val_error of arm against uniform, hour",
    ]


def test_a_claim_that_could_not_be_read_says_why_in_its_row(results):
    folder = results("one", claim(budget="hour"))
    write(folder)
    (row,) = claim_texts(claimed(folder))
    assert (row["n"], row["estimate"]) == ("0", "there is no race of hour")


def test_report_prints_one_table_of_the_claims_of_a_parent_of_several(results, report):
    parent = results("one", BETTER).parent
    results("two", BOTH)
    said = report(parent).stdout
    assert [said.count(text) for text in ("C-1", "C-2", " verdict ", "report.html")] == [1, 1, 1, 2]


def test_a_folder_that_is_named_twice_is_reported_once(results, report):
    folder = results("one", BETTER)
    assert report(folder, folder.parent).stdout.count("C-1") == 1


def test_without_claims_there_is_no_table(results, report):
    folder = results("one")
    assert report(folder).stdout == f"{folder}/report.html\n"


def test_json_gives_records(results, report):
    folder = results("one", BETTER, BOTH)
    told = json.loads(report(folder, "--json").stdout)
    assert told["reports"] == [f"{folder}/report.html"]
    assert [(row["recipe"], row["claim"], row["verdict_on"]) for row in told["claims"]] == [
        ("synthetic", "C-1", "held on proxy"),
        ("synthetic", "C-2", "not held"),
    ]
    assert all(row["folder"] == str(folder) for row in told["claims"])


def test_a_damaged_folder_is_named_after_the_others_are_reported(results, report):
    damaged, sound = results("a", BETTER), results("b", BETTER)
    (damaged / "plan.json").write_text("{")
    result = report(damaged.parent)
    assert result.exit_code == 6
    assert f"{sound}/report.html" in result.stdout
    assert str(damaged) in result.stderr


def test_several_damaged_folders_are_all_named(results, report):
    damaged = [results(name, BETTER) for name in "ab"]
    for folder in damaged:
        (folder / "plan.json").write_text("{")
    result = report(results("c", BETTER).parent)
    assert (result.exit_code, result.stdout.count("report.html")) == (6, 1)
    assert all(f"{folder}/plan.json cannot be used" in result.stderr for folder in damaged)
    assert f"2 folders have no report: {damaged[0]}, {damaged[1]}" in result.stderr


def test_a_folder_that_holds_nothing_is_a_usage_error_that_spoils_no_other(results, report, tmp_path):
    result = report(tmp_path / "nowhere", results("one", BETTER))
    assert result.exit_code == 2
    assert "C-1" in result.stdout
