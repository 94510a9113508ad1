import subprocess
import sys

import numpy as np
import pytest
import torch

from isbench.datasets import torchvision_import
from isbench.datasets.files import contents
from isbench.datasets.images import parse_idx
from isbench.datasets.published import PUBLISHED
from isbench.datasets.torchvision_import import define_missing, torchvision
from tests.datasets import tiny_datasets

FRESH = """
import torch
from isbench.datasets.torchvision_import import torchvision
print(torchvision("models").resnet18(num_classes=3).eval()(torch.zeros(1, 3, 32, 32)).shape[1])
"""


def test_torchvision_works_in_a_fresh_process():
    done = subprocess.run(
        [sys.executable, "-c", FRESH], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == "3", done.stderr


def test_schemas_that_are_there_are_left_alone():
    torchvision()
    assert define_missing() == []


def test_only_missing_schemas_are_defined(monkeypatch):
    torchvision()
    probe = {"isbench_probe": "isbench_probe(Tensor x) -> Tensor"}
    monkeypatch.setattr(torchvision_import, "SCHEMAS", torchvision_import.SCHEMAS | probe)
    assert define_missing() == ["isbench_probe"]
    assert define_missing() == []
    assert (
        str(torch.ops.torchvision.isbench_probe.default._schema)
        == "torchvision::isbench_probe(Tensor x) -> Tensor"
    )


@pytest.mark.parametrize("message", ["operator torchvision::nms does not exist", "something else"])
def test_only_the_known_failure_is_mended(monkeypatch, message):
    calls = []

    def load(name: str):
        calls.append(name)
        if len(calls) == 1:
            raise RuntimeError(message)
        return torch

    monkeypatch.setattr(torchvision_import.importlib, "import_module", load)
    if message == "something else":
        with pytest.raises(RuntimeError, match=message):
            torchvision()
    else:
        assert torchvision() is torch
        assert calls == ["torchvision", "torchvision"]


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
    listed = {f"pcam/{kind[0]}" for part in ("train", "test") for kind in datasets.PCAM._FILES[part].values()}
    assert {download.files[0].path for download in PUBLISHED["pcam"]} == listed
