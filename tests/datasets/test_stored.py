import pytest
import torch

from isbench.datasets.finite import finite
from isbench.datasets.stored import Stored, place
from isbench.store.records import DatasetSpec
from tests.datasets.tiny_datasets import numbered

CPU = torch.device("cpu")


def test_bytes_are_scaled_and_shifted_when_fetched():
    pixels = torch.tensor([[0, 51, 255]], dtype=torch.uint8).T
    x, y = Stored(pixels, torch.tensor([1, 0, 1]), 2 / 255, -1.0).fetch(torch.tensor([2, 0, 1]))
    torch.testing.assert_close(x[:, 0], torch.tensor([1.0, -1.0, -0.6]))
    assert y.tolist() == [1, 1, 0]


def test_floats_are_taken_as_they_are():
    values = torch.tensor([[3.5], [-2.0]])
    assert torch.equal(
        Stored(values, torch.zeros(2, dtype=torch.long), 0.1, 5.0).fetch(torch.arange(2))[0], values
    )


def test_fetching_never_writes_to_what_is_stored():
    values = torch.ones(3, 2)
    split = Stored(values, torch.zeros(3, dtype=torch.long))
    split.fetch(torch.arange(3))[0].zero_()
    assert torch.equal(values, torch.ones(3, 2))


def test_rows_say_where_a_sample_lies():
    pixels = torch.arange(10, dtype=torch.uint8).view(10, 1)
    split = Stored(pixels, torch.zeros(2, dtype=torch.long), rows=torch.tensor([7, 3]))
    assert split.fetch(torch.tensor([1, 0, 1]))[0].flatten().tolist() == [3, 7, 3]


def test_a_copy_in_chunks_is_the_rows_in_order(monkeypatch):
    monkeypatch.setattr("isbench.datasets.stored.CHUNK", 3)
    pixels = torch.arange(20).view(20, 1)
    rows = torch.tensor([5, 19, 0, 7, 7, 2, 1])
    assert torch.equal(place(pixels, rows, CPU)[:, 0], rows)


def test_kept_on_the_host_the_samples_are_the_same():
    device, host = (
        finite(DatasetSpec(name="numbered", keep=keep), numbered(), CPU, 0) for keep in ("device", "host")
    )
    index = torch.arange(device.n)
    assert torch.equal(device.train.fetch(index)[0], host.train.fetch(index)[0])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("keep", ["host", "disk"])
def test_kept_elsewhere_the_samples_arrive_on_the_device(keep):
    cuda = torch.device("cuda")
    far = finite(DatasetSpec.model_validate({"name": "numbered", "keep": keep}), numbered(), cuda, 0)
    near = finite(DatasetSpec(name="numbered"), numbered(), cuda, 0)
    index = torch.arange(near.n, device=cuda)
    assert (far.lives, near.lives) == (keep, "device")
    assert torch.equal(far.train.fetch(index)[0], near.train.fetch(index)[0])
    assert far.train.fetch(index)[0].is_cuda


def test_an_empty_split_can_be_fetched_from():
    dataset = finite(DatasetSpec(name="numbered", val_fraction=0.0), numbered(), CPU, 0)
    assert dataset.validation.fetch(torch.arange(0))[0].shape == (0, 1, 4, 4)


def test_channels_may_have_scales_and_shifts_of_their_own():
    images = torch.tensor([[[[10, 20, 30]]]], dtype=torch.uint8)
    split = Stored(images, torch.tensor([0]), torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, -1.0, 0.5]))
    assert split.fetch(torch.tensor([0]))[0].flatten().tolist() == [10.0, 39.0, 90.5]
