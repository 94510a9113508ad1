import pytest
import torch

from isbench.datasets.augment import crop_and_flip, padding
from isbench.datasets.finite import finite
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec
from tests.datasets.tiny_datasets import numbered

CPU = torch.device("cpu")


def images(n: int, size: int = 16) -> torch.Tensor:
    pixels = torch.randint(1, 256, (n, size, size, 3), generator=torch.Generator().manual_seed(0))
    return pixels.to(torch.uint8)


def views_of(image: torch.Tensor, reach: int, flips: bool) -> set[bytes]:
    """Every picture that a crop, and a mirror image of it, can make of an image."""
    size = image.shape[0]
    padded = torch.zeros(size + 2 * reach, size + 2 * reach, 3, dtype=torch.uint8)
    padded[reach : reach + size, reach : reach + size] = image
    crops = [
        padded[top : top + size, left : left + size]
        for top in range(2 * reach + 1)
        for left in range(2 * reach + 1)
    ]
    crops += [crop.flip(1) for crop in crops] if flips else []
    return {crop.numpy().tobytes() for crop in crops}


@pytest.mark.parametrize("flips", [True, False])
def test_every_crop_and_mirror_image_occurs_and_nothing_else(flips):
    image = images(1)
    augment = crop_and_flip((3, 16, 16), 1, flips, CPU)
    seen = augment(image.expand(4000, -1, -1, -1), torch.arange(4000), 0)
    found = {picture.numpy().tobytes() for picture in seen}
    assert found == views_of(image[0], padding(16), flips)


def test_the_same_seed_round_and_index_give_the_same_pixels_in_any_company():
    pixels, index = images(50), torch.arange(50) + 7
    augment = crop_and_flip((3, 16, 16), 3, True, CPU)
    whole = augment(pixels, index, 2)
    some = torch.tensor([31, 4, 4, 49])
    assert torch.equal(augment(pixels[some], index[some], 2), whole[some])


@pytest.mark.parametrize(("seed", "round"), [(3, 3), (4, 2)])
def test_another_round_or_seed_draws_again(seed, round):
    pixels, index = images(200), torch.arange(200)
    one = crop_and_flip((3, 16, 16), 3, True, CPU)(pixels, index, 2)
    two = crop_and_flip((3, 16, 16), seed, True, CPU)(pixels, index, round)
    changed = (one != two).flatten(1).any(1).double().mean()
    assert changed > 0.9  # 50 views


def test_views_are_equally_likely():
    augment = crop_and_flip((1, 8, 8), 0, True, CPU)  # 3 x 3 crops, mirrored or not
    image = torch.arange(64, dtype=torch.uint8).view(1, 8, 8, 1) + 1
    seen = augment(image.expand(18_000, -1, -1, -1), torch.arange(18_000), 0)
    _, count = torch.unique(seen.flatten(1), dim=0, return_counts=True)
    assert len(count) == 18
    assert (count - 1000).abs().max() < 5 * 31


@pytest.mark.parametrize(("side", "pixels"), [(96, 4), (32, 4), (28, 4), (8, 1), (4, 1), (16, 2)])
def test_small_images_are_padded_less(side, pixels):
    assert padding(side) == pixels


def test_only_training_is_augmented():
    dataset = finite(DatasetSpec(name="numbered", augment="standard"), numbered(), CPU, 0)
    index = torch.arange(dataset.n)
    assert not torch.equal(dataset.train.fetch(index, 0)[0], dataset.plain.fetch(index, 0)[0])
    assert torch.equal(dataset.plain.fetch(index, 0)[0], dataset.plain.fetch(index, 1)[0])
    held = torch.arange(dataset.validation.n)
    assert torch.equal(dataset.validation.fetch(held, 0)[0], dataset.validation.fetch(held, 1)[0])


def test_what_is_no_image_cannot_be_augmented(tmp_path):
    from isbench.datasets.catalogue import describe

    spec = DatasetSpec(name="two-circles", options={"samples": 10}, augment="standard")
    with pytest.raises(UsageError, match="only images"):
        describe(spec, tmp_path)
