"""Estimates of a plan's duration, by speeds that are made up: nothing is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from isbench import console
from isbench.bench import estimate, preview
from isbench.bench import site as sites
from isbench.bench.site import Site
from isbench.samplers.selective_backprop import SelectiveBackprop
from isbench.store.records import Cell
from tests import builders
from tests.bench_tools import Alive
from tests.bench_tools import site as a_site

STEP, EVALUATION, SETUP, EPOCHS = 0.5, 0.25, 2.0, 0.125
TUNING = {"trials": 3, "seeds": 2, "space": {"optimizer.lr": [1e-3, 1e-2, 1e-1]}}
SUBSETS = [{"epochs": 10}, {"epochs": 10, "fraction": 0.3}]


class MadeUp:
    """Stands in for a worker: its steps take as long as is said, those of pools four times as long."""

    asked: list[Cell]
    facts: dict[str, object]
    machine = "0123456789ab"

    def describe(self, device: str) -> dict[str, object]:
        return {"device": device}

    def __init__(self, *_: object) -> None:
        MadeUp.asked = []

    def __enter__(self) -> MadeUp:
        return self

    def __exit__(self, *_: object) -> None:
        Alive().kill()

    def calibrate(self, cell: Cell) -> dict[str, float]:
        self.asked.append(cell)
        step = STEP * cell.sampler.options.get("pool", 64) / 64
        return {
            "step": step,
            "score": 0.0,
            "evaluation": EVALUATION,
            "setup": SETUP,
            "epochs": EPOCHS,
            "passes": 3 * EPOCHS,
        }


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "Worker", MadeUp)


def content(here: Site, *, measure: bool = True) -> dict:
    return preview.preview(here, measure=measure).content()


def seconds(steps: float, evaluations: int, step: float = STEP) -> float:
    return SETUP + steps * step + evaluations * EVALUATION


def test_a_fraction_of_the_epochs_takes_that_fraction_of_the_steps(tmp_path: Path) -> None:
    arms = content(a_site(tmp_path, budgets=SUBSETS, samplers=["uniform", "uniform-budget"]))["arms"]
    whole, part = (arm["seconds each"] for arm in arms if arm["sampler"] == "uniform-budget")
    assert whole == pytest.approx(seconds(10 / EPOCHS, 4))
    assert part == pytest.approx(seconds(3 / EPOCHS, 4))


def test_budgets_of_one_arm_are_measured_once(tmp_path: Path) -> None:
    content(a_site(tmp_path, budgets=SUBSETS, samplers=["uniform", "uniform-budget"]))
    assert [cell.sampler.label for cell in MadeUp.asked] == ["uniform", "uniform-budget"]


def test_trials_have_a_time_of_their_own(tmp_path: Path) -> None:
    found = content(a_site(tmp_path, tuning=TUNING, budgets=[{"steps": 12}]))
    each = seconds(12, 2)  # a trial is looked at before and after it
    assert [row["seconds each"] for row in found["tuning"]] == pytest.approx([each, each])
    assert found["tuning_remaining_seconds"] == pytest.approx(2 * 3 * 2 * each)
    assert found["remaining_seconds"] == pytest.approx(2 * 2 * seconds(12, 4))


def test_trials_that_differ_in_their_rate_are_measured_once(tmp_path: Path) -> None:
    content(a_site(tmp_path, tuning=TUNING))
    assert [cell.sampler.label for cell in MadeUp.asked] == ["uniform", "highest-loss-cdf"]


def test_trials_that_differ_in_their_work_are_measured_each(tmp_path: Path) -> None:
    space = {"optimizer.lr": [1e-3, 1e-2], "highest-loss-cdf.pool": [64, 128]}
    tuning = {"trials": 4, "seeds": 1, "space": space}
    plain, pools = content(a_site(tmp_path, tuning=tuning, budgets=[{"steps": 12}]))["tuning"]
    assert len(MadeUp.asked) == 3
    assert plain["seconds each"] == pytest.approx(seconds(12, 2))
    assert pools["seconds each"] == pytest.approx((seconds(12, 2) + seconds(12, 2, 2 * STEP)) / 2)


def test_a_plan_prints_how_long_tuning_will_take(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    console.show_plan(content(a_site(tmp_path, tuning=TUNING, budgets=[{"steps": 12}])), json=False)
    assert "0 of 12 tuning runs are done, about 2 min left" in capsys.readouterr().out


def test_without_measuring_nothing_is_said_of_the_time(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found = content(a_site(tmp_path, tuning=TUNING), measure=False)
    assert found["tuning_remaining_seconds"] is None
    assert {row["seconds each"] for row in found["tuning"]} == {None}
    console.show_plan(found, json=False)
    assert "0 of 12 tuning runs are done, not estimated" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["selective-backprop", "selective-backprop-stale", "p-sgd"])
def test_a_sampler_that_begins_with_an_ordinary_round_is_measured_behind_it(name: str) -> None:
    run = builders.run(name)
    estimate.introduce(run)
    assert next(iter(run.sampler.epoch())).active
    assert run.problem.trained == 0


def test_a_measured_step_of_selective_backprop_scores_what_it_drops(monkeypatch) -> None:
    run = builders.run("selective-backprop")
    estimate.introduce(run)
    assert isinstance(run.sampler, SelectiveBackprop)
    monkeypatch.setattr(run.sampler, "chances", lambda losses: (losses * 0 + 0.5, losses.sum() * 0))
    next(iter(run.sampler.epoch()))
    assert run.problem.scored > builders.BATCH
