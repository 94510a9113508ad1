"""One cell, from its record to its points: build from named streams, rehearse, train."""

from __future__ import annotations

import copy
import gc
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from isbench.bench import pretrain
from isbench.bench.checkpoints import Checkpoints
from isbench.bench.machine import Load
from isbench.datasets import catalogue as datasets
from isbench.datasets.base import Dataset, Nothing
from isbench.errors import UsageError
from isbench.models import catalogue as models
from isbench.samplers import catalogue as samplers
from isbench.samplers.base import Sampler
from isbench.store.records import Cell, Outcome, Point, StartSpec
from isbench.store.store import Store
from isbench.train import device as devices
from isbench.train.digests import Digests
from isbench.train.evaluate import Evaluator
from isbench.train.exhibits import Exhibits, supported
from isbench.train.ledger import Ledger
from isbench.train.loop import train
from isbench.train.problem import Problem
from isbench.train.rendering import Rendering
from isbench.train.schedule import Schedule, build_optimizer
from isbench.train.tally import Tally
from isbench.train.timing import Clock, PhaseTimer

REHEARSAL_STEPS = 3


@dataclass
class Run:
    """All parts of one training run, ready to start."""

    problem: Problem
    sampler: Sampler
    ledger: Ledger
    tally: Tally
    evaluator: Evaluator
    points: Iterator[Point] = field(repr=False)


def assemble(
    cell: Cell, dataset: Dataset, model: nn.Module, clock: Clock, wanted: tuple[str, ...] = ()
) -> Run:
    """Put a run together around a model; nothing is computed before the first point is asked for."""
    dataset = untested(dataset) if cell.tuned else dataset
    problem = Problem(
        dataset,
        model,
        cell.batch,
        PhaseTimer(clock),
        seed=devices.repeated(cell.seed, cell.repeat),
        lag=cell.lag,
        precision=cell.precision,
        fraction=cell.budget.fraction,
    )
    sampler = samplers.build(cell.sampler, problem)
    optimizer = build_optimizer(cell.optimizer, model)
    schedule = Schedule(cell.schedule, cell.optimizer.lr)
    digests = Digests(dataset.device) if "digests" in wanted else None
    kept = {"trace": "trace" in wanted, "selection": "selection" in wanted}
    tally = Tally(dataset.n, dataset.device, digests=digests, **kept)
    evaluator = Evaluator(dataset, model)
    spend = cell.budget, cell.points, cell.costs
    ledger = Ledger(problem, *spend, schedule, evaluator, tally, cell.uncharged)
    problem.held_out_loss = ledger.uncharged(evaluator.loss)
    points = train(problem, sampler, optimizer, schedule, ledger)
    return Run(problem, sampler, ledger, tally, evaluator, points)


def untested(dataset: Dataset) -> Dataset:
    """The data set as a trial of tuning sees it: without a test set, so that nobody can read it."""
    if dataset.validation.n == 0:
        raise UsageError(
            "tuning chooses by validation samples, and there are none", "set val_fraction above 0"
        )
    return replace(dataset, test=Nothing())


def build_model(
    cell: Cell, dataset: Dataset, base: Path = Path(), body: pretrain.Body | None = None
) -> nn.Module:
    """The model with its initial weights, from the stream `init`, and what it learnt before.

    `base`: where relative paths start.
    """
    with devices.global_stream(cell.seed, "init"):
        model = models.build(models.located(cell.model, base), dataset.shape, dataset.outputs)
    if body is not None:
        pretrain.put(body, cell.model, model)
    return model.to(dataset.device)


def rehearse(cell: Cell, dataset: Dataset, model: nn.Module) -> None:
    """Warm up every path that will occur on copies that are thrown away.

    Steps before and after selection starts, scoring, evaluation, and the short batch that may end a round.
    """
    always = cell.sampler.model_copy(update={"start": StartSpec()})
    baseline = always.model_copy(update={"name": "uniform", "options": {}, "placebo": False})
    spent = {"name": "rehearsal", "amount": float(REHEARSAL_STEPS), "unit": "steps"}
    steps = cell.budget.model_copy(update=spent)
    rest = dataset.epoch_size % cell.batch
    kinds = [(cell.sampler, cell.batch), (always, cell.batch), *([(baseline, rest)] if rest else [])]
    with devices.global_stream(cell.seed, "rehearsal"):
        for sampler, batch in kinds if cell.sampler != always else kinds[1:]:
            update = {"sampler": sampler, "batch": batch, "budget": steps, "points": (1.0,)}
            clock = devices.clock(dataset.device, cell.lag)
            trial = assemble(cell.model_copy(update=update), dataset, copy.deepcopy(model), clock)
            trial.evaluator.brief = True
            for _ in trial.points:
                pass


@dataclass(frozen=True)
class Order:
    """What a cell is run with besides its record: where things lie, what to keep, who listens."""

    store: Store
    root: Path  # of published data sets
    base: Path  # of the recipe's relative paths
    record: tuple[str, ...]
    first: bool  # the first seed records more than usage
    machine: str
    heard: Callable[[Point], None]


def run_cell(cell: Cell, order: Order) -> Outcome:
    """Train one cell, storing every point as it comes; returns how it ended."""
    torch.set_num_threads(cell.threads)
    device = devices.choose(cell.device)
    body = pretrain.pretrained(cell, order.root, order.base)  # before any of the cell's clocks
    started, began, load = now(), perf_counter(), Load()
    gc.collect()
    devices.reset_peaks(device)
    dataset = datasets.build(datasets.located(cell.dataset, order.base), order.root, device, cell.seed)
    model = build_model(cell, dataset, order.base, body)
    rehearse(cell, dataset, model)
    wanted = supported(dataset, order.record, first=order.first)
    run = assemble(cell, dataset, model, devices.clock(device, cell.lag), wanted)
    last = follow(run, cell, order, wanted)
    cpu, foreign = load.shares()
    step, seconds = run.ledger.started or (None, None)
    return Outcome(
        status="diverged" if run.ledger.diverged else "done",
        started=started,
        machine=order.machine,
        note="a loss was not finite any more" if run.ledger.diverged else "",
        wall_seconds=perf_counter() - began,
        overshoot_seconds=overshoot(cell, last),
        started_step=step,
        started_seconds=seconds,
        peak_memory=devices.peak_memory(),
        device_memory=devices.device_memory(device),
        eval_seconds=run.ledger.eval_seconds,
        sampler_bytes=tensor_bytes(run.sampler.state()),
        data_lives=dataset.lives,
        phase_mode="race" if run.problem.timer.clock.every == 1 else "profile",
        cpu_load=cpu,
        foreign_load=foreign,
    )


def follow(run: Run, cell: Cell, order: Order, wanted: tuple[str, ...]) -> Point:
    """Store every point and, at the end, the exhibits; returns the last point."""
    score = samplers.score_of(cell.sampler.name, cell.sampler.options)
    watchers: list[Exhibits | Checkpoints | Rendering] = [
        Exhibits(run.problem, run.tally, score, wanted, run.sampler)
    ]
    if "output" in wanted:
        watchers.append(Rendering(run.evaluator))
    if cell.probed:
        watchers.append(Checkpoints(run.problem, run.sampler, run.tally.usage, cell.seed))
    devices.seed_global(cell.seed, "dropout")
    last = None
    for point in run.points:
        order.heard(point)  # first: it fails where nobody listens any more
        order.store.add_point(cell.id, point)
        for watcher in watchers:
            watcher.at_point(point)
        last = point
    for watcher in watchers:
        for name, arrays in watcher.finish().items():
            order.store.write_exhibit(cell.id, name, arrays)
    assert last is not None  # a run begins with the point of the untrained model
    return last


def overshoot(cell: Cell, last: Point) -> float | None:
    """How much longer than a budget of seconds the run took."""
    if cell.budget.unit != "seconds":
        return None
    return max(0.0, last.train_seconds - cell.budget.amount)


def tensor_bytes(state: Any, seen: set[int] | None = None) -> int:
    """Bytes of the tensors that a sampler's state holds, each once, inner samplers and criteria included."""
    seen = set() if seen is None else seen
    if id(state) in seen or isinstance(state, Problem):
        return 0
    seen.add(id(state))
    if isinstance(state, Tensor):
        return state.element_size() * state.nelement()
    if isinstance(state, dict):
        inside = list(state.values())
    elif isinstance(state, list | tuple | deque):
        inside = list(state)
    else:
        inside = list(vars(state).values()) if hasattr(state, "__dict__") else []
    return sum(tensor_bytes(each, seen) for each in inside)


def now() -> str:
    """The time of day, for labels only."""
    return datetime.now(UTC).isoformat(timespec="seconds")
