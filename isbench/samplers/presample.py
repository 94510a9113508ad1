"""Presampling: score a pool of candidates, choose the batch among them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from isbench.samplers.base import Sampler, Samples
from isbench.samplers.rules import Rule
from isbench.samplers.scores import Score
from isbench.train.forward import Batch

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class Presample(Sampler):
    """Draws a pool, scores it, and lets a rule choose the batch from the scores."""

    distinct = True
    scores = True

    def __init__(
        self, problem: "Problem", *, score: Score, rule: Rule, pool: Samples, sweep: bool = False
    ) -> None:
        super().__init__(problem)
        self.score, self.rule, self.pool = score, rule, pool
        self.steps = max(1, problem.size // pool) if sweep else problem.steps

    def epoch(self) -> Iterator[Batch]:
        """With `sweep` a round looks at every sample once; otherwise it trains on as many as uniform does."""
        for _ in range(self.steps):
            yield self.choose(self.problem.distinct(self.pool), self.problem.batch)

    def choose(self, pool: Tensor, k: int, rate: float = 1.0) -> Batch:
        """Score a pool, and let the rule choose k of it."""
        scores = self.problem.score(self.score, pool)
        picked = self.rule(scores, k, self.problem.rng)
        return Batch(pool[picked.index], picked.weight, scores, pool, rate, picked.healed)
