import pickle

import h5py
import numpy as np
import pytest
import torch

from isbench.datasets import images
from isbench.datasets.catalogue import build, describe
from isbench.datasets.files import verify
from isbench.datasets.published import PUBLISHED
from isbench.errors import EnvironmentFault
from isbench.store.records import DatasetSpec
from tests.datasets import tiny_datasets

CPU = torch.device("cpu")
TINY = {
    "mnist": tiny_datasets.mnist,
    "fashion-mnist": lambda root: tiny_datasets.mnist(root, "FashionMNIST"),
    "cifar10": tiny_datasets.cifar10,
    "cifar100": tiny_datasets.cifar100,
    "svhn": tiny_datasets.svhn,
    "pcam": tiny_datasets.pcam,
}
FACTS = {  # training samples, shape, classes, range of the pixels
    "mnist": (40, (1, 28, 28), 10, (0, 1)),
    "fashion-mnist": (40, (1, 28, 28), 10, (0, 1)),
    "cifar10": (100, (3, 32, 32), 10, (-1, 1)),
    "cifar100": (200, (3, 32, 32), 100, (-1, 1)),
    "svhn": (40, (3, 32, 32), 10, (-1, 1)),
    "pcam": (50, (3, 96, 96), 2, (-1, 1)),
}


@pytest.fixture(params=list(TINY))
def name(request, tmp_path, monkeypatch):
    """A data set of which a tiny version in the true format lies below tmp_path."""
    if request.param == "svhn":
        pytest.importorskip("scipy")
    monkeypatch.setitem(PUBLISHED, request.param, TINY[request.param](tmp_path))
    return request.param


def whole(name: str, **wishes) -> DatasetSpec:
    return DatasetSpec(name=name, val_fraction=0.0, **wishes)


def test_a_plan_and_the_data_agree_on_the_facts(name, tmp_path):
    n, shape, classes, (low, high) = FACTS[name]
    facts = describe(whole(name), tmp_path)
    dataset = build(whole(name), tmp_path, CPU, 0)
    x, y = dataset.train.fetch(torch.arange(n))
    assert (
        (facts.n, facts.shape, facts.classes)
        == (n, shape, classes)
        == (dataset.n, dataset.shape, dataset.classes)
    )
    assert x.shape == (n, *shape)
    assert x.dtype == torch.float32
    assert (float(x.min()), float(x.max())) == (low, pytest.approx(high))
    assert (int(y.min()), int(y.max())) == (0, classes - 1)


def test_pictures_show_the_bytes_of_the_files(name, tmp_path):
    dataset = build(whole(name), tmp_path, CPU, 0)
    index = torch.tensor([3, 0])
    low, high = FACTS[name][3]
    x, _ = dataset.train.fetch(index)
    pictures = dataset.pictures(index)
    shown = torch.from_numpy(pictures.copy()).permute(0, 3, 1, 2).float() / 255 * (high - low) + low
    torch.testing.assert_close(shown, x)


def test_a_missing_file_says_which_command_fetches_the_data_set(name, tmp_path):
    (tmp_path / PUBLISHED[name][0].files[0].path).unlink()
    with pytest.raises(EnvironmentFault) as fault:
        describe(DatasetSpec(name=name), tmp_path)
    assert f"{name} is not in {tmp_path} (isbench data prepare {name} --data {tmp_path})" == str(fault.value)


@pytest.mark.parametrize("kind", ["mnist", "cifar10"])
def test_a_corrupt_byte_is_found_and_the_file_is_left_where_it_is(kind, tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, kind, TINY[kind](tmp_path))
    path = tmp_path / PUBLISHED[kind][0].files[0].path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(EnvironmentFault, match=f"{path} is corrupt.*isbench data prepare {kind} --data"):
        build(DatasetSpec(name=kind), tmp_path, CPU, 0)
    assert path.read_bytes() == data


def test_the_digit_0_of_svhn_is_class_0(tmp_path, monkeypatch):
    pytest.importorskip("scipy")
    monkeypatch.setitem(PUBLISHED, "svhn", tiny_datasets.svhn(tmp_path))
    dataset = build(whole("svhn"), tmp_path, CPU, 0)
    assert dataset.labels[:11].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_svhn_images_are_upright(tmp_path, monkeypatch):
    pytest.importorskip("scipy")
    monkeypatch.setitem(PUBLISHED, "svhn", tiny_datasets.svhn(tmp_path))
    dataset = build(whole("svhn"), tmp_path, CPU, 0)
    stored = tiny_datasets.random_bytes(32, 32, 3, 40)  # height, width, colour, sample
    assert np.array_equal(dataset.pictures(torch.tensor([5]))[0], stored[..., 5])


def test_a_pickle_that_asks_for_more_than_arrays_is_refused():
    with pytest.raises(pickle.UnpicklingError, match="arrays"):
        images.unpickle(pickle.dumps({"data": print}))


@pytest.mark.parametrize("chunks", [False, True])
def test_pcam_is_the_same_mapped_from_the_disk_and_read_from_chunks(chunks, tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "pcam", tiny_datasets.pcam(tmp_path, chunks))
    dataset = build(whole("pcam", keep="host"), tmp_path, CPU, 0)
    stored = tiny_datasets.random_bytes(50, 96, 96, 3)
    assert np.array_equal(dataset.pictures(torch.arange(50)), stored)


def test_pcam_split_as_the_authors_code_does_tests_on_a_fifth_of_the_training_part(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "pcam", tiny_datasets.pcam(tmp_path))
    dataset = build(whole("pcam", options={"split": "code"}), tmp_path, CPU, 0)
    stored = tiny_datasets.random_bytes(50, 96, 96, 3)
    assert (dataset.n, dataset.test.n) == (40, 10)
    assert np.array_equal(dataset.pictures(torch.arange(40)), stored[dataset.origin.numpy()])
    test, _ = dataset.test.fetch(torch.arange(10))
    train, _ = dataset.train.fetch(torch.arange(40))
    assert len(torch.unique(torch.cat([test, train]).flatten(1), dim=0)) == 50


def test_a_plan_of_pcam_reads_no_images(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "pcam", tiny_datasets.pcam(tmp_path))
    for part in ("train", "test"):
        (tmp_path / f"pcam/camelyonpatch_level_2_split_{part}_x.h5").write_bytes(b"")
    assert describe(DatasetSpec(name="pcam"), tmp_path).n == 45


def test_a_truncated_pcam_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "pcam", tiny_datasets.pcam(tmp_path))
    path = tmp_path / "pcam/camelyonpatch_level_2_split_train_x.h5"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(EnvironmentFault, match=r"train_x\.h5 is corrupt.*isbench data prepare pcam"):
        build(DatasetSpec(name="pcam"), tmp_path, CPU, 0)


def test_pcam_images_without_their_labels_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "pcam", tiny_datasets.pcam(tmp_path))
    path = tmp_path / "pcam/camelyonpatch_level_2_split_test_x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=tiny_datasets.random_bytes(9, 96, 96, 3))
    with pytest.raises(EnvironmentFault, match=r"test_x\.h5 is corrupt"):
        build(DatasetSpec(name="pcam"), tmp_path, CPU, 0)


def test_verify_says_what_it_checked(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "mnist", tiny_datasets.mnist(tmp_path))
    lines = verify("mnist", tmp_path)
    assert len(lines) == 4
    assert all(line.endswith("SHA-256 as published") for line in lines)
