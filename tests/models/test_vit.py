import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isbench.errors import UsageError
from isbench.models.catalogue import build
from isbench.store.records import ModelSpec
from tests.builders import rng

SMALL = {"dim": 8, "depth": 2, "heads": 2, "patch": 4}


def made(shape=(3, 8, 12), outputs=5, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(ModelSpec(name="vit", options=SMALL | options), shape, outputs)


def images(shape=(3, 8, 12), k=4):
    return torch.randn(k, *shape, generator=rng())


def test_a_block_counts_twelve_squares_of_its_width_and_its_biases_and_norms():
    assert sum(p.numel() for p in made().blocks[0].parameters()) == 12 * 8 * 8 + 13 * 8


def test_the_width_of_the_mlp_is_an_option():
    assert made(mlp_ratio=3).blocks[0].widen.out_features == 24


def test_patches_are_cut_row_by_row():
    model, x = made(), images()
    seen = []
    model.embed.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(x)
    patches = seen[0]
    assert patches.shape == (4, 6, 48)
    assert torch.equal(patches[:, 4], x[:, :, 4:8, 4:8].permute(0, 2, 3, 1).flatten(1))


def test_the_layout_of_the_images_in_memory_does_not_matter():
    model, x = made(), images()
    assert torch.equal(model(x), model(x.contiguous(memory_format=torch.channels_last)))


def test_attention_mixes_tokens_as_torchs_own_does():
    block, x = made().blocks[0], torch.randn(3, 7, 8, generator=rng())
    own = nn.MultiheadAttention(8, 2, batch_first=True)
    own.load_state_dict(
        {
            "in_proj_weight": block.mix.weight,
            "in_proj_bias": block.mix.bias,
            "out_proj.weight": block.mixed.weight,
            "out_proj.bias": block.mixed.bias,
        }
    )
    normal = block.norm1(x)
    mixed = x + own(normal, normal, normal, need_weights=False)[0]
    expected = mixed + block.narrow(F.gelu(block.widen(block.norm2(mixed))))
    assert torch.allclose(block(x), expected, atol=1e-5)


def test_without_positions_the_order_of_the_patches_does_not_matter():
    model, x = made(), images()
    swapped = torch.cat([x[:, :, 4:], x[:, :, :4]], 2)
    with torch.no_grad():
        assert not torch.allclose(model(x), model(swapped), atol=1e-5)
        model.positions.weight.zero_()
        assert torch.allclose(model(x), model(swapped), atol=1e-5)


def test_every_parameter_gets_a_gradient():
    model = made()
    model(images()).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("shape", [(2,), (784, 1)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(UsageError, match=r"vit needs images, the data set gives .*try mlp"):
        made(shape)


@pytest.mark.parametrize(("shape", "patch", "near"), [((3, 9, 12), 4, 3), ((3, 28, 28), 16, 14)])
def test_patches_that_do_not_fill_the_image_are_refused_with_the_nearest_that_do(shape, patch, near):
    with pytest.raises(UsageError, match=rf"patches of {patch}x{patch} .choose patch: {near}"):
        made(shape, patch=patch)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(UsageError, match="vit cannot share dim 8 between 3 heads"):
        made(heads=3)
