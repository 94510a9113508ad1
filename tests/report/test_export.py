"""The tables; they stand here because the made-up results do."""

import csv
import io

import numpy as np
import pytest

from isbench.errors import EnvironmentFault
from isbench.store import export
from isbench.store.store import Store
from tests.report import synthetic


def read(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


@pytest.fixture
def tables(tmp_path):
    plan = synthetic.plan_of(synthetic.STRATEGIES[:2], seeds=2, points=4)
    store = synthetic.fill(tmp_path, plan, exhibits=True)
    export.write_tables(store, plan)
    return tmp_path / "tables"


def header(path):
    return path.read_text().split("\n", 1)[0]


def test_columns_of_runs_are_public(tables):
    assert header(tables / "runs.csv") == (
        "recipe,profile,variant,dataset,model,budget,sampler,options,seed,cell,status,device,machine,steps,"
        "epochs,passes,trained,scored,loaded,train_seconds,eval_seconds,wall_seconds,overshoot_seconds,"
        "started_step,started_seconds,peak_memory,sampler_bytes,train_loss,val_loss,val_error,test_loss,"
        "test_error,cpu_load,foreign_load,device_memory,data_lives,psnr"
    )


def test_columns_of_points_are_public(tables):
    assert header(tables / "points.csv") == (
        "cell,variant,budget,sampler,seed,progress,epochs,steps,trained,scored,loaded,passes,train_seconds,"
        "lr,batch_loss,train_loss,val_loss,val_error,test_loss,test_error,active,tau,ess,distinct,coverage,"
        "weight_mean,weight_max,grad_norm,healed,psnr,weight_ess,coverage_epoch"
    )


def test_columns_of_phases_are_public(tables):
    assert header(tables / "phases.csv") == (
        "cell,variant,budget,sampler,seed,phase,seconds,share,per_step_us,mode"
    )


def test_columns_of_samples_are_public(tables):
    assert header(tables / "samples.csv") == (
        "variant,budget,sampler,seed,index,times_trained,importance_sum,importance_max,label"
    )


def test_one_row_is_one_run_or_one_point(tables):
    assert len(read(tables / "runs.csv")) == 2 * 2 * 2
    assert len(read(tables / "points.csv")) == 2 * 2 * 2 * 5


def test_shares_of_the_training_phases_add_up_and_evaluation_has_none(tables):
    rows = [
        row for row in read(tables / "phases.csv") if row["sampler"] == "highest-loss" and row["seed"] == "0"
    ]
    rows = [row for row in rows if row["budget"] == "epochs-5"]
    assert sum(float(row["share"]) for row in rows if row["phase"] != "eval") == pytest.approx(1.0)
    assert [row["share"] for row in rows if row["phase"] == "eval"] == [""]


def test_time_per_step_is_that_of_the_last_point(tables):
    rows = read(tables / "phases.csv")
    backward = next(row for row in rows if row["phase"] == "backward")
    assert float(backward["per_step_us"]) == pytest.approx(520.0)


def test_the_most_and_the_least_used_samples_are_listed(tables):
    rows = [row for row in read(tables / "samples.csv") if row["sampler"] == "uniform"]
    times = [int(row["times_trained"]) for row in rows if row["budget"] == "epochs-5"]
    assert len(times) == 200
    assert min(times[:100]) >= max(times[100:])


def test_few_samples_are_listed_once_each():
    assert sorted(export._extremes(np.arange(150))) == list(range(150))


def test_what_is_unknown_or_not_finite_is_empty():
    rows = [{"a": None, "b": float("inf")}, {"a": float("nan"), "c": 1.5}]
    assert export.table(("a", "b", "c"), rows) == "a,b,c\n,,\n,,1.5\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1"])
def test_text_that_a_spreadsheet_would_run_is_quoted(text):
    (row,) = csv.DictReader(io.StringIO(export.table(("label",), [{"label": text}])))
    assert row["label"] == f"'{text}"


def test_negative_numbers_are_no_text():
    assert export.table(("x",), [{"x": -1.5}]) == "x\n-1.5\n"


def test_a_never_scored_sample_has_no_importance(tmp_path):
    plan = synthetic.plan_of((synthetic.UNIFORM,), (synthetic.EPOCHS,), seeds=1, points=2)
    store = synthetic.fill(tmp_path, plan, (synthetic.UNIFORM,))
    (cell,) = plan.cells
    ones = np.ones(2)
    usage = {
        "times_trained": ones,
        "presented": np.array([0, 2]),
        "importance_sum": ones,
        "importance_max": ones,
    }
    store.write_exhibit(cell, "usage", usage | {"index": np.arange(2), "label": np.array([-1, 4])})
    rows = export.sample_rows(store, export.runs(store, plan))
    assert [row["importance_sum"] for row in rows] == [None, 1.0]
    assert [row["label"] for row in rows] == [None, 4]


def test_an_exhibit_with_unequal_columns_is_a_fault(tmp_path):
    plan = synthetic.plan_of((synthetic.UNIFORM,), (synthetic.EPOCHS,), seeds=1, points=2)
    store = synthetic.fill(tmp_path, plan, (synthetic.UNIFORM,))
    (cell,) = plan.cells
    store.write_exhibit(cell, "usage", {name: np.arange(2 + (name == "label")) for name in export.USAGE})
    with pytest.raises(EnvironmentFault, match="unequal length"):
        export.sample_rows(store, export.runs(store, plan))


def test_runs_that_never_began_have_no_row(tmp_path):
    plan = synthetic.plan_of(seeds=1, points=2)
    Store(tmp_path).save_plan(plan)
    assert export.run_rows(plan, export.runs(Store(tmp_path), plan)) == []
