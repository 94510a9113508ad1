"""Two results folders against each other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from isbench.cli import app
from isbench.store.store import Store
from isbench.verdicts import between
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, FIVE, ending, lost, reaching

TARGET = {"primary": AT_TARGET, "targets": (1.0,)}
OLD = {"uniform": reaching(40, 41, 39, 42), "is": reaching(30, 31, 30, 31)}
NEW = {"uniform": reaching(40, 41, 39, 42), "is": reaching(36, 37, 36, 38)}
THERE = "ba9876543210"


@pytest.fixture
def met(tmp_path: Path):
    """Two folders compared; the plan of the second one may differ."""

    def answer(old, new, other=None, **plan):
        made.folder(tmp_path / "old", old, **(TARGET | plan))
        made.folder(tmp_path / "new", new, **(TARGET | plan | (other or {})))
        return between(tmp_path / "old", tmp_path / "new")

    return answer


def of(meeting, label: str, metric: str = "val_error", target: float | None = 1.0) -> dict:
    (row,) = [
        row
        for row in meeting.rows
        if (row["sampler"], row["metric"], row["target"]) == (label, metric, target)
    ]
    return row


def test_arms_of_one_label_are_compared_and_paired_by_seed(met) -> None:
    meeting = met(OLD, NEW)
    assert (of(meeting, "is")["verdict"], of(meeting, "is")["n"]) == ("slower", 4)
    assert of(meeting, "uniform")["verdict"] == "equivalent"
    assert all(row["paired"] for row in meeting.rows)
    assert not any("unpaired" in note for note in meeting.notes)


def test_only_common_seeds_are_pairs(met) -> None:
    more = {label: [*runs, *reaching(1)] for label, runs in NEW.items()}
    assert of(met(OLD, more), "is")["n"] == 4


def test_another_machine_leaves_no_pairs_and_says_so_loudly(met) -> None:
    meeting = met(OLD, NEW, {"machine": THERE})
    assert "unpaired: different machines (minute)" in meeting.notes
    assert not any(row["paired"] for row in meeting.rows)
    assert {text["pairs"] for text in meeting.texts} == {"UNPAIRED"}


def test_unpaired_values_have_welchs_interval(met) -> None:
    old = {"uniform": ending(0.2, 0.22, 0.21), "is": ending(0.2, 0.22, 0.21)}
    new = {"uniform": ending(0.2, 0.22, 0.21), "is": ending(0.11, 0.1, 0.12, 0.1)}
    new["uniform"] = [*new["uniform"], lost("failed")]
    row = of(met(old, new, {"machine": THERE}, primary=made.AT_END, targets=()), "is", target=None)
    arm, than = (np.log([run.end for run in side["is"]]) for side in (new, old))
    known = stats.ttest_ind(arm, than, equal_var=False)
    low, high = known.confidence_interval(0.95)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((1 - np.exp(high), 1 - np.exp(low)))
    assert (row["n"], row["verdict"]) == (3, "better")


def test_seeds_that_never_meet_are_no_pairs(met, tmp_path: Path) -> None:
    met(OLD, NEW)
    store = Store(tmp_path / "new")
    plan = store.plan()
    assert plan is not None
    blocks = tuple(block.model_copy(update={"seed": block.seed + 10}) for block in plan.blocks)
    store.save_plan(plan.model_copy(update={"blocks": blocks}))
    meeting = between(tmp_path / "old", tmp_path / "new")
    assert "unpaired: no common seeds (minute)" in meeting.notes
    assert of(meeting, "is")["verdict"] == "slower"


def test_times_of_two_invocations_are_told(met) -> None:
    assert any("two invocations" in note for note in met(OLD, NEW).notes)


def test_what_was_set_differently_is_told(met, tmp_path: Path) -> None:
    shorter = made.MINUTE.model_copy(update={"amount": 50.0})
    meeting = met(OLD, NEW, {"budgets": (shorter,)})
    assert "minute had 60 s in the first folder and 50 s in the second" in meeting.notes


def test_what_the_longer_of_two_budgets_reaches_after_the_end_of_the_shorter_is_a_miss(met) -> None:
    shorter = {"budgets": (made.MINUTE.model_copy(update={"amount": 50.0}),)}
    late = {"uniform": reaching(40, 41, 39, 42), "is": reaching(54, 55, 54, 56)}  # shares of a minute
    assert of(met(late, late, shorter), "is")["hit_rate_than"] == 0.0
    assert of(met(late, late, {"budgets": (made.MINUTE,)}, **shorter), "is")["hit_rate"] == 0.0


def test_a_race_that_only_one_ran_is_told(met) -> None:
    meeting = met(OLD, NEW, {"budgets": (made.MINUTE, FIVE)})
    assert "epochs-5 is in the second folder only" in meeting.notes
    assert {row["budget"] for row in meeting.rows} == {"minute"}


def test_other_data_are_not_compared(met, tmp_path: Path) -> None:
    met(OLD, NEW)
    store = Store(tmp_path / "new")
    plan = store.plan()
    assert plan is not None
    other = {
        name: cell.model_copy(update={"dataset": cell.dataset.model_copy(update={"label_noise": 0.1})})
        for name, cell in plan.cells.items()
    }
    store.save_plan(plan.model_copy(update={"cells": other}))
    meeting = between(tmp_path / "old", tmp_path / "new")
    assert meeting.comparisons == ()
    assert "minute is not compared: the data differ" in meeting.notes


def test_parents_meet_folder_by_folder(tmp_path: Path) -> None:
    for side, runs in (("a", OLD), ("b", NEW)):
        for name in ("one", "two"):
            made.folder(tmp_path / side / name, runs, name=name, **TARGET)
    meeting = between(tmp_path / "a", tmp_path / "b")
    assert len({row["than"] for row in meeting.rows}) == 2


def test_the_command_prints_a_table_and_its_notes_apart(met, tmp_path: Path) -> None:
    met(OLD, NEW, {"machine": THERE})
    words = ["compare", str(tmp_path / "old"), str(tmp_path / "new")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0
    assert "0.83x [0.80, 0.86] as fast" in result.stdout
    assert "UNPAIRED" in result.stdout
    assert "unpaired: different machines" in result.stderr
    content = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert content["rows"][0]["than"] == str(tmp_path / "old")
    assert content["notes"]


def test_nothing_to_compare_is_exit_3(tmp_path: Path) -> None:
    made.folder(tmp_path / "a", OLD, **TARGET)
    made.folder(tmp_path / "b", OLD, budgets=(FIVE,), **TARGET)
    result = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert result.exit_code == 3
    assert "nothing to compare" in result.stderr


def test_what_is_no_results_folder_is_exit_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["compare", str(tmp_path), str(tmp_path)])
    assert result.exit_code == 2
