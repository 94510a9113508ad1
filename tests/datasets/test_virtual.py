from dataclasses import replace

import numpy as np
import pytest
import torch

from isbench.datasets.augment import moved
from isbench.datasets.catalogue import build, describe
from isbench.datasets.finite import finite
from isbench.datasets.published import PUBLISHED
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec
from isbench.train.evaluate import train_sample
from tests.builders import rng
from tests.datasets import tiny_datasets
from tests.datasets.tiny_datasets import numbered

CPU = torch.device("cpu")
SPEC = DatasetSpec(name="numbered")
N = 1000


def virtual(n: int = N, seed: int = 0, size: int = 200, **wishes):
    return finite(SPEC.model_copy(update=wishes), replace(numbered(size), virtual=n), CPU, seed)


def views_of(image: torch.Tensor, reach: int, flips: bool) -> set[bytes]:
    """Every picture that a shift with repeated edges, and a mirror image of it, can make of [h, w, c]."""
    padded = np.pad(image.numpy(), ((reach, reach), (reach, reach), (0, 0)), "edge")
    height, width = image.shape[:2]
    shifted = [
        padded[top : top + height, left : left + width]
        for top in range(2 * reach + 1)
        for left in range(2 * reach + 1)
    ]
    shifted += [view[:, ::-1] for view in shifted] if flips else []
    return {view.tobytes() for view in shifted}


@pytest.mark.parametrize("flips", [True, False])
def test_every_shift_by_a_tenth_and_mirror_image_occurs_and_nothing_else(flips):
    image = torch.randint(1, 256, (1, 20, 20, 3), generator=rng()).to(torch.uint8)
    seen = moved((3, 20, 20), flips, CPU)(image.expand(2000, -1, -1, -1), torch.arange(2000), 0)
    assert {picture.numpy().tobytes() for picture in seen} == views_of(image[0], 2, flips)


def test_photographs_of_32_pixels_move_by_up_to_3():
    assert len(moved((3, 32, 32), True, CPU).views) == 2 * 7 * 7


def test_there_are_as_many_samples_as_asked_for_each_of_the_training_images():
    dataset = virtual()
    assert (dataset.n, dataset.epoch_size, len(dataset.labels), len(dataset.origin)) == (N, N, N, N)
    count = torch.bincount(dataset.origin)
    assert set(count[count > 0].tolist()) == {N // 180, N // 180 + 1}
    assert dataset.validation.n == 20


def test_a_sample_has_the_label_and_the_pixels_of_its_origin():
    dataset = virtual()
    assert torch.equal(dataset.labels, dataset.origin % 4)
    x, y = dataset.train.fetch(torch.arange(N))
    assert torch.equal(y, dataset.labels)
    assert torch.equal(x.flatten(1).sum(1), (dataset.origin // 256 + dataset.origin % 256).float())


def test_a_look_is_the_same_in_every_round_run_and_company():
    dataset, other = virtual(), virtual(seed=5)
    index = torch.arange(N)
    whole = dataset.train.fetch(index, 0)[0]
    assert torch.equal(dataset.train.fetch(index, 3)[0], whole)
    assert torch.equal(other.train.fetch(index)[0], whole)
    some = torch.tensor([900, 4, 4, 77])
    assert torch.equal(dataset.train.fetch(some)[0], whole[some])


def test_copies_of_an_image_look_different(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "cifar10", tiny_datasets.cifar10(tmp_path))
    spec = DatasetSpec(name="cifar10", subset=2, val_fraction=0.0, options={"virtual": 400})
    dataset = build(spec, tmp_path, CPU, 0)
    for real in (0, 1):
        x, _ = dataset.train.fetch(torch.arange(real, 400, 2))
        assert 70 < len(torch.unique(x.flatten(1), dim=0)) <= 98


def test_the_pixels_are_stored_once():
    assert len(virtual(n=10**5).train.inputs) == 180


def test_held_out_samples_are_not_moved_and_no_virtual_sample_comes_from_them():
    dataset = virtual()
    held = dataset.validation.fetch(torch.arange(20))[0]
    names = (256 * held[:, 0, 0, 0] + held[:, 0, 0, 1]).long()
    assert not torch.isin(dataset.origin, names).any()
    assert torch.equal(dataset.test.fetch(torch.arange(40))[0][:, 0, 0, 1].long(), torch.arange(40))


def test_the_training_loss_is_measured_on_the_samples_as_they_are_trained():
    dataset = virtual()
    sample = train_sample(dataset)
    assert torch.equal(dataset.plain.fetch(sample)[0], dataset.train.fetch(sample)[0])


def test_pictures_show_the_sample_as_it_is_moved(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "cifar10", tiny_datasets.cifar10(tmp_path))
    dataset = build(DatasetSpec(name="cifar10", options={"virtual": 300}), tmp_path, CPU, 0)
    index = torch.tensor([3, 250])
    shown = torch.from_numpy(dataset.pictures(index).copy()).permute(0, 3, 1, 2).float() * 2 / 255 - 1
    torch.testing.assert_close(shown, dataset.train.fetch(index)[0])


def test_subset_classes_and_label_noise_are_those_of_the_real_images():
    wishes = {"subset": 50, "classes": (1, 3), "label_noise": 0.3, "val_fraction": 0.2}
    real, dataset = finite(SPEC.model_copy(update=wishes), numbered(), CPU, 0), virtual(**wishes)
    assert torch.equal(dataset.origin[: real.n], real.origin)
    assert torch.equal(dataset.labels, real.labels[torch.arange(N) % real.n])
    assert dataset.classes == 2


@pytest.mark.parametrize("keep", ["host", "disk"])
def test_wherever_they_are_kept_the_samples_are_the_same(keep):
    index = torch.arange(N)
    far, near = virtual(keep=keep, subset=150), virtual(subset=150)
    assert torch.equal(far.train.fetch(index)[0], near.train.fetch(index)[0])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("keep", ["device", "host", "disk"])
def test_on_a_cuda_device_the_samples_are_the_same(keep):
    cuda, index = torch.device("cuda"), torch.arange(N)
    spec = SPEC.model_copy(update={"keep": keep})
    near = finite(spec, replace(numbered(), virtual=N), cuda, 0)
    x, y = near.train.fetch(index.to(cuda))
    assert torch.equal(x.cpu(), virtual().train.fetch(index)[0])
    assert torch.equal(y.cpu(), virtual().labels)


def test_a_plan_counts_virtual_samples(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "cifar100", tiny_datasets.cifar100(tmp_path))
    facts = describe(DatasetSpec(name="cifar100", options={"virtual": 1_500_000}), tmp_path)
    assert (facts.n, facts.epoch_size) == (1_500_000, 1_500_000)


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (
            {"options": {"virtual": 400}, "augment": "standard"},
            "augment: standard with virtual: 400 of cifar10",
        ),
        ({"options": {"virtual": 89}}, "virtual: 89 of cifar10, which has 90 training images"),
    ],
)
def test_what_makes_no_sense_is_refused_while_planning(wishes, message, tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "cifar10", tiny_datasets.cifar10(tmp_path))
    with pytest.raises(UsageError, match=message):
        describe(DatasetSpec(name="cifar10", **wishes), tmp_path)
