"""Two MNIST digits side by side: a task of 100 classes from small images."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from isbench.datasets.hashing import pick
from isbench.datasets.images import mnist
from isbench.datasets.source import Source
from isbench.errors import UsageError

CLASSES = 100


def mnist_pairs(
    root: Path, *, train: int = 20_000, test: int = 5_000, per_class: int | None = None
) -> Source:
    """Pairs (1, 28, 56) of MNIST's training and of its test digits, class 10 left + right.

    Pair i is fixed by its number. `per_class` replaces `train` by that many training pairs of every class.
    """
    if min(train, test, 1 if per_class is None else per_class) < 1:
        raise UsageError("mnist-pairs with train, test or per_class below 1", "choose 1 or more")
    digits = mnist(root)
    if per_class is None:
        chosen = random_pairs(train, len(digits.y_train), "train")
    else:
        chosen = balanced_pairs(per_class, digits.y_train)
    chosen_test = random_pairs(test, len(digits.y_test), "test")

    def inputs() -> tuple[Tensor, Tensor]:
        x_train, x_test = digits.inputs()
        return side_by_side(x_train, chosen), side_by_side(x_test, chosen_test)

    return Source(
        shape=(1, 28, 56),
        classes=CLASSES,
        y_train=digits.y_train[chosen] @ torch.tensor([10, 1]),
        y_test=digits.y_test[chosen_test] @ torch.tensor([10, 1]),
        inputs=inputs,
        scale=digits.scale,
    )


def random_pairs(size: int, n: int, part: str) -> Tensor:
    """Which two of n digits each pair shows, [size, 2]."""
    number = torch.arange(size)
    return torch.stack([pick(number, n, "mnist-pairs", part, side) for side in ("left", "right")], dim=1)


def balanced_pairs(per_class: int, y: Tensor) -> Tensor:
    """Which two digits each pair shows, [100 per_class, 2], where every class has as many."""
    number = torch.arange(CLASSES * per_class)
    label = number % CLASSES
    by_class, count = torch.argsort(y, stable=True), torch.bincount(y, minlength=10)
    first = count.cumsum(0) - count
    sides = []
    for side, digit in (("left", label // 10), ("right", label % 10)):
        sides.append(by_class[first[digit] + pick(number, count[digit], "mnist-pairs", "per class", side)])
    return torch.stack(sides, dim=1)


def side_by_side(images: Tensor, chosen: Tensor) -> Tensor:
    """Images [k, 1, 28, 56] of chosen pairs [k, 2]."""
    return torch.cat([images[chosen[:, 0]], images[chosen[:, 1]]], dim=3)
