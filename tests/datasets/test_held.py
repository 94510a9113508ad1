from pathlib import Path

import pytest
import torch

from isbench.datasets.finite import finite
from isbench.datasets.held import select, stratified
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec
from tests.datasets.tiny_datasets import numbered

CPU = torch.device("cpu")


def spec(**wishes) -> DatasetSpec:
    return DatasetSpec(name="numbered", **wishes)


def test_training_and_validation_are_disjoint_and_complete():
    chosen = select(spec(val_fraction=0.25), numbered(200))
    together = torch.cat([chosen.train, chosen.validation])
    assert len(chosen.validation) == 50
    assert torch.equal(together.sort().values, torch.arange(200))


def test_validation_has_every_class_in_proportion():
    source = numbered(203, classes=4)
    chosen = select(spec(val_fraction=0.1), source)
    assert sorted(torch.bincount(chosen.y_validation, minlength=4).tolist()) == [5, 5, 5, 5]


def test_roundings_of_a_stratified_part_go_to_the_largest_remainders():
    y = torch.tensor([0] * 19 + [1] * 15 + [2] * 6)  # shares of 10: 4.75, 3.75, 1.5
    chosen, rest = stratified(y, 10, "a")
    assert torch.bincount(y[chosen]).tolist() == [5, 4, 1]
    assert len(rest) == 30


def test_a_validation_fraction_of_0_keeps_every_sample():
    chosen = select(spec(val_fraction=0.0), numbered(20))
    assert (len(chosen.train), len(chosen.validation)) == (20, 0)


def test_some_validation_is_at_least_one_sample_and_never_all():
    assert len(select(spec(val_fraction=0.001), numbered(20)).validation) == 1
    assert len(select(spec(val_fraction=0.999), numbered(20)).train) == 1


def test_a_subset_lies_within_a_larger_one():
    small, large = (select(spec(subset=n, val_fraction=0.0), numbered()).train.tolist() for n in (30, 90))
    assert len(small) == 30
    assert set(small) < set(large)


def test_the_subset_is_no_prefix():
    assert select(spec(subset=30, val_fraction=0.0), numbered()).train.max() > 60


def test_another_data_set_has_another_subset():
    other = DatasetSpec(name="other", subset=30)
    assert not torch.equal(select(spec(subset=30), numbered()).train, select(other, numbered()).train)


def test_classes_are_kept_and_renumbered_in_the_order_wanted():
    source = numbered(200, classes=4)
    chosen = select(spec(classes=(3, 1)), source)
    assert chosen.classes == 2
    assert torch.equal(source.y_train[chosen.train], torch.tensor([3, 1])[chosen.y_train])
    assert torch.equal(source.y_test[chosen.test], torch.tensor([3, 1])[chosen.y_test])


def test_the_subset_is_taken_from_the_classes_kept():
    source = numbered(200, classes=4)
    chosen = select(spec(classes=(0, 2), subset=60, val_fraction=0.5), source)
    assert (len(chosen.train), len(chosen.validation)) == (30, 30)
    assert set(source.y_train[chosen.train].tolist()) == {0, 2}


@pytest.mark.parametrize("noise", [0.0, 0.2, 1.0])
def test_label_noise_is_another_class_in_exactly_its_share(noise):
    source = numbered(1000)
    chosen = select(spec(label_noise=noise, val_fraction=0.0), source)
    assert int((chosen.y_train != source.y_train[chosen.train]).sum()) == round(noise * 1000)
    assert set(chosen.y_train.tolist()) == {0, 1, 2, 3}


def test_wrong_labels_are_spread_over_the_other_classes():
    source = numbered(9000)
    chosen = select(spec(label_noise=1.0, val_fraction=0.0), source)
    off = torch.bincount((chosen.y_train - source.y_train[chosen.train]) % 4, minlength=4)
    assert off[0] == 0
    assert (off[1:] - 3000).abs().max() < 5 * 45


def test_more_noise_keeps_the_wrong_labels_of_less():
    source = numbered(1000)
    less, more = (select(spec(label_noise=p, val_fraction=0.0), source).y_train for p in (0.1, 0.3))
    wrong = less != source.y_train
    assert torch.equal(more[wrong], less[wrong])


def test_only_training_labels_are_noisy():
    source = numbered(200)
    chosen = select(spec(label_noise=1.0), source)
    assert torch.equal(chosen.y_validation, source.y_train[chosen.validation])
    assert torch.equal(chosen.y_test, source.y_test)


@pytest.mark.parametrize(
    "wish",
    [
        {"subset": 0}, {"subset": 201}, {"classes": (0,)}, {"classes": (0, 4)}, {"classes": (1, 1)},
        {"val_fraction": 1.0}, {"val_fraction": -0.1}, {"label_noise": 1.1}, {"label_noise": -0.1},
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_fulfilled_is_named(wish):
    with pytest.raises(UsageError, match=next(iter(wish))):
        select(spec(**wish), numbered(200))


def test_origin_is_the_published_index_of_every_sample():
    wishes = spec(classes=(1, 2, 3), subset=120, label_noise=0.3)
    dataset = finite(wishes, numbered(600), CPU, 0)
    pixels, _ = dataset.plain.fetch(torch.arange(dataset.n))
    published = pixels[:, 0, 0, 0] * 256 + pixels[:, 0, 0, 1]
    assert torch.equal(published.long(), dataset.origin)


def test_the_splits_do_not_hang_on_the_seed():
    one, two = (finite(spec(subset=50, label_noise=0.2), numbered(), CPU, seed) for seed in (0, 1))
    assert torch.equal(one.origin, two.origin)
    assert torch.equal(one.labels, two.labels)
    index = torch.arange(one.validation.n)
    assert torch.equal(one.validation.fetch(index)[0], two.validation.fetch(index)[0])


def test_labels_are_those_that_are_fetched():
    dataset = finite(spec(label_noise=0.5), numbered(), CPU, 0)
    index = torch.arange(dataset.n)
    assert torch.equal(dataset.train.fetch(index)[1], dataset.labels)


def test_a_set_with_its_own_validation_keeps_all_training_samples():
    from isbench.datasets.two_circles import two_circles

    chosen = select(DatasetSpec(name="two-circles"), two_circles(Path("unused"), samples=50))
    assert (len(chosen.train), len(chosen.validation)) == (50, 0)
