"""Subsets of the data, drawn anew every round: uniform, by p-SGD and by c-SGD (Arazo et al. 2021).

Baselines of paper 002 and its budgeted protocol: a share of the data a round, each sample once, no weights.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import torch
from annotated_types import Gt, Le
from torch import Tensor

from isbench.samplers.base import Sampler
from isbench.samplers.confidence import Doubts
from isbench.samplers.draw import without_replacement
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem

Fraction = Annotated[float, Gt(0), Le(1)] | None
LEAST = 1e-10  # what every sample is drawn by at least: of a class that is certain, c-SGD leaves nothing


class UniformBudget(Sampler):
    """A random subset a round, each of its samples once.

    `fraction`: its share of the data; where it is left out, that of the budget.
    """

    def __init__(self, problem: "Problem", *, fraction: Fraction = None) -> None:
        super().__init__(problem)
        self.k = size(problem, fraction)

    def epoch(self) -> Iterator[Batch]:
        """The subset, in random order."""
        for index in self.problem.batches(self.problem.shuffled()[: self.k]):
            yield Batch(index, active=False)


class PSgd(Sampler):
    """Draws the subset by how much the net doubted each sample's class, on average over its looks so far.

    Samples that were never trained on count as the most doubted one. The mean is added to all, so that none
    is less likely than 1/(2n). `fraction`: the subset's share of the data; where it is left out, that of the
    budget.
    """

    finite = True
    classes = True
    undecided = False  # True: drawn by the mean doubt times what it lacks to 1

    def __init__(self, problem: "Problem", *, fraction: Fraction = None) -> None:
        super().__init__(problem)
        self.k = size(problem, fraction)
        self.doubts = Doubts(problem.finite_n, problem.device)

    def epoch(self) -> Iterator[Batch]:
        """The subset, in random order; before anything is known it is a uniform one."""
        p, known = self.probabilities(), self.doubts.seen > 0
        subset = without_replacement(p, self.k, self.problem.rng)
        for index in self.problem.batches(self.problem.shuffled(subset)):
            yield Batch(index, None, p if known else None, active=known)

    def probabilities(self) -> Tensor:
        """How likely each sample is drawn first [n]."""
        doubts = self.doubts.mean()
        most = doubts.nan_to_num(0.0).amax() if self.doubts.seen else torch.ones_like(doubts[0])
        doubts = torch.where(doubts.isnan(), most, doubts)
        mass = (doubts * (1 - doubts) if self.undecided else doubts) + LEAST
        return (mass + mass.mean()) / (2 * mass.sum())

    def observe(self, batch: Batch, seen: Forward) -> None:
        """The doubts of the batch join those before."""
        self.doubts.learn(self.problem, batch, seen)

    def stored(self) -> Tensor:
        """The mean doubts [n]."""
        return self.doubts.mean()


class CSgd(PSgd):
    """The same by how undecided the net was: the mean doubt times what it lacks to 1, largest at one half."""

    undecided = True


def size(problem: "Problem", fraction: float | None) -> int:
    """How many samples a round has, of a fraction of the data or of the budget's."""
    share = problem.fraction if fraction is None else fraction
    return max(1, int(share * problem.size + 1e-9))
