"""Samples in memory: bytes stay bytes until they are fetched.

Images lie channels last, [m, h, w, c], and are handed out as [k, c, h, w] views of that: on a CPU that makes
convolutions two to three times as fast, and nothing else can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

CHUNK = 4096  # samples copied at a time


@dataclass(frozen=True)
class Stored:
    """A split whose samples lie on the device or on the host; labels are always on the device."""

    inputs: Tensor  # [m, ...] uint8 or float32; images [m, h, w, c]
    targets: Tensor  # [n] int64 or [n, d] float32, on the device
    scale: float | Tensor = 1.0  # of bytes; a tensor has one number for each channel
    shift: float | Tensor = 0.0
    rows: Tensor | None = None  # [n] where sample i lies in the inputs; None: at i
    augmentation: Callable[[Tensor, Tensor, int], Tensor] | None = None  # (raw samples, index, round)
    n: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", len(self.targets))

    def fetch(self, index: Tensor, round: int = 0) -> tuple[Tensor, Tensor]:
        """Inputs [k, ...] float32 and targets, [k] or [k, d], on the device of the labels."""
        return self.scaled(self.raw(index, round)), self.targets.index_select(0, index)

    def scaled(self, inputs: Tensor) -> Tensor:
        """What a model sees of raw samples [k, ...]: float32, images [k, c, h, w]."""
        if inputs.dtype == torch.uint8:
            inputs = inputs.float().mul_(self.scale)
            if isinstance(self.shift, Tensor) or self.shift:
                inputs.add_(self.shift)
        return inputs.permute(0, 3, 1, 2) if inputs.ndim == 4 else inputs

    def parts(self, index: Tensor, round: int = 0) -> tuple[Tensor, Tensor] | None:
        """None: samples as they lie here are mixed of nothing."""

    def raw(self, index: Tensor, round: int = 0) -> Tensor:
        """Samples [k, ...] as they are stored, images channels last, augmented."""
        inputs = self.gather(index)
        return inputs if self.augmentation is None else self.augmentation(inputs, index, round)

    def gather(self, index: Tensor) -> Tensor:
        """Raw samples [k, ...], images channels last, on the device; from the host via page-locked memory."""
        if self.inputs.device == index.device and self.rows is None:
            return self.inputs.index_select(0, index)
        where = index.to(self.inputs.device)
        taken = self.inputs.index_select(0, where if self.rows is None else self.rows[where])
        if index.is_cuda and not taken.is_cuda:
            return taken.pin_memory().to(index.device, non_blocking=True)
        return taken.to(index.device)


def channels_last(inputs: Tensor) -> Tensor:
    """Images [m, c, h, w] seen as [m, h, w, c]; anything else as it is."""
    return inputs.permute(0, 2, 3, 1) if inputs.ndim == 4 else inputs


def place(
    inputs: Tensor,
    rows: Tensor,
    device: torch.device,
    transform: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """A copy of some rows of inputs [m, ...], images channels last, on the device, made in chunks.

    A transform makes float32 of them on the way.
    """
    n, inputs = len(rows), channels_last(inputs)
    kind = inputs.dtype if transform is None else torch.float32
    copy = torch.empty((n, *inputs.shape[1:]), dtype=kind, device=device)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        taken = inputs[rows[part]]
        copy[part] = taken if transform is None else transform(taken)
    return copy
