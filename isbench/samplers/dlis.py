"""DLIS: the variance of the mini-batch gradient is reduced by drawing from a pool and weighing by 1/p.

Katharopoulos and Fleuret 2018, "Not all samples are created equal" (paper 001), Algorithm 1. The gate in
front of it is the start criterion `tau`. The two variants that spend the reduction of variance on smaller
batches are in their library.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Gt, Le

from isbench.samplers.base import Samples
from isbench.samplers.presample import Presample
from isbench.samplers.rules import Rule
from isbench.samplers.scores import Score
from isbench.samplers.tau import Smoothed
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class Dlis(Presample):
    """A pool drawn with replacement, of which the batch is drawn in proportion and weighed.

    `rate: tau` multiplies the learning rate by the smoothed tau, which paper 001 conjectures to pay.
    """

    distinct = False

    def __init__(
        self,
        problem: "Problem",
        *,
        score: Score,
        rule: Rule,
        pool: Samples,
        rate: Literal["constant", "tau"] = "constant",
    ) -> None:
        super().__init__(problem, score=score, rule=rule, pool=pool)
        self.smoothed = Smoothed(problem, score) if rate == "tau" else None

    def epoch(self) -> Iterator[Batch]:
        """As many batches as a shuffled round has full ones."""
        for _ in range(self.steps):
            rate = 1.0 if self.smoothed is None else max(1.0, self.smoothed.read())
            yield self.choose(self.problem.some(self.pool), self.problem.batch, rate)

    def observe(self, batch: Batch, seen: Forward) -> None:
        """Follow tau, where the learning rate does."""
        if self.smoothed is not None:
            self.smoothed.update(self.problem, batch, seen)


class ConstantTime(Presample):
    """A pool that grows and a batch that shrinks with tau, so that a step costs what a uniform one does.

    A step costs (1 + backward) b forwards; the batch is b/tau but at least `least` b, and `share` of what
    that saves goes to the pool.
    """

    distinct = False

    def __init__(
        self,
        problem: "Problem",
        *,
        score: Score,
        rule: Rule,
        backward: Annotated[float, Gt(0)] = 2.0,
        share: Annotated[float, Gt(0), Le(1)] = 0.5,
        least: Annotated[float, Gt(0), Le(1)] = 0.2,
    ) -> None:
        super().__init__(problem, score=score, rule=rule, pool=problem.batch)
        self.backward, self.share, self.least = backward, share, least
        self.smoothed = Smoothed(problem, score)

    def epoch(self) -> Iterator[Batch]:
        """As many batches as a shuffled round has full ones."""
        for _ in range(self.steps):
            pool, k = self.sizes(max(1.0, self.smoothed.read()))
            yield self.choose(self.problem.some(pool), k)

    def sizes(self, tau: float) -> tuple[int, int]:
        """Samples of the pool and of the batch for a smoothed tau."""
        b, step = self.problem.batch, 1 + self.backward
        batch = max(self.least * b, b / tau)
        pool = max(b, int(b + (step * (b - batch) - b) * self.share))
        return pool, max(1, min(b, int((step * b - pool) / step)))

    def observe(self, batch: Batch, seen: Forward) -> None:
        """Follow tau."""
        self.smoothed.update(self.problem, batch, seen)


class ConstantVariance(Presample):
    """A batch that shrinks with tau, of an ordinary batch that was scored: the variance of uniform, for less.

    (1/tau + extra) b samples are trained on.
    """

    distinct = False

    def __init__(
        self,
        problem: "Problem",
        *,
        score: Score,
        rule: Rule,
        extra: Annotated[float, Gt(0), Le(0.6)] = 0.2,
    ) -> None:
        super().__init__(problem, score=score, rule=rule, pool=problem.batch)
        self.extra, self.smoothed = extra, Smoothed(problem, score)

    def epoch(self) -> Iterator[Batch]:
        """As many batches as a shuffled round has full ones."""
        b = self.problem.batch
        for _ in range(self.steps):
            share = 1 / max(1.0, self.smoothed.read()) + self.extra
            yield self.choose(self.problem.some(b), max(1, min(b, int(share * b))))

    def observe(self, batch: Batch, seen: Forward) -> None:
        """Follow tau."""
        self.smoothed.update(self.problem, batch, seen)
