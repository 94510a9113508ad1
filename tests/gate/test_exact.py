"""The exact tier: what differs is found, named, and told apart from another machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isbench.gate import baseline as baselines
from isbench.gate.baseline import COLUMNS
from isbench.gate.facts import baseline_of
from isbench.verdicts.curves import load
from tests.gate import folders


def exact(checked):
    return checked("--tier", "exact")


def test_the_same_runs_pass(checked) -> None:
    result = exact(checked)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "synthetic: passed (3 passed)")
    assert "epochs-5, arm, exact: 4 runs: equal bit by bit" in result.stdout


def test_another_selection_is_named_with_its_cell_and_step(checked, kept: Path) -> None:
    cell = folders.cell_of(kept, "arm", 2)
    folders.redigest(kept, cell, "selection", lambda each: np.add(each, [0, 0, 1, 1, 1]))
    result = exact(checked)
    assert result.exit_code == 4
    assert (
        "epochs-5, arm, exact: seed 2: what was selected differs first at point 2 (step 500)" in result.stdout
    )
    assert "1 of 4 runs differ" in result.stderr


def test_another_loss_is_named_with_both_values(checked, kept: Path) -> None:
    folders.repoint(kept, folders.cell_of(kept, "arm", 0), 3, val_loss=0.51)
    result = exact(checked)
    assert result.exit_code == 4
    assert "what was measured differs first at point 3 (step 750): val_loss 0.51, None in" in result.stdout


def test_a_loss_of_the_first_steps_says_whether_the_batches_are_the_same(checked, kept: Path) -> None:
    cell = folders.cell_of(kept, "arm", 0)
    folders.redigest(kept, cell, "losses", lambda each: np.add(each, [0, 0, 0, 1e-9, 0, 0, 0, 0, 0, 0]))
    assert "the loss of step 4 is 2.26666666766666" in exact(checked).stdout
    assert ", and what was selected is the same by step 250" in exact(checked).stdout
    folders.redigest(kept, cell, "selection", lambda each: np.add(each, [0, 1, 1, 1, 1]))
    assert ", and what was selected differs by step 250" in exact(checked).stdout


@pytest.mark.parametrize("facts", [folders.CPU, folders.OTHER])
def test_counts_are_compared_on_every_machine(checked, kept: Path, facts) -> None:
    folders.machine(kept, facts)
    folders.repoint(kept, folders.cell_of(kept, "arm", 1), 4, scored=64)
    result = exact(checked)
    assert result.exit_code == 4
    assert "seed 1: scored is 64 at point 4 (step 1000), 0 in the baseline" in result.stdout


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--strict",), 5)])
def test_counts_that_differ_between_seeds_are_open_on_another_processor(
    checked, kept, cli, words, code
) -> None:
    for seed in range(4):
        folders.repoint(kept, folders.cell_of(kept, "arm", seed), 4, scored=seed)
    assert cli("baseline", "save", "kept", kept).exit_code == 0
    folders.repoint(kept, folders.cell_of(kept, "arm", 1), 4, scored=64)
    assert exact(checked).exit_code == 4
    folders.machine(kept, folders.OTHER)
    result = checked("--tier", "exact", *words)
    assert result.exit_code == code
    assert (
        "seed 1: scored is 64 at point 4 (step 1000), 1 in the baseline; 1 of 4 runs differ" in result.stdout
    )
    assert "its counts differ between seeds too" in result.stdout


@pytest.mark.parametrize(
    ("fact", "value"),
    [("cpu", "Another"), ("cpu_capability", "AVX2"), ("torch", "2.8"), ("variables", {"MKL_CBWR": "AVX2"})],
)
def test_another_processor_has_no_hashes_compared_and_says_so(checked, kept, fact, value) -> None:
    folders.machine(kept, {**folders.CPU, fact: value})
    cell = folders.cell_of(kept, "arm", 0)
    folders.redigest(kept, cell, "selection", lambda each: each + 1)
    folders.redigest(kept, cell, "losses", lambda each: each * 1.0005)
    folders.repoint(kept, cell, 3, val_loss=0.51)
    result = exact(checked)
    assert result.exit_code == 0
    assert "other CPU: hashes not compared (" in result.stdout
    assert fact.replace("_", " ") in result.stdout


def test_another_processor_must_have_nearly_the_same_first_losses(checked, kept: Path) -> None:
    folders.machine(kept, folders.OTHER)
    cell = folders.cell_of(kept, "arm", 0)
    folders.redigest(kept, cell, "losses", lambda each: each * 1.01)
    result = exact(checked)
    assert result.exit_code == 4
    assert "seed 0: the loss of step 1 is 2.32" in result.stdout


def test_another_recipe_is_refused_with_the_difference(checked, kept: Path) -> None:
    other = {"sampler": {"label": "arm", "options": {"pool": 96}}}
    more = {"sampler": {"label": "more", "options": {}}}
    content = {"name": "synthetic", "settings": [{"variant": "", "batch": 32, "arms": [other, more]}]}
    folders.recipe(kept, content)
    folders.replan(kept, recipe="0123456789ab")
    result = exact(checked)
    assert result.exit_code == 6
    assert "settings > 0 > arms > arm > sampler > options > pool is 96, was 64" in result.stderr
    assert "added settings > 0 > arms > more (" in result.stderr


def test_seeds_that_only_one_of_the_two_ran_are_told(checked, kept: Path) -> None:
    plan = load(kept).plan
    folders.replan(kept, blocks=plan.blocks[:3])
    result = exact(checked)
    assert result.exit_code == 0
    assert "epochs-5, uniform, all seeds: not run: seed 3" in result.stdout
    assert "epochs-5, arm, all seeds: not run: seed 3" in result.stdout
    assert checked("--tier", "exact", "--strict").exit_code == 5


@pytest.mark.parametrize("facts", [folders.CPU, folders.OTHER])
def test_first_losses_that_are_missing_are_a_difference(checked, kept: Path, facts) -> None:
    folders.machine(kept, facts)
    folders.redigest(kept, folders.cell_of(kept, "arm", 0), "losses", lambda each: each[:0])
    result = exact(checked)
    assert result.exit_code == 4
    assert "seed 0: it has the losses of 0 first steps, 10 in the baseline" in result.stdout


def baseline_with(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what the baseline says of all of its runs, and the file as a whole."""
    file = folder / "results" / "baselines" / "kept.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(("name", "says"), [("rho", "a backward pass"), ("score", "a score")])
def test_other_flops_are_a_difference_on_every_machine(checked, kept: Path, tmp_path, name, says) -> None:
    folders.machine(kept, folders.OTHER)
    baseline_with(tmp_path, lambda content: content["exact"][4].update({name: 2.5}))
    result = exact(checked)
    assert result.exit_code == 4
    assert f"the cost of {says} is " in result.stdout
    assert "forwards, 2.5 in the baseline" in result.stdout


def test_another_number_of_points_is_a_difference(checked, tmp_path: Path) -> None:
    def shorten(content: dict[str, Any]) -> None:
        for name in COLUMNS:
            content["exact"][2][name].pop()

    baseline_with(tmp_path, shorten)
    result = exact(checked)
    assert result.exit_code == 4
    assert "it has 5 points, 4 in the baseline" in result.stdout


def test_a_baseline_of_another_schema_is_refused(checked, tmp_path: Path) -> None:
    baseline_with(tmp_path, lambda content: content.update(schema_version=2))
    result = exact(checked)
    assert result.exit_code == 6
    assert "schema_version" in result.stderr
    assert "isbench baseline save" in result.stderr


def test_a_recipe_that_is_not_exact_has_nothing_to_compare_exactly(cli, tmp_path: Path) -> None:
    plain = folders.exact(tmp_path / "plain", gate=folders.GATE.model_copy(update={"exact": False}))
    cli("baseline", "save", "plain", plain)
    result = cli("check", plain, "--baseline", "plain", "--tier", "exact")
    assert result.exit_code == 2
    assert "gate: {exact: true}" in result.stderr


def test_a_baseline_is_read_as_it_was_written(kept: Path, tmp_path: Path) -> None:
    baseline = baseline_of(load(kept))
    path = baselines.save(str(tmp_path / "b.json"), baseline)
    assert baselines.load(str(path)) == baseline


def test_a_baseline_is_sorted_json_with_a_line_for_each_run(kept: Path, tmp_path: Path) -> None:
    text = (tmp_path / "results" / "baselines" / "kept.json").read_text()
    content = json.loads(text)
    assert list(content) == sorted(content)
    assert sum('"cell"' in line for line in text.splitlines()) == len(content["exact"]) == 8


def test_runs_without_digests_are_no_baseline(cli, kept: Path) -> None:
    (kept / "cells" / folders.cell_of(kept, "arm", 0) / "exhibits" / "digests.npz").unlink()
    result = cli("baseline", "save", "b", kept)
    assert result.exit_code == 6
    assert "--fresh" in result.stderr


def test_digests_that_are_too_few_are_no_digests(checked, kept: Path) -> None:
    folders.redigest(kept, folders.cell_of(kept, "arm", 0), "weights", lambda each: each[:2])
    assert exact(checked).exit_code == 6


def test_a_baseline_with_columns_of_different_lengths_is_refused(checked, tmp_path: Path) -> None:
    file = tmp_path / "results" / "baselines" / "kept.json"
    content = json.loads(file.read_text())
    content["exact"][3]["scored"].pop()
    file.write_text(json.dumps(content))
    result = exact(checked)
    assert result.exit_code == 6
    assert "exact.3: Value error, has columns of different lengths" in result.stderr


def test_a_baseline_that_is_not_there_says_how_to_make_one(cli, kept: Path) -> None:
    result = cli("check", kept, "--baseline", "nope")
    assert result.exit_code == 2
    assert "isbench baseline save nope DIR" in result.stderr


def test_a_file_that_is_no_baseline_is_refused(cli, kept: Path, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{"schema_version": 1}')
    assert cli("check", kept, "--baseline", "b.json").exit_code == 6


def test_diff_tells_what_differs_and_judges_nothing(cli, kept: Path) -> None:
    folders.machine(kept, folders.OTHER)
    folders.repoint(kept, folders.cell_of(kept, "arm", 1), 4, scored=64)
    result = cli("baseline", "diff", "kept", kept)
    assert result.exit_code == 0
    assert result.stdout.startswith("synthetic against the baseline kept")
    assert "scored is 64" in result.stdout
    assert "machine: cpu capability AVX2, DEFAULT there" in result.stdout


def test_show_prints_what_a_baseline_holds(cli, kept: Path) -> None:
    result = cli("baseline", "show", "kept")
    assert result.exit_code == 0
    assert "8 runs, compared bit by bit" in result.stdout
    assert "val_error" in result.stdout
