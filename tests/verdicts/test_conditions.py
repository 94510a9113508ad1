"""What of the conditions of runs makes their numbers doubtful."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from isbench.store.records import Point, SamplerSpec, StartSpec
from isbench.store.store import Store
from isbench.verdicts import find
from isbench.verdicts.codes import CODES
from isbench.verdicts.conditions import slowing
from isbench.verdicts.curves import Curve
from tests.report import synthetic
from tests.verdicts import made, timed
from tests.verdicts.timed import Timed

RUNS = {"uniform": [Timed(selects=False)] * 5, "is": [Timed(units={"draw": 1e-3})] * 5}
MINUTE = {"budgets": (made.MINUTE,), "primary": made.AT_END}


@pytest.fixture
def folder(tmp_path: Path):
    """A folder with runs whose times are accounted for."""
    return lambda runs=RUNS, **plan: timed.folder(tmp_path / "made", runs, **plan)


def said(folder: Path) -> dict[str, str]:
    """All warnings, by their names."""
    return {caution.name: caution.says for caution in find(folder).cautions}


def every_outcome(folder: Path, **changes) -> None:
    """Let all runs have ended like this."""
    for path in folder.glob("cells/*/status.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def every_point(folder: Path, change) -> None:
    """Change all points of all runs by a function of a point."""
    store = Store(folder)
    for path in folder.glob("cells/*/points.jsonl"):
        record = store.record(path.parent.name)
        assert record is not None
        points = [point.model_copy(update=change(point)) for point in record.points]
        path.write_text("".join(f"{point.model_dump_json()}\n" for point in points))


def test_runs_that_are_accounted_for_need_no_warning(folder) -> None:
    assert said(folder()) == {}


def test_load_by_other_programs_is_told(folder) -> None:
    place = folder()
    every_outcome(place, foreign_load=0.4)
    assert said(place)["foreign-load"] == (
        "other programs took up to 40% of the processors on epochs-5, 40% on average"
    )
    every_outcome(place, foreign_load=0.2)
    assert "foreign-load" not in said(place)


def test_steps_that_become_slower_are_told(folder) -> None:
    place = folder()
    every_point(place, lambda point: {"train_seconds": point.train_seconds * (1 + 0.1 * point.progress)})
    assert "of uniform were" in said(place)["slowing"]


def test_how_much_slower_is_measured_half_against_half() -> None:
    curve = made_curve([0, 50, 100], [0.0, 1.0, 3.0])
    assert slowing(curve) == pytest.approx(math.log(2))
    assert math.isnan(slowing(made_curve([0], [0.0])))


def test_arms_that_the_test_set_starts_are_told(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    start = StartSpec(name="loss_fraction", options={"of": "test"})
    monkeypatch.setattr(
        synthetic.Arm, "spec", lambda arm: SamplerSpec(label=arm.label, name="dlis", start=start)
    )
    assert said(folder())["reads-test"] == "the test set says when to start: uniform, is"


def made_curve(steps: list[int], seconds: list[float]):
    """A run with these points."""
    spent = {"trained": 0, "scored": 0, "loaded": 0, "passes": 0.0, "eval_seconds": 0.0, "lr": 0.1}
    points = tuple(
        Point(progress=step / 100, epochs=step / 10, steps=step, train_seconds=at, **spent)
        for step, at in zip(steps, seconds, strict=True)
    )
    return Curve(synthetic.cell(synthetic.UNIFORM), "done", synthetic.MACHINE, "", points)


def test_phases_that_do_not_add_up_are_told(folder) -> None:
    place = folder()
    every_point(place, lambda point: {"train_seconds": point.train_seconds * 1.03})
    assert said(place)["accounting"] == "the phases are up to 2.9% off the training time on epochs-5"


def test_long_evaluations_are_told(folder) -> None:
    place = folder()
    every_point(place, lambda point: {"eval_seconds": point.train_seconds / 2})
    assert said(place)["evaluation-share"].startswith("evaluation took 50% of the training time on epochs-5")


def test_runs_beyond_their_seconds_are_told(folder) -> None:
    place = folder(**MINUTE)
    every_outcome(place, overshoot_seconds=1.2)
    assert said(place)["overshoot"] == "runs went on for up to 2.0% beyond their 60 s"


def test_phases_of_a_sample_of_steps_are_told(folder) -> None:
    place = folder()
    every_outcome(place, phase_mode="profile")
    assert "sampled-phases" in said(place)


def test_mended_scores_are_counted_by_arm(folder) -> None:
    place = folder()
    every_point(place, lambda point: {"healed": 1})
    assert "uniform 45, is 45" in said(place)["mended-scores"]


def test_operations_that_fell_back_to_the_processor_are_told(folder) -> None:
    place = folder()
    (path,) = place.glob("machines/*.json")
    facts = json.loads(path.read_text()) | {
        "device": "mps",
        "variables": {"PYTORCH_ENABLE_MPS_FALLBACK": "1"},
    }
    path.write_text(json.dumps(facts))
    assert "cpu-fallback" in said(place)


def test_unit_costs_that_do_not_add_up_are_told(folder) -> None:
    slow = [Timed(units={"forward": 4e-5})] * 5
    told = said(folder({"uniform": RUNS["uniform"], "is": slow}))
    assert (
        told["unit-costs"] == "unit costs do not add up in 1 of 1 arms and races, by 43% for is on epochs-5"
    )


def test_the_worst_race_speaks_for_all(folder) -> None:
    place = folder(variants=("plain", "noisy"))
    every_outcome(place, foreign_load=0.4)
    assert [caution.name for caution in find(place).cautions].count("foreign-load") == 1


def test_no_code_is_given_twice() -> None:
    assert sorted(CODES.values()) == [f"W{number:02}" for number in range(1, len(CODES) + 1)]
