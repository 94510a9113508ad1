"""What a data set is to the rest of isbench: samples by their number, on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from isbench.store.records import Metric


class Split(Protocol):
    """Samples that are fetched by number; n is None where any number is a sample (a stream)."""

    @property
    def n(self) -> int | None:
        """How many samples there are; None: any number is one."""
        ...

    def fetch(self, index: Tensor, round: int = 0) -> tuple[Tensor, Tensor]:
        """Inputs [k, ...] float32 and targets, [k] or [k, d], on the device of `index` [k] int64.

        `round` redraws augmentation, which is a hash of (seed, round, index); held-out splits ignore it.
        """
        ...


class Nothing:
    """A split without samples."""

    n = 0

    def fetch(self, index: Tensor, round: int = 0) -> tuple[Tensor, Tensor]:
        """There is nothing to fetch: IndexError."""
        raise IndexError("a split without samples was asked for some")


class Training(Split, Protocol):
    """Training samples, which may be mixed of several."""

    def parts(self, index: Tensor, round: int = 0) -> tuple[Tensor, Tensor] | None:
        """What some samples [k] are mixed of: numbers [k, m] int64 and their shares [k, m] float32, sum 1.

        As `fetch` mixes them in that round, the sample itself first; None where nothing is mixed.
        """
        ...


@dataclass(frozen=True)
class Dataset:
    """A task: samples to train on, held-out samples, the loss, and what figures may show of it."""

    name: str
    train: Training
    validation: Split
    test: Split
    plain: Training  # the training samples without augmentation
    shape: tuple[int, ...]  # of one input
    classes: int  # 0: regression
    loss: Callable[[Tensor, Tensor], Tensor]  # (output, target) -> [b], never reduced
    device: torch.device
    lives: str  # where the samples are: "device", "host", "disk"
    epoch_size: int  # n, or what stands for it on the axes of a stream
    origin: Tensor | None = None  # [n] index in the published training set
    labels: Tensor | None = None  # [n] class of each training sample
    values: int = 0  # the length of a regression target
    pictures: Callable[[Tensor], np.ndarray] | None = None  # index [k] -> uint8 [k, height, width, 1 or 3]
    canvas: tuple[int, int] | None = None  # height, width of the image whose pixels the test samples are
    outlines: tuple[np.ndarray, ...] = ()  # closed curves [m, 2] that separate the classes of 2-D data

    @property
    def n(self) -> int | None:
        """How many training samples there are; None: a stream."""
        return self.train.n

    @property
    def outputs(self) -> int:
        """How many numbers a model returns of a sample: a logit for each class, or the values themselves."""
        return self.classes or self.values


@dataclass(frozen=True)
class Facts:
    """What a plan must know of a data set before anything is trained."""

    n: int | None
    epoch_size: int
    shape: tuple[int, ...]
    classes: int  # 0: regression
    values: int = 0  # the length of a regression target
    validation: bool = True  # whether there are samples to validate on

    @property
    def outputs(self) -> int:
        """How many numbers a model returns of a sample."""
        return self.classes or self.values

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The errors and losses that points will hold; what is best to judge by comes first."""
        found: list[Metric] = ["val_error", "val_loss", "test_error", "test_loss", "train_loss"]
        found = [metric for metric in found if self.validation or not metric.startswith("val")]
        return tuple([metric for metric in found if self.classes or not metric.endswith("error")])
