"""Importance and adaptive sampling with a memory (paper 003, Algorithm 1).

The memory holds the importance of every sample as it was when the sample was last trained on. Sampling by it
costs no forward pass of its own: what updates it comes from the training forward.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import torch
from annotated_types import Ge, Lt
from torch import Tensor

from isbench.samplers.base import Sampler
from isbench.samplers.draw import weighted, wide
from isbench.samplers.rules import TINY, mend
from isbench.samplers.scores import Score
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class Memory(Sampler):
    """What all three share: the memory, the ordinary first round that fills it, and its updates.

    `alpha`: how much of the old importance stays at an update; `epsilon`: what every sample's importance
    gains at the end of a round, so that none is forgotten.
    """

    finite = True

    def __init__(
        self,
        problem: "Problem",
        *,
        score: Score,
        alpha: Annotated[float, Ge(0), Lt(1)] = 0.1,
        epsilon: Annotated[float, Ge(0)] = 1e-3,
    ) -> None:
        super().__init__(problem)
        self.score, self.alpha, self.epsilon = score, alpha, epsilon
        self.importance = problem.full(torch.nan).to(wide(problem.device))  # NaN: not seen yet
        self.seen = 0

    def epoch(self) -> Iterator[Batch]:
        """One ordinary round; then rounds by importance."""
        problem = self.problem
        if self.seen < problem.finite_n:
            yield from (Batch(index, active=False) for index in problem.batches(problem.shuffled()))
            return
        self.importance.nan_to_num_(1.0).add_(self.epsilon)  # what a start criterion kept from view counts 1
        yield from self.by_importance()

    def by_importance(self) -> Iterator[Batch]:
        """A round of batches that the memory has a say in."""
        raise NotImplementedError(f"{type(self).__name__} must say what the memory is for")

    def observe(self, batch: Batch, seen: Forward) -> None:
        """Move the importance of the batch's samples towards what it is now; the first time, all the way."""
        now, self.problem.healed = mend(self.problem.rejudge(self.score, batch, seen))
        now = now.clamp(min=TINY)  # a memory of nothing but zeros could not be drawn from
        self.problem.remember(self.importance, seen, now, keep=self.alpha)
        self.seen += len(seen.index)

    def stored(self) -> Tensor:
        """The importances [n], NaN where a sample was not seen yet."""
        return self.importance


class MemoryAs(Memory):
    """Adaptive sampling: drawn in proportion to the memory, unweighted."""

    def by_importance(self) -> Iterator[Batch]:
        """As many batches as a shuffled round has full ones."""
        for _ in range(self.problem.steps):
            index, p = weighted(self.importance, self.problem.batch, self.problem.rng)
            yield Batch(index, self.weight(p), self.importance)

    def weight(self, p: Tensor) -> Tensor | None:
        """How much samples count that were drawn with the probabilities p [b]."""
        return None


class MemoryIs(MemoryAs):
    """Importance sampling: the same draws, weighed by 1/(n p), which is unbiased."""

    def weight(self, p: Tensor) -> Tensor:
        """1/(n p): what makes the expected gradient that of uniform sampling."""
        return 1 / (self.problem.finite_n * p)


class MemoryWeight(Memory):
    """Adaptive weighting: a shuffled round, weighed in proportion to the memory, 1 on average."""

    def by_importance(self) -> Iterator[Batch]:
        """Every sample once."""
        for index in self.problem.batches(self.problem.shuffled()):
            weight = self.importance[index] / self.importance.mean()
            yield Batch(index, weight)
