"""The time tier: two environments in turns, and no stored seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from isbench.store.plans import Environment
from isbench.store.records import Gate
from tests.gate import folders
from tests.verdicts import made
from tests.verdicts.made import FIVE, MINUTE, Made

SLOWER = (66.0, 67.0, 65.0, 68.0)
SAME = (60.0, 61.0, 59.0, 62.0)


def runs(arm: tuple[float, ...]) -> dict[str, list[Made]]:
    uniform = [Made(end=0.2, seconds=each) for each in SAME]
    return {"uniform": uniform, "arm": [Made(end=0.2, seconds=each) for each in arm]}


@pytest.fixture
def head(cli, tmp_path: Path):
    """The folder of a second environment, whose arm took so long; in the first one it took SAME."""

    def make(arm: tuple[float, ...], invocation: str = "one", **plan) -> Path:
        given = {"budgets": (FIVE,), "gate": Gate(slowdown=0.05), **plan}
        base = Environment(name="base", invocation="one")
        made.folder(tmp_path / "x-base", runs(SAME), environment=base, **given)
        here = Environment(name="head", against="../x-base", invocation=invocation)
        return made.folder(tmp_path / "x-head", runs(arm), environment=here, **given)

    return make


@pytest.mark.parametrize(
    ("arm", "words", "code", "says"),
    [
        (SLOWER, (), 4, "slower: 0.91"),
        (SAME, (), 0, "equivalent"),
        (SLOWER, ("--max-slowdown", "20%"), 0, "equivalent"),
        ((60.0, 80.0, 50.0, 62.0), (), 0, "inconclusive"),
        ((60.0, 80.0, 50.0, 62.0), ("--strict",), 5, "inconclusive"),
    ],
)
def test_an_arm_that_got_slower_is_a_regression(cli, head, arm, words, code, says) -> None:
    result = cli("check", head(arm), "--tier", "time", *words)
    assert result.exit_code == code
    assert f"epochs-5, arm, train_seconds: {says}" in result.stdout


def test_every_tier_holds_where_none_is_named(cli, head) -> None:
    assert cli("check", head(SLOWER)).exit_code == 4


def test_a_parent_of_both_is_the_check_of_the_second(cli, head, tmp_path: Path) -> None:
    head(SAME)
    result = cli("check", tmp_path)
    assert result.exit_code == 0
    assert "-head: passed" in result.stdout
    assert "-base: " not in result.stdout


def test_at_equal_time_steps_are_timed(cli, head) -> None:
    result = cli("check", head(SAME, budgets=(MINUTE,)), "--tier", "time")
    assert "minute, arm, seconds_per_step: equivalent" in result.stdout


def test_a_metric_that_got_worse_is_a_regression_too(cli, head, tmp_path: Path) -> None:
    path = head(SAME)
    for seed in range(4):
        folders.repoint(path, folders.cell_of(path, "arm", seed), -1, val_error=0.22 + seed / 1000)
    result = cli("check", path, "--tier", "time")
    assert result.exit_code == 4
    assert "epochs-5, arm, val_error: worse: 1" in result.stdout


def test_two_invocations_are_no_pairs(cli, head) -> None:
    result = cli("check", head(SAME, "another"), "--tier", "time")
    assert result.exit_code == 6
    assert "--python base=" in result.stderr


def test_stored_seconds_are_refused_with_the_advice(cli, tmp_path: Path) -> None:
    path = made.folder(tmp_path / "x", runs(SAME), budgets=(FIVE,))
    cli("baseline", "save", "x", path)
    asked = cli("check", path, "--baseline", "x", "--tier", "time")
    assert (asked.exit_code, cli("check", path, "--baseline", "x").exit_code) == (6, 0)
    assert "--python base=" in asked.stderr
    assert (
        "time: not compared: raw seconds of another invocation"
        in cli("check", path, "--baseline", "x").stdout
    )


def test_stored_seconds_of_another_machine_are_refused(cli, tmp_path: Path) -> None:
    path = made.folder(tmp_path / "x", runs(SAME), budgets=(FIVE,))
    cli("baseline", "save", "x", path)
    file = tmp_path / "results" / "baselines" / "x.json"
    file.write_text(file.read_text().replace(made.CPU, "A third"))
    result = cli("check", path, "--baseline", "x", "--tier", "time")
    assert result.exit_code == 6
    assert "the seconds of x are of another machine, A third" in result.stderr


def test_an_environment_that_is_gone_is_exit_6(cli, head, tmp_path: Path) -> None:
    path = head(SAME)
    (tmp_path / "x-base").rename(tmp_path / "elsewhere")
    assert cli("check", path, "--tier", "time").exit_code == 6
