"""The ratio and time tiers where runs missed a target or diverged: results, and never left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from isbench.store.plans import Environment
from isbench.store.records import Gate
from isbench.store.store import Store
from tests.gate import folders
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, FIVE, Made, ending, reaching

AT_TARGET_OF_ALL = {"primary": AT_TARGET, "targets": (1.0,)}
GONE, MISS = Made(end=0.5, status="diverged"), Made(end=0.3)
BASE, GOOD = [0.20, 0.21, 0.19, 0.22], [0.10, 0.11, 0.10, 0.11]
SECONDS = (40, 41, 39, 42)


@pytest.fixture
def ratio(cli, tmp_path: Path):
    """Checks the runs of an arm against those of a baseline, beside those of uniform."""

    def check(then, now, *words, uniform=None, uniform_then=None, **plan):
        now_beside = uniform or ending(*BASE)
        old = made.folder(tmp_path / "old", {"uniform": uniform_then or now_beside, "arm": then}, **plan)
        assert cli("baseline", "save", "kept", old).exit_code == 0
        new = made.folder(tmp_path / "new", {"uniform": now_beside, "arm": now}, **plan)
        return cli("check", new, "--baseline", "kept", "--tier", "ratio", *words)

    return check


def test_an_arm_that_diverges_now_is_a_regression(ratio) -> None:
    result = ratio(ending(*GOOD), [GONE] * 4)
    assert result.exit_code == 4
    assert "arm, val_error: worse: 4 of 4 runs diverged, and 0 of 4 in the baseline" in result.stderr


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--strict",), 5)])
def test_an_arm_one_of_whose_runs_diverges_now_is_open(ratio, words, code) -> None:
    result = ratio(ending(*GOOD), [GONE, *ending(*GOOD[1:])], *words)
    assert result.exit_code == code
    assert "arm, val_error: inconclusive: 1 of 4 runs diverged, and 0 of 4 in the baseline" in result.stdout


def test_an_arm_that_diverges_as_before_is_open_and_one_that_recovered_better(ratio) -> None:
    assert "inconclusive: 4 of 4 runs diverged, and 4 of 4" in ratio([GONE] * 4, [GONE] * 4).stdout
    result = ratio([GONE] * 4, ending(*GOOD), "--strict")
    assert (result.exit_code, "better: 0 of 4 runs diverged, and 4 of 4" in result.stdout) == (0, True)


def test_an_arm_that_diverges_is_in_no_export(ratio, tmp_path: Path) -> None:
    ratio([GONE] * 4, [GONE] * 4, "--export-benchmark-action", str(tmp_path / "out.json"))
    assert "arm" not in (tmp_path / "out.json").read_text()


def test_what_is_no_ratio_is_in_no_export(cli, tmp_path: Path) -> None:
    path = made.folder(tmp_path / "made", {"uniform": ending(*BASE), "arm": ending(0.0, *GOOD[1:])})
    cli("baseline", "save", "kept", path)
    cli(
        "check", path, "--baseline", "kept", "--tier", "ratio", "--export-bencher", str(tmp_path / "out.json")
    )
    assert "arm" not in (tmp_path / "out.json").read_text()


def test_a_target_that_all_miss_says_nothing(ratio) -> None:
    missed = [MISS] * 4
    result = ratio(missed, missed, "--strict", uniform=missed, **AT_TARGET_OF_ALL)
    assert result.exit_code == 5
    assert "arm, val_error to 1: inconclusive (misses): " in result.stdout


def test_an_arm_that_only_just_reached_its_target_and_misses_it_now_is_slower(ratio) -> None:
    result = ratio(reaching(*[59.5] * 4), [MISS] * 4, uniform=reaching(*SECONDS), **AT_TARGET_OF_ALL)
    assert result.exit_code == 4
    assert "arm, val_error to 1: slower (misses): " in result.stderr


def test_an_arm_that_lost_at_least_so_much_is_slower_though_uniform_had_missed_the_target(ratio) -> None:
    arm = {"uniform_then": [MISS] * 4, "uniform": reaching(*SECONDS), **AT_TARGET_OF_ALL}
    assert ratio(reaching(30, 31, 29, 31), reaching(30, 31, 29, 31), **arm).exit_code == 4


def test_an_arm_that_looks_slower_as_it_had_missed_the_target_is_open(ratio) -> None:
    arm = {"uniform_then": reaching(*SECONDS), "uniform": reaching(20, 21, 19, 22), **AT_TARGET_OF_ALL}
    result = ratio([MISS] * 4, reaching(55, 56, 54, 57), **arm)
    assert result.exit_code == 0
    assert "arm, val_error to 1: inconclusive (misses): " in result.stdout


def test_a_repetition_that_diverged_leaves_nothing_equal(cli, tmp_path: Path) -> None:
    runs = {"uniform": ending(*BASE), "aa": [GONE, *ending(*BASE[1:])], "arm": ending(*GOOD)}
    plan = {"controls": {"aa": ("aa", "uniform")}}
    cli("baseline", "save", "kept", made.folder(tmp_path / "old", runs, **plan))
    path = made.folder(tmp_path / "new", {**runs, "arm": ending(0.4, 0.41, 0.4, 0.42)}, **plan)
    result = cli("check", path, "--baseline", "kept", "--tier", "ratio", "--strict")
    assert result.exit_code == 5
    assert "arm, val_error: inconclusive (noise): 288 % " in result.stdout


def test_one_seed_has_no_interval_to_print(ratio) -> None:
    result = ratio(ending(0.1), ending(0.12), uniform=ending(0.2))
    assert "20.0 % more against uniform" in result.stdout
    assert "[" not in result.stdout


def test_a_difference_that_is_not_measured_any_more_is_open(ratio) -> None:
    result = ratio(ending(*GOOD), ending(0.0, *GOOD[1:]), "--strict")
    assert "arm, val_error: of another scale now, a difference and no ratio" in result.stdout
    assert result.exit_code == 3


def test_a_baseline_whose_own_baseline_arm_diverged_is_refused(cli, tmp_path: Path) -> None:
    path = made.folder(tmp_path / "old", {"uniform": [GONE] * 4, "arm": ending(*GOOD)})
    result = cli("baseline", "save", "kept", path)
    assert result.exit_code == 3
    assert "diverged" in result.stderr


def head(folder: Path, base: list[Made], arm: list[Made]) -> Path:
    """The folder of a second environment whose arm ran so."""
    uniform = [Made(end=0.2, seconds=60 + n) for n in range(len(base))]
    plan = {"budgets": (FIVE,), "gate": Gate(slowdown=0.05)}
    made.folder(
        folder / "x-base",
        {"uniform": uniform, "arm": base},
        environment=Environment(name="base", invocation="one"),
        **plan,
    )
    here = Environment(name="head", against="../x-base", invocation="one")
    return made.folder(folder / "x-head", {"uniform": uniform, "arm": arm}, environment=here, **plan)


def test_an_arm_that_diverges_in_the_second_environment_is_a_regression(cli, tmp_path: Path) -> None:
    result = cli("check", head(tmp_path, ending(*[0.2] * 6), [GONE] * 6), "--tier", "time")
    assert result.exit_code == 4
    assert "arm, val_error: worse: 6 of 6 runs diverged, and 0 of 6 of base" in result.stderr


def test_two_of_three_runs_that_diverged_in_the_second_environment_are_open(cli, tmp_path: Path) -> None:
    path = head(tmp_path, ending(*[0.2] * 3), [GONE, GONE, *ending(0.2)])
    assert cli("check", path, "--tier", "time", "--strict").exit_code == 5


def test_what_the_first_environment_lost_is_exit_3(cli, tmp_path: Path) -> None:
    path = head(tmp_path, [made.lost("failed")] * 4, ending(*[0.2] * 4))
    result = cli("check", path, "--tier", "time")
    assert result.exit_code == 3
    assert "arm, seed 0 of base: failed" in result.stderr


def test_an_arm_that_the_second_environment_left_out_is_open(cli, tmp_path: Path) -> None:
    path = head(tmp_path, ending(*[0.2] * 4), ending(*[0.2] * 4))
    plan = Store(path).plan()
    assert plan is not None
    cards = [card for card in plan.cards if card.label != "arm"]
    blocks = [
        block.model_copy(update={"cells": block.cells[:1], "labels": block.labels[:1]})
        for block in plan.blocks
    ]
    folders.replan(path, cards=tuple(cards), blocks=tuple(blocks))
    result = cli("check", path, "--tier", "time", "--strict")
    assert result.exit_code == 5
    assert "epochs-5, arm, not run: base ran it" in result.stderr
