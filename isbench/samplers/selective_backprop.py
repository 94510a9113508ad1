"""Selective backprop: look at every sample's loss, train on those that a coin keeps, harder ones more often.

Jiang et al. 2019, arXiv 1910.00762; a baseline of paper 002.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from isbench.samplers.base import Sampler
from isbench.samplers.draw import wide, without_replacement
from isbench.samplers.rules import mend
from isbench.samplers.scores import Score
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class SelectiveBackprop(Sampler):
    """Keeps a sample with the chance (share of the last losses that are smaller)^beta, and queues it.

    A step trains on a full queue; what is left in it ends the round. The first round keeps everything.
    `history`: how many of the last losses count.
    """

    waits = True
    scores = True

    def __init__(
        self,
        problem: "Problem",
        *,
        score: Score,
        beta: Annotated[float, Ge(0)] = 1.0,
        history: Annotated[int, Ge(1)] = 1024,
    ) -> None:
        super().__init__(problem)
        self.score, self.beta, self.length = score, beta, history
        self.history = torch.empty(0, device=problem.device, dtype=wide(problem.device))
        self.healed = torch.zeros((), dtype=torch.int64, device=problem.device)  # since the last batch
        self.seen = 0

    def epoch(self) -> Iterator[Batch]:
        """One round over all samples, in random order."""
        problem, b = self.problem, self.problem.batch
        batches = problem.batches(problem.shuffled())
        if self.seen < problem.size:
            yield from (Batch(index, active=False) for index in batches)
            return
        queue, trained, last = batches[0][:0], 0, batches[-1]
        for index in batches:
            losses, healed = self.losses(index)
            chance, starved = self.chances(losses)
            self.healed = self.healed + healed + starved
            kept = torch.rand(len(index), generator=problem.rng, device=problem.device) < chance
            queue = torch.cat([queue, index[kept]])
            if len(queue) >= b:
                yield Batch(queue[:b], None, losses, index, healed=self.told())
                queue, trained = queue[b:], trained + b
        if len(queue) > 1:  # batch norm cannot be trained on one
            yield Batch(queue, healed=self.told())
        elif not trained:  # the coins kept nothing in a whole round: the last batch stands for it
            yield Batch(last, healed=self.told() + len(last))

    def told(self) -> Tensor:
        """How many losses were mended, or starved, since the last batch; they are not told again."""
        healed, self.healed = self.healed, torch.zeros_like(self.healed)
        return healed

    def losses(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The losses [k] of some samples now, by a forward pass, and how many had to be mended."""
        return mend(self.problem.score(self.score, index))

    def chances(self, losses: Tensor) -> tuple[Tensor, Tensor]:
        """How likely each sample is kept [k], its own batch among the last losses; and how many starved.

        Where all of the last losses are equal none is smaller, so none would be kept: all are.
        """
        self.join(losses)
        ordered = self.history.sort().values
        smaller = torch.searchsorted(ordered, losses)
        equal = ordered[0] == ordered[-1]
        return ((smaller / len(ordered)) ** self.beta).masked_fill(equal, 1.0), equal * len(losses)

    def join(self, losses: Tensor) -> None:
        """Losses take the place of the oldest."""
        self.history = torch.cat([self.history, losses])[-self.length :]

    def observe(self, batch: Batch, seen: Forward) -> None:
        """The losses of batches that nobody selected join the history too."""
        if not batch.active:
            losses, self.problem.healed = mend(self.problem.rejudge(self.score, batch, seen))
            self.join(losses)
        self.seen += len(seen.index)


class SelectiveBackpropStale(SelectiveBackprop):
    """The same with losses that serve for some rounds.

    `staleness`: how many, the one in which they were made among them.
    """

    finite = True

    def __init__(
        self,
        problem: "Problem",
        *,
        score: Score,
        beta: Annotated[float, Ge(0)] = 1.0,
        history: Annotated[int, Ge(1)] = 1024,
        staleness: Annotated[int, Ge(1)] = 3,
    ) -> None:
        super().__init__(problem, score=score, beta=beta, history=history)
        self.staleness = staleness
        self.known = problem.full(torch.nan).to(self.history.dtype)
        self.made = problem.full(-float(staleness))  # the round in which each loss was made
        self.rounds = 0

    def epoch(self) -> Iterator[Batch]:
        """One round, counted."""
        self.rounds += 1
        yield from super().epoch()

    def losses(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The losses as they are known, made anew where they have served."""
        old = index[self.rounds - self.made[index] >= self.staleness]
        healed = torch.zeros((), dtype=torch.int64, device=index.device)
        if len(old):
            self.known[old], healed = super().losses(old)
            self.made[old] = float(self.rounds)
        return self.known[index], healed

    def stored(self) -> Tensor:
        """The last known losses."""
        return self.known


class SelectiveBackpropComposer(Sampler):
    """Keeps a share of each batch by the rank of the loss, in a part of training (MosaicML's Composer).

    `keep`: the share; `since`, `until`: the part, in shares of the budget; `interrupt`: after so many batches
    of kept samples comes a whole one, 0 for never.
    """

    scores = True

    def __init__(
        self,
        problem: "Problem",
        *,
        score: Score,
        keep: Annotated[float, Gt(0), Le(1)] = 0.5,
        since: Annotated[float, Ge(0), Le(1)] = 0.5,
        until: Annotated[float, Ge(0), Le(1)] = 0.9,
        interrupt: Annotated[int, Ge(0)] = 2,
    ) -> None:
        super().__init__(problem)
        self.score, self.keep, self.since, self.until, self.interrupt = score, keep, since, until, interrupt
        self.selected = 0  # batches since the last whole one

    def epoch(self) -> Iterator[Batch]:
        """Every sample once a round, or the kept part of its batch."""
        problem = self.problem
        for index in problem.batches(problem.shuffled()):
            on = self.since <= problem.progress < self.until
            if not on or (self.interrupt and self.selected >= self.interrupt):
                self.selected = 0
                yield Batch(index, active=False)
                continue
            self.selected += 1
            scores, healed = mend(problem.score(self.score, index))
            yield Batch(index[self.kept(scores)], None, scores, index, healed=healed)

    def kept(self, scores: Tensor) -> Tensor:
        """Positions of the kept samples: by ((rank + 1/2) / b)^(1/keep - 1), without replacement."""
        b = len(scores)
        rank = scores.argsort(stable=True).argsort().to(wide(scores.device))
        share = ((rank + 0.5) / b) ** (1 / self.keep - 1)
        k = max(min(2, b), int(self.keep * b + 1e-9))  # batch norm cannot be trained on one
        return without_replacement(share, k, self.problem.rng)
