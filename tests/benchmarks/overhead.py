"""What isbench's `uniform` costs beside a training loop that is written by hand.

Run `python -m tests.benchmarks.overhead` on an idle machine: same model, data and optimiser, one thread, the
two in turn (A B A B), ratio of median step times. MNIST needs ISBENCH_DATA.
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from isbench.bench.cell import assemble
from isbench.datasets import catalogue as datasets
from isbench.datasets.base import Dataset
from isbench.models import catalogue as models
from isbench.store.records import (
    Budget,
    Cell,
    Costs,
    DatasetSpec,
    ModelSpec,
    OptimizerSpec,
    SamplerSpec,
    ScheduleSpec,
)
from isbench.train.timing import HostClock

CPU = torch.device("cpu")
ROUNDS = 41


def by_hand(dataset: Dataset, model: torch.nn.Module, batch: int, lr: float, steps: int) -> float:
    """Seconds per step of the loop that everybody writes."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    if dataset.n is None:
        batches = points_by_hand(batch, steps)
    else:
        x, y = dataset.plain.fetch(torch.arange(dataset.n))  # floats, converted once
        batches = rows_by_hand(x, y, batch, steps)
    model.train()
    began = time.perf_counter()
    for inputs, targets in batches:
        loss = F.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (time.perf_counter() - began) / steps


def rows_by_hand(x, y, batch, steps):
    """Shuffled batches of a table."""
    made = 0
    while True:
        for index in torch.randperm(len(x)).split(batch):
            yield x[index], y[index]
            made += 1
            if made == steps:
                return


def points_by_hand(batch, steps):
    """Fresh points of two circles."""
    for _ in range(steps):
        points = torch.rand(batch, 2) * 2 - 1
        inside = ((points - 0.5).square().sum(1) < 0.33968) | ((points + 0.5).square().sum(1) < 0.33968)
        yield points, inside.long()


def by_isbench(dataset: Dataset, model: torch.nn.Module, cell: Cell, steps: int) -> float:
    """Seconds per step of the same run in isbench, phases timed."""
    budget = Budget(name="benchmark", amount=steps, unit="steps")
    run = assemble(cell.model_copy(update={"budget": budget, "points": (1.0,)}), dataset, model, HostClock())
    *_, last = run.points
    return last.train_seconds / steps


def compare(dataset_name: str, model_name: str, batch: int, lr: float, steps: int) -> tuple[float, float]:
    """Median step times, by hand and by isbench."""
    root = Path(os.environ.get("ISBENCH_DATA", "."))
    dataset = datasets.build(DatasetSpec(name=dataset_name), root, CPU, 0)
    cell = Cell(
        dataset=DatasetSpec(name=dataset_name),
        model=ModelSpec(name=model_name),
        sampler=SamplerSpec(label="uniform", name="uniform"),
        optimizer=OptimizerSpec(name="adam", lr=lr),
        schedule=ScheduleSpec(),
        batch=batch,
        budget=Budget(name="benchmark", amount=1, unit="steps"),
        seed=0,
        points=(1.0,),
        precision="float32",
        threads=1,
        device="cpu",
        lag=0,
        costs=Costs(rho=1.0),
    )

    def model():
        return models.build(cell.model, dataset.shape, dataset.outputs)

    by_hand(dataset, model(), batch, lr, 20)
    by_isbench(dataset, model(), cell, 20)
    hand, ours = [], []
    for _ in range(ROUNDS):
        hand.append(by_hand(dataset, model(), batch, lr, steps))
        ours.append(by_isbench(dataset, model(), cell, steps))
    ratios = sorted(b / a for a, b in zip(hand, ours, strict=True))
    quartiles = ratios[len(ratios) // 4], ratios[len(ratios) // 2], ratios[3 * len(ratios) // 4]
    print(
        f"{model_name} on {dataset_name}, batch {batch}: by hand {statistics.median(hand) * 1e6:.1f} us, "
        f"isbench {statistics.median(ours) * 1e6:.1f} us, ratio of medians "
        f"{statistics.median(ours) / statistics.median(hand):.3f}, "
        f"pairs {quartiles[1]:.3f} [{quartiles[0]:.3f}, {quartiles[2]:.3f}]"
    )
    return statistics.median(hand), statistics.median(ours)


def main() -> None:
    """Both comparisons."""
    torch.set_num_threads(1)
    compare("two-circles", "circles-mlp", 128, 5e-3, 1000)
    compare("mnist", "mlp", 64, 1e-3, 200)


if __name__ == "__main__":
    main()
