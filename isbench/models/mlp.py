"""Multi-layer perceptrons."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated

from annotated_types import Ge
from torch import nn

from isbench.errors import UsageError

HIDDEN = [256, 256]


def mlp(shape: tuple[int, ...], outputs: int, *, hidden: list[int] = HIDDEN) -> nn.Module:
    """Linear layers of the widths `hidden` with ReLU between them, on the flattened input."""
    if any(width < 1 for width in hidden):
        raise UsageError(f"mlp cannot have hidden layers of {hidden} units", "give widths of 1 or more")
    widths = [math.prod(shape), *hidden]
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))


def circles_mlp(shape: tuple[int, ...], outputs: int, *, dropout: bool = False) -> nn.Module:
    """2-50-2 with ReLU, paper 000's net for Two Circles; `dropout`: its layer that never was active."""
    if tuple(shape) != (2,):
        size = "x".join(map(str, shape))
        raise UsageError(f"circles-mlp needs points of 2 numbers, the data set gives {size}", "try mlp")
    between = [nn.Dropout(0.5)] if dropout else []
    return nn.Sequential(nn.Linear(2, 50), nn.ReLU(), *between, nn.Linear(50, outputs))


def vgg16_head(shape: tuple[int, ...], outputs: int, *, hidden: Annotated[int, Ge(1)] = 512) -> nn.Module:
    """Two linear layers with ReLU between them on features of a frozen network; the paper gives no widths."""
    if len(shape) != 1:
        size = "x".join(map(str, shape)) or "single numbers"
        raise UsageError(f"vgg16-head needs features, the data set gives {size}", "try mlp or resnet18")
    return mlp(shape, outputs, hidden=[hidden])
