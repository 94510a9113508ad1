"""What a run selected, as one number for each point: two runs that selected alike have the same numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from isbench.train.tally import Step

FACTOR = -7046029254386353131  # odd, so that no power of it loses a bit of a 64-bit number
FIRST_STEPS = 10  # whose losses are kept one by one


class Digests:
    """Running digests of the indices and of the weights of all batches, in their order.

    Modulo 2^64, d becomes d f + v for each number v: one number that is another changes it for certain.
    """

    def __init__(self, device: torch.device) -> None:
        self.selection = torch.zeros((), dtype=torch.int64, device=device)
        self.weights = torch.zeros_like(self.selection)
        self.losses: list[Tensor] = []
        self.seen = 0  # steps
        self.marks: list[tuple[int, Tensor, Tensor]] = []

    def add(self, steps: list[Step], losses: Tensor) -> None:
        """Take in some steps and their mean losses [steps]; nothing is read from the device."""
        ends = [pad(step.batch.index, (0, 1), value=-len(step.batch.index)) for step in steps]
        self.selection = folded(self.selection, torch.cat(ends))
        weights = [torch.ones_like(s.loss) if s.weight is None else s.weight for s in steps]
        bits = torch.cat([weight.float().view(torch.int32) for weight in weights])
        self.weights = folded(self.weights, bits.long())
        if self.seen < FIRST_STEPS:
            self.losses.append(losses[: FIRST_STEPS - self.seen].clone())
        self.seen += len(steps)

    def mark(self) -> None:
        """A point: what was taken in so far stands for it."""
        self.marks.append((self.seen, self.selection, self.weights))

    def arrays(self) -> dict[str, np.ndarray]:
        """steps, selection and weights [points], and losses of the first steps."""
        steps, *sums = zip(*self.marks, strict=True)
        selection, weights = (torch.stack(column).cpu().numpy() for column in sums)
        losses = torch.cat(self.losses).cpu().numpy() if self.losses else np.zeros(0)
        return {"steps": np.array(steps), "selection": selection, "weights": weights, "losses": losses}


def folded(before: Tensor, values: Tensor) -> Tensor:
    """A digest 0-d with more values [k] taken in."""
    powers = torch.full_like(values, FACTOR).cumprod(0)
    return before * powers[-1] + values[-1] + (values[:-1] * powers[:-1].flip(0)).sum()
