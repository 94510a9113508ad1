"""What the exact gradient norm costs, as a multiple of forward and backward of the same samples.

Run `python -m tests.benchmarks.gradient_norm [MODEL]` on an idle machine; A B A B on one thread, medians.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isbench.models.catalogue import build
from isbench.samplers.gradient_norm import gradient_norms, how
from isbench.store.records import ModelSpec

SMALL_RESNET = {"depth": 10, "widen": 1}
CASES: list[tuple[str, dict[str, Any], tuple[int, ...], int, int, float | None]] = [
    ("mlp", {}, (1, 28, 28), 10, 640, 1.0),
    ("mlp", {}, (1, 28, 28), 10, 1024, 1.0),
    ("cifar-cnn", {}, (3, 32, 32), 10, 1024, 2.0),
    ("mnist-cnn", {}, (1, 28, 28), 10, 1024, None),
    ("lenet", {}, (1, 28, 28), 10, 1024, None),
    ("circles-mlp", {}, (2,), 2, 1024, None),
    ("pcam-cnn", {}, (3, 96, 96), 2, 256, None),
    *(
        ("wide-resnet", {**SMALL_RESNET, "norm": n}, (3, 32, 32), 10, 256, None)
        for n in ("batch", "layer", "frozen")
    ),
    ("lstm", {"hidden": 64}, (196, 1), 10, 256, None),
    ("resnet18", {}, (3, 32, 32), 10, 64, None),
    ("vit", {"dim": 64, "depth": 4}, (3, 32, 32), 10, 64, None),
    ("pointnet", {}, (256, 3), 40, 64, None),
    ("siren", {"width": 64}, (2,), 3, 256, None),
    ("vgg16-head", {}, (4096,), 102, 64, None),
]


def losses(output: Tensor, target: Tensor) -> Tensor:
    """The cross-entropy of each sample."""
    return F.cross_entropy(output, target, reduction="none")


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(model: nn.Module, x: Tensor, y: Tensor, rounds: int) -> tuple[float, float]:
    """Median seconds of a training step's two passes and of the norms, interleaved."""

    def passes() -> None:
        model.zero_grad(set_to_none=True)
        losses(model(x), y).mean().backward()

    def norms() -> None:
        gradient_norms(model, losses, x, y)

    for work in (passes, norms):
        work()
    times = [(seconds(passes), seconds(norms)) for _ in range(rounds)]
    both, exact = zip(*times, strict=True)
    return statistics.median(both), statistics.median(exact)


def main(wanted: str) -> None:
    """Print one line for every model of this name, or of all."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print("model        norm   samples    way  passes ms  norms ms  ratio  target")
    for name, options, shape, classes, k, target in CASES:
        if wanted not in ("", name):
            continue
        model = build(ModelSpec(name=name, options=options), shape, classes)
        x, y = torch.rand(k, *shape), torch.randint(classes, (k,))
        if x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)  # as isbench hands images out
        both, exact = compare(model, x, y, rounds=15)
        print(
            f"{name:12} {options.get('norm', ''):6} {k:7} {how(model, x[:2]):>6} {both * 1e3:10.1f} "
            f"{exact * 1e3:9.1f} {exact / both:6.2f}  {'' if target is None else f'<= {target}'}"
        )


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else "")
