import numpy as np
import torch

from isbench.datasets.files import contents
from isbench.datasets.flowers import ARCHIVE
from isbench.datasets.images import parse_idx
from isbench.datasets.published import PUBLISHED
from isbench.models.torchvision_import import torchvision
from tests.datasets import tiny_datasets


def test_tiny_mnist_is_read_as_torchvision_reads_it(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "mnist", tiny_datasets.mnist(tmp_path))
    theirs = torchvision("datasets").MNIST(tmp_path, train=False, download=False)
    ours = [
        contents("mnist", tmp_path, f"MNIST/raw/t10k-{part}-ubyte") for part in ("images-idx3", "labels-idx1")
    ]
    assert torch.equal(parse_idx(ours[0]), theirs.data)
    assert np.array_equal(parse_idx(ours[1]), theirs.targets)


def test_addresses_and_files_are_those_of_torchvision():
    datasets = torchvision("datasets")
    for name, kind in (("mnist", datasets.MNIST), ("fashion-mnist", datasets.FashionMNIST)):
        files = {url for download in PUBLISHED[name] for url in download.urls}
        assert files == {mirror + file for mirror in kind.mirrors for file, _ in kind.resources}
    for name, kind in (("cifar10", datasets.CIFAR10), ("cifar100", datasets.CIFAR100)):
        (archive,) = PUBLISHED[name]
        assert archive.urls == (kind.url,)
        listed = {f"{kind.base_folder}/{file}" for file, _ in kind.train_list + kind.test_list}
        assert {file.path for file in archive.files} == listed
    assert [download.urls[0] for download in PUBLISHED["svhn"]] == [
        datasets.SVHN.split_list[part][0] for part in ("train", "test")
    ]
    flowers = datasets.Flowers102
    assert {download.urls[0] for download in PUBLISHED["flowers102"]} | {ARCHIVE.urls[0]} == {
        flowers._download_url_prefix + file for file, _ in flowers._file_dict.values()
    }
    listed = {f"pcam/{kind[0]}" for part in ("train", "test") for kind in datasets.PCAM._FILES[part].values()}
    assert {download.files[0].path for download in PUBLISHED["pcam"]} == listed
