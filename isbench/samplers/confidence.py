"""What a net made of every sample's class, over all the times that it was trained on."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from isbench.samplers.draw import wide
from isbench.samplers.rules import mend
from isbench.samplers.scores import doubt
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class Doubts:
    """Three sums for each sample [n, 3]: how often it was looked at, its doubts, and their squares.

    A sample that a batch holds twice was looked at twice, and what a mixed sample is made of by its share.
    Doubts lie between 0 and 1, so in double precision sums give their variance to fifteen digits, for one
    addition a step; on MPS, which has float32 alone, variances below 1e-6 are rounding.
    """

    def __init__(self, n: int, device: torch.device) -> None:
        self.sums = torch.zeros(n, 3, dtype=wide(device), device=device)
        self.seen = 0  # looks at all samples together

    def learn(self, problem: "Problem", batch: Batch, seen: Forward) -> None:
        """The doubts of a batch that was trained on join those before."""
        doubts, problem.healed = mend(problem.rejudge(doubt, batch, seen))
        self.look(seen, doubts)

    def look(self, seen: Forward, doubts: Tensor) -> None:
        """Add the doubts [b] of samples just seen."""
        doubts = doubts.to(self.sums.dtype)
        index, look = seen.index, torch.stack([torch.ones_like(doubts), doubts, doubts.square()], 1)
        if seen.parts is not None and seen.share is not None:
            index, look = seen.parts.flatten(), (seen.share[:, :, None] * look[:, None]).flatten(0, 1)
        self.sums.index_add_(0, index, look)
        self.seen += len(seen.index)

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
