"""What a step is made of: the batch that a sampler asks for, and what the model said of it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """What a sampler wants trained next; device tensors, never written.

    index [b] int64; weight [b] or None (each counts 1); scores [k] or None, of `candidates` [k] or, where
    that is None, of the whole data set, as a memory that goes on; rate: a factor on the learning rate;
    healed: how many scores had to be mended, 0-d; active: whether importance had a say in it.
    """

    index: Tensor  # pyright: ignore[reportIncompatibleMethodOverride]
    weight: Tensor | None = None
    scores: Tensor | None = None
    candidates: Tensor | None = None
    rate: float = 1.0
    healed: Tensor | None = None
    active: bool = True


class Forward(NamedTuple):
    """What the model made of some samples.

    index [b], input [b, ...], target [b] class, [b, classes] shares of classes, or value, output [b, ...]
    logits, loss [b] never reduced, features [b, d] the input of the last linear layer, present where a score
    asked for it; parts [b, m] int64 the samples that a mixed input is made of, share [b, m] how much of it
    each is, None where none is mixed.
    """

    index: Tensor  # pyright: ignore[reportIncompatibleMethodOverride]
    input: Tensor
    target: Tensor
    output: Tensor
    loss: Tensor
    features: Tensor | None = None
    parts: Tensor | None = None
    share: Tensor | None = None

    def detach(self) -> Forward:
        """The same without the graph."""
        index, x, target, output, loss, features, parts, share = self
        features = None if features is None else features.detach()
        return Forward(index, x, target, output.detach(), loss.detach(), features, parts, share)


def concentration(scores: Tensor) -> Tensor:
    """sum p^2 of p = scores [k] / sum, 0-d: 1/k for equal scores, 1 where one has everything.

    As rules draw: what is not finite counts as the largest finite score, and scores that are all 0 as equal.
    tau is the root of k times this, the effective sample size one over this.
    """
    scores = (scores if scores.device.type == "mps" else scores.double()).nan_to_num(-1.0, -1.0, -1.0)
    scores = torch.where(scores < 0, scores.amax().clamp(min=0), scores)
    return (torch.dot(scores, scores) / scores.sum().square()).nan_to_num_(1 / len(scores))
