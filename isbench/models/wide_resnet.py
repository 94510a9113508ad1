"""Wide residual networks (Zagoruyko and Komodakis 2016), whose layers act on what is already normalised."""

from __future__ import annotations

from typing import Annotated, Literal

import torch.nn.functional as F
from annotated_types import Ge
from torch import Tensor, nn

from isbench.errors import UsageError
from isbench.models.norms import NORMS


def wide_resnet(
    shape: tuple[int, ...],
    outputs: int,
    *,
    depth: Annotated[int, Ge(10)] = 28,
    widen: Annotated[int, Ge(1)] = 2,
    norm: Literal["batch", "layer", "frozen"] = "batch",
) -> nn.Module:
    """WRN-depth-widen for small square images; `layer` is the norm of paper 001's code.

    `frozen`: batch norm that always uses its stored statistics, also in training. Nothing pre-trains them
    here, so they are mean 0 and variance 1, and the layer is a trained scale and shift.
    """
    if len(shape) != 3 or shape[1] != shape[2]:
        size = "x".join(map(str, shape))
        raise UsageError(f"wide-resnet needs square images, the data set gives {size}", "try mlp")
    if (depth - 4) % 6:
        near = depth - (depth - 4) % 6
        raise UsageError(
            f"wide-resnet has no depth {depth}", f"its depth is 6k + 4, such as {near} or {near + 6}"
        )
    return WideResNet(shape[0], outputs, (depth - 4) // 6, widen, NORMS[norm])


class WideResNet(nn.Module):
    """Three groups of residual blocks with 16, 32 and 64 times `widen` channels."""

    def __init__(self, channels: int, outputs: int, blocks: int, widen: int, norm: type[nn.Module]) -> None:
        super().__init__()
        width, groups = 16, []
        self.first = convolution(channels, width, 3)
        for group, stride in ((16, 1), (32, 2), (64, 2)):
            for number in range(blocks):
                groups.append(Block(width, group * widen, 1 if number else stride, norm))
                width = group * widen
        self.blocks = nn.Sequential(*groups)
        self.norm = norm(width)
        self.last = nn.Linear(width, outputs)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor) -> Tensor:
        """The logits [b, outputs]."""
        features = F.relu(self.norm(self.blocks(self.first(x))), inplace=True)
        return self.last(features.mean((2, 3)))


class Block(nn.Module):
    """Norm, ReLU, convolution, twice; a 1x1 convolution leads past it where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: type[nn.Module]) -> None:
        super().__init__()
        self.norm1, self.convolution1 = norm(inputs), convolution(inputs, outputs, 3, stride)
        self.norm2, self.convolution2 = norm(outputs), convolution(outputs, outputs, 3)
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else convolution(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """The input, or its projection, plus what the two layers make of it."""
        active = F.relu(self.norm1(x), inplace=True)
        past = x if self.shortcut is None else self.shortcut(active)
        hidden = F.relu(self.norm2(self.convolution1(active)), inplace=True)
        return past + self.convolution2(hidden)


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A padded convolution without bias, initialised after He et al. (2015) by its outputs."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer
