"""Active bias: drawn or weighed by what the net made of each sample's class so far (paper 002's lineage)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from isbench.samplers import catalogue
from isbench.samplers.active_bias import ActiveBias
from isbench.samplers.draw import weighted
from isbench.store.records import SamplerSpec
from isbench.train.forward import Batch, Forward
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, N, model, rng, run, table

WEIGHED = ["active-bias-wd", "active-bias-wpd", "active-bias-wtc"]
DRAWN = ["active-bias-sd", "active-bias-isd", "active-bias-spd", "active-bias-stc"]
NAMES = WEIGHED + DRAWN
LOOKS = 6


def build(name: str, **options) -> ActiveBias:
    dataset = table()
    problem = Problem(dataset, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0)
    sampler = catalogue.build(SamplerSpec(label=name, name=name, options=options), problem)
    assert isinstance(sampler, ActiveBias)
    return sampler


def tell(sampler: ActiveBias, doubt: Tensor) -> None:
    """A look at all samples, in which the net doubted their class so much."""
    index = torch.arange(N)
    output = torch.stack([1 - doubt, doubt], 1).log()
    sampler.observe(Batch(index), Forward(index, torch.empty(0), torch.zeros_like(index), output, doubt))


def informed(name: str, **options) -> tuple[ActiveBias, Tensor]:
    """A sampler with some looks at every sample, and the looks [looks, n]."""
    sampler = build(name, **options)
    looks = torch.rand(LOOKS, N, generator=rng(), dtype=torch.float64)
    for each in looks:
        tell(sampler, each)
    return sampler, looks


@pytest.mark.parametrize("name", NAMES)
def test_the_first_rounds_are_ordinary_ones(name: str) -> None:
    sampler = build(name, burn_in=2)
    for _ in range(2):
        batches = list(sampler.epoch())
        assert torch.cat([batch.index for batch in batches]).sort().values.tolist() == list(range(N))
        assert not any(batch.active for batch in batches)
        tell(sampler, torch.rand(N, generator=rng()))
    assert all(batch.active for batch in sampler.epoch())


def test_difficulty_is_the_mean_doubt_and_its_mean_over_all_samples() -> None:
    sampler, looks = informed("active-bias-sd")
    mean = looks.mean(0)
    assert torch.allclose(sampler.mass(), mean + mean.mean(), atol=1e-9)


def test_variance_is_that_of_a_mean_of_so_many_looks() -> None:
    sampler, looks = informed("active-bias-spd", epsilon=0.2)
    v = looks.var(0, correction=0)
    mass = sampler.mass()
    assert torch.allclose(mass, 0.2 + (v + v.square() / (LOOKS - 1)).sqrt(), atol=1e-7)
    assert (mass - 0.2 >= v.sqrt() - 1e-7).all()


def test_closeness_is_largest_where_the_mean_is_one_half() -> None:
    sampler = build("active-bias-stc", epsilon=0.01)
    tell(sampler, torch.linspace(0, 1, N))
    assert int(sampler.mass().argmax()) == N // 2
    assert float(sampler.mass().max()) == pytest.approx(0.26)


def test_after_a_single_look_no_variance_is_known_and_all_samples_are_alike() -> None:
    sampler = build("active-bias-spd")
    tell(sampler, torch.rand(N, generator=rng()).round(decimals=1))
    assert len(sampler.mass().unique()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_equal_histories_are_uniform(name: str) -> None:
    sampler = build(name)
    for doubt in (0.2, 0.9):
        tell(sampler, torch.full((N,), doubt))
    mass = sampler.mass()
    assert torch.allclose(mass, mass[:1], rtol=1e-9)


@pytest.mark.parametrize("name", WEIGHED)
def test_weights_are_1_on_average_in_every_batch(name: str) -> None:
    sampler, _ = informed(name)
    for batch in sampler.epoch():
        assert batch.weight is not None
        assert float(batch.weight.mean()) == pytest.approx(1, abs=1e-12)


def test_weights_follow_the_measure() -> None:
    sampler, _ = informed("active-bias-wd")
    mass = sampler.mass()
    batch = next(iter(sampler.epoch()))
    assert batch.weight is not None
    assert torch.allclose(batch.weight / batch.weight[0], mass[batch.index] / mass[batch.index[0]])


def test_draws_follow_the_measure_as_it_was_when_the_round_began() -> None:
    sampler, _ = informed("active-bias-sd")
    mass, copy = sampler.mass(), sampler.problem.rng.clone_state()
    expected, _ = weighted(mass, sampler.problem.steps * BATCH, copy)
    drawn = []
    for batch in sampler.epoch():
        drawn.append(batch.index)
        tell(sampler, torch.rand(N, generator=rng("later")))
    assert torch.equal(torch.cat(drawn), expected)
    assert len(drawn) == sampler.problem.steps


def test_probability_times_weight_sums_to_1_and_the_gradient_is_unbiased() -> None:
    sampler, _ = informed("active-bias-isd")
    mass = sampler.mass()
    p = mass / mass.sum()
    weight = torch.full((N,), torch.nan, dtype=torch.float64)
    for _ in range(60):
        for batch in sampler.epoch():
            assert batch.weight is not None
            weight[batch.index] = batch.weight
    assert not weight.isnan().any()
    assert float((p * weight).sum()) == pytest.approx(1, abs=1e-10)
    gradients = torch.randn(N, 5, generator=rng("gradients"), dtype=torch.float64) * mass[:, None]
    assert torch.allclose((p * weight) @ gradients, gradients.mean(0), atol=1e-10)


def test_the_same_draws_without_weights_are_biased() -> None:
    _, looks = informed("active-bias-sd")
    mass = looks.mean(0) + looks.mean()
    p = mass / mass.sum()
    assert float((p @ mass - mass.mean()).abs()) > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_what_is_known_comes_from_the_training_forward(name: str) -> None:
    made = run(name, budget=(4.0, "epochs"), grid=(1.0,))
    assert made.finish()[-1].scored == 0
    assert isinstance(made.sampler, ActiveBias)
    assert float(made.sampler.doubts.times.sum()) == made.problem.trained


def test_a_doubt_that_is_not_finite_is_mended_and_counted() -> None:
    sampler = build("active-bias-sd")
    doubt = torch.full((N,), 0.5)
    doubt[7] = torch.nan
    tell(sampler, doubt)
    assert sampler.problem.healed is not None
    assert int(sampler.problem.healed) == 1
    assert sampler.mass().isfinite().all()
