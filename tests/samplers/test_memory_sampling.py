"""Importance and adaptive sampling with a memory (paper 003)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from isbench.samplers import catalogue
from isbench.samplers.draw import weighted
from isbench.samplers.memory import Memory, MemoryIs
from isbench.store.records import SamplerSpec
from isbench.train.forward import Batch, Forward
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, N, model, rng, run, table

NAMES = ["memory-is", "memory-as", "memory-weight"]
DRAWN = ["memory-is", "memory-as"]


def build(name: str, **options) -> tuple[Problem, Memory]:
    dataset = table()
    problem = Problem(dataset, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0)
    sampler = catalogue.build(SamplerSpec(label=name, name=name, options=options), problem)
    assert isinstance(sampler, Memory)
    return problem, sampler


def saw(index: Tensor, losses: Tensor) -> tuple[Batch, Forward]:
    """A step in which these samples had these losses."""
    nothing = torch.empty(0)
    return Batch(index), Forward(index, nothing, nothing, nothing, losses)


def filled(name: str, importance: Tensor | None = None, **options) -> tuple[Problem, Memory]:
    """A sampler whose first round is over; it remembers losses."""
    problem, sampler = build(name, score="loss", **options)
    losses = torch.rand(N, generator=rng()) + 0.1 if importance is None else importance
    sampler.observe(*saw(torch.arange(N), losses.float()))
    return problem, sampler


def play(problem: Problem, sampler: Memory) -> list[Batch]:
    """One round without an optimiser."""
    batches = []
    for batch in sampler.epoch():
        seen = problem.forward(batch.index, *problem.fetch(batch.index)).detach()
        batches.append(batch)
        sampler.observe(batch, seen)
    return batches


@pytest.mark.parametrize("name", NAMES)
def test_the_first_round_is_an_ordinary_one(name: str) -> None:
    problem, sampler = build(name)
    batches = play(problem, sampler)
    assert torch.cat([batch.index for batch in batches]).sort().values.tolist() == list(range(N))
    assert all(batch.weight is None and not batch.active for batch in batches)


@pytest.mark.parametrize("name", NAMES)
def test_after_the_first_round_every_entry_was_written_once_with_its_score(name: str) -> None:
    problem, sampler = build(name, alpha=0.9, score="loss")
    written = torch.zeros(N)
    for batch in play(problem, sampler):
        written[batch.index] += 1
    everything = torch.arange(N)
    losses = problem.forward(everything, *problem.fetch(everything)).loss
    assert written.tolist() == [1.0] * N
    assert torch.allclose(sampler.importance, losses.double(), atol=1e-6)


def test_probability_times_weight_sums_to_1() -> None:
    _, sampler = filled("memory-is")
    assert isinstance(sampler, MemoryIs)
    p = sampler.importance / sampler.importance.sum()
    assert abs(float((p * sampler.weight(p)).sum()) - 1) < 1e-12


def test_the_weights_of_a_batch_are_1_over_n_p() -> None:
    _, sampler = filled("memory-is")
    batch = next(iter(sampler.epoch()))
    p = sampler.importance / sampler.importance.sum()
    assert batch.weight is not None
    assert torch.allclose(batch.weight, 1 / (N * p[batch.index]), rtol=1e-12)


def test_the_weighted_gradient_is_unbiased_and_the_adaptive_one_is_not() -> None:
    _, sampler = filled("memory-is")
    assert isinstance(sampler, MemoryIs)
    gradients = torch.randn(N, 7, generator=rng(), dtype=torch.float64) * sampler.importance[:, None]
    p = sampler.importance / sampler.importance.sum()
    estimate = (p * sampler.weight(p)) @ gradients
    assert (estimate - gradients.mean(0)).abs().max() < 1e-10
    assert (p @ gradients - gradients.mean(0)).norm() > 0.05 * gradients.mean(0).norm()


@pytest.mark.parametrize("name", DRAWN)
def test_equal_importances_are_independent_uniform_draws_of_weight_1(name: str) -> None:
    problem, sampler = filled(name, torch.full((N,), 0.7))
    u = torch.rand(BATCH, generator=problem.rng.clone_state(), dtype=torch.float64)
    batch = next(iter(sampler.epoch()))
    assert batch.index.tolist() == (u * N).long().tolist()
    weight = torch.ones(BATCH) if batch.weight is None else batch.weight
    assert torch.allclose(weight.double(), torch.ones(BATCH, dtype=torch.float64), rtol=1e-12)


def test_importance_and_adaptive_sampling_draw_alike_from_the_same_memory() -> None:
    drawn = [next(iter(filled(name)[1].epoch())).index.tolist() for name in DRAWN]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("name", NAMES)
def test_alpha_0_stores_the_last_score_exactly(name: str) -> None:
    _, sampler = filled(name, alpha=0.0)
    index, losses = torch.tensor([5, 9]), torch.tensor([0.123456789, 3.21])
    sampler.observe(*saw(index, losses))
    assert torch.equal(sampler.importance[index], losses.double())


@pytest.mark.parametrize("name", NAMES)
def test_alpha_is_the_share_of_the_old_importance_that_stays(name: str) -> None:
    _, sampler = filled(name, torch.full((N,), 2.0), alpha=0.25)
    sampler.observe(*saw(torch.tensor([3]), torch.tensor([4.0])))
    assert sampler.importance[3].item() == pytest.approx(0.25 * 2 + 0.75 * 4)


def test_a_sample_that_a_batch_holds_twice_is_updated_once() -> None:
    _, sampler = filled("memory-as", torch.full((N,), 2.0), alpha=0.5)
    sampler.observe(*saw(torch.tensor([3, 8, 3]), torch.tensor([4.0, 1.0, 8.0])))
    assert sampler.importance[3].item() == pytest.approx(0.5 * 2 + 0.5 * 6)


@pytest.mark.parametrize("name", NAMES)
def test_epsilon_is_added_once_a_round(name: str) -> None:
    _, sampler = filled(name, torch.full((N,), 2.0), epsilon=0.5)
    for _ in sampler.epoch():
        pass
    assert sampler.importance.unique().tolist() == [2.5]


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_is_starved(name: str) -> None:
    _, sampler = filled(name, epsilon=1e-2)
    last = torch.zeros(N, dtype=torch.int64)
    for number in range(1, 40):
        for place, batch in enumerate(sampler.epoch()):
            if place == 0:
                assert (sampler.importance >= (number - last) * 1e-2 * (1 - 1e-12)).all()
            last[batch.index] = number
            sampler.observe(batch, saw(batch.index, torch.zeros(len(batch.index)))[1])


def test_without_epsilon_what_has_no_importance_is_never_drawn_again() -> None:
    importance = torch.ones(N)
    importance[:100] = 0.0
    _, sampler = filled("memory-as", importance, epsilon=0.0)
    drawn = torch.cat([batch.index for batch in sampler.epoch()])
    assert drawn.min() >= 100


@pytest.mark.parametrize("name", DRAWN)
def test_a_memory_without_any_importance_draws_uniformly(name: str) -> None:
    _, sampler = filled(name, torch.zeros(N), epsilon=0.0)
    drawn = torch.cat([batch.index for batch in sampler.epoch()])
    assert len(drawn.unique()) > N / 2


def test_weights_by_the_memory_are_1_on_average() -> None:
    _, sampler = filled("memory-weight")
    weight = torch.cat([batch.weight for batch in sampler.epoch() if batch.weight is not None])
    assert weight.mean().item() == pytest.approx(1, abs=1e-12)


def test_adaptive_weighting_expects_the_gradient_of_adaptive_sampling() -> None:
    _, sampler = filled("memory-weight")
    gradients = torch.randn(N, 5, generator=rng(), dtype=torch.float64)
    total = torch.zeros(5, dtype=torch.float64)
    for batch in sampler.epoch():
        assert batch.weight is not None
        total += batch.weight @ gradients[batch.index]
    p = sampler.importance / sampler.importance.sum()
    assert torch.allclose(total / N, p @ gradients, atol=1e-12)


def test_a_score_that_is_not_finite_is_mended_and_counted() -> None:
    problem, sampler = filled("memory-as")
    sampler.observe(*saw(torch.tensor([1, 2]), torch.tensor([torch.nan, 1.5])))
    assert torch.isfinite(sampler.importance).all()
    assert problem.healed is not None
    assert int(problem.healed) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_first_score_of_a_sample_is_taken_whole_whenever_it_comes(name: str) -> None:
    _, sampler = build(name, score="loss", alpha=0.9)
    for _ in range(2):  # as many looks as samples, all at the first half
        half = torch.arange(N // 2 + 1)
        sampler.observe(*saw(half, torch.ones(len(half))))
    sampler.observe(*saw(torch.tensor([N - 1]), torch.tensor([5.0])))
    assert sampler.importance[N - 1].item() == 5.0


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_that_was_never_seen_counts_as_one(name: str) -> None:
    _, sampler = build(name, score="loss", epsilon=0.0)
    half = torch.arange(N // 2 + 1)
    for _ in range(2):
        sampler.observe(*saw(half, torch.full((len(half),), 3.0)))
    assert sampler.stored()[N - 1].isnan()
    next(iter(sampler.epoch()))
    assert sampler.importance[N - 1].item() == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_the_memory_is_what_the_training_forward_says_and_scores_nothing(name: str) -> None:
    made = run(name, budget=(4.0, "epochs"), grid=(1.0,))
    assert made.finish()[-1].scored == 0


def test_importance_counts_as_started_after_the_first_round() -> None:
    made = run("memory-as", budget=(3.0, "epochs"), grid=(1.0,))
    made.finish()
    assert made.ledger.started is not None
    assert made.ledger.started[0] == -(-N // BATCH)


def test_a_draw_follows_the_mass_and_tells_how_likely_it_was() -> None:
    mass = torch.tensor([0.0, 1.0, 3.0, 0.0])
    index, p = weighted(mass, 40_000, rng())
    assert set(index.tolist()) == {1, 2}
    assert float((index == 2).float().mean()) == pytest.approx(0.75, abs=0.02)
    assert torch.equal(p, torch.where(index == 2, 0.75, 0.25).double())
