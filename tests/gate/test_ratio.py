"""The ratio tier: stored differences against new ones, on any machine."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from isbench.stats.intervals import Moments, apart
from isbench.stats.verdicts import TIME, verdict
from isbench.store.records import Gate
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, reaching

BASE = (40, 41, 39, 42)
PLAN = {"primary": AT_TARGET, "targets": (1.0,), "gate": Gate(slowdown=0.05)}
FAST, SLOW, OPEN = (30, 31, 29, 31.5), (36, 37, 35, 38), (28, 36, 31, 29)


def folder(path: Path, arm: tuple[float, ...], **plan) -> Path:
    runs = {"uniform": reaching(*BASE), "arm": reaching(*arm)}
    return made.folder(path, runs, **(PLAN | plan))


@pytest.fixture
def ratio(cli, tmp_path: Path):
    """Checks an arm against a baseline in which it was fast."""
    cli("baseline", "save", "fast", folder(tmp_path / "old", FAST))

    def check(arm, *words, **plan):
        path = folder(tmp_path / "new", arm, **plan)
        return cli("check", path, "--baseline", "fast", "--tier", "ratio", *words)

    return check


@pytest.mark.parametrize(
    ("arm", "words", "code", "says"),
    [
        (FAST, (), 0, "equivalent"),
        ((20, 21, 19.5, 21), (), 0, "faster"),
        (SLOW, (), 4, "slower: 20.2 %"),
        (SLOW, ("--max-slowdown", "30%"), 0, "equivalent"),
        (OPEN, (), 0, "inconclusive"),
        (OPEN, ("--strict",), 5, "inconclusive"),
    ],
)
def test_an_arm_that_lost_more_than_the_margin_is_a_regression(ratio, arm, words, code, says) -> None:
    result = ratio(arm, *words)
    assert result.exit_code == code
    assert f"minute, arm, val_error to 1: {says}" in result.stdout


def test_another_machine_is_compared_and_told(ratio, tmp_path: Path) -> None:
    result = ratio(SLOW)
    assert "of another machine" not in result.stdout
    file = tmp_path / "results" / "baselines" / "fast.json"
    file.write_text(file.read_text().replace(made.CPU, "A third"))
    result = ratio(SLOW)
    assert result.exit_code == 4
    assert "ratio: of another machine (A third)" in result.stdout


def test_noise_widens_the_margin(cli, tmp_path: Path) -> None:
    noisy = {"uniform": reaching(*BASE), "aa": reaching(60, 30, 59, 31), "arm": reaching(*FAST)}
    plan = {**PLAN, "controls": {"aa": ("aa", "uniform")}}
    cli("baseline", "save", "noisy", made.folder(tmp_path / "old", noisy, **plan))
    noisy["arm"] = reaching(*SLOW)
    made.folder(tmp_path / "new", noisy, **plan)
    result = cli("check", tmp_path / "new", "--baseline", "noisy", "--tier", "ratio")
    assert result.exit_code == 0
    assert "inconclusive (noise): 20.2 % [18.9, 21.4] more" in result.stdout
    result = cli("check", tmp_path / "new", "--baseline", "noisy", "--tier", "ratio", "--strict")
    assert result.exit_code == 5


def test_what_one_side_did_not_measure_is_told(ratio) -> None:
    result = ratio(FAST, targets=(0.5, 1.0))
    assert result.exit_code == 0
    assert "ratio: val_error to 0.5 of arm is not in the baseline" in result.stdout


def test_nothing_in_common_is_exit_3(ratio) -> None:
    assert ratio(FAST, budgets=(made.FIVE,), primary=made.AT_END, targets=()).exit_code == 3


def test_another_baseline_arm_is_not_compared(ratio, tmp_path: Path) -> None:
    file = tmp_path / "results" / "baselines" / "fast.json"
    file.write_text(file.read_text().replace('"than": "uniform"', '"than": "other"'))
    result = ratio(SLOW)
    assert result.exit_code == 3
    assert "ratio: not compared: the baseline compares with other" in result.stdout


def test_one_seed_settles_nothing(cli, tmp_path: Path) -> None:
    runs = {"uniform": reaching(40), "arm": reaching(30)}
    cli("baseline", "save", "one", made.folder(tmp_path / "old", runs, **PLAN))
    result = cli("check", tmp_path / "old", "--baseline", "one", "--tier", "ratio", "--strict")
    assert result.exit_code == 5


def test_controls_are_not_gated(cli, tmp_path: Path) -> None:
    runs = {"uniform": reaching(*BASE), "placebo:arm": reaching(*FAST), "arm": reaching(*FAST)}
    controls = {"placebo:arm": ("placebo", "arm")}
    cli("baseline", "save", "c", made.folder(tmp_path / "old", runs, controls=controls, **PLAN))
    result = cli("check", tmp_path / "old", "--baseline", "c", "--tier", "ratio")
    assert result.exit_code == 0
    assert "placebo" not in result.stdout


def test_equal_arms_are_hardly_ever_called_slower() -> None:
    rng, alarms, times = np.random.default_rng(11), 0, 2000
    for _ in range(times):
        old, new = rng.normal(0, 0.1 * math.sqrt(2), (2, 8))  # two runs of 10 % noise make a pair
        moments = [Moments(8, float(side.mean()), float(side.std(ddof=1))) for side in (new, old)]
        alarms += verdict(apart(*moments), math.log1p(0.05), TIME) == "slower"
    assert alarms <= 0.01 * times
