"""A number that a model said of its inputs, written to the samples that the inputs are made of."""

from __future__ import annotations

import torch
from torch import Tensor


class Book:
    """Writes numbers per input into stores of numbers per sample [n]."""

    def __init__(self, n: int, device: torch.device) -> None:
        self.mass = torch.zeros(n, device=device)  # scratch, all 0 between two writings

    def write(self, store: Tensor, index: Tensor, value: Tensor, keep: float) -> Tensor:
        """Numbers [b] of whole samples [b]; of a sample that occurs twice, the mean. Returns the samples.

        `keep`: how much of the old number stays, where there is one: what is not finite is replaced.
        """
        value = value.to(store.dtype)
        if keep:
            old = store[index]
            value = torch.where(old.isfinite(), old.lerp(value, 1 - keep), value)
        times = self.mass.index_add_(0, index, torch.ones_like(index, dtype=torch.float32))
        value = value / times[index]
        times.index_fill_(0, index, 0.0)
        store.index_fill_(0, index, 0.0).index_add_(0, index, value)
        return index

    def spread(self, store: Tensor, parts: Tensor, share: Tensor, value: Tensor, keep: float) -> Tensor:
        """Numbers [b] of inputs that are mixed of the samples parts [b, m] by share [b, m].

        A sample moves towards the mean, by share, of the inputs that it is in, and as far as its shares sum
        up to, at most all the way; a number that is not finite, because it is unknown, is replaced. Returns
        the samples [b * m].
        """
        index, share = parts.flatten(), share.flatten()
        value = value.to(store.dtype).repeat_interleave(parts.shape[1])
        mass = self.mass.index_add_(0, index, share)[index]
        self.mass.index_fill_(0, index, 0.0)
        old, present = store[index], mass > 0
        value = torch.where(present, value * (share / mass), 0).to(store.dtype)
        mean = store.index_fill_(0, index, 0.0).index_add_(0, index, value)[index]
        moved = old.lerp(mean, (mass.clamp(max=1) * (1 - keep)).to(store.dtype))
        moved = torch.where(old.isfinite(), moved, mean)
        store.index_copy_(0, index, torch.where(present, moved, old))
        return index
