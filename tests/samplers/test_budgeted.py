"""Subsets of the data a round: uniform, p-SGD, c-SGD (paper 002's baselines)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from isbench.samplers import catalogue
from isbench.samplers.active_bias import ActiveBias
from isbench.samplers.budgeted import PSgd
from isbench.samplers.confidence import Doubts
from isbench.samplers.draw import without_replacement
from isbench.store.records import OptimizerSpec, SamplerSpec, ScheduleSpec
from isbench.train.forward import Batch, Forward
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, CPU, N, model, rng, run, stream, table

NAMES = ["uniform-budget", "p-sgd", "c-sgd"]
DRAWN = ["p-sgd", "c-sgd"]


def build(name: str, share: float = 0.3, **options):
    dataset = table()
    timer = PhaseTimer(FakeClock())
    problem = Problem(dataset, model(dataset), BATCH, timer, seed=0, fraction=share)
    return catalogue.build(SamplerSpec(label=name, name=name, options=options), problem)


def saw(index: Tensor, doubt: Tensor) -> Forward:
    """A step in which the net doubted these samples' class so much."""
    output = torch.stack([(1 - doubt), doubt], 1).log()
    return Forward(index, torch.empty(0), torch.zeros_like(index), output, doubt)


def tell(sampler: PSgd, doubt: Tensor, index: Tensor | None = None) -> None:
    index = torch.arange(len(doubt)) if index is None else index
    sampler.observe(Batch(index), saw(index, doubt))


def informed(name: str, seed: int = 0) -> PSgd:
    sampler = build(name)
    assert isinstance(sampler, PSgd)
    tell(sampler, torch.rand(N, generator=rng(seed=seed)) ** 4)
    return sampler


def subset(sampler) -> Tensor:
    return torch.cat([batch.index for batch in sampler.epoch()])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fraction", [0.01, 0.3, 1.0])
def test_a_round_is_a_subset_of_the_fraction_without_repeats(name: str, fraction: float) -> None:
    sampler = build(name, fraction)
    for _ in range(5):
        chosen = subset(sampler)
        assert len(chosen) == len(chosen.unique()) == int(fraction * N)


@pytest.mark.parametrize("name", NAMES)
def test_an_option_of_its_own_is_stronger_than_the_budgets_fraction(name: str) -> None:
    assert len(subset(build(name, 0.3, fraction=0.5))) == N // 2


def test_rounding_does_not_cost_a_sample() -> None:
    dataset = table(100)
    problem = Problem(dataset, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0, fraction=0.29)
    spec = SamplerSpec(label="u", name="uniform-budget")
    assert len(subset(catalogue.build(spec, problem))) == 29  # 0.29 x 100 is 28.999999999999996


@pytest.mark.parametrize("name", NAMES)
def test_rounds_are_of_different_samples(name: str) -> None:
    sampler = build(name)
    assert set(subset(sampler).tolist()) != set(subset(sampler).tolist())


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("seed", range(3))
def test_no_sample_is_less_likely_than_one_over_2n(name: str, seed: int) -> None:
    p = informed(name, seed).probabilities()
    assert p.min() >= 1 / (2 * N) * (1 - 1e-12)
    assert float(p.sum()) == pytest.approx(1, abs=1e-12)


def test_p_is_bounded_above_by_the_mean_doubt() -> None:
    sampler = informed("p-sgd")
    mean = float(sampler.doubts.mean().mean())
    assert sampler.probabilities().max() <= (1 + 1 / mean) / (2 * N) * (1 + 1e-12)


@pytest.mark.parametrize("name", DRAWN)
def test_before_anything_is_known_all_samples_are_alike_and_nothing_has_started(name: str) -> None:
    sampler = build(name)
    assert isinstance(sampler, PSgd)
    assert torch.allclose(sampler.probabilities(), torch.full((N,), 1 / N).double(), rtol=1e-9)
    assert not any(batch.active for batch in sampler.epoch())


def test_samples_that_were_never_seen_are_as_likely_as_the_most_doubted_one() -> None:
    sampler = build("p-sgd")
    assert isinstance(sampler, PSgd)
    tell(sampler, torch.tensor([0.1, 0.7, 0.4]))
    p = sampler.probabilities()
    assert p[3:].unique().tolist() == [p[1].item()]
    assert p[1] > p[2] > p[0]


def test_c_sgd_takes_unseen_samples_for_as_doubted_as_the_most_doubted_one_not_as_undecided() -> None:
    sampler = build("c-sgd")
    assert isinstance(sampler, PSgd)
    tell(sampler, torch.tensor([0.1, 0.9, 0.5]))
    p = sampler.probabilities()
    assert p[3:].unique().tolist() == [p[1].item()]
    assert p[2] > p[1]
    assert p[0].item() == pytest.approx(p[1].item(), rel=1e-6)


@pytest.mark.parametrize("name", DRAWN)
def test_a_round_trains_on_its_subset_in_random_order(name: str) -> None:
    sampler = build(name, 0.9)
    assert isinstance(sampler, PSgd)
    tell(sampler, torch.where(torch.arange(N) < N // 2, 0.5, 0.01))
    places = []
    for _ in range(50):
        chosen = subset(sampler)
        places.append((chosen < N // 2).nonzero()[:, 0].double() / (len(chosen) - 1))
    assert float(torch.cat(places).mean()) == pytest.approx(0.5, abs=0.02)  # not in the order of the draw


def test_c_sgd_prefers_what_the_net_is_undecided_about() -> None:
    sampler = build("c-sgd")
    assert isinstance(sampler, PSgd)
    tell(sampler, torch.linspace(0, 1, N))
    p = sampler.probabilities()
    assert int(p.argmax()) == N // 2
    assert p[0].item() == pytest.approx(p[-1].item(), rel=1e-6)


def test_c_sgd_of_certain_samples_alone_is_uniform() -> None:
    sampler = build("c-sgd")
    assert isinstance(sampler, PSgd)
    tell(sampler, torch.ones(N))
    assert torch.allclose(sampler.probabilities(), torch.full((N,), 1 / N).double(), rtol=1e-6)


def test_the_mean_is_over_the_times_that_a_sample_was_seen() -> None:
    sampler = build("p-sgd")
    assert isinstance(sampler, PSgd)
    tell(sampler, torch.tensor([0.2, 0.4]), torch.tensor([5, 6]))
    tell(sampler, torch.tensor([0.6]), torch.tensor([5]))
    assert sampler.stored()[[5, 6]].tolist() == pytest.approx([0.4, 0.4])
    assert sampler.stored()[7].isnan()


def test_a_sample_that_a_batch_holds_twice_was_seen_twice() -> None:
    sampler = build("p-sgd")
    assert isinstance(sampler, PSgd)
    tell(sampler, torch.tensor([0.2, 0.4, 0.9]), torch.tensor([5, 5, 6]))
    assert sampler.doubts.times[[5, 6]].tolist() == [2, 1]
    assert sampler.stored()[5].item() == pytest.approx(0.3)


def test_the_doubt_of_a_mixed_sample_is_credited_to_its_parts_by_share() -> None:
    sampler = build("p-sgd")
    assert isinstance(sampler, PSgd)
    tell(sampler, torch.tensor([0.5, 0.5]), torch.tensor([3, 4]))
    mixed = saw(torch.tensor([3]), torch.tensor([0.8]))
    mixed = mixed._replace(parts=torch.tensor([[3, 4]]), share=torch.tensor([[0.75, 0.25]]))
    sampler.observe(Batch(mixed.index), mixed)
    expected = [(0.5 + 0.75 * 0.8) / 1.75, (0.5 + 0.25 * 0.8) / 1.25]
    assert sampler.stored()[[3, 4]].tolist() == pytest.approx(expected)
    assert sampler.stored()[5].isnan()


@pytest.mark.parametrize("name", ["p-sgd", "c-sgd", "active-bias-sd"])
def test_doubts_of_several_mixed_samples_are_credited_to_the_parts_of_each(name: str) -> None:
    sampler = build(name)
    assert isinstance(sampler, PSgd | ActiveBias)
    mixed = saw(torch.tensor([3, 6]), torch.tensor([0.8, 0.1]))
    share = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1]])
    mixed = mixed._replace(parts=torch.tensor([[3, 4, 5], [6, 7, 3]]), share=share)
    sampler.observe(Batch(mixed.index), mixed)
    assert sampler.doubts.times[3:8].tolist() == pytest.approx([0.8, 0.2, 0.1, 0.5, 0.4])
    means = [(0.7 * 0.8 + 0.1 * 0.1) / 0.8, 0.8, 0.8, 0.1, 0.1]
    assert sampler.doubts.mean()[3:8].tolist() == pytest.approx(means)
    spread = (0.7 * 0.8**2 + 0.1 * 0.1**2) / 0.8 - means[0] ** 2
    assert sampler.doubts.variance()[3:8].tolist() == pytest.approx([spread, 0, 0, 0, 0], abs=1e-7)


def test_what_is_not_finite_is_mended() -> None:
    sampler = build("p-sgd")
    assert isinstance(sampler, PSgd)
    tell(sampler, torch.tensor([0.5, torch.nan]))
    assert sampler.probabilities().isfinite().all()
    assert sampler.problem.healed is not None
    assert int(sampler.problem.healed) == 1


def test_what_is_doubted_is_drawn_more_often() -> None:
    sampler = build("p-sgd", 0.1)
    assert isinstance(sampler, PSgd)
    tell(sampler, torch.cat([torch.ones(100) * 0.9, torch.ones(N - 100) * 0.1]))
    drawn = torch.cat([subset(sampler) for _ in range(200)])
    p = sampler.probabilities()
    assert float((drawn < 100).double().mean()) == pytest.approx(float(p[:100].sum()), abs=0.02)


def test_draws_without_replacement_follow_the_masses_one_after_the_other() -> None:
    p, stream = torch.tensor([4.0, 3.0, 2.0, 1.0]), rng("clocks")
    pairs = np.zeros((4, 4))
    for _ in range(20_000):
        first, second = without_replacement(p, 2, stream).tolist()
        pairs[first, second] += 1 / 20_000
    share = p.numpy() / 10
    expected = np.array(
        [[0 if i == j else a * b / (1 - a) for j, b in enumerate(share)] for i, a in enumerate(share)]
    )
    assert pairs == pytest.approx(expected, abs=0.012)


def test_variances_by_sums_are_those_of_the_looks() -> None:
    looks = 0.3 + 1e-4 * torch.randn(400, 5, generator=rng(), dtype=torch.float64)
    doubts = Doubts(5, CPU)
    for each in looks:
        doubts.look(saw(torch.arange(5), each), each)
    assert doubts.variance().tolist() == pytest.approx(looks.var(0, correction=0).tolist(), rel=1e-6)


def test_a_stream_has_uniform_subsets_too() -> None:
    dataset = stream()
    problem = Problem(dataset, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0, fraction=0.5)
    sampler = catalogue.build(SamplerSpec(label="u", name="uniform-budget"), problem)
    assert len(subset(sampler)) == N // 2


def test_the_rate_falls_to_its_end_over_the_budget_of_a_fraction() -> None:
    rate = ScheduleSpec(name="linear", to=1e-6)
    sgd = OptimizerSpec(name="sgd", lr=0.1)
    amount = 10 * 0.3
    made = run(
        "p-sgd", budget=(amount, "epochs"), fraction=0.3, schedule=rate, optimizer=sgd, grid=(0.5, 1.0)
    )
    points = made.finish()
    assert points[-1].trained >= amount * N > points[-1].trained - BATCH
    assert points[1].lr == pytest.approx(0.05, rel=0.1)
    last_step = 0.1 * BATCH / (amount * N)
    assert 1e-6 <= points[-1].lr <= 1e-6 + 1.5 * last_step
