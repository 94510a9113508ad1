import math
from pathlib import Path

import numpy as np
import pytest
import torch

from isbench.datasets.catalogue import build, describe
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec

CPU = torch.device("cpu")
MILLION = 1_000_000


def circles(**options):
    return build(DatasetSpec(name="two-circles", options=options), Path("unused"), CPU, 0)


@pytest.mark.parametrize(("balanced", "share"), [(True, 0.5), (False, 0.5105)])
def test_the_share_inside_is_that_of_the_text_or_of_the_authors_generator(balanced, share):
    _, classes = circles(balanced=balanced).train.fetch(torch.arange(MILLION))
    assert float(classes.double().mean()) == pytest.approx(share, abs=0.002)


def test_class_1_is_inside_either_circle():
    points, classes = circles(balanced=False).train.fetch(torch.arange(10_000))
    x, y = points.double().unbind(1)
    nearer = torch.minimum((x - 0.5) ** 2 + (y - 0.5) ** 2, (x + 0.5) ** 2 + (y + 0.5) ** 2)
    sure = (nearer - 0.35).abs() > 1e-6
    assert torch.equal(classes[sure] == 1, nearer[sure] < 0.35)


@pytest.mark.parametrize("first", [0, 1 << 40, (1 << 62) - (1 << 20), -(1 << 50)])
def test_points_fill_the_square_evenly(first):
    points, _ = circles().train.fetch(torch.arange(1 << 20) + first)
    cell = ((points + 1) * 16).long().clamp(0, 31)
    count = torch.bincount(cell[:, 0] * 32 + cell[:, 1], minlength=1024).double()
    chi_square = float(((count - 1024) ** 2 / 1024).sum())
    assert abs(chi_square - 1023) < 5 * math.sqrt(2 * 1023)
    assert abs(float(torch.corrcoef(points.T)[0, 1])) < 0.005


@pytest.mark.parametrize("lag", [1, 2, 128, 1024])
def test_a_point_tells_nothing_of_later_ones(lag):
    points, _ = circles().train.fetch(torch.arange(1 << 20))
    cell = ((points + 1) * 4).long().clamp(0, 7)
    cell = cell[:, 0] * 8 + cell[:, 1]
    count = torch.bincount(cell[:-lag] * 64 + cell[lag:], minlength=4096).double()
    expected = (len(cell) - lag) / 4096
    assert abs(float(((count - expected) ** 2 / expected).sum()) - 4095) < 5 * math.sqrt(2 * 4095)


def test_a_number_is_always_the_same_point_whatever_it_is_fetched_with():
    split = circles().train
    index = torch.tensor([5, (1 << 62) - 1, 5, 0])
    points, classes = split.fetch(index)
    alone = [split.fetch(index[i : i + 1]) for i in range(4)]
    assert torch.equal(points, torch.cat([x for x, _ in alone]))
    assert torch.equal(classes, torch.cat([y for _, y in alone]))
    assert torch.equal(points[0], points[2])


def test_points_do_not_change_between_versions_of_isbench():
    points, classes = circles().train.fetch(torch.tensor([1, 1 << 61]))
    torch.testing.assert_close(points, torch.tensor([[0.8558079, 0.7679308], [-0.7847428, 0.5952815]]))
    assert classes.tolist() == [1, 0]


def test_held_out_points_are_fixed_and_no_training_points():
    dataset = circles()
    held = [split.fetch(torch.arange(split.n))[0] for split in (dataset.validation, dataset.test)]
    train, _ = dataset.train.fetch(torch.arange(100_000))
    assert [len(points) for points in held] == [20_480, 20_480]
    together = torch.cat([*held, train])
    assert len(torch.unique(together, dim=0)) == len(together)


def test_samples_make_it_finite_with_the_same_points_every_time():
    one, two = circles(samples=100), circles(samples=100)
    index = torch.arange(100)
    assert one.n == 100
    assert one.validation.n == 20_480
    assert torch.equal(one.train.fetch(index)[0], two.train.fetch(index)[0])
    assert torch.equal(one.origin, index)


def test_the_stream_has_no_n_and_the_finite_set_has():
    facts = describe(DatasetSpec(name="two-circles"), Path("unused"))
    assert (facts.n, facts.epoch_size) == (None, 16_384)
    facts = describe(DatasetSpec(name="two-circles", options={"samples": 64}), Path("unused"))
    assert (facts.n, facts.epoch_size) == (64, 64)


def test_the_outlines_are_where_the_class_changes():
    dataset = circles()
    assert len(dataset.outlines) == 2
    for curve in dataset.outlines:
        assert np.abs(curve).max() <= 1
        centre = np.sign(curve.mean()) * 0.5
        inside_square = np.abs(curve).max(axis=1) < 1
        radius = np.hypot(*(curve[inside_square] - centre).T)
        assert np.allclose(radius, math.sqrt(0.33968), atol=1e-4)


@pytest.mark.parametrize(
    "wish", [{"subset": 10}, {"classes": (0, 1)}, {"label_noise": 0.1}, {"augment": "standard"}]
)
def test_a_stream_refuses_what_only_a_finite_set_has(wish):
    with pytest.raises(UsageError, match=next(iter(wish))):
        describe(DatasetSpec(name="two-circles", **wish), Path("unused"))


def test_no_samples_is_refused():
    with pytest.raises(UsageError, match="samples"):
        circles(samples=0)


@pytest.mark.parametrize("other", [lambda n: 2 * n, lambda n: 4 * n, lambda n: -n, lambda n: n + (1 << 40)])
def test_related_numbers_have_unrelated_points(other):
    number = torch.arange(1, 200_001)
    split = circles().train
    one, two = split.fetch(number)[0], split.fetch(other(number))[0]
    correlation = torch.corrcoef(torch.cat([one, two], dim=1).T)[:2, 2:]
    assert correlation.abs().max() < 5 / 200_000**0.5
