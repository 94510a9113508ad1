"""Learning rates over the spent share of the budget, whatever the budget counts."""

from __future__ import annotations

import math
from bisect import bisect_right

from torch import nn, optim
from torch.nn.utils import clip_grad_norm_, get_total_norm

from isbench.store.records import OptimizerSpec, ScheduleSpec

UNCLIPPED = "norm_before_clipping"  # noted at the first gradient, and gone with it


class Schedule:
    """Sets an optimiser's learning rate for a progress from 0 to 1."""

    def __init__(self, spec: ScheduleSpec, lr: float) -> None:
        self.spec, self.base, self.lr = spec, lr, lr

    def __call__(self, optimizer: optim.Optimizer, progress: float, rate: float) -> None:
        """Set lr = base x factor(progress) x the batch's own rate; does nothing where that is what it is."""
        lr = self.at(progress) * rate
        if lr != self.lr:
            self.lr = lr
            for group in optimizer.param_groups:
                group["lr"] = lr

    def at(self, progress: float) -> float:
        """The learning rate at a progress."""
        spec, progress = self.spec, min(max(progress, 0.0), 1.0)
        if spec.name == "linear":
            return self.base + (spec.to - self.base) * progress
        if spec.name == "cosine":
            return self.base * (1 + math.cos(math.pi * progress)) / 2
        if spec.name == "step":
            return self.base * spec.factor ** bisect_right(spec.at, progress)
        return self.base


def build_optimizer(spec: OptimizerSpec, model: nn.Module) -> optim.Optimizer:
    """The optimiser, fused where the device has it (CPU, CUDA and MPS do)."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    common = {"lr": spec.lr, "weight_decay": spec.weight_decay, "fused": True}
    if spec.name == "sgd":
        optimizer = optim.SGD(parameters, momentum=spec.momentum, **common)
    else:
        kind = optim.Adam if spec.name == "adam" else optim.AdamW
        optimizer = kind(parameters, **common)
    if spec.clip_norm is not None:
        clip_before_steps(optimizer, spec.clip_norm)
    return optimizer


def clip_before_steps(optimizer: optim.Optimizer, limit: float) -> None:
    """Scale the gradients of every step down to a norm of at most `limit`, all parameters together."""

    def clip(optimizer: optim.Optimizer, *_: object) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = clip_grad_norm_(parameters, limit)
        setattr(parameters[0].grad, UNCLIPPED, norm)

    optimizer.register_step_pre_hook(clip)


def gradient_norm(model: nn.Module) -> float | None:
    """The norm of the last step's mini-batch gradient, before any clipping; None before the first step."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    if not gradients:
        return None
    noted = getattr(gradients[0], UNCLIPPED, None)
    return float(get_total_norm(gradients) if noted is None else noted)
