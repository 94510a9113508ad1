"""The loop: the same sixteen lines for every sampler. It prints nothing and stores nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch.optim import Optimizer

from isbench.store.records import Point
from isbench.train.ledger import Ledger
from isbench.train.problem import Problem
from isbench.train.schedule import Schedule

if TYPE_CHECKING:
    from isbench.samplers.base import Sampler


# One line for each phase: what it is charged to, and what it does.
# fmt: off
def train(
    problem: Problem, sampler: Sampler, optimizer: Optimizer, schedule: Schedule, ledger: Ledger
) -> Iterator[Point]:
    """Train until the budget is spent; yields a point whenever one is due, the untrained model first."""
    lap = problem.timer.lap
    lap("select")
    yield from ledger.begin()
    while ledger.open:
        for batch in sampler.epoch():
            x, y = problem.fetch(batch.index)
            lap("forward");  seen = problem.forward(batch.index, x, y)
            lap("select");   weight = sampler.weigh(batch, seen)
            lap("backward"); problem.backward(weight, seen.loss)
            lap("optimise"); schedule(optimizer, problem.progress, batch.rate); optimizer.step()
            lap("update");   seen = seen.detach(); sampler.observe(batch, seen)
            lap("select");   yield from ledger.step(batch, seen)
            if not ledger.open:
                break
        ledger.round()
# fmt: on
