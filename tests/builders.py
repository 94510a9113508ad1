"""Small real problems for tests: a table of samples, a model, and a run of any sampler on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from isbench.datasets.base import Dataset
from isbench.datasets.losses import cross_entropy, mse
from isbench.datasets.stored import Stored
from isbench.plan import Ground
from isbench.samplers import catalogue
from isbench.samplers.base import Sampler
from isbench.store.records import (
    Budget,
    Costs,
    OptimizerSpec,
    Point,
    SamplerSpec,
    ScheduleSpec,
    StartSpec,
)
from isbench.train.device import generator
from isbench.train.evaluate import Evaluator
from isbench.train.ledger import Ledger
from isbench.train.loop import train
from isbench.train.problem import Problem
from isbench.train.schedule import Schedule, build_optimizer
from isbench.train.tally import Tally
from isbench.train.timing import Clock, HostClock, PhaseTimer

CPU = torch.device("cpu")
N, FEATURES, CLASSES, BATCH = 203, 6, 3, 16
GROUND = Ground(
    device="cpu",
    lag=0,
    threads=1,
    machine="m",
    costs=lambda setting, arm: Costs(rho=2.0, score=1.0),
    pilot_seed=lambda number: 10**6 + number,
    metric=lambda setting: "val_error",
)


class Table:
    """Samples that are rows."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y, self.n = x, y, len(x)

    def fetch(self, index: Tensor, round: int = 0) -> tuple[Tensor, Tensor]:
        return self.x[index], self.y[index]

    def parts(self, index: Tensor, round: int = 0) -> None:
        return None


class Endless:
    """A stream: a sample is computed from its number."""

    n = None

    def fetch(self, index: Tensor, round: int = 0) -> tuple[Tensor, Tensor]:
        angle = index.double()[:, None] * torch.arange(1, FEATURES + 1)
        x = torch.sin(angle * 12.9898).float()
        return x, (x[:, 0] > 0).long()

    def parts(self, index: Tensor, round: int = 0) -> None:
        return None


def table(n: int = N, seed: int = 0) -> Dataset:
    """A learnable finite task."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(n + 100, FEATURES, generator=rng)
    y = (x @ torch.randn(FEATURES, CLASSES, generator=rng)).argmax(1)
    train, test = Table(x[:n], y[:n]), Table(x[n:], y[n:])
    return Dataset(
        name="table",
        train=train,
        validation=test,
        test=test,
        plain=train,
        shape=(FEATURES,),
        classes=CLASSES,
        loss=cross_entropy,
        device=CPU,
        lives="device",
        epoch_size=n,
        origin=torch.arange(n),
        labels=y[:n],
    )


def regression(n: int = N, values: int = 2) -> Dataset:
    """A learnable finite task without classes."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(n + 100, FEATURES, generator=rng)
    y = (x @ torch.randn(FEATURES, values, generator=rng)).tanh()
    train, test = Table(x[:n], y[:n]), Table(x[n:], y[n:])
    splits = {"train": train, "plain": train, "validation": test, "test": test}
    return replace(table(n), **splits, classes=0, values=values, loss=mse, labels=None)


def random_images(shape: tuple[int, ...], n: int) -> Dataset:
    """Bytes that look like images, stored as data sets store them, with random classes."""
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (n, *shape[1:], shape[0]), generator=rng, dtype=torch.uint8)
    split = Stored(pixels, torch.randint(10, (n,), generator=rng), scale=1 / 255)
    return replace(table(), train=split, plain=split, shape=shape, classes=10, epoch_size=n)


def stream(epoch_size: int = N) -> Dataset:
    """An endless task of two classes."""
    x, y = Endless().fetch(torch.arange(-200, -100))
    held_out = Table(x, y)
    return Dataset(
        name="stream",
        train=Endless(),
        validation=held_out,
        test=held_out,
        plain=Endless(),
        shape=(FEATURES,),
        classes=2,
        loss=cross_entropy,
        device=CPU,
        lives="device",
        epoch_size=epoch_size,
    )


def model(dataset: Dataset, *, dropout: float = 0.0, norm: bool = False, seed: int = 0) -> nn.Module:
    """A small network, from a generator of its own."""
    middle = [nn.BatchNorm1d(8)] if norm else []
    layers = [nn.Linear(FEATURES, 8), *middle, nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, dataset.outputs)]
    network = nn.Sequential(*layers)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.3)
    return network


@dataclass
class Run:
    """A run and its parts."""

    problem: Problem
    sampler: Sampler
    ledger: Ledger
    tally: Tally
    points: Iterator[Point]

    def finish(self) -> list[Point]:
        return list(self.points)


def run(
    sampler: str = "uniform",
    *,
    dataset: Dataset | None = None,
    network: nn.Module | None = None,
    options: dict | None = None,
    start: StartSpec | None = None,
    budget: tuple[float, str] = (40, "steps"),
    grid: tuple[float, ...] = (0.5, 1.0),
    clock: Clock | None = None,
    seed: int = 0,
    optimizer: OptimizerSpec | None = None,
    schedule: ScheduleSpec | None = None,
    trace: bool = False,
    selection: bool = False,
    precision: str = "float32",
    fraction: float = 1.0,
    placebo: bool = False,
    free: tuple[str, ...] = (),
) -> Run:
    """A run of any catalogue entry, ready to start."""
    dataset = dataset or table()
    network = network or model(dataset)
    optimizer = optimizer or OptimizerSpec(name="sgd", lr=0.05, momentum=0.9)
    timer = PhaseTimer(clock or HostClock())
    problem = Problem(dataset, network, BATCH, timer, seed=seed, precision=precision, fraction=fraction)
    spec = SamplerSpec(label=sampler, name=sampler, options=options or {}, start=start or StartSpec())
    drawn = catalogue.build(spec.model_copy(update={"placebo": placebo}), problem)
    rate = Schedule(schedule or ScheduleSpec(), optimizer.lr)
    tally = Tally(dataset.n, CPU, trace=trace, selection=selection)
    evaluator = Evaluator(dataset, network)
    amount, unit = budget
    spend = Budget(name="test", amount=amount, unit=unit)
    ledger = Ledger(problem, spend, grid, Costs(rho=1.0, score=1.0), rate, evaluator, tally, free)
    problem.held_out_loss = ledger.uncharged(evaluator.loss)
    points = train(problem, drawn, build_optimizer(optimizer, network), rate, ledger)
    return Run(problem, drawn, ledger, tally, points)


def rng(name: str = "test", seed: int = 0) -> torch.Generator:
    return generator(seed, name)
