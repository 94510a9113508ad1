"""mixup and RICAP: what a mixed image is made of, and that it says so."""

from dataclasses import replace

import pytest
import torch
from scipy.stats import beta

from isbench.datasets.augmented import check
from isbench.datasets.finite import finite
from isbench.datasets.mixing import ALPHA, Mixed, beta_quantiles, mixed
from isbench.datasets.stored import Stored
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec
from tests.datasets.tiny_datasets import numbered

CPU = torch.device("cpu")
KINDS = ("mixup", "ricap")
SIDE, CLASSES = 16, 5


def flat(n: int = 200) -> Stored:
    """Images of one colour, which is their number."""
    number = torch.arange(n, dtype=torch.float32)
    return Stored(number.view(-1, 1, 1, 1).expand(-1, SIDE, SIDE, 2).clone(), torch.arange(n) % CLASSES)


def split(kind: str, stored: Stored | None = None, seed: int = 0) -> Mixed:
    return mixed(kind, flat() if stored is None else stored, CLASSES, seed)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 0.8])
def test_shares_have_the_quantiles_of_the_beta_distribution(alpha):
    level = (torch.arange(1000) + 0.5) / 1000
    expected = torch.from_numpy(beta.ppf(level.double().numpy(), alpha, alpha)).float()
    assert torch.allclose(beta_quantiles(alpha, 1000), expected, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_shares_sum_to_one_and_the_sample_itself_comes_first(kind):
    index = torch.arange(200)
    parts, share = split(kind).parts(index, 3)
    assert torch.equal(parts[:, 0], index)
    assert torch.allclose(share.sum(1), torch.ones(200))
    assert ((share >= 0) & (share <= 1)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_partners_are_other_samples_and_all_of_them_occur(kind):
    train = split(kind)
    several = torch.cat([train.parts(torch.tensor([7]), round)[0] for round in range(2000)])
    assert set(several[:, 1:].flatten().tolist()) == set(range(200)) - {7}


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_has_the_same_share_on_average(kind):
    _, share = split(kind).parts(torch.arange(20_000), 0)
    assert share.mean(0).tolist() == pytest.approx([1 / share.shape[1]] * share.shape[1], abs=0.01)
    if kind == "mixup":
        assert share[:, 0].var().item() == pytest.approx(beta.var(ALPHA, ALPHA), abs=0.005)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_scored_is_what_is_trained_in_any_company(kind):
    train, index = split(kind), torch.arange(200)
    images, targets = train.fetch(index, 2)
    some = torch.tensor([31, 4, 4, 199])
    again, again_targets = train.fetch(some, 2)
    assert torch.equal(again, images[some])
    assert torch.equal(again_targets, targets[some])
    for whole, part in zip(train.parts(index, 2), train.parts(some, 2), strict=True):
        assert torch.equal(part, whole[some])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("seed", "round"), [(0, 3), (1, 2)])
def test_another_round_or_seed_mixes_anew(kind, seed, round):
    index = torch.arange(200)
    (parts, share), (others, shares) = split(kind).parts(index, 2), split(kind, seed=seed).parts(index, round)
    assert (parts[:, 1] == others[:, 1]).double().mean() < 0.05
    assert (share[:, 0] == shares[:, 0]).double().mean() < 0.4  # of a side of 16 there are few


def test_mixup_is_the_mean_of_two_images_by_share():
    train, index = split("mixup"), torch.arange(200)
    parts, share = train.parts(index, 1)
    expected = (parts * share).sum(1)
    assert torch.allclose(train.fetch(index, 1)[0], expected.view(-1, 1, 1, 1).expand(-1, 2, SIDE, SIDE))


def test_parts_of_ricap_have_as_many_pixels_as_their_shares_say():
    train, index = split("ricap"), torch.arange(200)
    parts, share = train.parts(index, 1)
    images = train.fetch(index, 1)[0][:, 0].flatten(1)
    for part in range(4):
        same = (parts == parts[:, part, None]).float()  # a partner may occur twice
        pixels = (images == parts[:, part, None]).float().mean(1)
        assert torch.allclose(pixels, (share * same).sum(1), atol=1e-6)


def test_crops_of_ricap_are_pieces_of_their_images_in_four_corners():
    place = torch.arange(SIDE * SIDE, dtype=torch.float32).view(1, SIDE, SIDE, 1)
    stored = Stored(place + 1000 * torch.arange(50.0).view(-1, 1, 1, 1), torch.arange(50) % CLASSES)
    train, index = split("ricap", stored), torch.arange(50)
    parts, share = train.parts(index, 0)
    images = train.fetch(index, 0)[0][:, 0]
    seen = set()
    for image, sources, areas in zip(images, parts.tolist(), (share * SIDE**2).round().tolist(), strict=True):
        height = round((areas[0] + areas[1]) / SIDE)
        width = round((areas[0] + areas[2]) / SIDE)
        above, below = image[:height], image[height:]
        crops = (above[:, :width], above[:, width:], below[:, :width], below[:, width:])
        for crop, source in zip(crops, sources, strict=True):
            if crop.numel():
                top, left = divmod(int(crop[0, 0]) - 1000 * source, SIDE)
                whole = place[0, :, :, 0] + 1000 * source
                assert torch.equal(crop, whole[top : top + crop.shape[0], left : left + crop.shape[1]])
                seen.add((top, left))
    assert len(seen) > 30  # they come from anywhere


@pytest.mark.parametrize("kind", KINDS)
def test_targets_are_the_shares_of_the_classes(kind):
    train, index = split(kind), torch.arange(200)
    parts, share = train.parts(index, 1)
    target = train.fetch(index, 1)[1]
    assert target.dtype == torch.float32
    for sample in range(50):
        expected = torch.zeros(CLASSES)
        for part, much in zip(parts[sample], share[sample], strict=True):
            expected[int(part) % CLASSES] += much
        assert torch.allclose(target[sample], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_training_image_is_mixed_with_itself(kind):
    x, y = split(kind, flat(1)).fetch(torch.zeros(3, dtype=torch.int64), 0)
    assert torch.equal(x, torch.zeros_like(x))
    assert torch.allclose(y[:, 0], torch.ones(3))


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_images_look_as_they_do_cropped_and_mirrored_on_their_own(kind):
    spec = DatasetSpec(name="numbered", augment="standard")
    standard = finite(spec, numbered(), CPU, 0).train
    train = finite(spec.model_copy(update={"augment": kind}), numbered(), CPU, 0).train
    index = torch.arange(180)
    parts, share = train.parts(index, 4)
    whole = share.amax(1) > 0.999
    assert whole.any()
    alone = parts[whole].gather(1, share[whole].argmax(1, keepdim=True))[:, 0]
    assert torch.allclose(train.fetch(index[whole], 4)[0], standard.fetch(alone, 4)[0], atol=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_only_training_samples_are_mixed(kind):
    dataset = finite(DatasetSpec(name="numbered", augment=kind), numbered(), CPU, 0)
    index = torch.arange(dataset.n)
    assert dataset.plain.parts(index, 0) is None
    assert dataset.labels is not None
    assert torch.equal(dataset.plain.fetch(index, 1)[1], dataset.labels)
    assert dataset.validation.fetch(torch.arange(5))[1].dtype == torch.int64
    assert dataset.test.fetch(torch.arange(5))[1].dtype == torch.int64


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("change", "told"), [({"loss": "bce"}, "classes"), ({"classes": 0}, "classes")])
def test_only_images_with_classes_can_be_mixed(kind, change, told):
    with pytest.raises(UsageError, match=told):
        check(DatasetSpec(name="numbered", augment=kind), replace(numbered(), **change))


@pytest.mark.parametrize("kind", [*KINDS, "randaugment"])
@pytest.mark.parametrize(("change", "told"), [({"shape": (16,)}, "images"), ({"virtual": 900}, "virtual")])
def test_what_cannot_be_augmented_is_refused_while_planning(kind, change, told):
    with pytest.raises(UsageError, match=told):
        check(DatasetSpec(name="numbered", augment=kind), replace(numbered(), **change))
