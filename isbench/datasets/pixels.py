"""MNIST pixel by pixel: a sequence of one number per step, in an order that is fixed for good (paper 001).

The order is that of the authors' program, numpy's `RandomState(0).permutation`, the same for training and
test images and for every run. Averaged to 14x14 pixels the sequence is a quarter as long; its order is the
same generator's permutation of 196.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from isbench.datasets.images import RAW, mnist
from isbench.datasets.source import Source

SIDE = 28
SEED = 0


def permuted_mnist(root: Path, *, pool: Literal[1, 2] = 1) -> Source:
    """60,000 and 10,000 digits as sequences (784, 1) in [0, 1]; `pool: 2` averages 2x2 pixels first."""
    digits = mnist(root)
    order = permutation((SIDE // pool) ** 2)

    def inputs() -> tuple[Tensor, Tensor]:
        x_train, x_test = digits.inputs()
        return sequences(x_train, pool, order), sequences(x_test, pool, order)

    return Source(
        shape=(len(order), 1),
        classes=digits.classes,
        y_train=digits.y_train,
        y_test=digits.y_test,
        inputs=inputs,
        scale=digits.scale,
    )


def permutation(steps: int) -> Tensor:
    """Which pixel [steps] comes at each step."""
    return torch.from_numpy(np.random.RandomState(SEED).permutation(steps))


def sequences(images: Tensor, pool: int, order: Tensor) -> Tensor:
    """Images [n, 1, 28, 28] uint8 as sequences [n, steps, 1]: bytes, or means in [0, 1] as float32.

    A mean of four bytes is no byte; as one float32 it needs as much memory as the four bytes.
    """
    if pool > 1:
        side = SIDE // pool
        blocks = images.view(-1, side, pool, side, pool).sum((2, 4), dtype=torch.int32)
        images = blocks.float().mul_(RAW / pool**2)
    return images.reshape(len(images), -1)[:, order].unsqueeze(2)
