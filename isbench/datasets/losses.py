"""Losses by name, one number per sample and never reduced: a sampler needs each sample's own."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy [b] of logits [b, classes] and classes [b]."""
    return functional.cross_entropy(output, target, reduction="none")


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Squared error [b] of outputs [b, d] and targets [b, d], the mean over a sample's outputs."""
    return functional.mse_loss(output, target, reduction="none").flatten(1).mean(1)


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Absolute error [b] of outputs [b, d] and targets [b, d], the mean over a sample's outputs."""
    return functional.l1_loss(output, target, reduction="none").flatten(1).mean(1)


def bce(output: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy [b] of logits [b, d] and targets [b, d] in [0, 1], the mean over the outputs."""
    return functional.binary_cross_entropy_with_logits(output, target, reduction="none").flatten(1).mean(1)


LOSSES: dict[str, Loss] = {each.__name__: each for each in (cross_entropy, mse, l1, bce)}
