"""Only what is not handled yet: the experiment behind the first sentence of paper 001.

"Most samples are handled properly after a few epochs and could be ignored from then on" (claim 001-C35).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt
from torch import Tensor

from isbench.samplers.base import Sampler
from isbench.samplers.scores import Score
from isbench.train.forward import Batch

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class Unhandled(Sampler):
    """Every sample whose loss was at least `above` when the sampler began, once a round, in random order.

    At its first round it looks at all samples, once; where fewer are left than a batch, it takes the batch
    with the largest losses.
    """

    finite = True
    waits = True  # for how many there are
    scores = True

    def __init__(self, problem: "Problem", *, score: Score, above: Annotated[float, Gt(0)] = 0.1) -> None:
        super().__init__(problem)
        self.score, self.above = score, above
        self.kept: Tensor | None = None

    def epoch(self) -> Iterator[Batch]:
        """One round over what is left."""
        problem = self.problem
        if self.kept is None:
            scores = problem.score(self.score, problem.everything())
            left = int((scores >= self.above).sum())
            self.kept = scores.topk(max(left, min(problem.batch, problem.finite_n))).indices
        for index in problem.batches(problem.shuffled(self.kept)):
            yield Batch(index)
