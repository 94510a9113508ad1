import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from isbench.datasets import features, flowers, published
from isbench.datasets.catalogue import build, describe, located, prepare_named, verify_named
from isbench.datasets.files import sha256_of
from isbench.errors import EnvironmentFault
from isbench.store.records import DatasetSpec
from tests.datasets import tiny_datasets

CPU = torch.device("cpu")
N = 12
LABELS = np.arange(N) % 3 + 1
SPLITS = {"trnid": [2, 1, 9], "valid": [12, 4, 5], "tstid": [3, 6, 7, 8, 10, 11]}


def quiet(line: str) -> None:
    pass


def matlab(arrays: dict) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, {name: np.array(values)[None].astype(np.uint16) for name, values in arrays.items()})
    return buffer.getvalue()


def jpeg(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), (20 * number, 0, 0)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """The published files, the images too; weights whose only feature is how red an image is."""
    lists = {"imagelabels.mat": {"labels": LABELS}, "setid.mat": SPLITS}
    files = [
        tiny_datasets.write(tmp_path, f"flowers-102/{name}", matlab(each)) for name, each in lists.items()
    ]
    monkeypatch.setitem(published.PUBLISHED, "flowers102", tiny_datasets.present(*files))
    for number in range(1, N + 1):
        tiny_datasets.write(tmp_path, f"flowers-102/jpg/image_{number:05d}.jpg", jpeg(number))
    monkeypatch.setattr(features, "network", lambda state, images: images[:, 0, 0, 0, None] * torch.ones(5))
    monkeypatch.setattr(features, "loaded", lambda path: {"classifier.3.weight": torch.zeros(5, 2)})
    (tmp_path / "weights.pth").write_bytes(b"weights")
    return tmp_path


def spec(root: Path, **options) -> DatasetSpec:
    given = {"weights": str(root / "weights.pth"), **options}
    return DatasetSpec(name="flowers102", options=given, val_fraction=0.0)


def numbers(split) -> list[int]:
    """Which images a split holds, by how red they are."""
    x, _ = split.fetch(torch.arange(split.n))
    return ((x[:, 0] * features.DEVIATION[0] + features.MEAN[0]) * 255 / 20).round().int().tolist()


def test_the_paper_trains_on_the_test_images_and_tests_on_the_training_images(root):
    dataset = build(spec(root), root, CPU, 0)
    assert (numbers(dataset.train), numbers(dataset.test)) == (SPLITS["tstid"], SPLITS["trnid"])
    assert dataset.labels.tolist() == [LABELS[number - 1] - 1 for number in SPLITS["tstid"]]
    assert dataset.validation.n == 0


def test_the_paper_holds_out_some_of_its_training_images(root):
    dataset = build(spec(root).model_copy(update={"val_fraction": 0.5}), root, CPU, 0)
    assert sorted(numbers(dataset.train) + numbers(dataset.validation)) == SPLITS["tstid"]
    assert dataset.validation.n == 3


def test_official_splits_are_as_published(root):
    dataset = build(spec(root, splits="official").model_copy(update={"val_fraction": 0.5}), root, CPU, 0)
    found = {"trnid": dataset.train, "valid": dataset.validation, "tstid": dataset.test}
    assert {name: numbers(split) for name, split in found.items()} == SPLITS
    for name, split in found.items():
        expected = [LABELS[number - 1] - 1 for number in SPLITS[name]]
        assert split.fetch(torch.arange(split.n))[1].tolist() == expected


def test_a_subset_takes_nothing_from_the_published_validation(root):
    dataset = build(spec(root, splits="official").model_copy(update={"subset": 2}), root, CPU, 0)
    assert (dataset.n, dataset.validation.n) == (2, 3)


def test_some_classes_are_kept_in_every_split(root):
    dataset = build(spec(root, splits="official").model_copy(update={"classes": (2, 0)}), root, CPU, 0)
    kept = {name: [i for i in each if LABELS[i - 1] != 2] for name, each in SPLITS.items()}
    assert numbers(dataset.validation) == kept["valid"]
    assert numbers(dataset.train) == kept["trnid"]


def test_a_sample_knows_which_image_it_is_of(root):
    dataset = build(spec(root), root, CPU, 0)
    assert (dataset.origin + 1).tolist() == SPLITS["tstid"]


def test_the_features_of_other_weights_lie_elsewhere(root):
    build(spec(root), root, CPU, 0)
    (root / "other.pth").write_bytes(b"other weights")
    build(spec(root, weights=str(root / "other.pth")), root, CPU, 0)
    assert len(list((root / "flowers-102").glob("vgg16-*.npy"))) == 2


def test_a_plan_makes_no_features(root):
    facts = describe(spec(root), root)
    assert (facts.n, facts.shape, facts.classes) == (6, (5,), 102)
    assert not list((root / "flowers-102").glob("*.npy"))


def test_with_its_features_there_the_images_are_not_needed(root):
    before = numbers(build(spec(root), root, CPU, 0).train)
    for path in (root / "flowers-102" / "jpg").iterdir():
        path.unlink()
    assert numbers(build(spec(root), root, CPU, 0).train) == before


def test_missing_images_are_told_with_the_command(root):
    (root / "flowers-102" / "jpg" / "image_00003.jpg").unlink()
    with pytest.raises(EnvironmentFault, match=r"1 of 12 images.*image_00003.*data prepare flowers102"):
        describe(spec(root), root)


def test_missing_lists_are_told_with_the_command(tmp_path):
    with pytest.raises(EnvironmentFault, match="isbench data prepare flowers102"):
        describe(DatasetSpec(name="flowers102"), tmp_path)


def test_missing_weights_are_told_while_planning(root, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(root))
    with pytest.raises(EnvironmentFault, match="the ImageNet weights of VGG-16 are missing"):
        describe(DatasetSpec(name="flowers102"), root)


def test_a_relative_path_of_weights_starts_at_the_recipe(tmp_path):
    given = DatasetSpec(name="flowers102", options={"weights": "w.pth"})
    assert located(given, tmp_path).options["weights"] == str(tmp_path / "w.pth")
    assert located(DatasetSpec(name="flowers102"), tmp_path).options == {}


def packed() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number in range(1, N + 1):
            member = tarfile.TarInfo(f"jpg/image_{number:05d}.jpg")
            member.size = len(jpeg(number))
            archive.addfile(member, io.BytesIO(jpeg(number)))
    return buffer.getvalue()


def test_images_are_fetched_once_and_features_made_where_the_weights_are(root, mirror, monkeypatch):
    for path in (root / "flowers-102" / "jpg").iterdir():
        path.unlink()
    data = packed()
    download = replace(
        flowers.ARCHIVE, urls=(mirror.url("/f.tgz"),), size=len(data), sha256=tiny_datasets.sha256(data)
    )
    monkeypatch.setattr(flowers, "ARCHIVE", download)
    mirror.serves("/f.tgz", data)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(root))
    said = []
    prepare_named("flowers102", root, said.append)
    assert any("need the weights of VGG-16" in line for line in said)
    weights = features.Weights(root / "weights.pth", sha256_of(root / "weights.pth")[:8])
    monkeypatch.setattr(features, "chosen", lambda given: weights)
    prepare_named("flowers102", root, quiet)
    assert set(mirror.asked.values()) == {1}
    assert len(list((root / "flowers-102").glob("vgg16-*.npy"))) == 1
    assert len(verify_named("flowers102", root)) == 4


def test_an_archive_that_lies_there_is_unpacked(root, monkeypatch):
    for path in (root / "flowers-102" / "jpg").iterdir():
        path.unlink()
    data = packed()
    monkeypatch.setattr(flowers, "ARCHIVE", replace(flowers.ARCHIVE, sha256=tiny_datasets.sha256(data)))
    (root / "flowers-102" / "102flowers.tgz").write_bytes(data)
    prepare_named("flowers102", root, quiet)
    assert numbers(build(spec(root), root, CPU, 0).train) == SPLITS["tstid"]


def test_another_archive_is_refused(root):
    (root / "flowers-102" / "jpg" / "image_00003.jpg").unlink()
    (root / "flowers-102" / "102flowers.tgz").write_bytes(packed())
    with pytest.raises(EnvironmentFault, match="not the published archive"):
        prepare_named("flowers102", root, quiet)


def test_changed_features_are_found(root):
    build(spec(root), root, CPU, 0)
    (path,) = (root / "flowers-102").glob("vgg16-*.npy")
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(EnvironmentFault, match="is corrupt: remove it"):
        verify_named("flowers102", root)


def test_changed_lists_are_found(root):
    (root / "flowers-102" / "setid.mat").write_bytes(b"MATLAB 5.0, but others")
    with pytest.raises(EnvironmentFault, match=r"setid\.mat is corrupt"):
        describe(spec(root), root)
