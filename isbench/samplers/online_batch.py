"""Online batch selection: draw by the rank of the last known loss, exponentially.

Loshchilov and Hutter 2015, arXiv 1511.06343; a baseline of paper 001.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from isbench.samplers.base import Sampler
from isbench.samplers.draw import descending, exponential_rank
from isbench.samplers.rules import mend
from isbench.samplers.scores import Score
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class OnlineBatch(Sampler):
    """Draws ranks with p falling by the factor `pressure` from the largest known loss to the smallest.

    The first round is an ordinary one and fills the memory. `pressure_end`: what the pressure falls to over
    the budget, geometrically. `resort`: steps between two sortings, once per n samples where it is left out;
    `recompute`: steps between two looks at the losses of all samples, 0 for never.
    """

    finite = True

    def __init__(
        self,
        problem: "Problem",
        *,
        score: Score,
        pressure: Annotated[float, Ge(1)] = 100.0,
        pressure_end: Annotated[float, Ge(1)] | None = None,
        recompute: Annotated[int, Ge(0)] = 0,
        resort: Annotated[int, Ge(1)] | None = None,
    ) -> None:
        super().__init__(problem)
        self.score, self.pressure, self.end = score, pressure, pressure_end or pressure
        self.recompute, self.resort = recompute, resort or problem.steps
        self.losses = problem.full(torch.inf)  # unseen: the largest there are
        self.ties = torch.randperm(problem.finite_n, generator=problem.rng, device=problem.device)
        self.order = self.ties  # the samples from the largest loss to the smallest
        self.seen = self.drawn = 0
        self.healed: Tensor | None = None

    def epoch(self) -> Iterator[Batch]:
        """One ordinary round; then as many batches of drawn ranks as it has full ones."""
        problem = self.problem
        if self.seen < problem.finite_n:
            yield from (Batch(index, active=False) for index in problem.batches(problem.shuffled()))
            return
        for _ in range(problem.steps):
            self.refresh()
            pressure = self.pressure * (self.end / self.pressure) ** problem.progress
            rank = exponential_rank(problem.finite_n, pressure, problem.batch, problem.rng)
            yield Batch(self.order[rank], None, self.losses, healed=self.healed)

    def refresh(self) -> None:
        """Look at all losses, and sort them, when it is time to."""
        self.healed = None
        if self.recompute and self.drawn and self.drawn % self.recompute == 0:
            losses, self.healed = mend(self.problem.score(self.score, self.problem.everything()))
            self.problem.remember(self.losses, self.problem.everything(), losses)
        if self.drawn % self.resort == 0:
            self.order = descending(self.losses, self.ties)
        self.drawn += 1

    def observe(self, batch: Batch, seen: Forward) -> None:
        """Remember the losses of the batch."""
        fresh, self.problem.healed = mend(self.problem.rejudge(self.score, batch, seen))
        self.problem.remember(self.losses, seen, fresh)
        self.seen += len(seen.index)

    def stored(self) -> Tensor:
        """The last known losses."""
        return self.losses
