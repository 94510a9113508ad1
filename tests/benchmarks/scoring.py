"""What scoring a pool costs beside forward passes without a gradient, measured alone.

Run `python -m tests.benchmarks.scoring` on an idle machine: the `score` phase of `dlis` at a pool of 640
against five forward passes at batch 128, one thread, the two in turn (A B A B), ratio of medians; then the
memory that scoring takes by the size of the pool.
"""

from __future__ import annotations

import statistics
import time

import torch

from isbench.models import catalogue as models
from isbench.samplers.scores import SCORES
from isbench.store.records import ModelSpec
from isbench.train import device as devices
from isbench.train.problem import Problem
from isbench.train.timing import HostClock, PhaseTimer
from tests.builders import random_images

ROUNDS, BATCH, POOL = 41, 128, 640
TASKS = {
    "mlp": ((1, 28, 28), {}),
    "mnist-cnn": ((1, 28, 28), {}),
    "cifar-cnn": ((3, 32, 32), {}),
    "wide-resnet": ((3, 32, 32), {"depth": 10, "widen": 1}),
}


def problem(name: str) -> Problem:
    """A model on random images."""
    shape, options = TASKS[name]
    with devices.global_stream(0, "init"):
        model = models.build(ModelSpec(name=name, options=options), shape, 10)
    return Problem(random_images(shape, 8192), model, BATCH, PhaseTimer(HostClock()), seed=0)


def score_seconds(task: Problem, pool: int) -> float:
    """Seconds of the phase `score` for one pool, loading apart."""
    index = torch.arange(pool)
    task.timer.drain()
    task.score(SCORES["upper_bound"], index)
    return task.timer.drain()["score"]


def forward_seconds(task: Problem) -> float:
    """Seconds of as many forward passes as make up a pool, on inputs that are at hand."""
    inputs = [task.dataset.train.fetch(index)[0] for index in torch.arange(POOL).split(BATCH)]
    task.model.eval()
    began = time.perf_counter()
    with torch.no_grad():
        for x in inputs:
            task.model(x)
    seconds = time.perf_counter() - began
    task.model.train()
    return seconds


def peak(task: Problem, pool: int) -> int:
    """Bytes that scoring a pool takes at most, besides what the process holds before."""
    devices.reset_peaks(task.device)
    before = devices.peak_memory()
    task.score(SCORES["upper_bound"], torch.arange(pool) % 8192)
    return devices.peak_memory() - before


def main() -> None:
    """Print a line for each model."""
    torch.set_num_threads(1)
    for name in TASKS:
        task = problem(name)
        pairs = [(score_seconds(task, POOL), forward_seconds(task)) for _ in range(ROUNDS)][3:]
        score, alone = (statistics.median(times) for times in zip(*pairs, strict=True))
        low, _, high = statistics.quantiles([a / b for a, b in pairs], n=4)
        ratio = f"{score / alone:.3f} [{low:.3f}, {high:.3f}]"
        print(f"{name}: score {score * 1e3:.2f} ms, alone {alone * 1e3:.2f} ms, {ratio}")
    for pool in (640, 2560, 7680):
        print(f"pool {pool}: {peak(task, pool) / 2**20:.0f} MiB more than before")


if __name__ == "__main__":
    main()
