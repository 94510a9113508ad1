from pathlib import Path

import torch

from isbench.datasets.catalogue import build, describe
from isbench.datasets.digits import digits
from isbench.store.records import DatasetSpec

CPU = torch.device("cpu")


def test_1437_and_360_digits_with_every_class_in_proportion():
    source = digits(Path("unused"))
    assert (len(source.y_train), len(source.y_test)) == (1437, 360)
    count = torch.bincount(source.y_train) + torch.bincount(source.y_test)
    assert count.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (torch.bincount(source.y_test).double() - count * 360 / 1797).abs().max() < 1


def test_pixels_are_sixteenths_from_0_to_1():
    dataset = build(DatasetSpec(name="digits"), Path("unused"), CPU, 0)
    x, y = dataset.train.fetch(torch.arange(dataset.n))
    assert x.shape == (1293, 1, 8, 8)
    assert y.dtype == torch.int64
    assert (float(x.min()), float(x.max())) == (0, 1)
    assert torch.equal(x * 16, (x * 16).round())


def test_a_plan_knows_what_is_left_after_validation():
    facts = describe(DatasetSpec(name="digits", subset=1000), Path("unused"))
    assert (facts.n, facts.epoch_size, facts.shape, facts.classes) == (900, 900, (1, 8, 8), 10)


def test_the_white_of_a_picture_is_white():
    dataset = build(DatasetSpec(name="digits"), Path("unused"), CPU, 0)
    pictures = dataset.pictures(torch.arange(32))
    assert pictures.shape == (32, 8, 8, 1)
    assert pictures.dtype == "uint8"
    assert pictures.max() == 255
