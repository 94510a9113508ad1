import json
import os
import zipfile

import numpy as np
import pytest

from isbench.errors import EnvironmentFault
from isbench.store import store as store_module
from isbench.store.atomic import atomic_write
from isbench.store.plans import Block, Plan
from isbench.store.records import (
    Budget,
    Cell,
    Costs,
    DatasetSpec,
    ModelSpec,
    OptimizerSpec,
    Outcome,
    Point,
    SamplerSpec,
    ScheduleSpec,
)
from isbench.store.store import Store

CELL = Cell(
    dataset=DatasetSpec(name="digits"),
    model=ModelSpec(name="mlp"),
    sampler=SamplerSpec(label="uniform", name="uniform"),
    optimizer=OptimizerSpec(),
    schedule=ScheduleSpec(),
    batch=8,
    budget=Budget(name="steps-2", amount=2.0, unit="steps"),
    seed=0,
    points=(0.0, 1.0),
    precision="float32",
    threads=1,
    device="cpu",
    lag=0,
    costs=Costs(rho=2.0),
)
PLAN = Plan(
    name="tiny",
    profile="",
    recipe="",
    recipe_file="tiny.yaml",
    machine="",
    record=(),
    cells={CELL.id: CELL},
    blocks=(Block(seed=0, variant="", budget="steps-2", cells=(CELL.id,), labels=(CELL.sampler.label,)),),
)
RUNNING = Outcome(status="running", started="2026-01-01T00:00:00Z")
DONE = RUNNING.model_copy(update={"status": "done"})


def point(progress):
    return Point(
        progress=progress,
        epochs=progress,
        steps=int(2 * progress),
        trained=0,
        scored=0,
        loaded=0,
        passes=0.0,
        train_seconds=progress,
        eval_seconds=0.0,
        lr=0.1,
    )


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


@pytest.fixture
def begun(store):
    store.begin(CELL, RUNNING)
    store.add_point(CELL.id, point(0.0))
    store.add_point(CELL.id, point(1.0))
    return store


def points_file(store):
    return store.cell_folder(CELL.id) / "points.jsonl"


def test_an_empty_folder_has_no_plan_and_no_records(store):
    assert store.plan() is None
    assert store.outcome(CELL.id) is None
    assert store.record(CELL.id) is None
    assert store.machines() == {}
    assert not store.folder.exists()


def test_a_plan_survives_the_disk(store):
    store.save_plan(PLAN)
    assert store.plan() == PLAN


def test_a_record_survives_the_disk(begun):
    begun.finish(CELL.id, DONE)
    record = begun.record(CELL.id)
    assert (record.cell, record.outcome, record.points) == (CELL, DONE, (point(0.0), point(1.0)))


@pytest.mark.parametrize("kept", [1, 17, 60])
def test_a_torn_last_line_is_ignored(begun, kept):
    path = points_file(begun)
    whole, last, _ = path.read_bytes().split(b"\n")
    path.write_bytes(whole + b"\n" + last[:kept])
    assert begun.record(CELL.id).points == (point(0.0),)


def test_a_damaged_line_in_the_middle_is_a_fault_that_names_the_file(begun):
    path = points_file(begun)
    path.write_bytes(b'{"progress": \n' + path.read_bytes())
    with pytest.raises(EnvironmentFault, match=r"points\.jsonl cannot be used: line 1"):
        begun.record(CELL.id)


def test_beginning_again_forgets_the_earlier_attempt(begun):
    begun.write_exhibit(CELL.id, "trace", {"step": np.arange(3)})
    begun.finish(CELL.id, DONE)
    begun.begin(CELL, RUNNING)
    assert begun.record(CELL.id).points == ()
    assert begun.exhibit(CELL.id, "trace") is None
    assert begun.outcome(CELL.id) == RUNNING


def test_a_kill_while_beginning_again_never_leaves_a_finished_cell(begun, monkeypatch):
    begun.finish(CELL.id, DONE)
    written = []

    def killed(path, content):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        atomic_write(path, content)

    monkeypatch.setattr(store_module, "atomic_write", killed)
    with pytest.raises(KeyboardInterrupt):
        begun.begin(CELL, RUNNING)
    assert begun.outcome(CELL.id).status == "running"


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    atomic_write(path, "old")

    def fails(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(EnvironmentFault, match=r"cannot write 3 bytes to .*No space left"):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_no_draft(tmp_path, monkeypatch):
    def interrupted(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(tmp_path / "plan.json", "{}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("identity", ["../../../etc", "0123456789AB", "0123456789abc", "", "0123456789a\n"])
def test_an_id_that_is_not_twelve_hex_digits_reaches_no_path(store, identity):
    with pytest.raises(EnvironmentFault, match="no id"):
        store.cell_folder(identity)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"{" * 10_000, b'{"name": 1}', b"NaN"])
def test_a_plan_that_is_no_plan_is_a_fault_that_names_the_file(store, content):
    atomic_write(store.folder / "plan.json", content)
    with pytest.raises(EnvironmentFault, match=r"plan\.json cannot be used"):
        store.plan()


def test_a_plan_that_speaks_of_unknown_cells_is_refused(store):
    store.save_plan(PLAN.model_copy(update={"cells": {}}))
    with pytest.raises(EnvironmentFault, match="no such cell"):
        store.plan()


def test_a_record_that_is_too_large_is_not_read(begun, monkeypatch):
    monkeypatch.setattr(store_module, "JSON_LIMIT", 10)
    with pytest.raises(EnvironmentFault, match="larger than"):
        begun.record(CELL.id)


def test_an_exhibit_survives_the_disk(begun):
    begun.write_exhibit(CELL.id, "usage", {"times_trained": np.array([3, 1]), "label": np.array([-1, 2])})
    assert begun.exhibit(CELL.id, "usage")["times_trained"].tolist() == [3, 1]


def test_an_exhibit_holds_numbers_only(begun):
    with pytest.raises(ValueError, match="names is not numeric"):
        begun.write_exhibit(CELL.id, "usage", {"names": np.array(["a"])})


def test_an_exhibit_that_would_run_code_is_refused(begun, tmp_path):
    path = begun.cell_folder(CELL.id) / "exhibits" / "usage.npz"
    path.parent.mkdir()
    np.savez(path, times=np.array([{"a": 1}], dtype=object))
    with pytest.raises(EnvironmentFault, match=r"usage\.npz cannot be used"):
        begun.exhibit(CELL.id, "usage")


def test_an_exhibit_that_unpacks_to_too_much_is_refused(begun, monkeypatch):
    begun.write_exhibit(CELL.id, "usage", {"zeros": np.zeros(10_000)})
    monkeypatch.setattr(store_module, "EXHIBIT_LIMIT", 1_000)
    with pytest.raises(EnvironmentFault, match="larger than"):
        begun.exhibit(CELL.id, "usage")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04torn"])
def test_an_exhibit_that_is_no_archive_is_a_fault(begun, content):
    atomic_write(begun.cell_folder(CELL.id) / "exhibits" / "usage.npz", content)
    with pytest.raises(EnvironmentFault, match=r"usage\.npz cannot be used"):
        begun.exhibit(CELL.id, "usage")


def test_an_exhibit_with_a_header_that_lies_is_a_fault(begun):
    begun.write_exhibit(CELL.id, "usage", {"times": np.zeros(3)})
    path = begun.cell_folder(CELL.id) / "exhibits" / "usage.npz"
    with zipfile.ZipFile(path) as packed:
        content = packed.read("times.npy").replace(b"(3,)", b"(9,)")
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("times.npy", content)
    with pytest.raises(EnvironmentFault, match=r"usage\.npz cannot be used"):
        begun.exhibit(CELL.id, "usage")


def test_machines_are_kept_by_id(store):
    store.save_machine("0123456789ab", {"cpu": "made up"})
    assert store.machines() == {"0123456789ab": {"cpu": "made up"}}


def test_a_machine_file_that_is_no_object_is_a_fault(store):
    atomic_write(store.folder / "machines" / "0123456789ab.json", json.dumps([1]))
    with pytest.raises(EnvironmentFault, match="not an object"):
        store.machines()


def test_cells_of_other_plans_are_counted(begun):
    other = CELL.model_copy(update={"seed": 9})
    begun.begin(other, RUNNING)
    assert begun.other_cells(PLAN) == 1


def test_a_cell_says_where_its_log_is(store):
    assert store.log(CELL.id) == store.folder / "cells" / CELL.id / "log.txt"
