import pytest
from jsonschema import Draft202012Validator

from isbench.recipe import json_schema, load, yaml12
from isbench.store.records import DatasetSpec, PretrainSpec

MODEL = "{name: mlp, pretrain: {dataset: mnist, epochs: 5}}"


@pytest.fixture
def loaded(write, small):
    """The model of a small recipe, of which `model: mlp` is written otherwise."""

    def read(model, *overrides, more="", profile=None):
        recipe = load(write(small.replace("mlp", model) + more), profile, overrides)
        return [setting.model for setting in recipe.settings]

    return read


def test_a_model_says_what_it_learns_before(loaded):
    before = "{dataset: {name: digits, classes: [0, 1]}, epochs: 2, lr: 1, batch: 8}"
    (model,) = loaded(f"{{name: mlp, hidden: [4], pretrain: {before}}}")
    assert model.options == {"hidden": [4]}
    data = DatasetSpec(name="digits", classes=(0, 1))
    assert model.pretrain == PretrainSpec(dataset=data, epochs=2.0, lr=1.0, batch=8)


def test_a_data_set_may_be_named_alone_and_the_rest_has_defaults(loaded):
    (model,) = loaded(MODEL)
    assert model.pretrain == PretrainSpec(dataset=DatasetSpec(name="mnist"), epochs=5.0, lr=1e-3, batch=64)


def test_without_the_key_a_model_learns_nothing_before(loaded):
    (model,) = loaded("mlp")
    assert model.pretrain is None


def test_a_variant_may_begin_from_scratch(loaded):
    more = "variants: {before: {}, scratch: {model: {pretrain: null}}}\n"
    before, scratch = loaded(MODEL, more=more)
    assert before.pretrain is not None
    assert scratch.pretrain is None


def test_layers_change_parts_of_it(loaded):
    more = "profiles: {cpu: {model: {pretrain: {epochs: 1}}}}\n"
    (model,) = loaded(MODEL, "model.pretrain.dataset=digits", more=more, profile="cpu")
    assert model.pretrain == PretrainSpec(dataset=DatasetSpec(name="digits"), epochs=1.0)


def test_another_model_learns_the_same_before(loaded):
    (model,) = loaded(MODEL, "model.name=lenet")
    assert model.name == "lenet"
    assert model.pretrain == PretrainSpec(dataset=DatasetSpec(name="mnist"), epochs=5.0)


@pytest.mark.parametrize(
    ("pretrain", "told"),
    [
        ("§cifar10", "pretrain: must be a mapping such as {dataset: cifar10, epochs: 5}, not 'cifar10'"),
        ("§{epochs: 5}", "pretrain.dataset: is missing"),
        ("§{dataset: mnist}", "pretrain.epochs: is missing; expected a number above 0"),
        ("{dataset: §mnits, epochs: 5}", "pretrain.dataset: unknown dataset 'mnits' (did you mean 'mnist'?)"),
        ("{dataset: mnist, epochs: §0}", "pretrain.epochs: must be a number above 0, not 0"),
        ("{dataset: mnist, epochs: 5, lr: §fast}", "pretrain.lr: must be a number above 0, not 'fast'"),
        (
            "{dataset: mnist, epochs: 5, batch: §0}",
            "pretrain.batch: must be a whole number of at least 1, not 0",
        ),
        (
            "{dataset: mnist, epochs: 5, §epoch: 3}",
            "pretrain.epoch: unknown key of pretrain (did you mean 'epochs'?)",
        ),
        (
            "{dataset: {name: mnist, §pool: 2}, epochs: 5}",
            "pretrain.dataset.pool: unknown option of mnist",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_refused_by_the_schema(mistakes, small, pretrain, told):
    text = small.replace("mlp", f"{{name: mlp, pretrain: {pretrain}}}")
    column = text.splitlines()[1].index("§") + 1
    text = text.replace("§", "")
    assert mistakes(text) == [f"2:{column}: model.{told}"]
    assert not valid(text)


def valid(text: str) -> bool:
    root = yaml12.read(text, "x").root
    assert root is not None
    return Draft202012Validator(json_schema()).is_valid(root.plain())


@pytest.mark.parametrize(
    "model",
    [
        MODEL,
        "{name: mlp, pretrain: null}",
        "{name: mlp, pretrain: {dataset: {name: digits}, epochs: 1, lr: 1}}",
    ],
)
def test_what_the_tool_takes_the_schema_takes(loaded, small, model):
    assert loaded(model)
    assert valid(small.replace("mlp", model))
