import json
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from isbench.recipe import json_schema, shipped, yaml12
from isbench.recipe import load as load_recipe


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(json_schema())


def plain(text: str) -> object:
    root = yaml12.read(text, "x").root
    assert root is not None
    return root.plain()


def test_the_schema_is_a_schema_and_json():
    Draft202012Validator.check_schema(json_schema())
    assert json.loads(json.dumps(json_schema(), allow_nan=False)) == json_schema()


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_recipe_is_valid_by_tool_and_by_schema(name):
    path = shipped()[name]
    recipe = load_recipe(path)
    assert recipe.name == name
    validator().validate(plain(path.read_text()))


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_profile_of_a_shipped_recipe_resolves(name):
    path = shipped()[name]
    for profile in plain(path.read_text()).get("profiles") or {}:
        assert load_recipe(path, profile).profile == profile


def test_the_full_and_the_shortest_recipe_are_valid(full, small):
    assert validator().is_valid(plain(full))
    assert validator().is_valid(plain(small))


@pytest.mark.parametrize(
    "line",
    [
        "batch: null",
        "start: none",
        "start: {steps: 3}",
        "schedule: cosine",
        "optimizer: adamw",
        "optimizer: {lr: 1}",
        "threads: auto",
        "points: [0.5]",
        "variants: {a: {model: {hidden: [3]}}, b: }",
        "profiles: {a: {dataset: {subset: 5}, variants: {b: null}}}",
        "record: []",
        "primary: {}",
        "primary: {metric: test_loss, budget: epochs-1, target: 0.9, baseline: uniform}",
        "targets: [0.9, 1.0]",
        "controls: [placebo, 'free:highest-loss', aa, presample]",
        "controls: []",
    ],
)
def test_what_the_tool_takes_the_schema_takes(write, small, line):
    assert load_recipe(write(f"{small}{line}\n")).settings
    assert validator().is_valid(plain(f"{small}{line}\n"))


@pytest.mark.parametrize(
    "line",
    [
        "schema: 2",
        "bacth: 3",
        "batch: 0",
        "batch: '64'",
        "name: My Recipe",
        "precision: float16",
        "threads: all",
        "points: [2]",
        "seeds: 0",
        "start: nowhere",
        "start: {steps: 1.5}",
        "start: {loss_fraction: {}}",
        "start: {epochs: 1, steps: 1}",
        "schedule: step",
        "schedule: {step: {at: [0.5]}}",
        "optimizer: rmsprop",
        "optimizer: {name: adam, momentum: 0.9}",
        "variants: {a: {seeds: 3}}",
        "profiles: {a: {name: x}}",
        "record: [usages]",
        "primary: {budget: 3}",
        "primary: {target: 1.5}",
        "primary: {metric: accuracy}",
        "primary: {goal: 1}",
        "targets: [0]",
        "targets: 0.9",
        "controls: placebo",
        "controls: [placbo]",
        "controls: [{free: highest-loss}]",
    ],
)
def test_what_the_tool_refuses_the_schema_refuses(mistakes, small, line):
    assert mistakes(f"{small}{line}\n")
    assert not validator().is_valid(plain(f"{small}{line}\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("digits", "digist"),
        ("digits", "{name: digits, subset: x}"),
        ("digits", "{name: digits, samples: 3}"),
        ("digits", "{subset: 3}"),
        ("mlp", "{name: mlp, hiden: [3]}"),
        ("mlp", "{name: mlp, hidden: 3}"),
        ("{epochs: 1}", "{}"),
        ("{epochs: 1}", "{epochs: 1, steps: 3}"),
        ("{epochs: 1}", "{like: uniform, steps: 3}"),
        ("{epochs: 1}", "{epochs: 0}"),
        ("highest-loss", "highest-los"),
        ("highest-loss", "{pool: 512}"),
        ("highest-loss", "{sampler: highest-loss, pol: 512}"),
        ("highest-loss", "{sampler: highest-loss, pool: 5 x}"),
        ("highest-loss", "{sampler: highest-loss, pool: 0}"),
        ("highest-loss", "{sampler: highest-loss, grid: {pool: 5x}}"),
        ("highest-loss", "{sampler: highest-loss, grid: {poool: [5x]}}"),
        ("samplers:\n  - uniform\n  - highest-loss\n", ""),
    ],
)
def test_broken_parts_are_refused_by_both(mistakes, small, old, new):
    assert mistakes(small.replace(old, new))
    assert not validator().is_valid(plain(small.replace(old, new)))


def test_editors_see_every_sampler_data_set_and_model():
    definitions = json_schema()["$defs"]
    for part, name in (("entry", "uniform-iid"), ("dataset", "two-circles"), ("model", "lenet")):
        assert name in definitions[part]["anyOf"][0]["enum"]


def test_check_jsonschema_reads_recipes_as_the_loader_does(tmp_path: Path, full):
    from check_jsonschema import main

    schema, recipe = tmp_path / "schema.json", tmp_path / "recipe.yaml"
    schema.write_text(json.dumps(json_schema()))
    recipe.write_text(full)
    with pytest.raises(SystemExit) as ended:
        main(["--schemafile", str(schema), str(recipe)], standalone_mode=True)
    assert ended.value.code == 0
