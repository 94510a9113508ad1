import pytest
import torch

from isbench.errors import UsageError
from isbench.models.catalogue import build
from isbench.store.records import ModelSpec
from tests.builders import rng


def made(shape=(20, 3), outputs=5):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(ModelSpec(name="pointnet"), shape, outputs)


def clouds(k=4, points=20):
    return torch.randn(k, points, 3, generator=rng())


@pytest.mark.parametrize("training", [True, False])
def test_the_order_of_the_points_does_not_matter(training):
    model, x = made().train(training), clouds()
    order = torch.randperm(20, generator=rng())
    with torch.no_grad():
        assert torch.allclose(model(x), model(x[:, order]), atol=1e-4)


def test_a_point_that_is_there_twice_changes_nothing_in_evaluation():
    model, x = made().eval(), clouds()
    with torch.no_grad():
        assert torch.allclose(model(x), model(torch.cat([x, x[:, :7]], 1)), atol=1e-5)


def test_it_is_three_shared_layers_their_maximum_and_a_linear_layer():
    model, x = made().eval(), clouds()
    features = x
    for layer, norm in zip(model.layers, model.norms, strict=True):
        features = features @ layer.weight[:, :, 0, 0].T + layer.bias
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        features = ((features - norm.running_mean) * scale + norm.bias).relu()
    assert torch.allclose(model(x), model.last(features.amax(1)), atol=1e-5)


def test_batch_norm_is_over_all_points_of_all_clouds():
    model, x = made().train(), clouds()
    model(x)
    with torch.no_grad():
        mean = (x @ model.layers[0].weight[:, :, 0, 0].T + model.layers[0].bias).mean((0, 1))
    assert torch.allclose(model.norms[0].running_mean, 0.1 * mean, atol=1e-5)


def test_every_parameter_gets_a_gradient():
    model = made().train()
    model(clouds()).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_clouds_of_one_sample_can_be_trained_on():
    assert made().train()(clouds(1)).shape == (1, 5)


@pytest.mark.parametrize("shape", [(2,), (1, 28, 28), (784, 1), (1, 3)])
def test_what_is_no_cloud_of_points_is_refused(shape):
    with pytest.raises(UsageError, match=r"pointnet needs clouds of 2 or more points .*try mlp"):
        made(shape)
