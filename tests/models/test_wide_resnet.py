import pytest
import torch
from torch import nn

from isbench.errors import UsageError
from isbench.models.catalogue import build
from isbench.models.norms import FrozenBatchNorm2d, SampleNorm2d
from isbench.store.records import ModelSpec
from tests.builders import rng

NORMS = ["batch", "layer", "frozen"]


def made(shape=(3, 32, 32), classes=10, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(ModelSpec(name="wide-resnet", options=options), shape, classes)


def small(norm="batch"):
    return made(depth=10, widen=1, norm=norm)


def images(k=4, size=32):
    return torch.randn(k, 3, size, size, generator=rng()).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("classes", "count"), [(10, 1_465_827), (100, 1_477_437)])
def test_the_layer_norm_of_the_authors_has_their_count(classes, count):
    assert sum(p.numel() for p in made(classes=classes, norm="layer").parameters()) == count


def test_frozen_batch_norm_has_the_parameters_of_batch_norm():
    assert sum(p.numel() for p in made(norm="frozen").parameters()) == 1_467_610


def test_a_deeper_and_wider_net_has_the_published_size():
    assert sum(p.numel() for p in made(depth=16, widen=4).parameters()) == pytest.approx(2.75e6, rel=0.01)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (4, 9, 9)])
def test_any_square_image_fits(norm, shape):
    assert made(shape, 7, depth=10, widen=1, norm=norm)(torch.zeros(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize("shape", [(2,), (784, 1), (3, 32, 16)])
def test_what_is_no_square_image_is_refused(shape):
    with pytest.raises(UsageError, match="wide-resnet needs square images"):
        made(shape)


def test_a_depth_that_is_not_6k_plus_4_is_refused_with_its_neighbours():
    with pytest.raises(UsageError, match=r"no depth 27 .its depth is 6k . 4, such as 22 or 28"):
        made(depth=27)


@pytest.mark.parametrize("norm", ["layer", "frozen"])
def test_without_batch_statistics_a_sample_does_not_depend_on_the_others(norm):
    model, x = small(norm).train(), images()
    with torch.no_grad():
        assert torch.allclose(model(x)[:2], model(x[:2]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("norm", ["layer", "frozen"])
def test_without_batch_statistics_training_and_evaluation_agree(norm):
    model, x = small(norm), images()
    with torch.no_grad():
        assert torch.equal(model.train()(x), model.eval()(x))


def test_with_batch_statistics_training_and_evaluation_differ():
    model, x = small(), images()
    with torch.no_grad():
        assert not torch.allclose(model.train()(x), model.eval()(x), rtol=1e-2)


def test_frozen_batch_norm_is_frozen_before_anybody_sets_a_mode():
    assert not FrozenBatchNorm2d(3).training


def test_frozen_statistics_stay_and_scale_and_shift_are_trained():
    layer = FrozenBatchNorm2d(3).train()
    layer(5 * images() + 7).square().sum().backward()
    assert layer.running_mean.tolist() == [0.0] * 3
    assert layer.running_var.tolist() == [1.0] * 3
    assert layer.weight.grad.abs().min() > 0
    assert layer.bias.grad.abs().min() > 0


def test_frozen_batch_norm_uses_the_statistics_that_it_holds():
    layer, x = FrozenBatchNorm2d(3).train(), images()
    layer.running_mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    layer.running_var.copy_(torch.tensor([4.0, 1.0, 9.0]))
    expected = (x - layer.running_mean[:, None, None]) / (layer.running_var[:, None, None] + 1e-5).sqrt()
    assert torch.allclose(layer(x), expected, atol=1e-6)


def test_the_layer_norm_is_over_all_channels_and_places_of_a_sample():
    layer, x = SampleNorm2d(3), 3 * images() + 2
    with torch.no_grad():
        layer.weight.fill_(2.0)
        layer.bias.copy_(torch.tensor([0.0, 1.0, 2.0]))
    mean, variance = x.mean((1, 2, 3), keepdim=True), x.var((1, 2, 3), correction=0, keepdim=True)
    expected = 2 * (x - mean) / (variance + 1e-3).sqrt() + layer.bias[:, None, None]
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_convolutions_have_the_initial_variance_of_he_et_al():
    weights = [m.weight for m in made().modules() if isinstance(m, nn.Conv2d)]
    for weight in weights[1:]:
        expected = (2 / (weight.shape[0] * weight[0, 0].numel())) ** 0.5
        assert float(weight.detach().std()) == pytest.approx(expected, rel=0.15)


def test_images_stay_channels_last_all_the_way():
    seen = []
    model = small()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _, inputs, output: seen.append(output))
    model(images())
    assert len(seen) == 9
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in seen)
