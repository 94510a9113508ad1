"""Real files, where ISBENCH_DATA says that they are."""

import os

import pytest
import torch

from isbench.datasets.catalogue import build, describe
from isbench.datasets.files import default_root, verify
from isbench.errors import EnvironmentFault
from isbench.store.records import DatasetSpec

pytestmark = pytest.mark.skipif(not os.environ.get("ISBENCH_DATA"), reason="ISBENCH_DATA is not set")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10", "cifar100", "svhn", "pcam"])
def test_real_files_are_the_published_ones(name):
    try:
        verify(name, default_root())
    except EnvironmentFault as fault:
        if "is not in" in str(fault):
            pytest.skip(str(fault))
        raise
    facts = describe(DatasetSpec(name=name), default_root())
    dataset = build(DatasetSpec(name=name), default_root(), torch.device("cpu"), 0)
    assert dataset.n == facts.n
    x, _ = dataset.train.fetch(torch.arange(256))
    assert x.shape[1:] == facts.shape
    assert -1 <= float(x.min()) < float(x.max()) <= 1
