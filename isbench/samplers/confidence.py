"""What a net made of every sample's class, over all the times that it was trained on."""

import torch
from torch import Tensor

from isbench.samplers.draw import wide


class Doubts:
    """Three sums for each sample [n, 3]: how often it was looked at, its doubts, and their squares.

    A sample that a batch holds twice was looked at twice. Doubts lie between 0 and 1, so in double precision
    sums give their variance to fifteen digits, for one addition a step.
    """

    def __init__(self, n: int, device: torch.device) -> None:
        self.sums = torch.zeros(n, 3, dtype=wide(device), device=device)

    def look(self, index: Tensor, doubt: Tensor) -> None:
        """Add the doubts [b] of some samples."""
        doubt = doubt.to(self.sums.dtype)
        self.sums.index_add_(0, index, torch.stack([torch.ones_like(doubt), doubt, doubt.square()], 1))

    @property
    def times(self) -> Tensor:
        """How often each sample was looked at [n]."""
        return self.sums[:, 0]

    def mean(self) -> Tensor:
        """The mean doubt of each sample [n], NaN of those never looked at."""
        return self.sums[:, 1] / self.times

    def variance(self) -> Tensor:
        """The variance of the doubts about each sample [n], NaN of those never looked at."""
        return (self.sums[:, 2] / self.times - self.mean().square()).clamp(min=0)
