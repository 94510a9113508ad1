"""Prioritized sampling: draw by a power of the last known loss, weigh by a power of 1/p.

Schaul et al. 2015, arXiv 1511.05952, on a training set in place of a replay memory; a baseline of paper 001.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from annotated_types import Ge, Le
from torch import Tensor

from isbench.samplers.base import Sampler
from isbench.samplers.draw import categorical, descending, wide
from isbench.samplers.rules import mend, tempered
from isbench.samplers.scores import Score
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem

LEAST = 1e-6  # added to every priority, so that none is 0
Scaled = Literal["batch", "global", "none", "rescaled"]


class Prioritized(Sampler):
    """Draws with replacement in proportion to (last loss)^alpha, with weights (n p)^-beta.

    beta rises to 1 over the budget where `anneal` is on. `weight_max`: weights are divided by the largest of
    the batch, by the largest that any sample has, by nothing, or rescaled as in `tempered`. `unseen`: samples
    not seen yet have the largest priority, or the mean. `recompute`: steps between two looks at all losses,
    0: never.
    """

    finite = True

    def __init__(
        self,
        problem: "Problem",
        *,
        score: Score,
        alpha: Annotated[float, Ge(0)] = 0.6,
        beta: Annotated[float, Ge(0), Le(1)] = 0.4,
        weight_max: Scaled = "batch",
        anneal: bool = True,
        unseen: Literal["largest", "mean"] = "largest",
        recompute: Annotated[int, Ge(0)] = 0,
    ) -> None:
        super().__init__(problem)
        self.score, self.alpha, self.beta, self.weight_max = score, alpha, beta, weight_max
        self.anneal, self.unseen, self.recompute = anneal, unseen, recompute
        self.known = problem.full(torch.nan)  # the last loss of each sample
        self.mass = problem.full(0.0)  # its power alpha; 0 where the sample was not seen yet
        self.drawn = 0
        self.healed: Tensor | None = None

    def epoch(self) -> Iterator[Batch]:
        """As many batches as a shuffled round has full ones."""
        for _ in range(self.problem.steps):
            self.healed = None
            if self.recompute and self.drawn and self.drawn % self.recompute == 0:
                everything = self.problem.everything()
                losses, self.healed = mend(self.problem.score(self.score, everything))
                self.remember(everything, losses)
            self.drawn += 1
            index, p, least = self.draw()
            weight = self.weights(index, p, least).to(self.known.dtype)
            yield Batch(index, weight, self.known, healed=self.healed)

    def guess(self) -> Tensor:
        """What stands for the losses of samples not seen yet, 0-d."""
        if self.unseen == "largest":
            return self.known.nan_to_num(0.0).amax()
        return self.known.nanmean().nan_to_num(0.0)

    def priorities(self, index: Tensor) -> Tensor:
        """The last losses of some samples [k], and what stands for them where there are none."""
        known = self.known[index]
        return torch.where(known.isnan(), self.guess(), known) + LEAST

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """A batch, how likely each of it was at each draw, and how likely the least likely sample is."""
        unseen = (self.guess() + LEAST) ** self.alpha
        mass = torch.where(self.mass > 0, self.mass, unseen).to(wide(self.mass.device))
        index, total = categorical(mass, self.problem.batch, self.problem.rng), mass.sum()
        return index, mass[index] / total, mass.amin() / total

    def weights(self, index: Tensor, p: Tensor, least: Tensor) -> Tensor:
        """How much each sample of the batch counts."""
        n = self.problem.finite_n
        beta = self.beta + (1 - self.beta) * self.problem.progress * self.anneal
        if self.weight_max == "rescaled":
            return tempered(1 / (n * p), self.priorities(index), beta)
        weight = (n * p) ** -beta
        if self.weight_max == "batch":
            weight = weight / weight.amax()
        elif self.weight_max == "global":
            weight = weight / (n * least) ** -beta
        return weight

    def observe(self, batch: Batch, seen: Forward) -> None:
        """Remember the losses of the batch."""
        fresh, self.problem.healed = mend(self.problem.rejudge(self.score, batch, seen))
        self.remember(seen, fresh)

    def remember(self, seen: Forward | Tensor, losses: Tensor) -> None:
        """Keep the losses [b] of some samples, and what they weigh in the draw."""
        index = self.problem.remember(self.known, seen, losses)
        self.mass.index_copy_(0, index, (self.known[index] + LEAST) ** self.alpha)

    def stored(self) -> Tensor:
        """The last known losses."""
        return self.known


class PrioritizedRank(Prioritized):
    """Draws with replacement in proportion to (1/rank)^alpha of the last known loss, the largest first.

    `resort`: steps between two sortings; a sample that stays first is drawn again and again.
    """

    def __init__(
        self,
        problem: "Problem",
        *,
        score: Score,
        alpha: Annotated[float, Ge(0)] = 0.7,
        beta: Annotated[float, Ge(0), Le(1)] = 0.5,
        weight_max: Scaled = "batch",
        resort: Annotated[int, Ge(1)] = 1,
    ) -> None:
        super().__init__(problem, score=score, alpha=alpha, beta=beta, weight_max=weight_max)
        self.resort = resort
        n, device = problem.finite_n, problem.device
        mass = torch.arange(1, n + 1, device=device, dtype=wide(device)) ** -alpha
        self.by_rank = mass / mass.sum()  # falling, so the last one is the least
        self.ties = torch.randperm(n, generator=problem.rng, device=device)
        self.order = self.ties

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """A batch, how likely each of it was at each draw, and how likely the least likely sample is."""
        if (self.drawn - 1) % self.resort == 0:
            self.order = descending(self.known.nan_to_num(torch.inf), self.ties)
        rank = categorical(self.by_rank, self.problem.batch, self.problem.rng)
        return self.order[rank], self.by_rank[rank], self.by_rank[-1]
