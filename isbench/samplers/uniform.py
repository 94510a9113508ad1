"""Uniform sampling: the baseline of every comparison, in the three forms that papers call by this name."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from isbench.samplers.base import Sampler, Samples
from isbench.train.forward import Batch

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class Uniform(Sampler):
    """Every sample once a round, in random order, or with `order: file` as they lie in the data set.

    What lies side by side is read at once, which a disk likes; but neighbours are often of one class.
    """

    def __init__(self, problem: "Problem", *, order: Literal["shuffled", "file"] = "shuffled") -> None:
        super().__init__(problem)
        self.order = order

    def epoch(self) -> Iterator[Batch]:
        """Slices of the order; the fresh numbers of a stream are in order anyway."""
        in_file = self.order == "file" and self.problem.n is not None
        order = self.problem.everything() if in_file else self.problem.shuffled()
        for index in self.problem.batches(order):
            yield Batch(index, active=False)


class UniformIid(Sampler):
    """Independent draws with replacement."""

    def epoch(self) -> Iterator[Batch]:
        """As many batches as a shuffled round has full ones."""
        for _ in range(self.problem.steps):
            yield Batch(self.problem.some(self.problem.batch), active=False)


class UniformPresample(Sampler):
    """Loads a pool and trains on a part of it that is chosen blindly: what handling a pool costs."""

    distinct = True

    def __init__(self, problem: "Problem", *, pool: Samples) -> None:
        super().__init__(problem)
        self.pool = pool

    def epoch(self) -> Iterator[Batch]:
        """The pool is in random order, so its first b samples are a uniform draw."""
        for _ in range(self.problem.steps):
            pool = self.problem.distinct(self.pool)
            self.problem.fetch(pool)
            yield Batch(pool[: self.problem.batch], active=False)
