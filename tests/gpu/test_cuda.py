"""What only a CUDA device can show. Without one, every test here is skipped and says so."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import torch

from isbench.bench.cell import Run, assemble, build_model, rehearse
from isbench.bench.checkpoints import Checkpoints
from isbench.datasets import catalogue as datasets
from isbench.samplers.catalogue import CATALOGUE
from isbench.store.records import (
    Budget,
    Cell,
    Costs,
    DatasetSpec,
    ModelSpec,
    OptimizerSpec,
    SamplerSpec,
    ScheduleSpec,
    StartSpec,
)
from isbench.train.device import LAG, Gauge, clock
from isbench.train.timing import PhaseTimer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]
CUDA = torch.device("cuda")
FREE = [name for name, entry in CATALOGUE.items() if not entry.sampler.waits]


def cell(sampler: str = "uniform", **changes) -> Cell:
    plain = Cell(
        dataset=DatasetSpec(name="digits"),
        model=ModelSpec(name="mlp", options={"hidden": [64]}),
        sampler=SamplerSpec(label=sampler, name=sampler),
        optimizer=OptimizerSpec(),
        schedule=ScheduleSpec(name="linear"),
        batch=32,
        budget=Budget(name="steps", amount=50, unit="steps"),
        seed=0,
        points=(0.5, 1.0),
        precision="float32",
        threads=1,
        device="cuda",
        lag=LAG["cuda"],
        costs=Costs(rho=1.0, score=1.0),
    )
    return plain.model_copy(update=changes)


def ready(wanted: Cell) -> Run:
    dataset = datasets.build(wanted.dataset, Path(), CUDA, wanted.seed)
    network = build_model(wanted, dataset)
    rehearse(wanted, dataset, network)
    return assemble(wanted, dataset, network, clock(CUDA, wanted.lag))


GATES = {"loss_fraction": {"below": 0.9}, "tau": {"above": 0.01}, "none": {}}
CREDITED = [  # what they keep of every sample goes to the parts of a mixed image
    *("memory-is", "memory-as", "memory-weight", "online-batch", "prioritized", "prioritized-rank"),
    *("p-sgd", "c-sgd", "active-bias-sd", "active-bias-wpd"),
]


@pytest.mark.parametrize("start", GATES)
@pytest.mark.parametrize("name", FREE)
def test_steps_never_wait_for_the_device(name: str, start: str) -> None:
    if start != "none" and (name.startswith("uniform") or (start == "tau" and not CATALOGUE[name].score)):
        pytest.skip("nothing to start by")
    start = StartSpec(name=start, options=GATES[start])
    spec = SamplerSpec(label=name, name=name, start=start)
    run = ready(cell(name, sampler=spec))
    next(run.points)
    step_without_a_wait(run)


@pytest.mark.parametrize("name", CREDITED)
def test_steps_on_mixed_images_never_wait_for_the_device(name: str) -> None:
    assert name in FREE
    spec, spend = DatasetSpec(name="digits", augment="ricap"), Budget(name="steps", amount=200, unit="steps")
    run = ready(cell(name, dataset=spec, budget=spend))
    next(run.points), next(run.points)  # beyond the first round, which selects nothing
    step_without_a_wait(run)


def step_without_a_wait(run: Run) -> None:
    problem, sampler = run.problem, run.sampler
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batch in islice(sampler.epoch(), LAG["cuda"] + 3):  # late enough for a gauge to be read
            x, y = problem.fetch(batch.index)
            seen = problem.forward(batch.index, x, y)
            problem.backward(sampler.weigh(batch, seen), seen.loss)
            sampler.observe(batch, seen.detach())
            for _ in run.ledger.step(batch, seen.detach()):
                pytest.fail("no point was due")
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("augment", ["standard", "mixup", "ricap", "randaugment"])
def test_augmentation_never_waits_for_the_device_and_is_what_a_cpu_makes(augment: str) -> None:
    spec = DatasetSpec(name="digits", augment=augment)  # pyright: ignore[reportArgumentType]
    here, there = (datasets.build(spec, Path(), device, 0).train for device in (torch.device("cpu"), CUDA))
    index = torch.arange(200)
    on_device = index.to(CUDA)
    there.fetch(on_device, 0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        found, parts = there.fetch(on_device, 1), there.parts(on_device, 1)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    expected = (*here.fetch(index, 1), *(here.parts(index, 1) or ()))
    for one, other in zip(expected, (*found, *(parts or ())), strict=True):
        assert (torch.isclose(one.float(), other.cpu().float(), atol=1e-5)).double().mean() > 0.999


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_phases_sum_to_training_seconds(name: str) -> None:
    *_, last = ready(cell(name, budget=Budget(name="steps", amount=300, unit="steps"))).points
    assert sum(last.phases.values()) == pytest.approx(last.train_seconds, rel=0.05)


def test_a_seconds_budget_is_overrun_by_at_most_the_lag() -> None:
    run = ready(cell(budget=Budget(name="seconds", amount=2.0, unit="seconds")))
    *_, last = run.points
    step = last.train_seconds / last.steps
    assert 2.0 <= last.train_seconds < 2.0 + (LAG["cuda"] + 2) * step + 0.02


def test_marking_phases_costs_less_than_a_fifth_of_a_small_step() -> None:
    run = ready(cell(budget=Budget(name="steps", amount=500, unit="steps"), points=(1.0,)))
    *_, last = run.points
    timer = PhaseTimer(clock(CUDA, LAG["cuda"]))
    timer.drain()
    began = timer.clock.now()
    for _ in range(1000):
        timer.lap("forward")
    lap = (timer.clock.now() - began) / 1000
    assert 10 * lap < 0.2 * last.train_seconds / last.steps


def test_the_same_seed_selects_the_same_samples() -> None:
    counts = []
    for _ in range(2):
        run = ready(cell("highest-loss-cdf"))
        for _ in run.points:
            pass
        assert run.tally.usage is not None
        counts.append(run.tally.usage.times_trained)
    assert torch.equal(*counts)


def test_a_gauge_reads_late_without_waiting() -> None:
    gauge = Gauge(CUDA, 2)
    for value in range(5):
        gauge.push(torch.tensor(float(value), device=CUDA))
    assert gauge.read() == 2.0


def test_a_probe_measures_on_the_device() -> None:
    run = ready(cell("prioritized"))
    probe = Checkpoints(run.problem, run.sampler, run.tally.usage, 0)
    probe.at_point(next(run.points))
    found = probe.finish()["probe"]
    assert found["gradient.squared_error"][0] == 0.0
    assert found["upper_bound.variance_ratio"][0] >= found["gradient.variance_ratio"][0] - 1e-6
    assert found["loss.bias"][0] < 1e-6


def test_scores_that_are_free_leave_a_seconds_budget_to_more_steps() -> None:
    budget = Budget(name="seconds", amount=1.0, unit="seconds")
    whole, spared = (
        [*ready(cell("highest-loss-cdf", budget=budget, uncharged=free)).points][-1]
        for free in ((), ("score",))
    )
    assert spared.steps > whole.steps
    assert spared.train_seconds == pytest.approx(1.0, abs=(LAG["cuda"] + 2) * 0.02)
    assert sum(spared.phases.values()) == pytest.approx(spared.train_seconds, rel=0.05)


@pytest.mark.parametrize("name", ["dlis", "memory-as", "low"])
def test_steps_of_control_arms_never_wait_for_the_device(name: str) -> None:
    spec = SamplerSpec(label=name, name=name, placebo=True)
    budget = Budget(name="seconds", amount=60.0, unit="seconds")
    run = ready(cell(name, sampler=spec, budget=budget, uncharged=("score",)))
    next(run.points)
    problem, sampler = run.problem, run.sampler
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batch in islice(sampler.epoch(), LAG["cuda"] + 3):
            seen = problem.forward(batch.index, *problem.fetch(batch.index))
            problem.backward(sampler.weigh(batch, seen), seen.loss)
            sampler.observe(batch, seen.detach())
            for _ in run.ledger.step(batch, seen.detach()):
                pytest.fail("no point was due")
    finally:
        torch.cuda.set_sync_debug_mode("default")
