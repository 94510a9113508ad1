from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from isbench.datasets.catalogue import build, describe
from isbench.datasets.image_regression import image_regression
from isbench.datasets.losses import mse
from isbench.errors import EnvironmentFault, UsageError
from isbench.store.records import DatasetSpec

CPU = torch.device("cpu")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def spec(path: Path, *, subset: int | None = None, **options) -> DatasetSpec:
    return DatasetSpec(name="image-regression", options={"path": str(path), **options}, subset=subset)


def made(path: Path, **wishes):
    return build(spec(path, **wishes), path.parent, CPU, 0)


def test_every_pixel_is_a_sample_of_training_and_test(picture: Path):
    dataset, facts = made(picture), describe(spec(picture), picture.parent)
    assert (dataset.n, dataset.test.n, dataset.canvas) == (24, 24, (4, 6))
    assert (facts.n, facts.shape, facts.classes, facts.outputs) == (24, (2,), 0, 3)
    assert dataset.loss is mse


def test_the_test_set_is_the_picture_row_by_row(picture: Path):
    _, colours = made(picture).test.fetch(torch.arange(24))
    expected = torch.from_numpy(np.array(Image.open(picture))).float() / 255
    torch.testing.assert_close(colours.view(4, 6, 3), expected)


def test_places_are_the_centres_of_pixels_with_y_upwards_and_the_shape_kept(picture: Path):
    places, _ = made(picture).test.fetch(torch.arange(24))
    torch.testing.assert_close(places[0], torch.tensor([-5 / 6, 3 / 6]))
    torch.testing.assert_close(places[-1], torch.tensor([5 / 6, -3 / 6]))
    assert torch.allclose(places.mean(0), torch.zeros(2), atol=1e-6)


def test_validation_is_a_fixed_part_of_the_same_pixels(picture: Path):
    one, two = made(picture), made(picture)
    index = torch.arange(one.validation.n)
    assert one.validation.n == 24
    assert torch.equal(one.validation.fetch(index)[1], two.validation.fetch(index)[1])


def test_validation_has_at_most_10000_pixels(tmp_path: Path):
    Image.new("RGB", (120, 100)).save(tmp_path / "large.png")
    assert made(tmp_path / "large.png").validation.n == 10_000


def test_a_subset_of_the_pixels_is_trained_on_and_the_whole_picture_tested(picture: Path):
    dataset = made(picture, subset=10)
    assert (dataset.n, dataset.test.n) == (10, 24)


@pytest.mark.parametrize(("size", "canvas"), [(3, (2, 3)), ([5, 2], (2, 5)), (12, (8, 12)), (1, (1, 1))])
def test_a_size_is_the_longer_side_or_both(picture: Path, size, canvas):
    assert made(picture, size=size).canvas == canvas


def test_a_size_of_three_numbers_is_refused(picture: Path):
    with pytest.raises(UsageError, match=r"\[width, height\]"):
        made(picture, size=[1, 2, 3])


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_a_grey_picture_has_one_channel(tmp_path: Path, mode: str):
    Image.new(mode, (3, 2)).save(tmp_path / "grey.png")
    assert made(tmp_path / "grey.png").outputs == 1


@pytest.mark.parametrize("mode", ["RGBA", "P", "CMYK"])
def test_other_pictures_have_three(tmp_path: Path, mode: str):
    Image.new(mode, (3, 2)).save(tmp_path / "other.tiff")
    assert made(tmp_path / "other.tiff").outputs == 3


def test_16_bits_are_scaled_and_not_cut_off(tmp_path: Path):
    Image.fromarray(np.array([[0, 32768, 65535]], dtype=np.uint16)).save(tmp_path / "deep.png")
    _, grey = made(tmp_path / "deep.png").test.fetch(torch.arange(3))
    assert grey[:, 0].tolist() == pytest.approx([0, 0.5, 1], abs=0.003)


def test_a_missing_file_and_one_that_is_no_image_are_named(tmp_path: Path):
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(EnvironmentFault, match=r"there is no .*missing\.png"):
        made(tmp_path / "missing.png")
    with pytest.raises(EnvironmentFault, match="no image that can be read"):
        made(tmp_path / "text.png")


def test_without_a_path_there_is_a_photograph() -> None:
    source = image_regression(Path(), size=40)
    assert source.canvas == (40, 34)
    assert float(source.y_train.std()) > 0.1
