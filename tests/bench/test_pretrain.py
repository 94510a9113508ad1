"""What a model learnt before: trained once, shared by arms and seeds, with a last layer of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from isbench.bench import cell as cells
from isbench.bench import estimate, pretrain
from isbench.bench import site as sites
from isbench.bench.cell import build_model
from isbench.datasets import catalogue as datasets
from isbench.errors import EnvironmentFault, RecipeError, UsageError
from isbench.store.records import (
    Budget,
    Cell,
    Costs,
    DatasetSpec,
    ModelSpec,
    OptimizerSpec,
    PretrainSpec,
    SamplerSpec,
    ScheduleSpec,
)
from tests.bench_tools import InProcess, rows, run, site

OLD = DatasetSpec(name="digits", classes=(0, 1, 2))
NEW = DatasetSpec(name="digits", classes=(5, 6, 7, 8), subset=100)
BEFORE = PretrainSpec(dataset=OLD, epochs=2.0, lr=1e-2)
MODEL = {"name": "mlp", "hidden": [8], "pretrain": {"dataset": {"name": "digits"}, "epochs": 0.2}}
CPU = torch.device("cpu")


def cell(seed: int = 0, before: PretrainSpec | None = BEFORE, **changes) -> Cell:
    model = ModelSpec(name="mlp", options={"hidden": [8]}, pretrain=before)
    made = Cell(
        dataset=NEW,
        model=model,
        sampler=SamplerSpec(label="uniform", name="uniform"),
        optimizer=OptimizerSpec(),
        schedule=ScheduleSpec(),
        batch=16,
        budget=Budget(name="x", amount=3, unit="steps"),
        seed=seed,
        points=(1.0,),
        precision="float32",
        threads=1,
        device="cpu",
        lag=0,
        costs=Costs(rho=2.0),
    )
    return made.model_copy(update=changes)


def started(wanted: Cell, root: Path) -> dict[str, torch.Tensor]:
    """The state of the model that a cell begins with."""
    dataset = datasets.build(wanted.dataset, root, CPU, wanted.seed)
    body = pretrain.pretrained(wanted, root, root)
    return build_model(wanted, dataset, root, body).state_dict()


@pytest.fixture
def trained(monkeypatch) -> list[PretrainSpec]:
    """What was trained beforehand, in order."""
    learnt, calls = pretrain.learnt, []

    def noted(spec, before, dataset):
        calls.append(before)
        return learnt(spec, before, dataset)

    monkeypatch.setattr(pretrain, "learnt", noted)
    return calls


def test_it_is_trained_once_and_remembered(tmp_path, trained):
    first, again = (pretrain.pretrained(cell(), tmp_path, tmp_path) for _ in range(2))
    assert len(trained) == 1
    assert first.keys() == again.keys() == {"1.weight", "1.bias"}
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_arms_and_seeds_share_the_body_and_have_heads_of_their_own(tmp_path, trained):
    other = SamplerSpec(label="high", name="highest-loss", options={"pool": 32})
    one, two = started(cell(0), tmp_path), started(cell(1, sampler=other, batch=8), tmp_path)
    assert len(trained) == 1
    assert torch.equal(one["1.weight"], two["1.weight"])
    assert torch.equal(one["1.bias"], two["1.bias"])
    assert one["3.weight"].shape == two["3.weight"].shape == (4, 8)
    assert not torch.equal(one["3.weight"], two["3.weight"])


def test_the_head_is_the_one_that_the_model_has_without_pretraining(tmp_path):
    fresh, taught = started(cell(before=None), tmp_path), started(cell(), tmp_path)
    assert torch.equal(fresh["3.weight"], taught["3.weight"])
    assert not torch.equal(fresh["1.weight"], taught["1.weight"])


def test_it_has_learnt_something(tmp_path):
    before = BEFORE.model_copy(update={"epochs": 20.0})
    spec, old = cell().model, datasets.build(OLD, tmp_path, CPU, 0)
    body = pretrain.learnt(spec, before, old)
    x, y = old.test.fetch(torch.arange(old.test.n))
    features = torch.relu(x.flatten(1) @ body["1.weight"].T + body["1.bias"])
    means = torch.stack([features[y == k].mean(0) for k in range(3)])
    nearest = torch.cdist(features, means).argmin(1)
    assert (nearest == y).double().mean() > 0.9


@pytest.mark.parametrize(
    "change",
    [
        {"before": BEFORE.model_copy(update={"epochs": 1.0})},
        {"before": BEFORE.model_copy(update={"dataset": OLD.model_copy(update={"subset": 50})})},
        {"threads": 2},
    ],
)
def test_what_the_weights_depend_on_is_trained_apart(change, tmp_path, trained):
    pretrain.pretrained(cell(), tmp_path, tmp_path)
    pretrain.pretrained(cell(**change), tmp_path, tmp_path)
    assert len(trained) == 2


def test_the_same_weights_are_learnt_whatever_the_global_generator_says(tmp_path):
    old = datasets.build(OLD, tmp_path, CPU, 0)
    with torch.random.fork_rng():
        first = pretrain.learnt(cell().model, BEFORE, old)
        torch.rand(7)
        second = pretrain.learnt(cell().model, BEFORE, old)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_damaged_memory_is_learnt_again(tmp_path, trained):
    first = pretrain.pretrained(cell(), tmp_path, tmp_path)
    (path,) = (tmp_path / "cache").rglob("*.pt")
    path.write_bytes(path.read_bytes()[:200])
    again = pretrain.pretrained(cell(), tmp_path, tmp_path)
    assert len(trained) == 2
    assert torch.equal(first["1.weight"], again["1.weight"])


def test_a_cache_that_cannot_be_written_is_a_fault_of_the_environment(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(EnvironmentFault, match="cannot write to"):
        pretrain.pretrained(cell(), tmp_path, tmp_path)


def save(path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.random((40, 1, 8, 8)).astype(np.float32)
    np.savez(path, x_train=x, y_train=np.arange(40) % 2, x_test=x, y_test=np.arange(40) % 2)


def test_a_relative_path_starts_at_the_recipe_and_another_file_is_learnt_anew(tmp_path, trained):
    save(tmp_path / "old.npz", 0)
    before = PretrainSpec(dataset=DatasetSpec(name="arrays", options={"path": "old.npz"}), epochs=1.0)
    pretrain.pretrained(cell(before=before), tmp_path, tmp_path)
    save(tmp_path / "old.npz", 1)
    pretrain.pretrained(cell(before=before), tmp_path, tmp_path)
    assert [each.dataset.options["path"] for each in trained] == [str(tmp_path / "old.npz")] * 2


def test_a_loss_that_is_not_finite_any_more_says_what_to_do(tmp_path):
    before = BEFORE.model_copy(update={"lr": 1e30})
    with pytest.raises(UsageError, match=r"mlp was pre-trained on digits.*smaller lr"):
        pretrain.pretrained(cell(before=before), tmp_path, tmp_path)


def test_a_model_without_pretraining_asks_for_nothing(tmp_path):
    assert pretrain.pretrained(cell(before=None), tmp_path, tmp_path) is None
    assert not (tmp_path / "cache").exists()


def test_ids_of_cells_without_pretraining_are_what_they_were():
    assert "pretrain" not in json.dumps(cell(before=None).model_dump(mode="json", exclude_defaults=True))
    assert cell().id != cell(before=None).id


@pytest.fixture
def slow(monkeypatch) -> None:
    """A clock that only pretraining moves, by 1,000 seconds."""
    learnt, clock = pretrain.learnt, [0.0]

    def moves(spec, before, dataset):
        clock[0] += 1000
        return learnt(spec, before, dataset)

    monkeypatch.setattr(pretrain, "learnt", moves)
    for module in (cells, estimate):
        monkeypatch.setattr(module, "perf_counter", lambda: clock[0])


def test_a_run_trains_beforehand_once(tmp_path, trained, monkeypatch):
    monkeypatch.setattr(sites, "Worker", InProcess)
    here = site(tmp_path, model=MODEL)
    assert run(here)[0] == []
    assert len(trained) == 1
    assert [row["steps"] for row in rows(here.store.folder, "runs")] == ["12"] * 4


def test_no_clock_of_a_cell_counts_it(tmp_path, slow, monkeypatch):
    monkeypatch.setattr(sites, "Worker", InProcess)
    here = site(tmp_path, model=MODEL, seeds=1, samplers=["uniform"])
    assert run(here)[0] == []
    (name,) = here.plan({}).cells
    assert here.store.outcome(name).wall_seconds == 0


def test_no_estimate_counts_it(tmp_path, slow):
    assert estimate.calibrate(cell(), tmp_path, tmp_path)["setup"] == 0


def test_the_run_says_that_models_are_trained_beforehand(tmp_path):
    notes = site(tmp_path, model=MODEL).plan({}).notes
    assert notes == (
        "mlp is trained for 0.2 epochs on digits first: once for all arms and seeds, off every clock; "
        "its last layer begins anew.",
    )


def test_missing_data_is_blamed_where_the_recipe_asks_for_it(tmp_path):
    model = {**MODEL, "pretrain": {"dataset": "mnist", "epochs": 1}}
    with pytest.raises(EnvironmentFault, match=r"model\.pretrain\.dataset: mnist is not in .*data prepare"):
        site(tmp_path, model=model)


def test_inputs_of_another_shape_are_refused_while_planning(tmp_path):
    save(tmp_path / "old.npz", 0)
    with np.load(tmp_path / "old.npz") as arrays:
        np.savez(
            tmp_path / "old.npz",
            **{**arrays, **{name: arrays[name][..., :6] for name in ("x_train", "x_test")}},
        )
    model = {**MODEL, "pretrain": {"dataset": {"name": "arrays", "path": "old.npz"}, "epochs": 1}}
    told = r"model\.pretrain\.dataset: what mlp learns of 1x8x6 inputs does not fit 1x8x8 inputs"
    with pytest.raises(RecipeError, match=told):
        site(tmp_path, model=model)
