"""LOW: uniform batches, weighed so that large gradients count more.

Santiago et al. 2021, a baseline of paper 003.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from isbench.samplers.base import Sampler
from isbench.samplers.rules import mend
from isbench.samplers.scores import Score
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class Low(Sampler):
    """Every sample once a round; the weights of a batch favour its large gradients.

    `smoothness`: lambda, how much it costs to leave equal weights. `scale`: whether the norms are those of
    each sample's own loss, or of the mean loss of the batch as in the authors' code.
    """

    def __init__(
        self,
        problem: "Problem",
        *,
        score: Score,
        smoothness: Annotated[float, Gt(0)] = 0.1,
        scale: Literal["per_sample", "batch_mean"] = "per_sample",
    ) -> None:
        super().__init__(problem)
        self.score, self.smoothness, self.scale = score, smoothness, scale

    def epoch(self) -> Iterator[Batch]:
        """Slices of a shuffled order."""
        for index in self.problem.batches(self.problem.shuffled()):
            yield Batch(index)

    def weigh(self, batch: Batch, seen: Forward) -> Tensor:
        """The best weights of the batch by what its forward says."""
        norms, self.problem.healed = mend(self.problem.judge(self.score, batch, seen))
        if self.scale == "batch_mean":
            norms = norms / len(norms)
        return weights(norms, self.smoothness)


def weights(norms: Tensor, smoothness: float) -> Tensor:
    """The w [b] >= 0 with sum b that maximise sum w n^2 - smoothness ||w - 1||^2, for norms n [b] >= 0."""
    return project(norms.square() / (2 * smoothness), len(norms))


def project(v: Tensor, total: float) -> Tensor:
    """The w [b] >= 0 with the sum `total` that is nearest to v [b]; no wait for the device.

    All of v sinks by the same amount, and what would be negative is 0. Were the r largest to stay, they would
    sink by what they have too much, shared among them: the right r is the one that asks for most.
    """
    v = v - v.amax()  # changes no answer, and keeps large values from drowning the differences
    excess = v.sort(descending=True).values.cumsum(0) - total
    share = excess / torch.arange(1, len(v) + 1, device=v.device, dtype=v.dtype)
    return (v - share.amax()).clamp_(min=0)
