"""RandAugment: every operation by a slower or an older way, and that a hash alone picks it."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from isbench.datasets import image_operations as operations
from isbench.datasets import randaugment
from isbench.datasets.augment import crop_and_flip
from isbench.datasets.augmented import augmented, check
from isbench.datasets.finite import finite
from isbench.datasets.hashing import pick
from isbench.datasets.randaugment import COUNT, MOVES, RandAugment, move, on_all, on_those, rand_augment
from isbench.datasets.source import Source
from isbench.datasets.stored import Stored
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec
from tests.builders import rng
from tests.datasets.tiny_datasets import numbered

CPU = torch.device("cpu")
SIDE = 12


def pictures(k: int = 6, channels: int = 3, side: int = SIDE) -> torch.Tensor:
    """Smooth images and noisy ones, as whole numbers from 20 to 230."""
    noise = torch.rand(k, side, side, channels, generator=rng())
    ramp = torch.linspace(0, 1, side)[:, None, None] * torch.linspace(0.3, 1, channels)
    return (20 + 210 * (noise * torch.rand(k, 1, 1, 1, generator=rng("part")) + ramp) / 2).round()


def by_pillow(change, images: torch.Tensor) -> torch.Tensor:
    done = [np.asarray(change(Image.fromarray(each.byte().numpy()))) for each in images]
    return torch.from_numpy(np.stack(done)).float()


def ready(channels: int = 3, seed: int = 0, side: int = SIDE) -> RandAugment:
    shape = (channels, side, side)
    return rand_augment(shape, seed, 255, crop_and_flip(shape, seed, True, CPU))


LARGE = 96  # pixels of a side: Pillow equalises no images of few pixels
PUBLISHED = {  # at 4 of 10, to the side of the sign
    "identity": lambda image, sign: image,
    "rotate": lambda image, sign: image.rotate(12 * sign),
    "shear_x": lambda image, sign: moved(image, 1, 0.12 * sign, -0.06 * sign * LARGE, 0, 1, 0),
    "shear_y": lambda image, sign: moved(image, 1, 0, 0, 0.12 * sign, 1, -0.06 * sign * LARGE),
    "translate_x": lambda image, sign: moved(image, 1, 0, 0.18 * sign * LARGE, 0, 1, 0),
    "translate_y": lambda image, sign: moved(image, 1, 0, 0, 0, 1, 0.18 * sign * LARGE),
    "brightness": lambda image, sign: ImageEnhance.Brightness(image).enhance(1 + 0.36 * sign),
    "contrast": lambda image, sign: ImageEnhance.Contrast(image).enhance(1 + 0.36 * sign),
    "colour": lambda image, sign: ImageEnhance.Color(image).enhance(1 + 0.36 * sign),
    "sharpness": lambda image, sign: ImageEnhance.Sharpness(image).enhance(1 + 0.36 * sign),
    "solarise": lambda image, sign: ImageOps.solarize(image, 154),
    "posterise": lambda image, sign: ImageOps.posterize(image, 6),
    "autocontrast": lambda image, sign: ImageOps.autocontrast(image),
    "equalise": lambda image, sign: ImageOps.equalize(image),
}


def moved(image: Image.Image, *matrix: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("number", "name"), list(enumerate(PUBLISHED)), ids=PUBLISHED)
def test_operations_are_those_of_pillow_at_the_published_magnitude(number, name, sign):
    images = pictures(side=LARGE)
    operation, side = torch.full((6,), number), torch.full((6,), (sign + 1) // 2)
    found = ready(side=LARGE).layer(images.clone(), operation, side)
    difference = (found - by_pillow(lambda image: PUBLISHED[name](image, sign), images)).abs()
    if name in MOVES:  # where a place comes from the edge of a pixel, rounding decides
        assert (difference == 0).all(3).double().mean() > 0.97
    else:  # Pillow cuts what lies between two greys of an equalised image, 35 pixels or so, to a whole number
        assert difference.max() <= (8 if name == "equalise" else 1)


def test_all_operations_are_there_and_an_image_has_two_of_them():
    assert list(PUBLISHED)[1:6] == list(MOVES)
    assert len(PUBLISHED) == COUNT
    augment, images, index = ready(seed=3), pictures(200).byte(), torch.arange(200)
    expected = augment.first(images, index, 5).float()
    for layer in (0, 1):
        number = pick(index, 2 * COUNT, "operation", layer, 3, 5)
        expected = augment.layer(expected, number // 2, number % 2)
    assert torch.equal(augment(images, index, 5), expected.byte())


@pytest.mark.parametrize("factor", [0.64, 1.36])
@pytest.mark.parametrize(
    ("paler", "pillow"),
    [
        (operations.black, ImageEnhance.Brightness),
        (operations.mean_grey, ImageEnhance.Contrast),
        (operations.grey, ImageEnhance.Color),
        (operations.smooth, ImageEnhance.Sharpness),
    ],
    ids=["brightness", "contrast", "colour", "sharpness"],
)
def test_blends_are_those_of_pillow(paler, pillow, factor):
    images = pictures()
    ours = operations.blend(images, paler(images), torch.full((6, 1, 1, 1), factor), 255)
    assert (ours - by_pillow(lambda image: pillow(image).enhance(factor), images)).abs().max() <= 1


@pytest.mark.parametrize(
    ("ours", "pillow"),
    [
        (lambda x: operations.solarise(x, 154, 255), lambda image: ImageOps.solarize(image, 154)),
        (lambda x: operations.posterise(x, 4), lambda image: ImageOps.posterize(image, 6)),
        (lambda x: operations.autocontrast(x, 255), ImageOps.autocontrast),
    ],
    ids=["solarise", "posterise", "autocontrast"],
)
def test_maps_of_values_are_those_of_pillow(ours, pillow):
    images = pictures()
    assert (ours(images) - by_pillow(pillow, images)).abs().max() <= 1


def test_equalised_values_spread_from_black_to_white_in_their_order():
    images = pictures()
    even = operations.equalise(images, 255)
    assert torch.equal(even.amin((1, 2)), torch.zeros(6, 3))
    assert torch.equal(even.amax((1, 2)), torch.full((6, 3), 255.0))
    for before, after in zip(images.flatten(0, 2).T, even.flatten(0, 2).T, strict=True):
        assert len(before) == len(after)
    one, other = images[0, :, :, 0].flatten(), even[0, :, :, 0].flatten()
    assert (other[one.argsort()].diff() >= 0).all()
    below = (one < one[:, None]).float().sum(1)
    assert torch.equal(other, (below * (255 / below.max())).round())


@pytest.mark.parametrize("change", [operations.equalise, operations.autocontrast])
def test_an_image_of_one_value_stays_as_it_is(change):
    image = torch.full((2, SIDE, SIDE, 3), 77.0)
    assert torch.equal(change(image, 255), image)


def test_a_scale_of_few_greys_is_not_posterised():
    assert torch.equal(operations.posterise(pictures(), 4 * 17 / 256), pictures())


@pytest.mark.parametrize("sign", [-1, 1])
def test_translations_move_by_whole_pixels_and_leave_black(sign):
    images = pictures()
    moved = operations.affine(images, move("translate_x", sign, SIDE, SIDE).expand(6, 2, 3))
    far = round(0.18 * SIDE)
    expected = torch.zeros_like(images)
    if sign > 0:
        expected[:, :, :-far] = images[:, :, far:]
    else:
        expected[:, :, far:] = images[:, :, :-far]
    assert torch.equal(moved, expected)


@pytest.mark.parametrize("name", MOVES)
def test_moves_take_pixels_from_where_their_matrix_says(name):
    image = pictures(1)
    matrix = move(name, 1, SIDE, SIDE)
    moved = operations.affine(image, matrix[None])[0]
    middle = (SIDE - 1) / 2
    for row in range(SIDE):
        for column in range(SIDE):
            place = torch.tensor([column - middle, row - middle, 1.0])
            x, y = (matrix @ place + middle).round().long().tolist()
            inside = 0 <= x < SIDE and 0 <= y < SIDE
            assert torch.equal(moved[row, column], image[0, y, x] if inside else torch.zeros(3))


def test_a_rotation_is_that_of_pillow():
    image = pictures(1)
    turned = operations.affine(image, move("rotate", 1, SIDE, SIDE)[None])
    same = (turned == by_pillow(lambda each: each.rotate(12), image)).all(3).double().mean()
    other = (turned == by_pillow(lambda each: each.rotate(-12), image)).all(3).double().mean()
    assert max(same, other) > 0.95


@pytest.mark.parametrize("channels", [1, 3])
def test_a_layer_does_to_each_image_what_its_operation_says(channels):
    augment, images = ready(channels), pictures(2 * COUNT, channels)
    images[:, 0, 0] = 201  # not all are dark
    number = torch.arange(2 * COUNT)
    changed = augment.layer(images.clone(), number // 2, number % 2)
    assert torch.equal(changed[:2], images[:2])  # the identity
    unchanged = [int(n) // 2 for n in number[(changed == images).flatten(1).all(1)]]
    allowed = {0} if channels == 3 else {0, 8}  # grey images have no saturation
    assert set(unchanged) == allowed
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert torch.equal(changed, changed.round())


def test_an_accelerator_that_changes_all_gets_the_same(monkeypatch):
    augment, images, index = ready(), pictures(200).byte(), torch.arange(200)
    some = augment(images, index, 1)
    monkeypatch.setattr(randaugment, "on_those", on_all)
    assert torch.equal(augment(images, index, 1), some)
    assert on_those is not on_all


def test_an_image_looks_the_same_in_any_company():
    augment, images, index = ready(), pictures(200).byte(), torch.arange(200)
    some = torch.tensor([31, 4, 4, 199])
    assert torch.equal(augment(images[some], index[some], 2), augment(images, index, 2)[some])


@pytest.mark.parametrize(("seed", "round"), [(0, 3), (1, 2)])
def test_another_round_or_seed_picks_anew(seed, round):
    images, index = pictures(200).byte(), torch.arange(200)
    changed = (ready(seed=0)(images, index, 2) != ready(seed=seed)(images, index, round)).flatten(1).any(1)
    assert changed.double().mean() > 0.9


def test_operations_are_equally_likely_and_the_two_are_independent():
    index = torch.arange(50_000)
    first, second = (pick(index, 2 * COUNT, "operation", layer, 0, 0) // 2 for layer in range(2))
    pairs = torch.bincount(first * COUNT + second, minlength=COUNT**2).double()
    assert (pairs - 50_000 / COUNT**2).abs().max() < 5 * (50_000 / COUNT**2) ** 0.5


def test_labels_stay_and_nothing_is_mixed():
    dataset = finite(DatasetSpec(name="numbered", augment="randaugment"), numbered(), CPU, 0)
    index = torch.arange(dataset.n or 0)
    assert dataset.train.parts(index, 0) is None
    assert torch.equal(dataset.train.fetch(index, 1)[1], dataset.plain.fetch(index, 1)[1])
    assert not torch.equal(dataset.train.fetch(index, 1)[0], dataset.plain.fetch(index, 1)[0])


def source(**changes) -> Source:
    from dataclasses import replace

    return replace(numbered(), **changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"whitening": lambda: None}, "not whitened"), ({"shape": (2, 4, 4)}, "grey or coloured")],
)
def test_what_has_no_bytes_or_colours_is_refused(changes, told):
    with pytest.raises(UsageError, match=told):
        check(DatasetSpec(name="numbered", augment="randaugment"), source(**changes))


def test_images_of_floats_are_refused():
    spec, plain = (
        DatasetSpec(name="numbered", augment="randaugment"),
        Stored(torch.rand(5, 4, 4, 1), torch.zeros(5)),
    )
    with pytest.raises(UsageError, match="not images of floats"):
        augmented(spec, source(), plain, 4, 0)
