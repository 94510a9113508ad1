"""Samplers on mixed images: every one of them trains, and memories are of what the images are made of."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from isbench.datasets.base import Dataset
from isbench.datasets.mixing import mixed
from isbench.datasets.stored import Stored
from isbench.samplers.biased_lstm import BiasedLstm
from isbench.samplers.catalogue import CATALOGUE
from isbench.samplers.memory import Memory
from isbench.samplers.prioritized import LEAST, Prioritized
from tests.builders import BATCH, random_images, run
from tests.samplers.test_contract import NARROW, READ, Reads, play_unchecked

N = 120


def images(kind: str = "ricap") -> Dataset:
    plain = random_images((1, 8, 8), N)
    split = plain.plain
    assert isinstance(split, Stored)
    train = mixed(kind, split, 10, 0)
    return replace(plain, train=train, validation=split, test=split, labels=split.targets)


def network() -> nn.Module:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.sin(torch.arange(parameter.numel()) + number).view_as(parameter) * 0.2)
    return model


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_sampler_trains_on_mixed_images(name: str) -> None:
    made = run(name, dataset=images(), network=network(), budget=(20, "steps"), grid=(1.0,))
    last = made.finish()[-1]
    assert last.train_loss is not None
    assert last.train_loss < 5
    stored = made.sampler.stored()
    assert stored is None or bool(stored.isfinite().any())


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in READ])
def test_no_step_on_mixed_images_waits_for_the_device(name: str) -> None:
    options = {**NARROW.get(name, {}), **({"bank": 32} if name.startswith("impon") else {})}
    made = run(name, dataset=images(), network=network(), options=options)
    play_unchecked(made.problem, made.sampler)
    with Reads() as reads:
        play_unchecked(made.problem, made.sampler)
    assert reads.count == 0


def test_a_sample_without_a_share_leaves_the_predicted_losses_finite() -> None:
    made = run("biased-lstm", dataset=images(), network=network(), budget=(5, "steps"), grid=(1.0,))
    made.finish()
    assert isinstance(made.sampler, BiasedLstm)
    assert made.sampler.history.isfinite().all()
    assert made.sampler.predict(torch.arange(N)).isfinite().all()


def test_impon_reads_features_of_a_net_in_reduced_precision() -> None:
    options = {"features": "penultimate", "bank": 32}
    made = run("impon", options=options, budget=(5, "steps"), grid=(1.0,), precision="bfloat16")
    assert made.finish()[-1].train_loss is not None


@pytest.mark.parametrize("name", ["memory-as", "online-batch", "prioritized", "biased-lstm"])
def test_a_step_writes_to_all_parts_of_its_images(name: str) -> None:
    made = run(name, dataset=images(), network=network())
    problem, sampler = made.problem, made.sampler
    batch = next(iter(sampler.epoch()))
    seen = problem.forward(batch.index, *problem.fetch(batch.index)).detach()
    stored = sampler.stored()
    assert stored is not None
    before = stored.clone()
    sampler.observe(batch, seen)
    assert seen.parts is not None
    assert seen.share is not None
    after = sampler.stored()
    assert after is not None
    changed = ~torch.isclose(before, after, equal_nan=True)
    expected = torch.zeros(N).index_add_(0, seen.parts.flatten(), seen.share.flatten()) > 1e-6
    assert torch.equal(changed, expected)
    assert int(expected.sum()) > BATCH


def test_priorities_follow_the_losses_of_all_parts() -> None:
    made = run("prioritized", dataset=images(), network=network(), budget=(30, "steps"), grid=(1.0,))
    made.finish()
    sampler = made.sampler
    assert isinstance(sampler, Prioritized)
    known = ~sampler.known.isnan()
    assert torch.allclose(sampler.mass[known], (sampler.known[known] + LEAST) ** sampler.alpha)


def test_losses_of_mixed_images_are_predicted_by_share_of_their_parts() -> None:
    sampler = run("biased-lstm", dataset=images(), network=network()).sampler
    assert isinstance(sampler, BiasedLstm)
    index = torch.arange(7)
    parts, share = sampler.problem.parts(index)
    assert parts is not None
    assert share is not None
    alone = torch.stack([sampler._predict(part) for part in parts.unbind(1)], 1)
    assert torch.allclose(sampler.predict(index), (alone * share).sum(1), atol=1e-6)


def test_a_memory_keeps_a_part_of_what_it_knew_of_every_part() -> None:
    made = run("memory-as", dataset=images("mixup"), network=network(), options={"alpha": 0.5})
    sampler = made.sampler
    assert isinstance(sampler, Memory)
    sampler.seen = N
    sampler.importance.fill_(2.0)
    batch = next(iter(sampler.problem.batches(torch.arange(N))))
    problem = made.problem
    seen = problem.forward(batch, *problem.fetch(batch)).detach()
    from isbench.train.forward import Batch

    sampler.observe(Batch(batch), seen)
    assert seen.share is not None
    assert seen.parts is not None
    once = torch.bincount(seen.parts.flatten(), minlength=N) == 1
    alone = once[seen.parts[:, 0]]
    now = problem.fresh(sampler.score, seen)[alone].double()
    first = seen.share[alone, 0].double()
    assert torch.allclose(sampler.importance[batch[alone]], 2 + 0.5 * first * (now - 2), atol=1e-5)
