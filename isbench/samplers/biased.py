"""Biased importance sampling: weights of 1/p to a power below 1 lean towards what is important.

Katharopoulos and Fleuret 2017, arXiv 1706.00043, and their library.
"""

from typing import TYPE_CHECKING, Annotated

from annotated_types import Le

from isbench.samplers.base import Samples
from isbench.samplers.dlis import Dlis
from isbench.samplers.rules import Tempered
from isbench.samplers.scores import Score

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class Biased(Dlis):
    """Draws from a pool in proportion, weighed by (1/(B p))^k: unbiased at 1, for large losses below."""

    def __init__(
        self, problem: "Problem", *, score: Score, pool: Samples, k: Annotated[float, Le(1)] = 0.5
    ) -> None:
        super().__init__(problem, score=score, rule=Tempered(k), pool=pool)
