"""Selective backprop: coins by the percentile of the loss, a queue, and MosaicML's form of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from isbench.samplers import catalogue
from isbench.samplers.scores import Score
from isbench.samplers.selective_backprop import (
    SelectiveBackprop,
    SelectiveBackpropComposer,
    SelectiveBackpropStale,
)
from isbench.store.records import SamplerSpec
from isbench.train.forward import Batch, Forward
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, N, model, rng, run, table

LOSSES = torch.rand(2000, generator=rng("losses"))


def task(n: int = N) -> Problem:
    dataset = table(n)
    return Problem(dataset, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0)


def known(losses: Tensor) -> Score:
    """A score that does not depend on the model."""
    return Score("known", lambda problem, seen: losses[seen.index])


def primed(losses: Tensor, kind=SelectiveBackprop, **options) -> SelectiveBackprop:
    """A sampler whose first round is over."""
    sampler = kind(task(len(losses)), score=known(losses), **options)
    look(sampler, torch.arange(len(losses)))
    return sampler


def look(sampler: SelectiveBackprop, index: Tensor) -> None:
    nothing = torch.empty(0)
    sampler.observe(Batch(index, active=False), Forward(index, nothing, nothing, nothing, nothing))


def round_of(sampler) -> list[Batch]:
    return list(sampler.epoch())


def healed(batches: list[Batch]) -> int:
    return sum(int(batch.healed) for batch in batches if batch.healed is not None)


@pytest.mark.parametrize(("beta", "rate"), [(1, 0.5), (2, 1 / 3), (3, 0.25)])
def test_of_stationary_losses_one_over_beta_plus_1_are_kept(beta: int, rate: float) -> None:
    sampler = primed(LOSSES, beta=float(beta))
    kept = sum(len(batch.index) for _ in range(10) for batch in sampler.epoch())
    assert kept / (10 * len(LOSSES)) == pytest.approx(rate, abs=0.02)


def test_beta_0_keeps_everything() -> None:
    kept = torch.cat([batch.index for batch in round_of(primed(LOSSES[:N], beta=0.0))])
    assert kept.sort().values.tolist() == list(range(N))


def test_the_losses_of_the_first_round_are_the_first_of_the_history() -> None:
    sampler = SelectiveBackprop(task(), score=known(LOSSES))
    order = []
    for batch in sampler.epoch():
        look(sampler, batch.index)
        order.append(batch.index)
    assert torch.equal(sampler.history, LOSSES[torch.cat(order)].double())


def test_the_losses_of_what_was_selected_are_in_the_history_once() -> None:
    sampler = primed(LOSSES[:N], beta=0.0)
    nothing, selected = torch.empty(0), torch.arange(BATCH)
    sampler.observe(Batch(selected), Forward(selected, nothing, nothing, nothing, nothing))
    assert torch.equal(sampler.history, LOSSES[:N].double())


def test_the_first_round_keeps_everything_and_scores_nothing() -> None:
    problem = task()
    sampler = SelectiveBackprop(problem, score=known(LOSSES))
    batches = round_of(sampler)
    assert torch.cat([batch.index for batch in batches]).sort().values.tolist() == list(range(N))
    assert not any(batch.active for batch in batches)
    assert problem.scored == 0


def test_a_round_looks_at_every_sample_once() -> None:
    sampler = primed(LOSSES[:N])
    round_of(sampler)
    assert sampler.problem.scored == N


def test_batches_are_full_but_the_last_which_empties_the_queue() -> None:
    batches = round_of(primed(LOSSES[:N]))
    assert all(len(batch.index) == BATCH for batch in batches[:-1])
    assert len(torch.cat([batch.index for batch in batches]).unique()) == sum(len(b.index) for b in batches)


def test_the_percentile_is_strict_and_counts_its_own_batch() -> None:
    sampler = SelectiveBackprop(task(), score=known(LOSSES), history=8)
    sampler.join(torch.tensor([1.0, 2.0, 3.0, 4.0]).double())
    chance, _ = sampler.chances(torch.tensor([2.0, 9.0, 0.5, 2.0]).double())
    # the last eight: 0.5 1 2 2 2 3 4 9
    assert chance.tolist() == pytest.approx([2 / 8, 7 / 8, 0.0, 2 / 8])


def test_the_chance_rises_with_the_loss() -> None:
    sampler = primed(LOSSES, beta=2.0)
    losses = torch.linspace(0.01, 0.99, 16).double()
    chance, _ = sampler.chances(losses)
    assert (chance.diff() >= 0).all()
    assert 0 <= chance.min() <= chance.max() <= 1


def test_the_history_holds_the_last_losses_only() -> None:
    sampler = SelectiveBackprop(task(), score=known(LOSSES), history=50)
    for part in LOSSES[:N].double().split(BATCH):
        sampler.join(part)
    assert torch.equal(sampler.history, LOSSES[N - 50 : N].double())


def test_equal_losses_keep_everything_and_are_counted() -> None:
    batches = round_of(primed(torch.full((N,), 0.3)))
    assert sum(len(batch.index) for batch in batches) == N
    assert healed(batches) == N


def test_a_round_whose_coins_keep_nothing_trains_on_its_last_batch_and_says_so() -> None:
    sampler = primed(LOSSES[:N], beta=1e9)
    sampler.join(torch.full((1024,), 2.0).double())  # larger than all that follow
    (batch,) = round_of(sampler)
    assert batch.healed is not None
    assert int(batch.healed) == len(batch.index) > 0


def test_losses_that_are_not_finite_are_mended() -> None:
    losses = LOSSES[:N].clone()
    losses[::7] = torch.nan
    sampler = primed(losses)
    round_of(sampler)
    assert sampler.history.isfinite().all()


@pytest.mark.parametrize("beta", [1.0, 8.0, 1e9], ids=["half is kept", "a ninth is kept", "nearly none is"])
def test_every_mended_loss_is_counted_also_where_the_queue_was_not_full(beta: float) -> None:
    losses = LOSSES[:N].clone()
    losses[::7] = torch.nan
    sampler = primed(losses, beta=beta)
    assert sampler.problem.healed is not None
    assert int(sampler.problem.healed) == N // 7
    rounds = 30
    batches = [batch for _ in range(rounds) for batch in sampler.epoch()]
    forced = rounds * (N % BATCH) if beta == 1e9 else 0  # the last batch, where the coins keep nothing
    assert healed(batches) + int(sampler.healed) == rounds * (N // 7) + forced
    assert int(sampler.healed) <= N // 7


def test_equal_losses_end_no_run() -> None:
    dataset = table()
    network = model(dataset)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    made = run("selective-backprop", dataset=dataset, network=network, budget=(3.0, "epochs"))
    assert made.finish()[-1].epochs >= 3


@pytest.mark.parametrize("staleness", [1, 3])
def test_stale_losses_serve_for_some_rounds(staleness: int) -> None:
    sampler = primed(LOSSES[:N], SelectiveBackpropStale, staleness=staleness)
    scored = []
    for _ in range(6):
        before = sampler.problem.scored
        round_of(sampler)
        scored.append(sampler.problem.scored - before)
    assert scored == [N if k % staleness == 0 else 0 for k in range(6)]


def test_a_round_that_is_abandoned_counts_as_one_in_which_losses_served() -> None:
    sampler, scored = primed(LOSSES[:BATCH], SelectiveBackpropStale, staleness=2, beta=0.0), []
    for _ in range(4):
        before = sampler.problem.scored
        next(iter(sampler.epoch()))
        scored.append(sampler.problem.scored - before)
    assert scored == [BATCH, 0, BATCH, 0]


def test_what_stale_selective_backprop_stores_are_the_losses_as_they_were() -> None:
    sampler = primed(LOSSES[:N], SelectiveBackpropStale)
    round_of(sampler)
    assert torch.equal(sampler.stored(), LOSSES[:N].double())


def composer(**options) -> SelectiveBackpropComposer:
    spec = SamplerSpec(label="c", name="selective-backprop-composer", options=options)
    sampler = catalogue.build(spec, task())
    assert isinstance(sampler, SelectiveBackpropComposer)
    return sampler


def selected(sampler: SelectiveBackpropComposer, progress: float) -> list[bool]:
    sampler.problem.progress = progress
    return [batch.active for batch in sampler.epoch()]


def test_composer_selects_from_half_to_nine_tenths_of_training() -> None:
    assert not any(selected(composer(), 0.49))
    assert any(selected(composer(), 0.5))
    assert any(selected(composer(), 0.89))
    assert not any(selected(composer(), 0.9))


def test_composer_trains_on_a_whole_batch_after_two_selected_ones() -> None:
    assert selected(composer(), 0.6)[:7] == [True, True, False, True, True, False, True]


def test_composers_code_alternates() -> None:
    assert selected(composer(mirror="code"), 0.6)[:4] == [True, False, True, False]


def test_composer_selects_always_where_nothing_interrupts() -> None:
    assert all(selected(composer(interrupt=0), 0.6))


def test_composer_keeps_a_share_of_each_batch_without_repetition() -> None:
    sampler = composer(keep=0.25)
    scores = LOSSES[:BATCH]
    for _ in range(20):
        kept = sampler.kept(scores)
        assert len(kept) == len(kept.unique()) == 4


def test_composer_keeps_by_the_rank_of_the_loss() -> None:
    sampler = composer(keep=0.5)
    scores, counts = torch.arange(8).float().exp(), torch.zeros(8)
    for _ in range(3000):
        counts[sampler.kept(scores)] += 1
    assert (counts.diff() > 0).all()
    # the largest is left out by four draws in turn; in proportion to 1/2, 3/2 ... 15/2
    assert counts[-1] / 3000 == pytest.approx(left_in(torch.arange(8) + 0.5, 7, 4), abs=0.03)


def left_in(mass: Tensor, place: int, draws: int) -> float:
    """How likely a place is among some draws without replacement, by enumeration."""
    if draws == 0:
        return 0.0
    share, total = mass / mass.sum(), 0.0
    for k in range(len(mass)):
        if float(share[k]) > 0:
            rest = mass.clone()
            rest[k] = 0
            total += float(share[k]) * (1.0 if k == place else left_in(rest, place, draws - 1))
    return total


def test_composers_keep_of_1_keeps_all() -> None:
    assert len(composer(keep=1.0).kept(LOSSES[:BATCH])) == BATCH
