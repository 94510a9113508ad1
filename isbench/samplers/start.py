"""When to start: criteria, and the sampler made of two samplers that they switch.

A criterion is made for a problem and the score of the sampler that it starts. One of a falling loss latches:
the batches that importance then selects have larger losses, which would switch it off again. Only `tau` is
reversible.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor

from isbench.samplers.base import Sampler
from isbench.samplers.scores import Score
from isbench.samplers.tau import INERTIA, Smoothed
from isbench.samplers.uniform import Uniform
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class Criterion(Protocol):
    """Says whether importance has a say in the next step."""

    def update(self, batch: Batch, seen: Forward) -> None:
        """Learn from a step."""
        ...

    def met(self) -> bool:
        """Asked once before every step."""
        ...


class LossFraction:
    """Met for good once the loss has fallen below a fraction of the first one (paper 000, section 4.2).

    train: the mini-batch loss, every step, smoothed by `inertia`. val, test: the held-out loss every `every`
    steps, which costs the run no time: free information.
    """

    def __init__(
        self,
        problem: "Problem",
        score: Score | None,
        *,
        below: Annotated[float, Gt(0)],
        of: Literal["train", "val", "test"] = "train",
        every: Annotated[int, Ge(1)] = 10,
        inertia: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        self.problem, self.below, self.of, self.every, self.inertia = problem, below, of, every, inertia
        self.gauge = problem.gauge()
        self.first: Tensor | None = None
        self.smooth: Tensor | None = None
        self.first_held_out: float | None = None
        self.asked = 0
        self.on = False

    def update(self, batch: Batch, seen: Forward) -> None:
        """Follow the mini-batch loss."""
        if self.on or self.of != "train":
            return
        now = seen.loss.mean()
        if self.first is None or self.smooth is None:
            self.first = self.smooth = now
        self.smooth = self.inertia * self.smooth + (1 - self.inertia) * now
        self.gauge.push(self.smooth / self.first)

    def met(self) -> bool:
        """Whether the loss has ever been below its fraction."""
        if not self.on:
            fraction = self.gauge.read() if self.of == "train" else self._held_out()
            self.on = fraction is not None and fraction < self.below
        return self.on

    def _held_out(self) -> float | None:
        self.asked += 1
        if (self.asked - 1) % self.every or self.problem.held_out_loss is None:
            return None
        now = self.problem.held_out_loss(self.of)
        self.first_held_out = self.first_held_out or now
        return now / self.first_held_out


class Epochs:
    """Met once `at` epochs were trained."""

    def __init__(self, problem: "Problem", score: Score | None, *, at: Annotated[float, Ge(0)]) -> None:
        self.problem, self.at = problem, at

    def update(self, batch: Batch, seen: Forward) -> None:
        """Nothing to learn."""

    def met(self) -> bool:
        """Whether that many samples were back-propagated."""
        return self.problem.trained >= self.at * self.problem.size


class Steps:
    """Met once `at` steps were made."""

    def __init__(self, problem: "Problem", score: Score | None, *, at: Annotated[int, Ge(0)]) -> None:
        self.at, self.made = at, 0

    def update(self, batch: Batch, seen: Forward) -> None:
        """Count."""
        self.made += 1

    def met(self) -> bool:
        """Whether that many steps were made."""
        return self.made >= self.at


class Progress:
    """Met once the share `at` of the budget is spent."""

    def __init__(
        self, problem: "Problem", score: Score | None, *, at: Annotated[float, Ge(0), Le(1)]
    ) -> None:
        self.problem, self.at = problem, at

    def update(self, batch: Batch, seen: Forward) -> None:
        """Nothing to learn."""

    def met(self) -> bool:
        """Whether training is that far."""
        return self.problem.progress >= self.at


class Tau:
    """Met while the smoothed tau of the sampler's own scores is above a threshold (paper 001, Algorithm 1).

    It opens and closes. While it is shut, the scores are those of the batch, which its own forward tells; for
    a score that runs the model itself they cost that. `above`: by default what a step with a pool of B costs
    over a step of uniform, (B+3b)/(3b), or (3B+3b)/(3b) by exact norms; with `rule: sqrt` the root of it,
    where selection breaks even.
    """

    def __init__(
        self,
        problem: "Problem",
        score: Score | None,
        *,
        above: Annotated[float, Gt(0)] | None = None,
        rule: Literal["paper", "sqrt"] = "paper",
        inertia: Annotated[float, Ge(0), Lt(1)] = INERTIA,
    ) -> None:
        if score is None or above is None:
            raise ValueError("tau needs a sampler with a score, and its threshold")
        self.problem, self.above = problem, above
        self.smoothed = Smoothed(problem, score, inertia)

    def update(self, batch: Batch, seen: Forward) -> None:
        """Follow tau."""
        self.smoothed.update(self.problem, batch, seen)
        self.problem.gate = self.smoothed.value

    def met(self) -> bool:
        """Whether tau is above the threshold now."""
        return self.smoothed.read() > self.above


STARTS: dict[str, Callable[..., Criterion]] = {
    "loss_fraction": LossFraction,
    "tau": Tau,
    "epochs": Epochs,
    "steps": Steps,
    "progress": Progress,
}


class StartWhen(Sampler):
    """Uniform until a criterion is met, then another sampler; decided anew before every step."""

    def __init__(self, problem: "Problem", sampler: Sampler, criterion: Criterion) -> None:
        super().__init__(problem)
        self.calm, self.keen, self.criterion = Uniform(problem), sampler, criterion
        self.finite, self.waits = sampler.finite, sampler.waits
        self.now: Sampler = self.calm

    def epoch(self) -> Iterator[Batch]:
        """Batches of whichever is on; the round ends with the first of the two that runs dry."""
        calm, keen = self.calm.epoch(), self.keen.epoch()
        while True:
            met = self.criterion.met()
            self.now = self.keen if met else self.calm
            batch = next(keen if met else calm, None)
            if batch is None:
                return
            yield batch

    def weigh(self, batch: Batch, seen: Forward) -> Tensor | None:
        """As the sampler that drew the batch weighs it."""
        return self.now.weigh(batch, seen)

    def observe(self, batch: Batch, seen: Forward) -> None:
        """The criterion learns, and so does the sampler that waits."""
        self.criterion.update(batch, seen)
        self.keen.observe(batch, seen)

    def stored(self) -> Tensor | None:
        """What the sampler that waits keeps of every sample."""
        return self.keen.stored()

    def predicted(self, problem: "Problem", index: Tensor) -> Tensor | None:
        """What the sampler that waits expects of some samples."""
        return self.keen.predicted(problem, index)
