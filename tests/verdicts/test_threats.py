"""What a careful reader would object to in a folder, and only that."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
from torch import nn

from isbench.models.catalogue import CATALOGUE
from isbench.store.claims import Expectation, Measure
from isbench.store.plans import Trial
from isbench.store.records import DatasetSpec, ModelSpec
from isbench.verdicts import read, write
from isbench.verdicts.curves import load
from isbench.verdicts.threats import NORMS, in_modes, threats
from tests.verdicts import made
from tests.verdicts.made import ending

RUNS = {"uniform": ending(*[0.2] * 5), "dlis": ending(*[0.1] * 5)}
ALWAYS = {"untuned-baseline", "partial-batches", "short-budget", "label-noise", "scope"}


@pytest.fixture
def told(tmp_path: Path):
    """The threats to a folder with made-up runs, by name; cells and points changed by the two functions."""

    def of(runs=RUNS, cell=None, point=None, **plan) -> dict[str, str]:
        folder = made.folder(tmp_path / str(len(list(tmp_path.iterdir()))), runs, **plan)
        planned = load(folder).plan
        cards = [card.model_copy(update={"name": card.label}) for card in planned.cards]
        cells = {old: one.model_copy(update=cell or {}) for old, one in planned.cells.items()}
        text = planned.model_copy(update={"cards": tuple(cards), "cells": cells}).model_dump_json()
        for old, one in cells.items():
            text = text.replace(old, one.id)
            if (folder / "cells" / old).is_dir():
                (folder / "cells" / old / "cell.json").write_text(one.model_dump_json())
                (folder / "cells" / old).rename(folder / "cells" / one.id)
        (folder / "plan.json").write_text(text)
        for path in folder.glob("cells/*/points.jsonl"):
            lines = [json.loads(line) | (point or {}) for line in path.read_text().splitlines()]
            path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return {threat.name: threat.says for threat in threats(load(folder))}

    return of


def test_an_ordinary_folder_has_the_ordinary_threats(told) -> None:
    assert told().keys() == ALWAYS


def test_few_seeds_are_one(told) -> None:
    assert told({"uniform": ending(0.2)})["few-seeds"].startswith("1 seed:")


def test_a_question_of_the_test_set_is_one(told) -> None:
    asked = made.AT_END.model_copy(update={"metric": "test_error"})
    assert "decides the question:" in told(primary=asked)["test-set"]


def test_a_part_of_a_claim_on_the_test_set_is_one(told) -> None:
    part = Expectation(test="better_by", measure=Measure(metric="test_error"))
    assert "decides claims:" in told(expect=(Expectation(test="all", parts=(part,)),))["test-set"]


def test_a_tuned_baseline_is_none(told) -> None:
    trial = Trial(variant="", label="uniform", number=1, asked=1, options={}, cells=())
    assert "untuned-baseline" not in told(tuning=(trial,))


def test_a_baseline_that_has_come_to_its_end_had_time_enough(told) -> None:
    done = [made.Made(end=0.1, first=0.1)] * 5
    assert "short-budget" not in told({"uniform": done, "dlis": done})


def test_wrong_labels_in_a_variant_answer_the_question_of_them(told) -> None:
    assert "label-noise" not in told(cell={"dataset": DatasetSpec(name="mnist", label_noise=0.2)})


def test_batches_with_repeats_are_measured(told) -> None:
    found = told(point={"distinct": 64.0})
    assert found["duplicates"] == "batches repeat samples: only so much of a batch is different: 50% in dlis"
    assert "duplicates" not in told(point={"distinct": 127.0})


def test_a_net_that_computes_otherwise_while_it_trains_is_one_where_it_scores(told) -> None:
    cell = {"model": ModelSpec(name="resnet18")}
    assert told(cell=cell, point={"scored": 10})["scores-mode"].startswith("dlis score in evaluation mode")
    assert "scores-mode" not in told(cell=cell)
    assert "scores-mode" not in told(point={"scored": 10})


def test_remembered_scores_of_augmented_samples_are_one(told) -> None:
    cell = {"dataset": DatasetSpec(name="mnist", augment="standard")}
    assert told(cell=cell, point={"tau": 1.5})["views"].startswith("dlis draw by what was seen")
    assert "views" not in told(cell=cell, point={"tau": 1.5, "scored": 10})
    assert "views" not in told(cell=cell)


def test_short_numbers_are_one(told) -> None:
    assert "bfloat16" in told(cell={"precision": "bfloat16"})["precision"]


def test_a_folder_without_results_has_none(told) -> None:
    assert told({"uniform": [made.lost("failed")]}) == {}


def test_the_summary_tells_of_them(tmp_path: Path) -> None:
    folder = made.folder(tmp_path / "made", RUNS)
    write(folder)
    assert {"name", "says"} == set(read(folder)["threats"][0])


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "resnet50"])
def test_what_is_known_of_models_is_what_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for drawn in ("kaiming_uniform_", "kaiming_normal_", "uniform_", "normal_", "trunc_normal_"):
        monkeypatch.setattr(nn.init, drawn, lambda weight, *rest, **named: weight)  # takes seconds
    shapes = {"vgg16-head": (512,), "circles-mlp": (2,), "siren": (2,), "lstm": (49, 1), "pointnet": (64, 3)}
    images = {"pcam-cnn": (3, 96, 96), "mnist-cnn": (1, 28, 28), "lenet": (1, 28, 28)}
    model = CATALOGUE[name].build({**shapes, **images}.get(name, (3, 32, 32)), 3)
    found = [
        layer
        for layer in model.modules()
        if type(layer) in (nn.BatchNorm1d, nn.BatchNorm2d) or (isinstance(layer, nn.Dropout) and layer.p)
    ]
    assert in_modes(ModelSpec(name=name)) == bool(found)
    assert in_modes(ModelSpec(name=name, options={"dropout": True}))


@pytest.mark.parametrize("name", ["wide-resnet", "resnet18", "resnet50"])
def test_the_usual_norm_of_a_model_is_known(name: str) -> None:
    assert inspect.signature(CATALOGUE[name].build).parameters["norm"].default == NORMS[name]


def test_controls_are_not_blamed(told) -> None:
    assert "duplicates" not in told(point={"distinct": 64.0}, controls={"dlis": ("placebo", "is")})
