"""Two Circles (paper 000): points of a square, class 1 inside either of two circles.

A sample's number is hashed into its point, so the stream needs no memory and a number is the same point on
every device. Training numbers are 0 or more; held-out points and fixed training points have negative ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from isbench.datasets.base import Dataset
from isbench.datasets.hashing import scramble
from isbench.datasets.losses import cross_entropy
from isbench.datasets.source import Source, Stream
from isbench.datasets.stored import Stored
from isbench.errors import UsageError

EPOCH_SIZE = 16_384
HELD_OUT = 20_480
BALANCED, AUTHORS = 0.33968167, 0.35  # squared radii: half of the square inside; 51.05 % inside
REGIONS = {"validation": -(1 << 40), "test": -(2 << 40), "train": -(3 << 40)}  # of fixed numbers, upwards


def two_circles(root: Path, *, samples: int | None = None, balanced: bool = True) -> Source | Stream:
    """The stream, or `samples` fixed points; `balanced: false` is the authors' generator."""
    rule = Circles(BALANCED if balanced else AUTHORS)
    if samples is None:
        return Stream((2,), 2, EPOCH_SIZE, lambda device: stream(rule, device))
    if samples < 1:
        raise UsageError(
            f"two-circles with samples: {samples}", "one or more, or leave it out for the stream"
        )
    train, validation, test = (
        rule.fixed(region, size)
        for region, size in (("train", samples), ("validation", HELD_OUT), ("test", HELD_OUT))
    )
    return Source(
        shape=(2,),
        classes=2,
        y_train=train[1],
        y_test=test[1],
        inputs=lambda: (train[0], test[0]),
        validation=validation,
        outlines=rule.outlines(),
    )


@dataclass(frozen=True)
class Circles:
    """The points of any numbers; a split without end."""

    radius_squared: float
    n: int | None = None

    def fetch(self, index: Tensor, round: int = 0) -> tuple[Tensor, Tensor]:
        """Points [k, 2] of the square [-1, 1]^2, float32, and classes [k] of numbers [k] int64."""
        points = scramble(index).view(torch.int32).view(-1, 2) * 2.0**-31
        return points, self.classify(points)

    def parts(self, index: Tensor, round: int = 0) -> None:
        """No point is mixed of others."""

    def classify(self, points: Tensor) -> Tensor:
        """Class [k] int64: 1 inside a circle about (0.5, 0.5) or (-0.5, -0.5).

        The nearer centre is at the squared distance x^2 + y^2 - |x + y| + 0.5.
        """
        x, y = points.unbind(1)
        nearness = (x + y).abs_().addcmul_(x, x, value=-1).addcmul_(y, y, value=-1)
        return (nearness > 0.5 - self.radius_squared).long()

    def fixed(self, region: str, size: int) -> tuple[Tensor, Tensor]:
        """Points that never change and no stream meets."""
        return self.fetch(torch.arange(size) + REGIONS[region])

    def outlines(self) -> tuple[np.ndarray, ...]:
        """The two circles as closed curves [m, 2], as far as they lie in the square."""
        angle = np.linspace(0, 2 * math.pi, 181)
        curve = math.sqrt(self.radius_squared) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return tuple(np.clip(curve + centre, -1, 1).astype(np.float32) for centre in (0.5, -0.5))


def stream(rule: Circles, device: torch.device) -> Dataset:
    """Fresh points for ever, with fixed held-out sets."""
    validation, test = (
        Stored(x.to(device), y.to(device))
        for x, y in (rule.fixed(region, HELD_OUT) for region in ("validation", "test"))
    )
    return Dataset(
        name="two-circles",
        train=rule,
        validation=validation,
        test=test,
        plain=rule,
        shape=(2,),
        classes=2,
        loss=cross_entropy,
        device=device,
        lives="device",
        epoch_size=EPOCH_SIZE,
        outlines=rule.outlines(),
    )
