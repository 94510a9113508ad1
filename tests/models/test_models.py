from pathlib import Path

import pytest
import torch

from isbench.errors import UsageError
from isbench.models.catalogue import CATALOGUE, build, located, unloaded
from isbench.store.records import ModelSpec

PUBLISHED = [
    ("circles-mlp", (2,), 2, 252),
    ("mlp", (1, 28, 28), 10, 269_322),
    ("pcam-cnn", (3, 96, 96), 2, 446_932),
    ("mnist-cnn", (1, 28, 28), 10, 21_840),
    ("cifar-cnn", (3, 32, 32), 10, 126_730),
    ("lenet", (1, 28, 28), 10, 61_706),
    ("wide-resnet", (3, 32, 32), 10, 1_467_610),
    ("wide-resnet", (3, 32, 32), 100, 1_479_220),
    ("lstm", (784, 1), 10, 68_362),
    ("resnet50", (3, 32, 32), 67, 23_508_032 + 67 * 2_049),
    ("resnet18", (3, 32, 32), 10, 11_173_962),
    ("vit", (3, 32, 32), 10, 4_771_082),
    ("pointnet", (1024, 3), 40, 184_104),
    ("siren", (2,), 3, 198_915),
    ("vgg16-head", (4096,), 102, 4_097 * 512 + 513 * 102),
]
SCRATCH = {"resnet50": {"weights": "none"}}


def made(name, shape, classes, **options):
    with torch.random.fork_rng(devices=[]):
        spec = ModelSpec(name=name, options=SCRATCH.get(name, {}) | options)
        return build(spec, shape, classes)


@pytest.mark.parametrize(("name", "shape", "classes", "count"), PUBLISHED)
def test_a_model_has_the_parameters_that_its_source_counts(name, shape, classes, count):
    assert sum(p.numel() for p in made(name, shape, classes).parameters()) == count


def test_every_model_of_the_catalogue_has_its_count_checked():
    assert {name for name, *_ in PUBLISHED} == set(CATALOGUE)


@pytest.mark.parametrize(("name", "shape", "classes", "count"), PUBLISHED)
def test_a_model_maps_samples_to_one_logit_per_class(name, shape, classes, count):
    output = made(name, shape, classes)(torch.zeros(3, *shape))
    assert output.shape == (3, classes)


@pytest.mark.parametrize(("name", "shape", "classes", "count"), PUBLISHED)
def test_a_model_returns_logits_and_not_log_probabilities(name, shape, classes, count):
    model = made(name, shape, classes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        list(model.parameters())[-1].fill_(3.0)
        assert (model(torch.zeros(1, *shape)) == 3.0).all()


@pytest.mark.parametrize("name", ["circles-mlp", "mnist-cnn", "pcam-cnn"])
def test_dropout_adds_no_parameters_and_acts_only_in_training(name):
    _, shape, classes, count = next(entry for entry in PUBLISHED if entry[0] == name)
    model = made(name, shape, classes, dropout=True)
    assert sum(p.numel() for p in model.parameters()) == count
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        assert not torch.equal(model.train()(x), model(x))
        assert torch.equal(model.eval()(x), model(x))


@pytest.mark.parametrize("name", ["mlp", "pcam-cnn", "mnist-cnn", "cifar-cnn", "lenet", "wide-resnet"])
def test_channels_and_classes_are_those_of_the_data_set(name):
    _, shape, *_ = next(entry for entry in PUBLISHED if entry[0] == name)
    shape = (shape[0] + 1, *shape[1:])
    assert made(name, shape, 7)(torch.zeros(2, *shape)).shape == (2, 7)


def test_the_hidden_widths_of_an_mlp_are_an_option():
    widths = [tuple(p.shape) for p in made("mlp", (4,), 3, hidden=[5, 6]).parameters() if p.dim() == 2]
    assert widths == [(5, 4), (6, 5), (3, 6)]


def test_the_hidden_width_of_a_head_is_an_option():
    assert made("vgg16-head", (4,), 3, hidden=5)[1].out_features == 5


def test_an_mlp_without_hidden_layers_is_a_linear_model():
    assert [tuple(p.shape) for p in made("mlp", (4,), 3, hidden=[]).parameters()] == [(3, 4), (3,)]


@pytest.mark.parametrize(
    ("name", "shape", "classes", "count"), [entry for entry in PUBLISHED if entry[0] != "resnet50"]
)
def test_equal_seeds_give_equal_models_and_other_seeds_others(name, shape, classes, count):
    models = []
    for seed in (5, 5, 6):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            models.append(list(build(ModelSpec(name=name), shape, classes).parameters()))
    same, other = (list(map(torch.equal, models[0], each)) for each in models[1:])
    assert all(same)
    assert not all(other)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (
            "mnist-cnn",
            (3, 32, 32),
            "mnist-cnn needs 1x28x28 inputs, the data set gives 3x32x32 .try cifar-cnn",
        ),
        (
            "cifar-cnn",
            (1, 28, 28),
            "cifar-cnn needs 3x32x32 inputs, the data set gives 1x28x28 .try mnist-cnn",
        ),
        ("pcam-cnn", (2,), "pcam-cnn needs 3x96x96 inputs, the data set gives 2 .try mlp"),
        ("lenet", (1, 8, 8), "lenet needs 1x28x28 inputs, the data set gives 1x8x8 .try mlp"),
        ("vgg16-head", (1, 8, 8), "vgg16-head needs features, the data set gives 1x8x8 .try mlp or resnet18"),
        (
            "circles-mlp",
            (1, 8, 8),
            "circles-mlp needs points of 2 numbers, the data set gives 1x8x8 .try mlp",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_a_model_that_fits(name, shape, message):
    with pytest.raises(UsageError, match=message):
        made(name, shape, 10)


def test_a_relative_path_of_weights_starts_at_the_recipe():
    spec = ModelSpec(name="resnet50", options={"weights": "mine.pth", "norm": "batch"})
    assert located(spec, Path("/recipes")).options == {"weights": "/recipes/mine.pth", "norm": "batch"}


@pytest.mark.parametrize(
    "options", [{}, {"weights": "imagenet"}, {"weights": "none"}, {"weights": "/a/b.pth"}]
)
def test_weights_that_are_no_relative_path_stay_as_they_are(options):
    spec = ModelSpec(name="resnet50", options=options)
    assert located(spec, Path("/recipes")) == spec


def test_what_depends_on_the_architecture_alone_reads_no_weights():
    assert unloaded(ModelSpec(name="resnet50", options={"norm": "batch"})).options == {
        "norm": "batch",
        "weights": "none",
    }
    assert unloaded(ModelSpec(name="lstm")) == ModelSpec(name="lstm")


def test_an_unknown_model_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match=r"no model .mnist_cnn. .did you mean mnist-cnn"):
        made("mnist_cnn", (1, 28, 28), 10)


def test_a_model_is_refused_where_there_is_nothing_to_predict():
    with pytest.raises(UsageError, match="mlp needs a data set with something to predict"):
        made("mlp", (2,), 0)


def test_a_model_of_one_number_is_a_regression():
    assert made("mlp", (2,), 1)(torch.zeros(3, 2)).shape == (3, 1)


def test_layers_without_units_are_refused():
    with pytest.raises(UsageError, match="hidden layers of"):
        made("mlp", (2,), 2, hidden=[50, 0])
