"""ResNet-18 (He et al. 2016) for small images: a first layer that keeps their size, and no pooling."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from isbench.errors import UsageError
from isbench.models.norms import NORMS
from isbench.models.wide_resnet import convolution

LEAST = 9  # pixels: the last blocks then see more than one place, which batch statistics of one sample need


def resnet18(
    shape: tuple[int, ...], outputs: int, *, norm: Literal["batch", "layer", "frozen"] = "batch"
) -> nn.Module:
    """ResNet-18 with a 3x3 first convolution of stride 1; `norm` as in wide-resnet."""
    if len(shape) != 3 or min(shape[1:]) < LEAST:
        size = "x".join(map(str, shape))
        raise UsageError(
            f"resnet18 needs images of {LEAST}x{LEAST} or more, the data set gives {size}", "try mlp"
        )
    return ResNet(shape[0], outputs, NORMS[norm])


class ResNet(nn.Module):
    """Four groups of two residual blocks with 64, 128, 256 and 512 channels."""

    def __init__(self, channels: int, outputs: int, norm: type[nn.Module]) -> None:
        super().__init__()
        width, blocks = 64, []
        self.first, self.norm = convolution(channels, width, 3), norm(width)
        for group, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            blocks += [Block(width, group, stride, norm), Block(group, group, 1, norm)]
            width = group
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """The logits [b, outputs]."""
        features = self.blocks(F.relu(self.norm(self.first(x)), inplace=True))
        return self.last(features.mean((2, 3)))


class Block(nn.Module):
    """Convolution and norm, twice, with a ReLU between and after them; past it a projection if need be."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: type[nn.Module]) -> None:
        super().__init__()
        self.convolution1, self.norm1 = convolution(inputs, outputs, 3, stride), norm(outputs)
        self.convolution2, self.norm2 = convolution(outputs, outputs, 3), norm(outputs)
        self.shortcut = None
        if inputs != outputs:
            self.shortcut = nn.Sequential(convolution(inputs, outputs, 1, stride), norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """The input, or its projection, plus what the two layers make of it, as far as it is positive."""
        past = x if self.shortcut is None else self.shortcut(x)
        hidden = F.relu(self.norm1(self.convolution1(x)), inplace=True)
        return F.relu(self.norm2(self.convolution2(hidden)).add_(past), inplace=True)
