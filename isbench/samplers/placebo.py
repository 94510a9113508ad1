"""Placebo: all the work of another sampler, and batches that know nothing of it.

A control arm, made of any entry of the catalogue (`controls: [placebo]`). Against uniform it shows what the
work costs; what the sampler itself is better by, its choice of samples brings.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from isbench.samplers.base import Sampler
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem


class Placebo(Sampler):
    """Asks another sampler all three questions, and trains on uniform draws of as many samples, unweighted.

    They are drawn from the candidates of its batch, as a part of a pool that is loaded and scored as ever, or
    else from a shuffled order of all samples. Batches in which importance has no say stay as they are.
    """

    def __init__(self, problem: "Problem", sampler: Sampler) -> None:
        super().__init__(problem)
        self.sampler = sampler
        self.finite, self.waits = sampler.finite, sampler.waits

    def epoch(self) -> Iterator[Batch]:
        """The sampler's batches with other samples in them; scores, sizes and learning rate stay."""
        for batch in self.sampler.epoch():
            yield batch._replace(index=self.draw(batch), weight=None) if batch.active else batch

    def draw(self, batch: Batch) -> Tensor:
        """As many samples as the batch has, whatever their scores."""
        k, candidates = len(batch.index), batch.candidates
        if candidates is None or len(candidates) < k:  # a queue is filled from more than the last look
            return self.problem.distinct(k)
        order = torch.randperm(len(candidates), generator=self.problem.rng, device=self.problem.device)
        return candidates[order[:k]]

    def weigh(self, batch: Batch, seen: Forward) -> None:
        """The sampler reckons its weights, which count for nothing."""
        self.sampler.weigh(batch, seen)

    def observe(self, batch: Batch, seen: Forward) -> None:
        """The sampler learns from what was drawn."""
        self.sampler.observe(batch, seen)

    def stored(self) -> Tensor | None:
        """What the sampler keeps of every sample."""
        return self.sampler.stored()

    def predicted(self, problem: "Problem", index: Tensor) -> Tensor | None:
        """What the sampler expects of some samples."""
        return self.sampler.predicted(problem, index)
