"""The normalisation layers of residual networks by name, and those that torch does not have in this form."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """Batch norm by its stored statistics, in training too: a sample's output depends on no other sample.

    Scale and shift are trained; mean and variance stay what they are, 0 and 1 unless they were loaded.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.training = False

    def train(self, mode: bool = True) -> FrozenBatchNorm2d:
        """Stay in evaluation mode, where the stored statistics are used."""
        return super().train(False)


class SampleNorm2d(nn.Module):
    """Layer norm over all channels and places of a sample, with one gain and a shift for each channel.

    As in the library of the authors of paper 001, with their epsilon.
    """

    def __init__(self, channels: int, eps: float = 1e-3) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """The normalised images [b, channels, h, w]."""
        return F.group_norm(x, 1, self.weight.expand(len(self.bias)), self.bias, self.eps)

    def squared_gradients(self, x: Tensor, d: Tensor) -> Tensor:
        """The squared norm [k] of each sample's gradient, from the input and the gradient at the output."""
        squares = d.new_zeros(len(d))
        if self.weight.requires_grad:
            normal = F.group_norm(x, 1, eps=self.eps)
            squares += (normal * d).flatten(1).sum(1).square()
        if self.bias.requires_grad:
            squares += d.flatten(2).sum(2).square().sum(1)
        return squares


NORMS: dict[str, type[nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "layer": SampleNorm2d,
    "frozen": FrozenBatchNorm2d,
}
