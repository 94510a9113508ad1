"""Budgets, points and counters."""

import math

import pytest
import torch
from torch import nn

from isbench.errors import IsbenchError
from isbench.samplers.base import Sampler
from isbench.samplers.catalogue import CATALOGUE
from isbench.store.records import PHASES, OptimizerSpec
from isbench.train.timing import FakeClock
from tests.builders import BATCH, N, run


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_three_epoch_budget_ends_between_3_00_and_3_08_epochs_with_the_full_grid(name: str) -> None:
    grid = tuple((k + 1) / 10 for k in range(10))
    points = run(name, budget=(3.0, "epochs"), grid=grid).finish()
    assert len(points) == 11
    assert 3.0 <= points[-1].trained / N < 3.0 + BATCH / N


@pytest.mark.parametrize("name", CATALOGUE)
def test_phases_sum_to_training_seconds(name: str) -> None:
    gaps = []
    for _ in range(3):  # a pause of the process between two looks at the clock is nobody's fault
        last = run(name, budget=(60, "steps")).finish()[-1]
        assert set(last.phases) == set(PHASES)
        gaps.append(abs(sum(last.phases.values()) / last.train_seconds - 1))
    assert min(gaps) < 0.02


def test_the_first_point_is_the_untrained_model() -> None:
    first = run().finish()[0]
    assert (first.progress, first.steps, first.trained, first.batch_loss, first.grad_norm) == (
        0,
        0,
        0,
        None,
        None,
    )
    assert first.test_error is not None


def test_passes_count_forwards_backwards_and_scores() -> None:
    last = run("highest-loss-cdf", budget=(10, "steps"), options={"pool": 64}).finish()[-1]
    assert (last.trained, last.scored, last.loaded) == (10 * BATCH, 640, 640 + 10 * BATCH)
    assert last.passes == pytest.approx((2 * 160 + 640) / N)


def test_uniform_trains_every_sample_once_an_epoch() -> None:
    made = run(budget=(1.0, "epochs"), grid=(1.0,))
    made.finish()
    assert made.tally.usage is not None
    assert made.tally.usage.times_trained.eq(1).all()


def test_time_that_nobody_is_charged_for_leaves_the_seconds_alone() -> None:
    clock = FakeClock()
    made = run(budget=(4, "steps"), clock=clock, grid=(1.0,))
    next(made.points)
    clock.time += 1000  # the consumer takes its time at the point
    assert made.finish()[-1].train_seconds < 1000


def test_a_loss_that_is_not_finite_ends_the_run_as_diverged() -> None:
    made = run(optimizer=OptimizerSpec(name="sgd", lr=1e30), budget=(400, "steps"), grid=(0.1, 0.5, 1.0))
    points = made.finish()
    assert made.ledger.diverged
    assert points[-1].progress < 1
    assert points[-1].train_loss is None or math.isfinite(points[-1].train_loss)


class Idle(Sampler):
    def epoch(self):
        yield from ()


def test_a_sampler_that_draws_nothing_is_an_error_and_not_an_endless_loop() -> None:
    from isbench.train.loop import train

    made = run()
    idle = Idle(made.problem)
    optimizer = torch.optim.SGD(made.problem.model.parameters(), lr=0.1)
    with pytest.raises(IsbenchError, match="drew no batch"):
        list(train(made.problem, idle, optimizer, made.ledger.schedule, made.ledger))


def test_the_gradient_norm_of_a_point_is_that_of_the_last_step() -> None:
    made = run(budget=(1, "steps"), grid=(1.0,), optimizer=OptimizerSpec(name="sgd", lr=0.0))
    last = made.finish()[-1]
    expected = nn.utils.get_total_norm([p.grad for p in made.problem.model.parameters()])
    assert last.grad_norm == pytest.approx(float(expected))


def test_the_first_active_step_is_booked() -> None:
    from isbench.store.records import StartSpec

    made = run("highest-loss", start=StartSpec(name="steps", options={"at": 7}))
    made.finish()
    assert made.ledger.started is not None
    assert made.ledger.started[0] == 7


def test_uniform_never_becomes_active() -> None:
    made = run()
    assert made.finish()[-1].active == 0
    assert made.ledger.started is None
