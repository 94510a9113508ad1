from pathlib import Path

import pytest
import torch
from torch import nn

from isbench.bench import costs
from isbench.bench import site as sites
from isbench.errors import EnvironmentFault
from isbench.models.catalogue import CATALOGUE, Entry
from tests.bench_tools import InProcess, run, site

EXACT = {"sampler": "gradient-norm", "pool": 64}


def gru(shape, classes):
    """Images as sequences of rows, read by a GRU."""

    class Rows(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.last = nn.GRU(8, 4, batch_first=True), nn.Linear(4, classes)

        def forward(self, x):
            return self.last(self.layer(x[:, 0])[0][:, -1])

    return Rows()


def loading(shape, classes, *, weights: str = "imagenet"):
    """A linear model that reads its bias from a file."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, classes))
    if weights != "none":
        if not Path(weights).is_file():
            raise EnvironmentFault(f"there is no file {weights}", "look elsewhere")
        model[1].bias.data.copy_(torch.load(weights, weights_only=True))
    return model


@pytest.fixture
def models(monkeypatch):
    for build in (gru, loading):
        monkeypatch.setitem(CATALOGUE, build.__name__, Entry(build, "", ""))


def test_costs_are_counted_once_for_each_model_and_score(tmp_path, monkeypatch):
    counted = []
    measure = costs.measure_costs

    def noting(model, shape, score):
        counted.append(None if score is None else score.name)
        return measure(model, shape, score)

    monkeypatch.setattr(costs, "measure_costs", noting)
    arms = ["uniform", "uniform-iid", EXACT, {**EXACT, "label": "again", "pool": 96}]
    site(tmp_path, samplers=arms).plan({})
    assert sorted(map(str, counted)) == ["None", "gradient"]


def test_a_model_without_fast_exact_norms_is_announced(tmp_path, models):
    (note,) = site(tmp_path, model="gru", samplers=["uniform", EXACT]).plan({}).notes
    assert note.startswith("gru has layers without a fast way to exact gradient norms")


@pytest.mark.parametrize(
    ("model", "sampler"),
    [("gru", {**EXACT, "score": "gradient_one_by_one"}), ("gru", "uniform"), ("lstm", EXACT)],
)
def test_nothing_is_announced_where_nothing_is_slow_unasked(tmp_path, models, model, sampler):
    arms = list({str(each): each for each in ("uniform", sampler)}.values())
    assert site(tmp_path, model=model, samplers=arms).plan({}).notes == ()


def test_an_arm_may_take_its_norms_one_by_one(tmp_path, models, monkeypatch):
    monkeypatch.setattr(sites, "Worker", InProcess)
    arms = ["uniform", {**EXACT, "score": "gradient_one_by_one"}]
    assert run(site(tmp_path, model="gru", samplers=arms, seeds=1, budgets=[{"steps": 2}]))[0] == []


def test_weights_are_looked_for_beside_the_recipe(tmp_path, models, monkeypatch):
    monkeypatch.setattr(sites, "Worker", InProcess)
    model = {"name": "loading", "weights": "bias.pth"}
    torch.save(torch.arange(10.0), tmp_path / "bias.pth")
    here = site(tmp_path, model=model, seeds=1)
    assert run(here)[0] == []
    assert {cell.model.options["weights"] for cell in here.plan({}).cells.values()} == {"bias.pth"}


def test_missing_weights_are_blamed_on_the_model_of_the_recipe(tmp_path, models):
    with pytest.raises(EnvironmentFault, match=r"tiny.yaml:\d+:\d+: model: there is no file .*/none.pth"):
        site(tmp_path, model={"name": "loading", "weights": "none.pth"})
