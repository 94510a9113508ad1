"""Numbers of mixed inputs go to the samples that they are made of, and to no others."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from isbench.datasets.mixing import mixed
from isbench.datasets.stored import Stored
from isbench.samplers.confidence import Doubts
from isbench.train.credit import Book
from isbench.train.forward import Forward
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import random_images, rng, run

N = 200
CPU = torch.device("cpu")


def mixing(kind: str) -> Problem:
    """A problem whose images are mixed, with a model that nobody asks."""
    plain = random_images((1, 8, 8), N)
    split = plain.plain
    assert isinstance(split, Stored)
    dataset = replace(plain, train=mixed(kind, split, 10, 0), validation=split, test=split)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    return Problem(dataset, model, 16, PhaseTimer(FakeClock()), seed=0)


def spread(parts: list[list[int]], share: list[list[float]], value: list[float], **options) -> Tensor:
    store = torch.tensor(options.pop("store", [10.0] * 6))
    Book(6, CPU).spread(
        store, torch.tensor(parts), torch.tensor(share), torch.tensor(value), options.pop("keep", 0.0)
    )
    return store


def test_a_part_moves_by_its_share() -> None:
    assert spread([[1, 3]], [[0.25, 0.75]], [2.0]).tolist() == pytest.approx([10, 8, 10, 4, 10, 10])


def test_what_a_sample_has_no_share_of_leaves_it_alone() -> None:
    store = spread([[1, 3]], [[0.0, 1.0]], [2.0], store=[10.0, torch.inf, 10.0, torch.nan, 10.0, 10.0])
    assert store.tolist() == [10, torch.inf, 10, 2, 10, 10]


def test_a_sample_in_several_inputs_takes_their_mean_by_share() -> None:
    store = spread([[1, 3], [2, 1]], [[0.5, 0.5], [0.75, 0.25]], [2.0, 6.0])
    mean = (0.5 * 2 + 0.25 * 6) / 0.75
    assert store[1].item() == pytest.approx(10 + 0.75 * (mean - 10))


def test_a_sample_whose_shares_exceed_1_is_replaced() -> None:
    assert spread([[1, 1], [1, 1]], [[0.5, 0.5], [0.5, 0.5]], [2.0, 6.0])[1].item() == pytest.approx(4)


@pytest.mark.parametrize("unknown", [torch.nan, torch.inf])
def test_an_unknown_number_is_replaced_by_the_first_share(unknown: float) -> None:
    assert spread([[1, 3]], [[0.1, 0.9]], [2.0], store=[unknown] * 6)[1].item() == pytest.approx(2)


def test_what_is_kept_of_the_old_number_is_not_moved() -> None:
    assert spread([[1, 3]], [[0.5, 0.5]], [2.0], keep=0.5)[1].item() == pytest.approx(8)


def test_whole_samples_keep_a_part_of_the_old_number() -> None:
    store = torch.tensor([10.0, 10.0])
    Book(2, CPU).write(store, torch.tensor([1, 1]), torch.tensor([2.0, 4.0]), 0.5)
    assert store.tolist() == pytest.approx([10, 6.5])


def test_parts_with_a_share_of_1_are_whole_samples() -> None:
    index, value = torch.tensor([4, 2, 4, 0]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    one, two = torch.full((6,), 9.0), torch.full((6,), 9.0)
    Book(6, CPU).write(one, index, value, 0.3)
    Book(6, CPU).spread(two, index[:, None], torch.ones(4, 1), value, 0.3)
    assert torch.allclose(one, two)


def test_the_scratch_is_clean_after_each_writing() -> None:
    book, store = Book(6, CPU), torch.zeros(6)
    book.spread(store, torch.tensor([[1, 3]]), torch.tensor([[0.5, 0.5]]), torch.ones(1), 0.0)
    book.write(store, torch.tensor([2, 2]), torch.ones(2), 0.0)
    assert torch.equal(book.mass, torch.zeros(6))


@pytest.mark.parametrize("kind", ["mixup", "ricap"])
def test_a_forward_says_what_it_was_made_of(kind: str) -> None:
    problem, index = mixing(kind), torch.tensor([5, 9, 5])
    seen = problem.forward(index, *problem.fetch(index)).detach()
    parts, share = problem.parts(index)
    assert seen.parts is not None
    assert seen.share is not None
    assert parts is not None
    assert torch.equal(seen.parts, parts)
    assert torch.equal(seen.share, share)
    assert seen.loss.shape == (3,)


def test_nothing_is_mixed_without_mixing() -> None:
    problem = run().problem
    seen = problem.forward(index := torch.arange(3), *problem.fetch(index))
    assert seen.parts is None
    assert seen.share is None


def hardness_found(kind: str, keeper: str, shuffle: bool) -> float:
    """How well a memory or a sum of looks follows how hard samples are, of inputs as hard as their parts."""
    problem = mixing(kind)
    hard = torch.rand(N, generator=rng())
    store, doubts = problem.full(torch.nan), Doubts(N, CPU)
    nothing = torch.empty(0)
    for problem.round in range(60):
        for index in torch.randperm(N, generator=rng("order", problem.round)).split(50):
            parts, share = problem.parts(index)
            assert parts is not None
            value = (hard[parts] * share).sum(1)
            wrong = parts[torch.randperm(len(parts), generator=rng("wrong", problem.round))]
            seen = Forward(
                index, nothing, nothing, nothing, nothing, None, wrong if shuffle else parts, share
            )
            problem.remember(store, seen, value)
            doubts.look(seen, value)
    found = {"memory": store, "looks": doubts.mean().float()}[keeper]
    return torch.corrcoef(torch.stack([found, hard]))[0, 1].item()


KEPT = [(kind, keeper) for kind in ("mixup", "ricap") for keeper in ("memory", "looks")]


@pytest.mark.parametrize(("kind", "keeper"), KEPT)
def test_a_memory_finds_out_which_samples_are_hard(kind: str, keeper: str) -> None:
    assert hardness_found(kind, keeper, shuffle=False) > 0.7


@pytest.mark.parametrize(("kind", "keeper"), KEPT)
def test_numbers_that_go_to_the_wrong_samples_say_nothing(kind: str, keeper: str) -> None:
    assert abs(hardness_found(kind, keeper, shuffle=True)) < 0.3


@pytest.mark.parametrize("kind", ["mixup", "ricap"])
def test_an_index_stands_for_what_it_is_made_of_in_this_round(kind: str) -> None:
    problem, index = mixing(kind), torch.arange(20)
    value = torch.rand(20, generator=rng())
    one, two = problem.full(0.5), problem.full(0.5)
    seen = problem.forward(index, *problem.fetch(index))
    assert torch.equal(problem.remember(one, seen, value), problem.remember(two, index, value))
    assert torch.equal(one, two)


def test_usage_counts_the_drawn_sample_whatever_it_is_made_of() -> None:
    problem = mixing("ricap")
    made = run(dataset=problem.dataset, network=problem.model, budget=(1.0, "epochs"), grid=(1.0,))
    made.finish()
    assert made.tally.usage is not None
    assert (made.tally.usage.times_trained == 1).all()
