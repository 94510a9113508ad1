import pytest
import torch

from isbench.datasets.catalogue import describe
from isbench.datasets.images import mnist
from isbench.datasets.pairs import mnist_pairs
from isbench.datasets.published import PUBLISHED
from isbench.errors import EnvironmentFault, UsageError
from isbench.store.records import DatasetSpec
from tests.datasets import tiny_datasets


@pytest.fixture(autouse=True)
def tiny_mnist(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "mnist", tiny_datasets.mnist(tmp_path))


def test_a_pair_is_two_digits_and_its_class_their_number(tmp_path):
    pairs = mnist_pairs(tmp_path, train=50, test=10)
    digits = mnist(tmp_path)
    seen, label_of = digits.inputs()[0], digits.y_train
    for image, label in zip(pairs.inputs()[0], pairs.y_train.tolist(), strict=True):
        halves = (image[:, :, :28], image[:, :, 28:])
        left, right = (int((seen == half).flatten(1).all(1).nonzero()[0, 0]) for half in halves)
        assert label == 10 * label_of[left] + label_of[right]


def test_sizes_and_shape_are_as_asked(tmp_path):
    facts = describe(DatasetSpec(name="mnist-pairs", options={"train": 300, "test": 20}), tmp_path)
    assert (facts.n, facts.shape, facts.classes) == (270, (1, 28, 56), 100)
    assert len(mnist_pairs(tmp_path).y_train) == 20_000
    assert len(mnist_pairs(tmp_path).y_test) == 5_000


def test_per_class_gives_every_class_as_many(tmp_path):
    pairs = mnist_pairs(tmp_path, per_class=3)
    assert torch.bincount(pairs.y_train).tolist() == [3] * 100


def test_more_pairs_begin_with_the_fewer(tmp_path):
    assert torch.equal(mnist_pairs(tmp_path, train=100).y_train[:40], mnist_pairs(tmp_path, train=40).y_train)


def test_training_pairs_show_training_digits_and_test_pairs_test_digits(tmp_path):
    for pairs, digits in zip(
        mnist_pairs(tmp_path, train=60, test=30).inputs(), mnist(tmp_path).inputs(), strict=True
    ):
        allowed = {digit.numpy().tobytes() for digit in digits}
        halves = torch.cat([pairs[..., :28], pairs[..., 28:]])
        assert {half.numpy().tobytes() for half in halves.contiguous()} <= allowed


def test_without_mnist_the_command_prepares_mnist(tmp_path):
    with pytest.raises(EnvironmentFault, match="isbench data prepare mnist"):
        mnist_pairs(tmp_path / "elsewhere")


@pytest.mark.parametrize("options", [{"train": 0}, {"test": 0}, {"per_class": 0}])
def test_no_pairs_are_refused(tmp_path, options):
    with pytest.raises(UsageError, match="below 1"):
        mnist_pairs(tmp_path, **options)
