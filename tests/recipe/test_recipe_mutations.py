"""Each key of a full recipe is deleted, renamed, mistyped: one mistake with its line, or meant to be so."""

import copy
import re
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
import yaml

from isbench.errors import RecipeError
from isbench.recipe import load

FULL = yaml.safe_load(
    Path(__file__).with_name("full.yaml").read_text().replace("5e-4", "0.0005").replace("1e-4", "0.0001")
)
NEEDED = {
    "dataset",
    "model",
    "model.name",
    "model.pretrain.dataset",
    "model.pretrain.dataset.name",
    "model.pretrain.epochs",
    "dataset.name",
    "budgets",
    "budgets.0.epochs",
    "budgets.1.epochs",
    "budgets.1.name",  # which `primary` asks for
    "budgets.2.seconds",
    "budgets.3.passes",
    "budgets.4.steps",
    "schedule.step",
    "schedule.step.at",
    "schedule.step.factor",
    "start.epochs",
    "samplers",
    "samplers.1.sampler",
    "samplers.1.label",  # which `controls` ask for
    "samplers.2.sampler",
    "samplers.1.start.loss_fraction",
    "samplers.1.start.loss_fraction.below",
    "samplers.1.schedule.linear",
    "optimizer.name",
    "tuning.trials",
    "tuning.space",
    "tuning.space.optimizer",
    "tuning.space.optimizer.lr",
    "tuning.space.gradient-norm.mirror",
    *("expect.0.sampler", "expect.0.better_by", "expect.1.any"),
    *("expect.1.any.0.sampler", "expect.1.any.0.phase", "expect.1.any.0.no_worse_than"),
    *("expect.1.any.1.not", "expect.1.any.1.not.sampler"),
    *("expect.1.any.1.not.target", "expect.1.any.1.not.sooner_than"),
    *("expect.1.any.2.sampler", "expect.1.any.2.selection.quantity", "expect.1.any.2.above"),
    *("expect.2.probe", "expect.2.probe.score", "expect.2.probe.than", "expect.2.probe.quantity"),
    "expect.2.better_by",
}
FREE = {"variants.plain", "variants.noisy", "profiles.cpu"}  # names that a recipe chooses itself


@cache
def keys() -> list[str]:
    found: list[str] = []

    def walk(value, path):
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, below in items:
            if isinstance(value, dict):
                found.append(".".join(map(str, (*path, key))))
            walk(below, (*path, key))

    walk(FULL, ())
    return found


def mutated(path: str, change) -> str:
    recipe = copy.deepcopy(FULL)
    *steps, last = path.split(".")
    parent = recipe
    for step in steps:
        parent = parent[int(step)] if isinstance(parent, list) else parent[step]
    change(parent, last)
    return yaml.safe_dump(recipe, sort_keys=False)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "full.yaml"
    path.write_text(text)
    with suppress(RecipeError):
        load(path)
        return []
    with pytest.raises(RecipeError) as caught:
        load(path)
    assert caught.value.code == 2
    lines = [line for line in str(caught.value).splitlines() if not line.startswith("    ")]
    assert all(re.match(rf"{re.escape(str(path))}:\d+:\d+: ", line) for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


def test_the_recipe_itself_is_right(tmp_path):
    assert mistakes(tmp_path, yaml.safe_dump(FULL, sort_keys=False)) == []


@pytest.mark.parametrize("path", keys())
def test_a_deleted_key_is_one_mistake_or_has_a_default(tmp_path, path):
    told = mistakes(tmp_path, mutated(path, lambda parent, key: parent.pop(key)))
    assert len(told) == (path in NEEDED), told


@pytest.mark.parametrize("path", keys())
def test_a_renamed_key_is_one_mistake_at_its_place(tmp_path, path):
    def rename(parent, key):
        parent[key + "z"] = parent.pop(key)

    told = mistakes(tmp_path, mutated(path, rename))
    assert len(told) == (path not in FREE), told


@pytest.mark.parametrize("path", keys())
def test_a_value_of_another_type_is_one_mistake(tmp_path, path):
    def mistype(parent, key):
        parent[key] = 3.25 if isinstance(parent[key], dict | list) else [{"a": 1}]

    assert len(mistakes(tmp_path, mutated(path, mistype))) == 1
