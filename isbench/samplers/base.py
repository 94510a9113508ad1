"""The sampler interface: three questions, asked in this order at every step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from torch import Tensor

from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem

Samples = Annotated[int, "samples"]
"""A count of samples; recipes may write `5x` for five batches."""


class Sampler:
    """Decides what each step trains on.

    Between rounds all state is attributes. A round may be abandoned after any `yield`: what ends a round is
    done at the head of the next one.
    """

    finite = False  # True: keeps a number per sample, so it needs a finite data set
    waits = False  # True: the algorithm itself must read a size from the device
    distinct = False  # True: its pool holds no sample twice, so it needs as many
    scores = False  # True: runs the model for scores before it draws
    classes = False  # True: reads how likely the net takes a sample's class to be

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def epoch(self) -> Iterator[Batch]:
        """Which samples next? One round of batches, each of 1 to b indices."""
        raise NotImplementedError(f"{type(self).__name__} must say which samples come next")

    def weigh(self, batch: Batch, seen: Forward) -> Tensor | None:
        """How much does each sample of the batch count? As it was drawn, unless a sampler knows better."""
        return batch.weight

    def observe(self, batch: Batch, seen: Forward) -> None:
        """What was learnt? Called after every step, also for batches that another sampler drew."""

    def stored(self) -> Tensor | None:
        """The number that it keeps of every sample [n], not finite where it has none; None: it keeps none."""
        return None

    def predicted(self, problem: Problem, index: Tensor) -> Tensor | None:
        """The losses [k] that it expects of samples as a probe shows them; None: it expects none."""
        return None

    def state(self) -> dict[str, Any]:
        """All that must be saved between rounds."""
        return {name: value for name, value in vars(self).items() if name != "problem"}
