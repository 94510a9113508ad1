"""IMPON: a bank, an online linear model of the loss, the batch that it takes for the hardest (paper 002)."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from isbench.models import catalogue as models
from isbench.samplers import catalogue
from isbench.samplers.impon import Impon, Linear
from isbench.store.records import ModelSpec, SamplerSpec
from isbench.train.device import global_stream
from isbench.train.forward import Batch, Forward
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, FEATURES, N, Table, model, rng, run, table

BANK = 64
RATE = 0.05
SMALL = ModelSpec(name="wide-resnet", options={"norm": "batch", "depth": 10, "widen": 1})


def build(name: str = "impon", **options) -> tuple[Problem, Impon]:
    dataset = table()
    problem = Problem(dataset, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0)
    spec = SamplerSpec(label=name, name=name, options={"bank": BANK, "rate": RATE, **options})
    sampler = catalogue.build(spec, problem)
    assert isinstance(sampler, Impon)
    return problem, sampler


def saw(problem: Problem, index: Tensor, losses: Tensor) -> Forward:
    """These samples with these losses."""
    x, y = problem.fetch(index)
    return Forward(index, x, y, torch.empty(0), losses, x)


def teach(problem: Problem, sampler: Impon, times: int = 1) -> None:
    """Losses that grow with the first pixel."""
    for _ in range(times):
        index = torch.arange(N)
        losses = 3 + problem.fetch(index)[0][:, 0]
        sampler.observe(Batch(index), saw(problem, index, losses))


def test_a_bank_holds_no_sample_twice() -> None:
    _, sampler = build(bank=N)
    for batch in sampler.epoch():
        assert batch.candidates is not None
        assert batch.candidates.sort().values.tolist() == list(range(N))


@pytest.mark.parametrize(("name", "largest"), [("impon", True), ("impon-low", False)])
def test_the_batch_is_one_end_of_the_predictions(name: str, largest: bool) -> None:
    problem, sampler = build(name, reset="never")
    teach(problem, sampler)
    for batch in sampler.epoch():
        assert batch.candidates is not None
        assert batch.scores is not None
        end = batch.scores.topk(BATCH, largest=largest).indices
        assert set(batch.index.tolist()) == set(batch.candidates[end].tolist())
        assert batch.weight is None


def chosen(change=lambda linear: None, *, norm: float | None = None) -> list[list[int]]:
    problem, sampler = build(reset="never")
    teach(problem, sampler)
    assert sampler.linear is not None
    change(sampler.linear)
    if norm is not None:
        with torch.no_grad():
            for parameter in problem.parameters:
                parameter.mul_(norm)
    return [batch.index.tolist() for batch in sampler.epoch()]


def test_a_constant_added_to_all_predictions_changes_no_choice() -> None:
    def shift(linear: Linear) -> None:
        linear.coefficients[-1] += 4.0

    assert chosen(shift) == chosen()


def test_the_norm_of_the_weights_changes_no_choice_while_the_linear_model_is_held() -> None:
    assert chosen(norm=8.0) == chosen()


def test_the_norm_of_the_weights_enters_what_is_learnt() -> None:
    learnt = []
    for norm in (True, False):
        problem, sampler = build(norm=norm)
        teach(problem, sampler)
        hard = (
            problem.fetch(torch.arange(N))[0][:, 0].topk(40).indices
        )  # not centred, as no batch of IMPON's is
        sampler.observe(Batch(hard), saw(problem, hard, torch.full((40,), 9.0)))
        sampler.observe(Batch(hard), saw(problem, hard, torch.full((40,), 9.0)))
        assert sampler.linear is not None
        learnt.append(sampler.linear.coefficients)
    assert learnt[0][-2] != 0
    assert learnt[1][-2] == 0
    assert not torch.allclose(learnt[0][:-2], learnt[1][:-2], rtol=1e-3)


def test_equal_predictions_are_settled_at_random() -> None:
    _, sampler = build()
    first = torch.cat([batch.index for batch in sampler.epoch()])  # a new linear model: all are 0
    expected = len(first) / N
    counts = torch.bincount(first, minlength=N).double()
    assert (counts - expected).square().sum() / expected < N + 5 * math.sqrt(2 * N)
    again = torch.cat([batch.index for batch in sampler.epoch()])
    assert not torch.equal(first, again)


def test_one_step_is_that_of_gradient_descent_on_the_mean_squared_error() -> None:
    features = torch.randn(9, FEATURES, generator=rng())
    losses, norm = torch.rand(9, generator=rng("loss")), torch.tensor(2.5)
    linear = Linear(features, standardise=False)
    coefficients = torch.randn(FEATURES + 2, generator=rng("start"), requires_grad=True)
    linear.coefficients = coefficients.detach().clone()
    context = torch.cat([features, norm.expand(9, 1), torch.ones(9, 1)], 1)
    (context @ coefficients - losses).square().mean().backward()
    linear.learn(features, norm, losses, 0.01)
    assert coefficients.grad is not None
    assert torch.allclose(linear.coefficients, coefficients.detach() - 0.01 * coefficients.grad, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "shape", "norm", "steps", "learnt"),
    [
        (ModelSpec(name="resnet18"), (3, 32, 32), 111.8, 351, 0.9999),
        (SMALL, (3, 32, 32), 26.4, 35, 0.05),
        (SMALL, (1, 28, 28), 26.3, 28, 0.04),
        (ModelSpec(name="mlp", options={"hidden": [256, 256]}), (1, 28, 28), 13.2, 421, 0.14),
    ],
    ids=["resnet18", "wide-resnet on colours", "wide-resnet on greys", "mlp"],
)
def test_the_card_says_how_much_of_the_mean_loss_a_round_learns_by_the_norm(
    network: ModelSpec, shape: tuple[int, ...], norm: float, steps: int, learnt: float
) -> None:
    with global_stream(0, "init"):
        weights = get_total_norm(models.build(network, shape, 10).parameters()).detach()
    assert float(weights) == pytest.approx(norm, abs=0.1)
    nothing, losses = torch.zeros(BATCH, 1), torch.full((BATCH,), 2.3)
    linear = Linear(nothing, standardise=False)
    for _ in range(steps):
        linear.learn(nothing, weights, losses, 1e-6)
    share = linear.predict(nothing, weights)[0] / 2.3
    assert float(share) == pytest.approx(learnt, abs=0.00005 if learnt > 0.99 else 0.005)


@pytest.mark.parametrize(("rate", "converges"), [(0.9, True), (1.1, False)])
def test_the_linear_model_diverges_at_rates_above_one_over_the_norms_square(
    rate: float, converges: bool
) -> None:
    nothing, norm, losses = torch.zeros(BATCH, 1), torch.tensor(20.0), torch.ones(BATCH)
    linear = Linear(nothing, standardise=False)
    for _ in range(50):
        linear.learn(nothing, norm, losses, rate / 401)  # with the intercept's 1
    assert bool((linear.predict(nothing, norm) - losses).abs().max() < 0.01) == converges


def test_the_error_of_the_linear_model_falls_on_a_linear_problem() -> None:
    problem, sampler = build()
    index = torch.arange(N)
    losses = 3 + problem.fetch(index)[0] @ torch.linspace(-1, 1, FEATURES)
    errors = []
    for _ in range(4):
        predicted = sampler.predicted(problem, index)
        errors.append(float((losses - (0 if predicted is None else predicted)).square().mean()))
        for part in index.split(BATCH)[:-1]:
            sampler.observe(Batch(part), saw(problem, part, losses[part]))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02 * errors[0]


@pytest.mark.parametrize("reset", ["round", "never"])
def test_the_linear_model_begins_anew_at_each_round_or_never(reset: str) -> None:
    problem, sampler = build(reset=reset)
    teach(problem, sampler)
    first = next(iter(sampler.epoch()))
    assert first.scores is not None
    assert bool((first.scores == 0).all()) == (reset == "round")


def test_features_are_standardised_by_the_first_bank_of_a_round() -> None:
    features = torch.randn(500, 3, generator=rng()) * torch.tensor([1.0, 20.0, 5.0]) + 7
    context = Linear(features, standardise=True).context(features, torch.zeros(()))[:, :3]
    assert torch.allclose(context.mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(context.std(0, correction=0), torch.ones(3), atol=1e-5)


def test_a_feature_that_does_not_vary_in_the_first_bank_is_not_blown_up() -> None:
    features = torch.randn(100, 4, generator=rng())
    features[:, 2] = 0.0
    linear = Linear(features, standardise=True)
    later = features.index_fill(1, torch.tensor([2]), 1.0)
    assert linear.context(later, torch.zeros(()))[:, 2].max() < 20


def test_what_diverges_begins_anew_and_is_counted() -> None:
    made = run("impon", options={"bank": BANK, "rate": 1e6}, budget=(60, "steps"), grid=(1.0,))
    last = made.finish()[-1]
    assert last.healed > 0
    assert math.isfinite(last.train_loss or math.nan)
    assert isinstance(made.sampler, Impon)
    assert made.sampler.linear is not None
    assert made.sampler.linear.coefficients.isfinite().all()


def test_pixels_cost_no_forward_and_the_penultimate_features_one_of_the_bank() -> None:
    scored = []
    for features in ("pixels", "penultimate"):
        options = {"bank": BANK, "features": features}
        made = run("impon", options=options, budget=(10, "steps"), grid=(1.0,))
        scored.append(made.finish()[-1].scored)
    assert scored == [0, 10 * BANK]


def test_a_step_loads_the_bank_and_then_the_batch_again() -> None:
    made = run("impon", options={"bank": BANK}, budget=(10, "steps"), grid=(1.0,))
    assert made.finish()[-1].loaded == 10 * (BANK + BATCH)


def test_banks_are_slices_of_one_order_until_less_than_a_bank_is_left() -> None:
    _, sampler = build()
    banks = [batch.candidates for _, batch in zip(range(N // BANK), sampler.epoch(), strict=False)]
    assert len(torch.cat([bank for bank in banks if bank is not None]).unique()) == N // BANK * BANK


def test_the_penultimate_features_are_what_the_last_layer_reads() -> None:
    problem, sampler = build(features="penultimate")
    read = sampler.look(problem, torch.arange(20))
    problem.model.eval()
    assert torch.allclose(problem.model[:-1](problem.fetch(torch.arange(20))[0]), read)


def test_the_norm_that_is_learnt_is_the_one_that_the_batch_was_chosen_for() -> None:
    problem, sampler = build()
    batch = next(iter(sampler.epoch()))
    chosen_for = sampler.weights().clone()
    with torch.no_grad():
        for parameter in problem.parameters:
            parameter.mul_(100)
    sampler.observe(batch, saw(problem, batch.index, torch.ones(BATCH)))
    assert sampler.linear is not None
    slope, intercept = sampler.linear.coefficients[-2:]
    assert float(slope / intercept) == pytest.approx(float(chosen_for), rel=1e-4)


def test_a_batch_that_others_chose_is_learnt_with_the_norm_of_now() -> None:
    problem, sampler = build()
    next(iter(sampler.epoch()))  # a round that is abandoned
    with torch.no_grad():
        for parameter in problem.parameters:
            parameter.mul_(100)
    index = torch.arange(BATCH)
    sampler.observe(Batch(index), saw(problem, index, torch.ones(BATCH)))
    assert sampler.linear is not None
    slope, intercept = sampler.linear.coefficients[-2:]
    assert float(slope / intercept) == pytest.approx(float(sampler.weights()), rel=1e-4)


def test_pictures_are_read_as_rows_of_pixels() -> None:
    dataset = table()
    split = dataset.train
    assert isinstance(split, Table)
    square = replace(dataset, train=Table(split.x[:, :, None, None].expand(-1, -1, 2, 2), split.y))
    problem = Problem(square, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0)
    sampler = Impon(problem, bank=BANK)
    assert sampler.look(problem, torch.arange(5)).shape == (5, FEATURES * 4)
