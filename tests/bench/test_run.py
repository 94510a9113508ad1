"""Whole runs: what is run, what is kept, what is said when something fails."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from isbench.bench import cell as cells
from isbench.bench import run as runs
from isbench.bench import site as sites
from isbench.bench.site import Request
from isbench.errors import CellsFailed, EnvironmentFault, Interrupted, UsageError
from isbench.store.store import Store
from tests.bench_tools import InProcess, rows, run, site

MISSING = [(0, "uniform"), (0, "highest-loss-cdf"), (1, "highest-loss-cdf"), (1, "uniform")]  # it rotates
LIKE = [{"like": "uniform", "epochs": 0.5, "name": "equal-time"}]


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "Worker", InProcess)


def test_every_cell_of_the_plan_gets_a_row(tmp_path: Path) -> None:
    here = site(tmp_path)
    assert run(here)[0] == []
    assert len(rows(here.store.folder, "runs")) == 4
    assert len(rows(here.store.folder, "points")) == 4 * 4
    assert len(rows(here.store.folder, "phases")) == 4 * 9


def test_the_same_recipe_twice_gives_identical_numbers(tmp_path: Path) -> None:
    folders = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        here = site(tmp_path / name)
        run(here)
        folders.append(here.store.folder)
    assert rows(folders[0], "points") == rows(folders[1], "points")


def test_a_second_run_runs_nothing(tmp_path: Path) -> None:
    run(site(tmp_path))
    assert run(site(tmp_path))[1].began == []


def test_a_new_sampler_runs_only_its_own_cells(tmp_path: Path) -> None:
    run(site(tmp_path))
    arms = ["uniform", {"sampler": "highest-loss-cdf", "pool": 64}, {"sampler": "highest-loss", "pool": 64}]
    assert run(site(tmp_path, samplers=arms))[1].began == ["highest-loss 0", "highest-loss 1"]


def test_another_label_runs_nothing(tmp_path: Path) -> None:
    run(site(tmp_path))
    arms = ["uniform", {"sampler": "highest-loss-cdf", "pool": 64, "label": "mine"}]
    here = site(tmp_path, samplers=arms)
    assert run(here)[1].began == []
    assert {row["sampler"] for row in rows(here.store.folder, "runs")} == {"uniform", "mine"}


def test_fresh_runs_everything_again(tmp_path: Path) -> None:
    here = site(tmp_path)
    run(here)
    again = replace(here, request=replace(here.request, fresh=True))
    assert len(run(again)[1].began) == 4


def test_only_runs_the_arms_that_match(tmp_path: Path) -> None:
    here = site(tmp_path)
    chosen = replace(here, request=replace(here.request, only="high*"))
    assert run(chosen)[1].began == ["highest-loss-cdf 0", "highest-loss-cdf 1"]


def test_only_runs_the_pilots_that_its_arms_need(tmp_path: Path) -> None:
    here = site(tmp_path, budgets=LIKE)
    chosen = replace(here, request=replace(here.request, only="high*"))
    assert run(chosen)[0] == []
    assert {row["sampler"] for row in rows(here.store.folder, "runs")} == {"highest-loss-cdf"}


def test_only_with_no_such_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no arm has such a label"):
        site(tmp_path, Request(out=tmp_path / "results", data=tmp_path, device="cpu", only="dlis"))


def test_equal_time_is_what_the_pilots_needed(tmp_path: Path) -> None:
    here = site(tmp_path, budgets=LIKE)
    run(here)
    plan = here.store.plan()
    assert plan is not None
    (pilot,) = plan.pilots
    times = sorted(here.store.record(cell).points[-1].train_seconds for cell in pilot.cells)
    assert pilot.seconds == pytest.approx(times[1], rel=1e-5)
    assert {plan.cells[c].budget.amount for block in plan.blocks for c in block.cells} == {pilot.seconds}


def test_pilots_are_never_reported(tmp_path: Path) -> None:
    here = site(tmp_path, budgets=LIKE)
    run(here)
    assert {row["seed"] for row in rows(here.store.folder, "runs")} == {"0", "1"}


def test_a_frozen_equal_time_stays(tmp_path: Path) -> None:
    run(site(tmp_path, budgets=LIKE))
    here = site(tmp_path, budgets=LIKE, seeds=3)
    assert run(here)[1].began == ["uniform 2", "highest-loss-cdf 2"]


def test_equal_time_frozen_on_another_machine_is_refused(tmp_path: Path) -> None:
    here = site(tmp_path, budgets=LIKE)
    run(here)
    plan = here.store.plan()
    assert plan is not None
    here.store.save_plan(plan.model_copy(update={"machine": "elsewhere"}))
    with pytest.raises(EnvironmentFault, match="another machine"):
        run(here)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_of_another_recipe_is_refused(tmp_path: Path, fresh: bool) -> None:
    run(site(tmp_path))
    other = tmp_path / "other"
    other.mkdir()
    request = Request(out=tmp_path / "results", data=tmp_path, device="cpu", fresh=fresh)
    with pytest.raises(EnvironmentFault, match=r"holds the results of"):
        run(site(other, request, seeds=1))


def test_a_cell_that_raises_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = cells.run_cell

    def broken(cell, *arguments, **keywords):
        if cell.sampler.name == "highest-loss-cdf" and cell.seed == 0:
            raise ValueError("no luck")
        return real(cell, *arguments, **keywords)

    monkeypatch.setattr(cells, "run_cell", broken)
    here = site(tmp_path)
    assert run(here)[0] == ["highest-loss-cdf seed 0: failed ValueError: no luck"]
    statuses = [row["status"] for row in rows(here.store.folder, "runs")]
    assert sorted(statuses) == ["done", "done", "done", "failed"]


def fails_once(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    real, failed = cells.run_cell, []

    def once(cell, *arguments, **keywords):
        if not failed:
            failed.append(cell)
            raise error
        return real(cell, *arguments, **keywords)

    monkeypatch.setattr(cells, "run_cell", once)


def test_a_failed_cell_runs_again_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_once(monkeypatch, ValueError("no luck"))
    here = site(tmp_path)
    run(here)
    assert run(here)[1].began == []
    retried = replace(here, request=replace(here.request, retry_failed=True))
    failed, watch = run(retried)
    assert (failed, watch.began) == ([], ["uniform 0"])


def test_running_out_of_memory_has_a_status_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_once(monkeypatch, MemoryError("too much"))
    here = site(tmp_path)
    assert "oom" in run(here)[0][0]


def test_a_diverged_arm_is_a_result_and_a_diverged_baseline_is_not(tmp_path: Path) -> None:
    here = site(tmp_path, optimizer={"name": "sgd", "lr": 1e30}, budgets=[{"steps": 30}])
    failed, _ = run(here)
    assert [row["status"] for row in rows(here.store.folder, "runs")] == ["diverged"] * 4
    assert all(line.startswith("uniform") for line in failed)


def test_a_failed_pilot_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_once(monkeypatch, ValueError("no luck"))
    with pytest.raises(CellsFailed, match="pilot"):
        run(site(tmp_path, budgets=LIKE))


def test_an_interrupted_cell_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments, **keywords):
        raise Interrupted(130)

    here = site(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(cells, "run_cell", interrupted)
        with pytest.raises(Interrupted):
            run(here)
    plan = here.store.plan()
    assert plan is not None
    assert here.store.outcome(plan.blocks[0].cells[0]).status == "interrupted"
    assert len(run(here)[1].began) == 4


def interrupt(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_is_an_orderly_end_with_its_exit_code(number: signal.Signals, code: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as stopped, runs.stopping():
        interrupt(number)
    assert stopped.value.code == code
    assert signal.getsignal(number) == before


def test_no_cell_starts_after_max_hours(tmp_path: Path) -> None:
    here = site(tmp_path)
    stopped = replace(here, request=replace(here.request, max_hours=0.0))
    _, watch = run(stopped)
    assert watch.began == []
    assert "4 cells are left" in watch.said[0]


def test_cells_that_are_missing_are_said_to_be_missing(tmp_path: Path) -> None:
    here = site(tmp_path)
    stopped = replace(here, request=replace(here.request, max_hours=0.0))
    assert run(stopped)[0] == [f"{label} seed {s}: missing" for s, label in MISSING]


def test_no_equal_time_within_max_hours_is_said_as_such(tmp_path: Path) -> None:
    here = site(tmp_path, budgets=LIKE)
    stopped = replace(here, request=replace(here.request, max_hours=0.0))
    with pytest.raises(CellsFailed, match="max-hours"):
        run(stopped)


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    from isbench.bench.site import locked

    here = site(tmp_path)
    with locked(here.store.folder), pytest.raises(EnvironmentFault, match="another run"):
        run(here)


def test_only_the_first_seed_records_more_than_usage(tmp_path: Path) -> None:
    here = site(tmp_path)
    run(here)
    plan = here.store.plan()
    assert plan is not None
    for block in plan.blocks:
        for cell in block.cells:
            assert here.store.exhibit(cell, "usage") is not None
            assert (here.store.exhibit(cell, "trace") is not None) == (block.seed == 0)


def test_the_machine_is_described_by_an_allowlist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET_TOKEN", "hunter2")
    here = site(tmp_path)
    run(here)
    text = "".join(path.read_text() for path in (here.store.folder / "machines").glob("*.json"))
    assert "hunter2" not in text
    assert "torch" in json.loads(text)


def test_a_cell_that_was_killed_leaves_the_store_readable(tmp_path: Path) -> None:
    here = site(tmp_path)
    run(here)
    plan = here.store.plan()
    assert plan is not None
    victim = plan.blocks[0].cells[0]
    path = here.store.cell_folder(victim) / "points.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    record = Store(here.store.folder).record(victim)
    assert record is not None
    assert len(record.points) == 3


def test_a_memory_is_counted_once_however_often_it_is_named() -> None:
    memory = torch.zeros(100)

    class Holder:
        def __init__(self) -> None:
            self.mine, self.again = memory, [memory]

    assert cells.tensor_bytes({"keen": Holder(), "now": memory}) == 400


def test_a_start_by_a_validation_set_that_is_empty_fails_and_says_so(tmp_path: Path) -> None:
    arm = {"sampler": "highest-loss", "pool": 64, "start": {"loss_fraction": {"below": 0.9, "of": "val"}}}
    here = site(tmp_path, dataset={"name": "digits", "val_fraction": 0.0}, samplers=["uniform", arm])
    assert "no val samples" in run(here)[0][0]
