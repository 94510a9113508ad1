"""What a check says as a whole: the worst that it found, and never that nothing is fine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isbench.store.claims import Expectation, Measure, Probe
from tests.gate import folders
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, Made, ending, lost, reaching

TARGET = {"primary": AT_TARGET, "targets": (1.0,)}
HELD = Expectation(
    claim="C-1", test="better_by", amount=0.02, sampler="arm", than="uniform", budget="minute",
    measure=Measure(metric="val_error"),
)  # fmt: skip
BASE = (40, 41, 39, 42)
GOOD = {"uniform": ending(0.20, 0.21, 0.19, 0.22), "arm": ending(0.10, 0.11, 0.10, 0.11)}
BAD = {"uniform": ending(0.20, 0.21, 0.19, 0.22), "arm": ending(0.40, 0.41, 0.40, 0.42)}
OPEN = {"uniform": ending(0.20, 0.21, 0.19, 0.22), "arm": ending(0.25, 0.15, 0.25, 0.20)}


def folder(path: Path, runs, **plan) -> Path:
    return made.folder(path / "made", runs, **plan)


@pytest.mark.parametrize(
    ("runs", "words", "code"),
    [(GOOD, (), 0), (BAD, (), 4), (OPEN, (), 0), (OPEN, ("--strict",), 5), (GOOD, ("--strict",), 0)],
)
def test_claims_decide(cli, tmp_path: Path, runs, words, code) -> None:
    result = cli("check", folder(tmp_path, runs, expect=(HELD,)), *words)
    assert result.exit_code == code
    assert "C-1" in result.stdout


@pytest.mark.parametrize("status", ["failed", "oom", "timeout", "interrupted", "missing"])
def test_a_cell_without_a_result_is_exit_3_whatever_else_fails(cli, tmp_path: Path, status: str) -> None:
    runs = {**BAD, "arm": [*BAD["arm"][:3], lost(status)]}
    result = cli("check", folder(tmp_path, runs, expect=(HELD,)))
    assert result.exit_code == 3
    assert f"minute, arm, seed 3: {status}" in result.stderr


def test_a_baseline_arm_that_diverged_is_exit_3_and_another_arm_is_not(cli, tmp_path: Path) -> None:
    gone = [*GOOD["uniform"][:3], Made(end=0.5, status="diverged")]
    assert cli("check", folder(tmp_path / "a", {**GOOD, "uniform": gone}, expect=(HELD,))).exit_code == 3
    assert cli("check", folder(tmp_path / "b", {**GOOD, "arm": gone}, expect=(HELD,))).exit_code == 0


def test_nothing_compared_is_exit_3(cli, tmp_path: Path) -> None:
    result = cli("check", folder(tmp_path, GOOD))
    assert result.exit_code == 3
    assert "nothing was compared" in result.stdout
    assert "--baseline" in result.stderr


def test_a_folder_without_races_is_exit_3(cli, kept: Path) -> None:
    folders.replan(kept, blocks=())
    assert cli("check", kept, "--baseline", "kept").exit_code == 3
    assert cli("baseline", "diff", "kept", kept).exit_code == 3
    assert cli("baseline", "save", "other", kept).exit_code == 3


@pytest.mark.parametrize(
    ("arm", "words", "code", "says"),
    [
        ((30, 31, 29, 31), ("1.2",), 0, "surely 1.2x or more"),
        ((40, 40, 40, 41), ("1.2",), 4, "surely less than 1.2x"),
        ((30, 45, 28, 40), ("1.1",), 0, "maybe less than 1.1x"),
        ((30, 45, 28, 40), ("1.3",), 0, "maybe less than 1.3x"),
        ((30, 45, 28, 40), ("1.1", "--strict"), 5, "maybe less than 1.1x"),
    ],
)
def test_fail_under_looks_at_the_end_of_the_interval(cli, tmp_path: Path, arm, words, code, says) -> None:
    path = folder(tmp_path, {"uniform": reaching(*BASE), "arm": reaching(*arm)}, **TARGET)
    result = cli("check", path, "--fail-under", *words)
    assert result.exit_code == code
    assert says in result.stdout


@pytest.mark.parametrize(("least", "code"), [("1.2", 0), ("1.5", 4)])
def test_fail_under_takes_the_number_itself_of_two_seeds_and_says_so(cli, tmp_path, least, code) -> None:
    runs = {"uniform": reaching(40, 41), "arm": reaching(30, 31)}
    result = cli("check", folder(tmp_path, runs, **TARGET), "--fail-under", least)
    assert result.exit_code == code
    assert "as a number without interval" in result.stdout


def test_an_arm_that_misses_the_target_is_not_fast_enough(cli, tmp_path: Path) -> None:
    runs = {"uniform": reaching(*BASE), "arm": reaching(30, 90, 90, 90)}
    result = cli("check", folder(tmp_path, runs, **TARGET), "--fail-under", "0.1")
    assert result.exit_code == 4
    assert "3 of 4 runs missed the target" in result.stdout


def test_fail_under_speaks_of_every_arm_and_of_no_control(cli, tmp_path: Path) -> None:
    arms = {"uniform": reaching(*BASE), "good": reaching(20, 21, 20, 21), "bad": reaching(50, 51, 50, 51)}
    runs = {**arms, "placebo:good": reaching(55, 56, 55, 56)}
    controls = {"placebo:good": ("placebo", "good")}
    result = cli("check", folder(tmp_path, runs, controls=controls, **TARGET), "--fail-under", "1")
    assert result.exit_code == 4
    assert "minute, bad, at least 1x" in result.stderr
    assert "placebo" not in result.stdout


def test_a_question_without_a_target_has_no_speed_up(cli, tmp_path: Path) -> None:
    result = cli("check", folder(tmp_path, GOOD), "--fail-under", "1")
    assert result.exit_code == 2
    assert "primary: {target: 1.0}" in result.stderr


@pytest.mark.parametrize("words", [(), ("--strict",), ("--baseline", "kept", "--tier", "ratio")])
def test_a_speed_up_that_no_arm_has_is_exit_3(cli, tmp_path: Path, words) -> None:
    runs = {"uniform": reaching(*BASE), "arm": reaching(*BASE)}
    path = folder(tmp_path, runs, pilots=(made.pilot(first=0.5, last=0.6),), **TARGET)
    cli("baseline", "save", "kept", path)
    result = cli("check", path, "--fail-under", "1.2", *words)
    assert result.exit_code == 3
    assert "arm, at least 1.2x: no speed-up (no target)" in result.stderr


def test_claims_of_which_nothing_was_measured_are_no_comparison(cli, tmp_path: Path) -> None:
    probe = Probe(score="loss", than="upper_bound", quantity="pearson")
    unread = HELD.model_copy(update={"claim": "C-2", "test": "above", "measure": Measure(probe=probe)})
    result = cli("check", folder(tmp_path / "a", GOOD, expect=(unread,)))
    assert result.exit_code == 3
    assert "nothing was compared" in result.stdout
    both = folder(tmp_path / "b", GOOD, expect=(HELD, unread))
    assert (cli("check", both).exit_code, cli("check", both, "--strict").exit_code) == (0, 5)


def test_the_worst_of_several_folders_counts(cli, tmp_path: Path) -> None:
    made.folder(tmp_path / "all" / "good", GOOD, expect=(HELD,), name="good")
    made.folder(tmp_path / "all" / "bad", BAD, expect=(HELD,), name="bad")
    result = cli("check", tmp_path / "all")
    assert result.exit_code == 4
    assert "bad: regression (1 failed, 1 passed)" in result.stdout
    assert "good: passed (2 passed)" in result.stdout


def test_a_baseline_is_of_one_folder(cli, tmp_path: Path) -> None:
    for name in ("a", "b"):
        made.folder(tmp_path / "all" / name, GOOD)
    assert cli("check", tmp_path / "all", "--baseline", "kept").exit_code == 2


@pytest.mark.parametrize("words", [("--tier", "fast"), ("--tier", "exact"), ("--max-slowdown", "5")])
def test_what_makes_no_sense_is_a_usage_error(cli, tmp_path: Path, words) -> None:
    assert cli("check", folder(tmp_path, GOOD, expect=(HELD,)), *words).exit_code == 2


def test_json_says_the_same(cli, tmp_path: Path) -> None:
    result = cli("check", folder(tmp_path, BAD, expect=(HELD,)), "--json")
    (content,) = json.loads(result.stdout)
    assert (result.exit_code, content["exit_code"]) == (4, 4)
    assert [one["outcome"] for one in content["found"]] == ["passed", "regression"]


def test_an_exact_folder_passes_its_own_baseline_in_every_tier_that_there_is(checked, kept: Path) -> None:
    result = checked()
    assert result.exit_code == 0
    assert "time: not compared" in result.stdout
    assert folders.every(kept)


def test_a_baseline_of_lost_cells_is_refused(cli, kept: Path) -> None:
    cell = folders.cell_of(kept, "arm", 0)
    (kept / "cells" / cell / "status.json").unlink()
    assert cli("baseline", "save", "b", kept).exit_code == 3


def test_a_folder_that_went_on_on_another_processor_has_no_hashes_compared(checked, kept: Path) -> None:
    (kept / "machines" / "ba9876543210.json").write_text(json.dumps(folders.OTHER))
    file = kept / "cells" / folders.cell_of(kept, "arm", 3) / "status.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"machine": "ba9876543210"}))
    assert "other CPU: hashes not compared (cpu capability AVX2" in checked("--tier", "exact").stdout
