"""Several results folders together: scores, chances and profiles of the arms that ran on all tasks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from isbench.cli import app
from isbench.verdicts import across, across_texts, write
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, Made, ending, reaching

TARGET = {"primary": AT_TARGET, "targets": (1.0,)}


@pytest.fixture
def rows(tmp_path: Path):
    """The rows of folders made of these runs, by sampler."""

    def answer(*tasks, **plan):
        paths = [made.folder(tmp_path / f"task-{n}", runs, **plan) for n, runs in enumerate(tasks)]
        return {one["sampler"]: one for one in across(paths)}

    return answer


def test_a_score_is_a_share_of_what_the_baseline_improves_by(rows) -> None:
    found = rows(*[{"uniform": ending(*[0.5] * 4), "is": ending(*[0.3] * 4)}] * 2)  # from 0.9
    assert found["uniform"]["score"] == pytest.approx(1.0)
    assert found["is"]["score"] == pytest.approx(1.5)


def test_tasks_of_other_scales_count_alike(rows) -> None:
    easy = {"uniform": ending(*[0.1] * 4), "is": ending(*[0.5] * 4)}
    hard = {"uniform": ending(*[0.8] * 4), "is": ending(*[0.75] * 4)}
    assert rows(easy, hard)["is"]["score"] == pytest.approx((0.5 + 1.5) / 2)


def test_a_run_that_diverged_is_worth_the_untrained_model(rows) -> None:
    broken = [Made(end=0.5, status="diverged")] * 4
    found = rows(*[{"uniform": ending(*[0.5] * 4), "is": broken}] * 2)
    assert (found["is"]["score"], found["is"]["improvement"]) == (0.0, 0.0)


def test_chances_are_of_runs_at_the_same_seeds_and_ties_count_half(rows) -> None:
    better = {"uniform": ending(0.5, 0.5), "is": ending(0.4, 0.4)}
    equal = {"uniform": ending(0.5, 0.5), "is": ending(0.5, 0.5)}
    found = rows(better, equal)
    assert found["is"]["improvement"] == 0.75
    assert found["uniform"]["improvement"] is None


def test_a_profile_counts_tasks_within_the_best_arms_time(rows) -> None:
    quick = {"uniform": reaching(40, 40, 40), "is": reaching(20, 20, 20)}
    slow = {"uniform": reaching(20, 20, 20), "is": reaching(25, 25, 25)}
    found = rows(quick, slow, **TARGET)
    assert found["is"]["profile"] == {"1": 0.5, "1.5": 1.0, "2": 1.0, "4": 1.0}
    assert found["uniform"]["profile"] == {"1": 0.5, "1.5": 0.5, "2": 1.0, "4": 1.0}


def test_a_target_that_most_runs_missed_is_reached_by_no_factor(rows) -> None:
    task = {"uniform": reaching(40, 40, 40), "is": [Made(end=0.3)] * 2 + reaching(20)}
    assert set(rows(task, task, **TARGET)["is"]["profile"].values()) == {0.0}


def test_without_a_target_there_is_no_profile(rows) -> None:
    task = {"uniform": ending(0.5, 0.5), "is": ending(0.4, 0.4)}
    assert rows(task, task)["is"]["profile"] == {}


def test_one_task_says_nothing(rows) -> None:
    assert rows({"uniform": ending(0.5, 0.5), "is": ending(0.4, 0.4)}) == {}


def test_only_arms_that_ran_on_all_tasks_take_part(rows) -> None:
    one = {"uniform": ending(0.5, 0.5), "is": ending(0.4, 0.4), "other": ending(0.4, 0.4)}
    two = {"uniform": ending(0.5, 0.5), "is": ending(0.4, 0.4)}
    assert set(rows(one, two)) == {"uniform", "is"}


def test_control_arms_take_no_part(rows) -> None:
    task = {"uniform": ending(0.5, 0.5), "is": ending(0.4, 0.4), "aa": ending(0.5, 0.5)}
    assert set(rows(task, task, controls={"aa": ("aa", "uniform")})) == {"uniform", "is"}


def test_a_task_on_which_the_baseline_learnt_nothing_is_left_out(rows) -> None:
    flat = {"uniform": ending(0.9, 0.9), "is": ending(0.4, 0.4)}
    fine = {"uniform": ending(0.5, 0.5), "is": ending(0.4, 0.4)}
    assert {one["tasks"] for one in rows(flat, fine, fine).values()} == {2}


def test_the_same_folders_give_the_same_intervals(rows) -> None:
    task = {"uniform": ending(0.5, 0.52, 0.48), "is": ending(0.4, 0.5, 0.45)}
    found = rows(task, task)
    assert found == rows(task, task)
    assert found["is"]["score_low"] < found["is"]["score"] < found["is"]["score_high"]


def test_the_report_of_several_folders_shows_them_together(tmp_path: Path, monkeypatch) -> None:
    def verdicts_alone(folder: Path) -> Path:
        write(folder)
        return folder / "report.html"

    monkeypatch.setattr("isbench.report.report", verdicts_alone)
    for name in ("one", "two"):
        made.folder(tmp_path / name, {"uniform": ending(0.5, 0.5), "is": ending(0.4, 0.4)})
    told = json.loads(CliRunner().invoke(app, ["report", str(tmp_path), "--json"]).stdout)
    assert [one["sampler"] for one in told["across"]] == ["uniform", "is"]
    assert across_texts(told["across"])[1]["score (IQM)"].startswith("1.250 [")
    assert "On all 2 tasks" in CliRunner().invoke(app, ["report", str(tmp_path)]).stdout
