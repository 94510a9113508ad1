from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from isbench.datasets.catalogue import build, describe
from isbench.datasets.folders import image_folder
from isbench.errors import EnvironmentFault, UsageError
from isbench.store.records import DatasetSpec

CPU = torch.device("cpu")
COLOURS = {"ant": (255, 0, 0), "bee": (0, 255, 0)}


def fill(folder: Path, count: int = 10, size: tuple[int, int] = (30, 20)) -> None:
    """A folder per class, each with images of one colour."""
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", size, colour).save(folder / name / f"{number}.png")


def spec(path: Path, **options) -> DatasetSpec:
    return DatasetSpec(
        name="image-folder", options={"path": str(path), "size": 8, **options}, val_fraction=0.0
    )


def test_train_and_test_folders_are_used_as_they_are(tmp_path):
    fill(tmp_path / "train", 6)
    fill(tmp_path / "test", 2)
    dataset = build(spec(tmp_path), tmp_path, CPU, 0)
    assert (dataset.n, dataset.test.n, dataset.classes, dataset.shape) == (12, 4, 2, (3, 8, 8))


def test_classes_side_by_side_are_split_in_proportion(tmp_path):
    fill(tmp_path)
    source = image_folder(tmp_path, path=str(tmp_path), test_fraction=0.3)
    assert torch.bincount(source.y_test).tolist() == [3, 3]
    assert torch.bincount(source.y_train).tolist() == [7, 7]


def test_the_class_is_the_folder_that_an_image_lies_in(tmp_path):
    fill(tmp_path)
    dataset = build(spec(tmp_path), tmp_path, CPU, 0)
    x, y = dataset.train.fetch(torch.arange(dataset.n))
    assert torch.equal(x[:, :2, 0, 0], torch.nn.functional.one_hot(y, 2).float())


def test_an_image_is_cut_to_the_square_about_its_centre(tmp_path):
    fill(tmp_path / "train", 2)
    fill(tmp_path / "test", 2)
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, 8:16] = 200
    Image.fromarray(pixels).save(tmp_path / "train/ant/0.png")
    dataset = build(spec(tmp_path), tmp_path, CPU, 0)
    assert (dataset.pictures(torch.tensor([0])) == 200).all()


def test_a_new_image_moves_no_other_between_training_and_test(tmp_path):
    fill(tmp_path)
    before = image_folder(tmp_path, path=str(tmp_path)).y_test
    Image.new("RGB", (4, 4)).save(tmp_path / "bee" / "zzz.png")
    after = image_folder(tmp_path, path=str(tmp_path)).y_test
    assert torch.equal(before, after)


def test_a_plan_decodes_no_images(tmp_path):
    fill(tmp_path)
    for file in tmp_path.rglob("*.png"):
        file.write_bytes(b"")
    assert describe(spec(tmp_path), tmp_path).n == 16


def test_other_files_are_passed_over(tmp_path):
    fill(tmp_path)
    (tmp_path / "ant" / "notes.txt").write_text("six legs")
    (tmp_path / ".cache").mkdir()
    facts = describe(spec(tmp_path), tmp_path)
    assert (facts.n, facts.classes) == (16, 2)


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    fill(tmp_path)
    (tmp_path / "ant" / "5.png").write_bytes(b"no image")
    with pytest.raises(EnvironmentFault, match=r"5\.png is no image"):
        build(spec(tmp_path), tmp_path, CPU, 0)


def test_a_class_that_is_only_tested_is_named(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "test")
    (tmp_path / "test" / "wasp").mkdir()
    with pytest.raises(EnvironmentFault, match="wasp"):
        describe(spec(tmp_path), tmp_path)


def test_a_folder_without_classes_is_refused(tmp_path):
    with pytest.raises(EnvironmentFault, match="0 classes"):
        describe(spec(tmp_path), tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(EnvironmentFault, match="there is no folder"):
        describe(spec(tmp_path / "none"), tmp_path)


@pytest.mark.parametrize("options", [{"size": 0}, {"test_fraction": 0.0}, {"test_fraction": 1.0}])
def test_options_out_of_range_are_refused(tmp_path, options):
    fill(tmp_path)
    with pytest.raises(UsageError, match=next(iter(options))):
        describe(spec(tmp_path, **options), tmp_path)
