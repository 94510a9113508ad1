"""Active bias: draw or weigh by what the net has made of each sample's class so far.

Chang et al. 2017, arXiv 1704.07433; baselines of paper 002.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor

from isbench.samplers.base import Sampler
from isbench.samplers.confidence import Doubts
from isbench.samplers.draw import weighted
from isbench.samplers.rules import heal
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem


def difficulty(doubts: Doubts) -> Tensor:
    """The mean doubt."""
    return doubts.mean()


def variance(doubts: Doubts) -> Tensor:
    """How uncertain the class's probability is: sqrt(v + v^2 / (looks - 1)), 0 after a single look."""
    v = doubts.variance()
    return (v + v.square() / (doubts.times - 1).clamp(min=1)).sqrt()


def closeness(doubts: Doubts) -> Tensor:
    """How close the net is to changing its mind: mean (1 - mean)."""
    mean = doubts.mean()
    return mean * (1 - mean)


MEASURES: dict[str, Callable[[Doubts], Tensor]] = {
    "difficulty": difficulty,
    "variance": variance,
    "closeness": closeness,
}


class ActiveBias(Sampler):
    """Draws or weighs by a measure of how the net took each sample's class whenever it was trained on.

    `measure`: of the mean doubt, of its variance, or of how close the mean is to one half. `use`: draw in
    proportion to it with replacement, weigh uniform batches by it (1 on average), or draw and weigh by
    1/(n p), which is unbiased. `epsilon`: what is added to the measure, its mean or a number. `burn_in`:
    ordinary rounds at first.
    """

    finite = True
    classes = True

    def __init__(
        self,
        problem: "Problem",
        *,
        measure: Literal["difficulty", "variance", "closeness"] = "difficulty",
        use: Literal["draw", "weigh", "both"] = "draw",
        epsilon: Literal["mean"] | Annotated[float, Gt(0)] = "mean",
        burn_in: Annotated[int, Ge(1)] = 1,
    ) -> None:
        super().__init__(problem)
        self.measure, self.use, self.epsilon, self.burn_in = measure, use, epsilon, burn_in
        self.doubts = Doubts(problem.finite_n, problem.device)

    def epoch(self) -> Iterator[Batch]:
        """Ordinary rounds; then rounds by the measure as it is when they begin."""
        problem = self.problem
        if self.doubts.seen < self.burn_in * problem.finite_n:
            yield from (Batch(index, active=False) for index in problem.batches(problem.shuffled()))
            return
        mass = self.mass()
        if self.use == "weigh":
            for index in problem.batches(problem.shuffled()):
                weight = mass[index]
                yield Batch(index, weight / weight.mean())
            return
        drawn, p = weighted(mass, problem.steps * problem.batch, problem.rng)
        weight = 1 / (problem.finite_n * p)
        for index, inverse in zip(problem.batches(drawn), weight.split(problem.batch), strict=True):
            yield Batch(index, inverse if self.use == "both" else None, mass)

    def mass(self) -> Tensor:
        """What samples are drawn by, or weighed by [n]; what was never looked at has the most of it."""
        measured, _ = heal(MEASURES[self.measure](self.doubts))
        return measured + (measured.mean() if isinstance(self.epsilon, str) else self.epsilon)

    def observe(self, batch: Batch, seen: Forward) -> None:
        """The doubts of the batch join those before."""
        self.doubts.learn(self.problem, batch, seen)

    def stored(self) -> Tensor:
        """The mean doubts [n]."""
        return self.doubts.mean()
