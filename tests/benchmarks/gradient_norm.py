"""What the exact gradient norm costs, as a multiple of forward and backward of the same samples.

Run `python -m tests.benchmarks.gradient_norm` on an idle machine; A B A B on one thread, medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isbench.models.catalogue import build
from isbench.samplers.gradient_norm import gradient_norms, how
from isbench.store.records import ModelSpec

CASES = [
    ("mlp", (1, 28, 28), 10, 640, 1.0),
    ("mlp", (1, 28, 28), 10, 1024, 1.0),
    ("cifar-cnn", (3, 32, 32), 10, 1024, 2.0),
    ("mnist-cnn", (1, 28, 28), 10, 1024, None),
    ("lenet", (1, 28, 28), 10, 1024, None),
    ("circles-mlp", (2,), 2, 1024, None),
    ("pcam-cnn", (3, 96, 96), 2, 256, None),
]


def losses(output: Tensor, target: Tensor) -> Tensor:
    """The cross-entropy of each sample."""
    return F.cross_entropy(output, target, reduction="none")


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(name: str, shape: tuple[int, ...], classes: int, k: int, rounds: int) -> tuple[float, float]:
    """Median seconds of a training step's two passes and of the norms, interleaved."""
    model = build(ModelSpec(name=name), shape, classes)
    x, y = torch.randn(k, *shape), torch.randint(classes, (k,))
    if x.ndim == 4:
        x = x.contiguous(memory_format=torch.channels_last)  # as isbench hands images out

    def passes(model: nn.Module = model) -> None:
        model.zero_grad(set_to_none=True)
        losses(model(x), y).mean().backward()

    def norms() -> None:
        gradient_norms(model, losses, x, y)

    for work in (passes, norms):
        work()
    times = [(seconds(passes), seconds(norms)) for _ in range(rounds)]
    both, exact = zip(*times, strict=True)
    return statistics.median(both), statistics.median(exact)


def main() -> None:
    """Print one line for every model."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(
        f"{'model':12} {'samples':>7} {'way':>6} {'passes ms':>10} {'norms ms':>9} {'ratio':>6} {'target':>7}"
    )
    for name, shape, classes, k, target in CASES:
        both, exact = compare(name, shape, classes, k, rounds=15)
        way = how(build(ModelSpec(name=name), shape, classes))
        wanted = "" if target is None else f"<= {target}"
        print(
            f"{name:12} {k:7} {way:>6} {both * 1e3:10.1f} {exact * 1e3:9.1f} {exact / both:6.2f} {wanted:>7}"
        )


if __name__ == "__main__":
    main()
