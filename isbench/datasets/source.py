"""What the files of a data set say, before any of a recipe's wishes: the common form of every data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from isbench.datasets.base import Dataset

if TYPE_CHECKING:
    from isbench.datasets.whiten import Whitening


@dataclass(frozen=True)
class Source:
    """A finite task as it was published; inputs are read late, so that a plan reads labels only."""

    shape: tuple[int, ...]
    classes: int  # 0: regression
    y_train: Tensor  # [n] int64, or [n, d] float32 where there are no classes
    y_test: Tensor
    inputs: Callable[[], tuple[Tensor, Tensor]]  # training and test samples, host, uint8 or float32
    scale: float | tuple[float, ...] = 1.0  # a model sees bytes * scale + shift, of all or of each channel;
    shift: float | tuple[float, ...] = 0.0  # floats are taken as they are
    white: int = 255  # the byte that pictures show as white
    flips: bool = False  # whether a mirrored image is still of its class
    on_disk: bool = False  # the inputs are mapped from a file that may not fit into memory
    rows: Tensor | None = None  # where training sample i lies in the first of the inputs, if not at i
    test_rows: Tensor | None = None  # the same for test samples in the second
    validation: tuple[Tensor, Tensor] | None = None  # a validation set of its own
    held: Tensor | None = None  # or those of the training samples that are published for validation
    whitening: Callable[[], Whitening] | None = None  # made late: what becomes of bytes when they are placed
    virtual: int | None = None  # so many training samples are made of the published ones, which are images
    outlines: tuple[np.ndarray, ...] = ()
    loss: str = "cross_entropy"  # a name of losses.LOSSES
    canvas: tuple[int, int] | None = None  # height and width, where the test samples are an image's pixels


@dataclass(frozen=True)
class Stream:
    """A task without end: its samples are computed from their numbers."""

    shape: tuple[int, ...]
    classes: int
    epoch_size: int
    dataset: Callable[[torch.device], Dataset]
