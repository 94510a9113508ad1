import pytest
import torch

from isbench.errors import UsageError
from isbench.models.catalogue import build
from isbench.models.norms import FrozenBatchNorm2d, SampleNorm2d
from isbench.store.records import ModelSpec
from tests.builders import rng


def made(shape=(3, 32, 32), outputs=10, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(ModelSpec(name="resnet18", options=options), shape, outputs)


def images(k=4, size=32):
    return torch.randn(k, 3, size, size, generator=rng()).contiguous(memory_format=torch.channels_last)


def outputs_of(model, name, x):
    """What the layers of one name give, from the first to the last."""
    seen = []
    for each, module in model.named_modules():
        if each.endswith(name):
            module.register_forward_hook(lambda _, inputs, output: seen.append(output.clone()))
    model(x)
    return seen


def test_the_first_layers_keep_the_size_of_the_image_and_later_groups_halve_it():
    sizes = [tuple(each.shape[1:]) for each in outputs_of(made(), "convolution2", images(2))]
    assert sizes == [(64, 32, 32)] * 2 + [(128, 16, 16)] * 2 + [(256, 8, 8)] * 2 + [(512, 4, 4)] * 2


@pytest.mark.parametrize("shape", [(1, 28, 28), (4, 9, 12)])
def test_any_image_fits_that_is_large_enough(shape):
    model = made(shape, 7).train()
    assert model(torch.zeros(1, *shape)).shape == (1, 7)


@pytest.mark.parametrize("shape", [(2,), (784, 1), (1, 8, 8)])
def test_what_is_no_image_or_too_small_a_one_is_refused(shape):
    with pytest.raises(
        UsageError, match=r"resnet18 needs images of 9x9 or more, the data set gives .*try mlp"
    ):
        made(shape)


@pytest.mark.parametrize(("norm", "layer"), [("frozen", FrozenBatchNorm2d), ("layer", SampleNorm2d)])
def test_without_batch_statistics_a_sample_does_not_depend_on_the_others(norm, layer):
    model, x = made(norm=norm).train(), images()
    assert isinstance(model.norm, layer)
    with torch.no_grad():
        assert torch.allclose(model(x)[:2], model(x[:2]), rtol=1e-4, atol=1e-5)


def test_a_block_adds_what_its_layers_make_to_its_input_and_keeps_what_is_positive():
    block, x = made().eval().blocks[1], images(2, 12).repeat(1, 22, 1, 1)[:, :64]
    with torch.no_grad():
        hidden = block.norm1(block.convolution1(x)).relu()
        assert torch.allclose(block(x), (x + block.norm2(block.convolution2(hidden))).relu(), atol=1e-5)


def test_the_input_of_a_model_is_left_as_it_was():
    model, x = made(), images()
    before = x.clone()
    model(x).sum().backward()
    assert torch.equal(x, before)


def test_images_stay_channels_last_all_the_way():
    seen = outputs_of(made(), "2", images())
    assert len(seen) > 16
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in seen)
