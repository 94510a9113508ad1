"""What the samplers of paper 003 cost beside independent uniform draws, and in which phase.

Run `python -m tests.benchmarks.memory [ARM…]` with ISBENCH_DATA on an idle machine: `mlp` on MNIST, batch 64,
one thread. An arm and `uniform-iid` take turns (A B A B) once both are past their first round; ratios within
a turn.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from isbench.bench.cell import assemble
from isbench.datasets import catalogue as datasets
from isbench.datasets.base import Dataset
from isbench.models import catalogue as models
from isbench.store.records import (
    PHASES,
    Budget,
    Cell,
    Costs,
    DatasetSpec,
    ModelSpec,
    OptimizerSpec,
    Point,
    SamplerSpec,
    ScheduleSpec,
)
from isbench.train.timing import HostClock

TURNS, STEPS, BATCH = 41, 100, 64
ARMS = {
    "memory-as": ("memory-as", {}),
    "memory-is": ("memory-is", {}),
    "memory-is, last layer": ("memory-is", {"score": "last_layer"}),
    "memory-is, autograd": ("memory-is", {"score": "output_gradient_autograd"}),
    "memory-weight": ("memory-weight", {}),
    "low": ("low", {}),
    "dlis, pool 5x": ("dlis", {"pool": 5 * BATCH, "score": "last_layer"}),
}


def main() -> None:
    """The arms named on the command line, or all of them, one after the other."""
    torch.set_num_threads(1)
    root = Path(os.environ.get("ISBENCH_DATA", "."))
    dataset = datasets.build(DatasetSpec(name="mnist"), root, torch.device("cpu"), 0)
    for label in sys.argv[1:] or ARMS:
        compare(dataset, label, *ARMS[label])


def compare(dataset: Dataset, label: str, name: str, options: dict) -> None:
    """One arm and uniform draws in turn."""
    first = -(-dataset.epoch_size // BATCH)
    arms = [points(dataset, *arm, first) for arm in (("uniform-iid", {}), (name, options))]
    before = [(next(arm), next(arm))[1] for arm in arms]  # past the untrained model and the first round
    steps, phases = [], []
    for _ in range(TURNS):
        now = [next(arm) for arm in arms]
        spent = list(zip(before, now, strict=True))
        steps.append([(b.train_seconds - a.train_seconds) / STEPS * 1e6 for a, b in spent])
        phases.append([[(b.phases[p] - a.phases[p]) / STEPS * 1e6 for p in PHASES] for a, b in spent])
        before = now
    usual, own = np.median(steps, axis=0)
    low, middle, high = np.quantile(np.divide(*np.transpose(steps)[::-1]), (0.25, 0.5, 0.75))
    more = np.subtract(*np.median(phases, axis=0)[::-1])
    told = ", ".join(f"{phase} {us:+.0f}" for phase, us in zip(PHASES, more, strict=True) if abs(us) >= 1)
    print(
        f"{label}: {own:.0f} us over {usual:.0f} us, {middle:.3f} [{low:.3f}, {high:.3f}]; in us: {told}",
        flush=True,
    )


def points(dataset: Dataset, name: str, options: dict, first: int) -> Iterator[Point]:
    """A run with a point after the first round and after every few steps."""
    total = first + TURNS * STEPS
    cell = Cell(
        dataset=DatasetSpec(name="mnist"),
        model=ModelSpec(name="mlp"),
        sampler=SamplerSpec(label=name, name=name, options=options),
        optimizer=OptimizerSpec(name="adam", lr=1e-3),
        schedule=ScheduleSpec(),
        batch=BATCH,
        budget=Budget(name="benchmark", amount=total, unit="steps"),
        seed=0,
        points=tuple((first + turn * STEPS) / total for turn in range(TURNS + 1)),
        precision="float32",
        threads=1,
        device="cpu",
        lag=0,
        costs=Costs(rho=1.0, score=1.0),
    )
    model = models.build(cell.model, dataset.shape, dataset.outputs)
    return assemble(cell, dataset, model, HostClock()).points


if __name__ == "__main__":
    main()
