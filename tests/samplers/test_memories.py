"""Samplers that keep a number per sample: online batch selection, prioritized, and their kind."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from isbench.samplers import catalogue
from isbench.samplers.biased_lstm import HISTORY, BiasedLstm
from isbench.samplers.draw import descending, exponential_rank
from isbench.samplers.online_batch import OnlineBatch
from isbench.samplers.prioritized import LEAST, Prioritized
from isbench.samplers.rules import tempered
from isbench.store.records import SamplerSpec
from isbench.train.forward import Batch, Forward
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, N, model, rng, run, table


def build(name: str, **options):
    dataset = table()
    problem = Problem(dataset, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0)
    return problem, catalogue.build(SamplerSpec(label=name, name=name, options=options), problem)


def saw(index: list[int] | Tensor, losses: list[float] | Tensor) -> tuple[Batch, Forward]:
    """A step in which these samples had these losses."""
    index, losses, nothing = torch.as_tensor(index), torch.as_tensor(losses), torch.empty(0)
    return Batch(index), Forward(index, nothing, nothing, nothing, losses)


def losses_of(n: int = N) -> Tensor:
    return torch.rand(n, generator=rng()) + 0.1


def test_a_memory_takes_the_mean_of_a_sample_that_occurs_twice() -> None:
    problem, _ = build("uniform")
    store = problem.full(9.0)
    problem.remember(store, torch.tensor([3, 5, 3]), torch.tensor([1.0, 2.0, 4.0]))
    assert store[[3, 5, 0]].tolist() == [2.5, 2.0, 9.0]


@pytest.mark.parametrize("pressure", [1.0, 10.0, 100.0])
def test_ranks_are_drawn_exponentially(pressure: float) -> None:
    n = 40
    expected = pressure ** (-torch.arange(n, dtype=torch.float64) / n)
    counts = torch.bincount(exponential_rank(n, pressure, 100_000, rng()), minlength=n)
    assert chisquare(counts.numpy(), (expected / expected.sum() * 100_000).numpy()).pvalue > 1e-3


@pytest.mark.parametrize(("pressure", "share"), [(10.0, 0.711), (100.0, 0.426)])
def test_ranks_have_the_effective_sample_size_of_the_formula(pressure: float, share: float) -> None:
    n = 1000
    counts = torch.bincount(exponential_rank(n, pressure, 2_000_000, rng()), minlength=n).double()
    p = counts / counts.sum()
    assert (1 / p.square().sum() / n).item() == pytest.approx(share, abs=0.01)
    assert 2 * (1 - 1 / pressure) / (math.log(pressure) * (1 + 1 / pressure)) == pytest.approx(
        share, abs=1e-3
    )


def test_equal_values_are_ordered_by_the_ties() -> None:
    ties = torch.tensor([2, 0, 1, 3])
    assert descending(torch.tensor([1.0, 1.0, 1.0, 5.0]), ties).tolist() == [3, 2, 0, 1]


def test_online_batch_fills_its_memory_in_an_ordinary_round() -> None:
    _, sampler = build("online-batch")
    drawn = torch.cat([batch.index for batch in sampler.epoch()])
    assert drawn.sort().values.tolist() == list(range(N))


def primed(**options) -> tuple[Problem, OnlineBatch]:
    problem, sampler = build("online-batch", **options)
    assert isinstance(sampler, OnlineBatch)
    sampler.observe(*saw(torch.arange(N), losses_of()))
    return problem, sampler


def test_online_batch_ranks_by_the_last_loss() -> None:
    _, sampler = primed()
    next(iter(sampler.epoch()))
    assert torch.equal(sampler.order, losses_of().argsort(descending=True))


def test_online_batch_keeps_its_ranks_until_it_is_time_to_sort() -> None:
    _, sampler = primed(resort=3)
    before, orders = losses_of(), []
    for batch in sampler.epoch():
        orders.append(sampler.order.clone())
        sampler.observe(*saw(batch.index, torch.zeros(len(batch.index))))
        if len(orders) == 4:
            break
    assert torch.equal(orders[2], before.argsort(descending=True))
    assert not torch.equal(orders[3], orders[2])


def test_online_batch_looks_at_all_losses_every_so_many_steps() -> None:
    problem, sampler = primed(recompute=5)
    for _, _batch in zip(range(11), sampler.epoch(), strict=False):
        pass
    assert problem.scored == 2 * N


def test_online_batch_lowers_its_pressure_over_the_budget() -> None:
    problem, sampler = primed(pressure=100.0, pressure_end=1.0)
    problem.batch = 4000
    means = []
    for progress in (0.0, 1.0):
        problem.progress = progress
        batch = next(iter(sampler.epoch()))
        means.append(losses_of()[batch.index].mean().item())
    assert means[0] > losses_of().mean() + 0.1
    assert means[1] == pytest.approx(losses_of().mean().item(), abs=0.02)


def seen_by(name: str, **options) -> tuple[Problem, Prioritized]:
    problem, sampler = build(name, **options)
    assert isinstance(sampler, Prioritized)
    sampler.observe(*saw(torch.arange(N), losses_of()))
    return problem, sampler


def test_prioritized_draws_by_a_power_of_the_last_loss() -> None:
    problem, sampler = seen_by("prioritized", alpha=0.6)
    problem.batch = 100_000
    mass = (losses_of().double() + LEAST) ** 0.6
    counts = torch.bincount(sampler.draw()[0], minlength=N)
    assert chisquare(counts.numpy(), (mass / mass.sum() * 100_000).numpy()).pvalue > 1e-3


def test_prioritized_with_alpha_0_is_uniform() -> None:
    _, sampler = seen_by("prioritized", alpha=0.0)
    assert torch.allclose(sampler.draw()[1], torch.full((BATCH,), 1 / N, dtype=torch.float64))


def test_prioritized_draws_unseen_samples_as_the_largest() -> None:
    _, sampler = build("prioritized")
    sampler.observe(*saw([0, 1], [4.0, 1.0]))
    assert sampler.priorities(torch.tensor([0, 1, 2])).tolist() == pytest.approx(
        [4 + LEAST, 1 + LEAST, 4 + LEAST]
    )


def test_prioritized_can_give_unseen_samples_the_mean() -> None:
    _, sampler = build("prioritized", mirror="code")
    sampler.observe(*saw([0, 1], [4.0, 1.0]))
    assert sampler.priorities(torch.tensor([2])).item() == pytest.approx(2.5 + LEAST)


def test_weights_are_at_most_1_in_the_batch() -> None:
    _, sampler = seen_by("prioritized")
    assert sampler.weights(*sampler.draw()).max().item() == pytest.approx(1)


def test_weights_over_the_memory_are_1_for_its_smallest_priority() -> None:
    _, sampler = seen_by("prioritized", weight_max="global")
    index, _, least = sampler.draw()
    assert sampler.weights(index, least, least).item() == pytest.approx(1)


def test_ratios_of_weights_follow_beta() -> None:
    _, sampler = seen_by("prioritized", beta=0.4)
    index, p, least = sampler.draw()
    weight = sampler.weights(index, p, least)
    assert (weight[0] / weight[1]).item() == pytest.approx(((p[1] / p[0]) ** 0.4).item())


def test_beta_rises_to_1_over_the_budget() -> None:
    problem, sampler = seen_by("prioritized", beta=0.4, weight_max="none")
    problem.progress = 1.0
    index, p, least = sampler.draw()
    assert torch.allclose(sampler.weights(index, p, least), 1 / (N * p))


def test_the_authors_code_keeps_beta_and_the_weighted_loss() -> None:
    problem, sampler = seen_by("prioritized", mirror="code", beta=0.5)
    problem.progress = 0.9
    index, p, least = sampler.draw()
    q = sampler.priorities(index).double()
    weight = sampler.weights(index, p, least)
    assert (weight * q).sum().item() == pytest.approx((q / (N * p)).sum().item(), rel=1e-6)
    assert (weight[0] / weight[1]).item() == pytest.approx(((p[1] / p[0]) ** 0.5).item(), rel=1e-6)


def test_the_authors_code_looks_at_all_losses_every_600_steps() -> None:
    assert catalogue.resolve("prioritized", {"mirror": "code"}, BATCH)["recompute"] == 600
    assert catalogue.resolve("online-batch", {"mirror": "code"}, BATCH)["recompute"] == 600


def test_what_is_said_wins_over_the_mirror() -> None:
    given = {"mirror": "code", "recompute": 1200}
    assert catalogue.resolve("online-batch", given, BATCH)["recompute"] == 1200


def test_rank_priorities_fall_as_a_power_of_the_rank() -> None:
    problem, sampler = seen_by("prioritized-rank", alpha=0.7)
    problem.batch, sampler.drawn = 100_000, 1
    order = losses_of().argsort(descending=True)
    mass = torch.arange(1, N + 1, dtype=torch.float64) ** -0.7
    counts = torch.bincount(sampler.draw()[0], minlength=N)[order]
    assert chisquare(counts.numpy(), (mass / mass.sum() * 100_000).numpy()).pvalue > 1e-3


def test_losses_that_are_not_finite_are_mended_and_counted() -> None:
    problem, sampler = build("prioritized")
    sampler.observe(*saw([0, 1], [math.nan, 1.0]))
    assert sampler.stored()[0] == 1.0
    assert problem.healed.item() == 1


@pytest.mark.parametrize("name", ["online-batch", "prioritized"])
def test_losses_that_a_look_at_all_had_to_mend_are_counted(name: str) -> None:
    problem, sampler = build(name, recompute=1)
    sampler.observe(*saw(torch.arange(N), losses_of()))
    with torch.no_grad():
        problem.parameters[0].fill_(math.nan)
    counts = [batch.healed for _, batch in zip(range(2), sampler.epoch(), strict=False)]
    assert counts == [None, N]


def test_tempered_weights_keep_the_weighted_score() -> None:
    weight, scores = losses_of(20), losses_of(20).flip(0)
    softer = tempered(weight, scores, 0.5)
    assert (softer * scores).sum().item() == pytest.approx((weight * scores).sum().item(), rel=1e-6)


def predicting() -> tuple[Problem, BiasedLstm]:
    problem, sampler = build("biased-lstm", pool=64)
    assert isinstance(sampler, BiasedLstm)
    return problem, sampler


def test_a_history_begins_with_1_and_grows_to_the_right() -> None:
    _, sampler = predicting()
    sampler.observe(*saw([4, 7], [0.5, 0.25]))
    assert sampler.history[4, :3].tolist() == [1.0, 0.5, 0.0]
    assert sampler.count[[4, 7, 0]].tolist() == [2, 2, 1]


def test_a_full_history_drops_the_oldest_loss() -> None:
    _, sampler = predicting()
    for step in range(12):
        sampler.observe(*saw([4], [float(step)]))
    assert sampler.history[4].tolist() == [float(step) for step in range(12 - HISTORY, 12)]


def test_what_comes_after_the_known_losses_changes_no_prediction() -> None:
    _, sampler = predicting()
    before = sampler.predict(torch.tensor([4]))
    sampler.history[4, 1:] = 7.0
    assert torch.equal(sampler.predict(torch.tensor([4])), before)


def test_the_predictor_learns_which_samples_have_large_losses() -> None:
    _, sampler = predicting()
    for _ in range(300):
        sampler.observe(*saw([0, 1], [3.0, 0.1]))
    high, low = sampler.predict(torch.tensor([0, 1])).tolist()
    assert high > low + 1


def test_predicted_losses_cost_no_pass_of_the_model() -> None:
    made = run("biased-lstm", options={"pool": 64}, budget=(5, "steps"), grid=(1.0,))
    made.finish()
    assert made.problem.scored == 0


def test_only_samples_that_are_not_handled_are_trained_on() -> None:
    problem, sampler = build("unhandled", above=0.8)
    with torch.no_grad():
        x, y = problem.fetch(torch.arange(N))
        losses = problem.loss(problem.model(x), y)
    drawn = torch.cat([batch.index for batch in sampler.epoch()])
    assert sorted(drawn.tolist()) == (losses >= 0.8).nonzero()[:, 0].tolist()


def test_where_everything_is_handled_the_largest_losses_are_left() -> None:
    _, sampler = build("unhandled", above=1e6)
    (batch,) = sampler.epoch()
    assert len(batch.index) == BATCH
