import numpy as np
import pytest
import torch

from isbench.datasets.catalogue import build
from isbench.datasets.files import cache_folder
from isbench.datasets.finite import finite
from isbench.datasets.mapped import mapped
from isbench.errors import EnvironmentFault, UsageError
from isbench.store.records import DatasetSpec
from tests.datasets.tiny_datasets import numbered

CPU = torch.device("cpu")


@pytest.fixture
def cache():
    return cache_folder() / "samples"


def spec(keep: str = "disk", **wishes) -> DatasetSpec:
    return DatasetSpec.model_validate({"name": "numbered", "keep": keep, **wishes})


@pytest.mark.parametrize("wishes", [{}, {"subset": 50, "classes": (1, 2)}, {"augment": "standard"}])
def test_kept_on_a_disk_every_split_holds_the_same_samples(wishes):
    near, far = (finite(spec(keep, **wishes), numbered(), CPU, 0) for keep in ("device", "disk"))
    for one, two in ((near.train, far.train), (near.validation, far.validation), (near.test, far.test)):
        index = torch.arange(one.n).flip(0)
        for expected, found in zip(one.fetch(index, 1), two.fetch(index, 1), strict=True):
            assert torch.equal(expected, found)


def test_it_says_where_the_samples_live():
    assert finite(spec(), numbered(), CPU, 0).lives == "disk"


def test_a_file_is_written_once_for_every_wish(cache):
    finite(spec(), numbered(), CPU, 0)
    before = {path: path.stat().st_mtime_ns for path in cache.glob("*.npy")}
    finite(spec(subset=20, val_fraction=0.5), numbered(), CPU, 1)
    assert {path: path.stat().st_mtime_ns for path in cache.glob("*.npy")} == before
    assert len(before) == 2  # training and test samples


def test_other_samples_are_another_file(cache):
    for value in (1.0, 2.0):
        mapped(torch.full((3, 2), value))
    assert len(list(cache.glob("*.npy"))) == 2


def test_the_samples_are_those_of_the_file(cache):
    found = mapped(torch.zeros(5, 2))
    (path,) = cache.glob("*.npy")
    np.load(path, mmap_mode="r+")[3] = 7.0
    assert found[3].tolist() == [7.0, 7.0]


def test_a_damaged_file_is_written_anew(cache):
    values = torch.arange(6.0).view(3, 2)
    mapped(values)
    (path,) = cache.glob("*.npy")
    path.write_bytes(path.read_bytes()[:-4])
    assert torch.equal(mapped(values), values)


def test_a_cache_that_cannot_be_written_is_an_environment_fault(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(EnvironmentFault, match="XDG_CACHE_HOME"):
        mapped(torch.zeros(2, 2))


def test_a_stream_lives_nowhere(tmp_path):
    with pytest.raises(UsageError, match="keep: disk of two-circles, which is a stream"):
        build(DatasetSpec(name="two-circles", keep="disk"), tmp_path, CPU, 0)
