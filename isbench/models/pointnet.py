"""PointNet (Qi et al. 2017) as paper 003 uses it: the same layers for every point, and a maximum over all."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from isbench.errors import UsageError

WIDTHS = (64, 128, 1024)


def pointnet(shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Three shared layers with batch norm and ReLU, the maximum over the points, one linear layer."""
    if len(shape) != 2 or min(shape) < 2:
        size = "x".join(map(str, shape))
        raise UsageError(
            f"pointnet needs clouds of 2 or more points of 2 or more numbers, the data set gives {size}",
            "try mlp",
        )
    return PointNet(*shape, outputs)


class PointNet(nn.Module):
    """A function of a set of points: their order does not matter.

    A cloud is an image of one column and one channel for each number of a point, so that all points of all
    clouds are the rows of one matrix product and of one batch norm.
    """

    def __init__(self, points: int, width: int, outputs: int) -> None:
        super().__init__()
        self.widest = points * WIDTHS[-1]  # numbers of a cloud
        self.layers = nn.ModuleList()
        self.norms = nn.ModuleList()
        for wide in WIDTHS:
            self.layers.append(nn.Conv2d(width, wide, 1))
            self.norms.append(nn.BatchNorm2d(wide))
            width = wide
        self.last = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """The logits [b, outputs] of clouds [b, points, width]."""
        x = x[:, :, None].permute(0, 3, 1, 2)
        for layer, norm in list(zip(self.layers, self.norms, strict=True))[:-1]:
            x = F.relu(norm(layer(x)), inplace=True)
        x = self.norms[-1](self.layers[-1](x))
        # ReLU and maximum commute; ReLU on the maxima alone leaves the largest of all tensors unread.
        return self.last(F.relu(x.permute(0, 2, 3, 1).flatten(1, 2).max(1).values))
