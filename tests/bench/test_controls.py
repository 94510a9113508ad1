"""Control arms and targets in whole runs: what differs from what they control, what pilots leave behind."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from isbench.bench import cell as cells
from isbench.bench import site as sites
from isbench.bench.estimate import Speed, kind
from isbench.bench.preview import preview
from isbench.bench.probe import plan_probes
from isbench.datasets import catalogue as datasets
from isbench.store.records import Cell
from isbench.train.timing import FakeClock
from tests.bench_tools import InProcess, rows, run, site

ALL = ["presample", "placebo", "free", "aa"]
LABELS = [
    "uniform",
    "highest-loss-cdf",
    "presample:64",
    "placebo:highest-loss-cdf",
    "free:highest-loss-cdf",
    "aa",
]
TARGETS = {"budgets": [{"seconds": 0.02}], "targets": [0.5, 1.0]}


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "Worker", InProcess)


@pytest.fixture(scope="module")
def one_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe that has targets, and its results."""
    folder = tmp_path_factory.mktemp("targets")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sites, "Worker", InProcess)
        assert run(site(folder, **TARGETS, seeds=1))[0] == []
    return folder


@pytest.fixture
def folder(one_seed: Path, tmp_path: Path) -> Path:
    """A copy of it that may be changed."""
    return Path(shutil.copytree(one_seed, tmp_path / "copy"))


def planned(folder: Path, **changes) -> dict[str, Cell]:
    """A cell of each arm, of the first seed."""
    made = site(folder, controls=ALL, **changes).plan({})
    return {cell.sampler.label: cell for cell in made.placed(made.blocks[0])}


def assembled(cell: Cell) -> cells.Run:
    dataset = datasets.build(cell.dataset, Path(), torch.device("cpu"), cell.seed)
    return cells.assemble(cell, dataset, cells.build_model(cell, dataset), FakeClock())


def test_a_recipe_with_all_controls_has_a_row_for_each(tmp_path: Path) -> None:
    here = site(tmp_path, controls=ALL, seeds=1)
    assert run(here)[0] == []
    table = {row["sampler"]: row for row in rows(here.store.folder, "runs")}
    assert [*table] == LABELS
    assert table["placebo:highest-loss-cdf"]["scored"] == table["highest-loss-cdf"]["scored"] != "0"
    assert table["free:highest-loss-cdf"]["test_loss"] == table["highest-loss-cdf"]["test_loss"]
    assert table["presample:64"]["loaded"] == table["highest-loss-cdf"]["loaded"]


def test_aa_has_other_batches_and_the_same_initial_weights(tmp_path: Path) -> None:
    made = planned(tmp_path)
    uniform, again = assembled(made["uniform"]), assembled(made["aa"])
    first, second = ([*each.problem.model.parameters()] for each in (uniform, again))
    assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))
    ours, theirs = (next(iter(each.sampler.epoch())).index for each in (uniform, again))
    assert not torch.equal(ours, theirs)
    assert uniform.problem.rng.initial_seed() != again.problem.rng.initial_seed()


def test_free_makes_the_same_draws_and_leaves_its_scores_out_of_the_seconds(tmp_path: Path) -> None:
    made = planned(tmp_path)
    own, free = (
        [*assembled(made[label]).points][-1] for label in ("highest-loss-cdf", "free:highest-loss-cdf")
    )
    assert own.test_loss == free.test_loss
    assert free.train_seconds == own.train_seconds - own.phases["score"]


def test_controls_can_be_asked_for_by_label(tmp_path: Path) -> None:
    here = site(tmp_path, controls=ALL, seeds=1)
    assert run(replace(here, request=replace(here.request, only="placebo:*")))[1].began == [
        "placebo:highest-loss-cdf 0"
    ]
    assert run(replace(here, request=replace(here.request, only="aa")))[1].began == ["aa 0"]


def test_controls_are_not_probed(tmp_path: Path) -> None:
    made = plan_probes(site(tmp_path, controls=ALL, seeds=1))
    assert {label for block in made.probes for label in block.labels} == {"uniform", "highest-loss-cdf"}


def test_a_diverged_arm_fails_a_run_only_where_it_is_the_primary_baseline(tmp_path: Path) -> None:
    arms = ["uniform", {"sampler": "highest-loss-cdf", "pool": 64, "optimizer": {"name": "sgd", "lr": 1e30}}]
    here = site(tmp_path, samplers=arms, budgets=[{"steps": 30}], seeds=1)
    assert run(here)[0] == []
    asked = site(
        tmp_path, samplers=arms, budgets=[{"steps": 30}], seeds=1, primary={"baseline": "highest-loss-cdf"}
    )
    lost, watch = run(asked)
    assert watch.began == []
    assert lost == ["highest-loss-cdf seed 0: diverged a loss was not finite any more"]


def test_targets_of_a_seconds_budget_come_from_pilots_of_it(folder: Path) -> None:
    here = site(folder, **TARGETS, seeds=1)
    plan = here.store.plan()
    assert plan is not None
    (pilot,) = plan.pilots
    records = [here.store.record(cell) for cell in pilot.cells]
    ends = [sorted(record.points[place].val_error for record in records)[1] for place in (0, -1)]
    assert [pilot.first, pilot.last] == pytest.approx(ends, rel=1e-5)
    assert (pilot.metric, plan.targets) == ("val_error", (0.5, 1.0))
    assert plan.primary.target == 1.0
    assert {row["seed"] for row in rows(here.store.folder, "runs")} == {"0"}


def test_what_a_pilot_measured_stays_frozen(folder: Path) -> None:
    here = site(folder, **TARGETS, seeds=2)
    before = here.store.plan()
    assert len(run(here)[1].began) == 2
    after = here.store.plan()
    assert before is not None
    assert after is not None
    assert before.pilots == after.pilots


def test_another_metric_is_read_from_the_pilots_that_have_run(folder: Path) -> None:
    here = site(folder, **TARGETS, seeds=1, primary={"metric": "test_loss", "target": 0.9})
    assert run(here)[1].began == []
    plan = here.store.plan()
    assert plan is not None
    (pilot,) = plan.pilots
    assert pilot.metric == "test_loss"
    assert pilot.last < pilot.first
    assert plan.targets == (0.5, 0.9, 1.0)


def test_pilots_for_targets_alone_make_no_budget_a_guess(tmp_path: Path) -> None:
    seen = preview(site(tmp_path, **TARGETS), measure=False)
    assert not seen.guessed
    assert "pilot of seconds-0.02" in {row["budget"] for row in seen.rows()}


def test_targets_that_another_machine_has_measured_are_no_hindrance(folder: Path) -> None:
    here = site(folder, **TARGETS, seeds=1)
    plan = here.store.plan()
    assert plan is not None
    here.store.save_plan(plan.model_copy(update={"machine": "elsewhere"}))
    assert run(here)[1].began == []


def test_controls_are_as_fast_as_what_they_control_and_free_lasts_longer(tmp_path: Path) -> None:
    made = planned(tmp_path, budgets=[{"seconds": 6}])
    own, free = made["highest-loss-cdf"], made["free:highest-loss-cdf"]
    assert kind(own) == kind(free) == kind(made["placebo:highest-loss-cdf"])
    assert kind(made["aa"]) == kind(made["uniform"])
    speed = Speed(step=0.03, score=0.01, evaluation=0.0, setup=1.0, epochs=1.0, passes=1.0)
    assert speed.seconds(own) == pytest.approx(7.0)
    assert speed.seconds(free) == pytest.approx(10.0)
