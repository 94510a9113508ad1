"""Placebos: a sampler's work without its choice."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from isbench.samplers import catalogue
from isbench.samplers.placebo import Placebo
from isbench.samplers.start import StartWhen
from isbench.store.records import SamplerSpec, StartSpec
from isbench.train.forward import Batch
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, N, model, run, table

POOL = 4 * BATCH


def arm(name: str, *, placebo: bool, start: StartSpec | None = None, **options) -> tuple[Problem, Placebo]:
    dataset = table()
    problem = Problem(dataset, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0)
    spec = SamplerSpec(label=name, name=name, options=options, start=start or StartSpec(), placebo=placebo)
    return problem, catalogue.build(spec, problem)


def chance(name: str, *, placebo: bool, rounds: int = 60, **options) -> float:
    """How likely uniform draws would be no more alike than those of a sampler, its untrained model given."""
    problem, sampler = arm(name, placebo=placebo, **options)
    problem.model.eval()
    times = torch.zeros(N)
    for _ in range(rounds):
        for batch in sampler.epoch():
            times += torch.bincount(batch.index, minlength=N)
            sampler.observe(batch, problem.forward(batch.index, *problem.fetch(batch.index)).detach())
    return float(stats.chisquare(times.numpy()).pvalue)


def test_a_placebo_of_dlis_scores_its_pool_and_draws_uniformly() -> None:
    assert chance("dlis", placebo=False, pool=POOL) < 1e-9
    assert chance("dlis", placebo=True, pool=POOL) > 1e-3
    problem, sampler = arm("dlis", placebo=True, pool=POOL)
    steps = sum(1 for _ in sampler.epoch())
    assert (problem.scored, problem.loaded) == (steps * POOL, steps * POOL)


@pytest.mark.parametrize(
    "name", ["memory-as", "online-batch", "prioritized-rank", "selective-backprop", "impon"]
)
def test_a_placebo_of_what_draws_unevenly_does_not(name: str) -> None:
    narrow = {"bank": POOL} if name == "impon" else {}
    assert chance(name, placebo=False, **narrow) < 1e-9
    assert chance(name, placebo=True, **narrow) > 1e-3


def test_a_placebo_without_candidates_goes_through_a_shuffled_order() -> None:
    problem, sampler = arm("low", placebo=True)
    order = torch.cat([batch.index for batch in sampler.epoch()])
    assert order.sort().values.equal(torch.arange(N))
    assert problem.scored == 0


def test_a_batch_of_a_pool_repeats_no_place_of_it() -> None:
    _, sampler = arm("highest-loss", placebo=True, pool=POOL)
    assert all(len(batch.index.unique()) == BATCH for batch in sampler.epoch())


def test_a_placebo_waits_where_its_sampler_waits() -> None:
    start = StartSpec(name="steps", options={"at": 5})
    made = run("highest-loss", options={"pool": POOL}, start=start, budget=(20, "steps"), placebo=True)
    points = made.finish()
    assert isinstance(made.sampler, Placebo)
    assert isinstance(made.sampler.sampler, StartWhen)
    assert made.ledger.started is not None
    assert made.ledger.started[0] == 5
    assert points[-1].scored == 15 * POOL


def test_until_importance_begins_a_placebo_trains_as_its_sampler_does() -> None:
    start = StartSpec(name="progress", options={"at": 0.5})
    runs = [run("highest-loss-cdf", start=start, placebo=placebo).finish() for placebo in (False, True)]
    (_, half, end), (_, placebo_half, placebo_end) = runs
    assert half.test_loss == placebo_half.test_loss
    assert end.test_loss != placebo_end.test_loss


def test_a_placebo_spends_what_its_sampler_spends() -> None:
    own, placebo = (
        run("dlis", options={"pool": POOL}, placebo=placebo, clock=FakeClock()).finish()[-1]
        for placebo in (False, True)
    )
    assert (placebo.trained, placebo.scored, placebo.loaded) == (own.trained, own.scored, own.loaded)
    assert placebo.passes == own.passes
    assert placebo.phases["score"] == own.phases["score"]
    assert placebo.tau is not None
    assert (placebo.weight_mean, placebo.weight_max) == (1.0, 1.0)


@pytest.mark.parametrize("name", ["selective-backprop", "selective-backprop-stale", "c-sgd", "biased"])
def test_a_placebos_batches_are_as_large_as_its_samplers(name: str) -> None:
    _, sampler = arm(name, placebo=True)
    sizes: list[int] = []
    inner = sampler.sampler.epoch

    def watched():
        for batch in inner():
            sizes.append(len(batch.index))
            yield batch

    sampler.sampler.epoch = watched  # type: ignore[method-assign]
    for _ in range(2):
        batches = [len(batch.index) for batch in sampler.epoch()]
        assert batches == sizes
        sizes.clear()


def test_a_batch_that_was_queued_from_several_looks_keeps_its_size() -> None:
    _, sampler = arm("selective-backprop", placebo=True)
    drawn = sampler.draw(Batch(torch.arange(BATCH), candidates=torch.arange(BATCH // 2)))
    assert len(drawn.unique()) == BATCH


def test_a_placebo_asks_its_sampler_for_weights_and_drops_them() -> None:
    problem, sampler = arm("low", placebo=True)
    asked: list[object] = []
    inner = sampler.sampler.weigh
    sampler.sampler.weigh = lambda batch, seen: asked.append(inner(batch, seen))  # type: ignore[method-assign]
    for batch in sampler.epoch():
        seen = problem.forward(batch.index, *problem.fetch(batch.index)).detach()
        assert sampler.weigh(batch, seen) is None
    assert asked
    assert all(isinstance(weight, torch.Tensor) for weight in asked)


def test_a_placebo_tells_what_its_sampler_keeps_and_expects() -> None:
    _, memory = arm("memory-as", placebo=True)
    assert memory.stored() is memory.sampler.importance
    problem, impon = arm("impon", placebo=True, bank=POOL)
    assert impon.predicted(problem, torch.arange(3)) is None
    next(iter(impon.epoch()))
    predicted = impon.predicted(problem, torch.arange(3))
    assert predicted is not None
    assert predicted.shape == (3,)


def test_the_same_seed_makes_the_same_placebo_bit_for_bit() -> None:
    losses = [run("dlis", placebo=True).finish()[-1].test_loss for _ in range(2)]
    assert losses[0] == losses[1]


def test_every_entry_that_scores_before_it_draws_says_so() -> None:
    for name in catalogue.CATALOGUE:
        problem, sampler = arm(name, placebo=False)
        for _ in range(2):
            for batch in sampler.epoch():
                sampler.observe(batch, problem.forward(batch.index, *problem.fetch(batch.index)).detach())
            problem.progress = 0.7
        assert (problem.scored > 0) == catalogue.scoring(name, {}), name
