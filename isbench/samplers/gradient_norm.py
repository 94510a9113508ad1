"""The exact norm of each sample's gradient over all trainable parameters.

By layer hooks where all layers have closed forms. Models for which that does not hold take `torch.func`,
which does keep the gradients of a few samples at a time, or one backward pass for every sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import get_total_norm

from isbench.errors import UsageError
from isbench.samplers.closed_forms import UsedOtherwise
from isbench.samplers.hooks import Loss, by_hooks, layers_of

Way = Literal["hooks", "vmap", "one by one"]

KEPT = 2**25  # numbers of per-sample gradients that torch.func may hold


def gradient_norms(model: nn.Module, loss: Loss, x: Tensor, y: Tensor) -> Tensor:
    """The gradient norm [k] of each sample's loss, for inputs x [k, ...], targets y [k, ...], loss -> [k].

    In evaluation mode; the model's mode, buffers and gradients are left as they were. A UsageError where the
    samples have no gradients of their own.
    """
    return _first_way(model, loss, x, y)[1]


def norms_one_by_one(model: nn.Module, loss: Loss, x: Tensor, y: Tensor) -> Tensor:
    """The same by one forward and one backward pass for every sample."""
    ways(model)
    with _evaluating(model), torch.enable_grad():
        return _one_by_one(model, loss, x, y)


def how(model: nn.Module, x: Tensor) -> Way:
    """By which way the norms of a model come, found by going it for some samples."""
    return _first_way(model, lambda output, target: output.flatten(1).square().sum(1), x, x)[0]


def ways(model: nn.Module) -> tuple[Way, ...]:
    """The ways to try, fastest first; a UsageError where samples have no gradients of their own."""
    for module in model.modules():
        if isinstance(module, _BatchNorm) and module.running_mean is None:
            raise UsageError(
                f"a sample has no gradient of its own where {type(module).__name__} keeps no statistics",
                "use score: upper_bound",
            )
    slow: tuple[Way, ...] = ("one by one",) if _recurrent(model) else ("vmap", "one by one")
    return slow if layers_of(model) is None else ("hooks", *slow)


def _first_way(model: nn.Module, loss: Loss, x: Tensor, y: Tensor) -> tuple[Way, Tensor]:
    """The first way that leads to the norms, and the norms."""
    with _evaluating(model), torch.enable_grad():
        for way in ways(model):
            try:
                return way, WAYS[way](model, loss, x, y)
            except UsedOtherwise:
                continue
    raise AssertionError("one backward pass for every sample always works")


def _recurrent(model: nn.Module) -> bool:
    return any(isinstance(module, nn.RNNBase) for module in model.modules())


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _by_vmap(model: nn.Module, loss: Loss, x: Tensor, y: Tensor) -> Tensor:
    parameters = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}

    def one(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return loss(functional_call(model, parameters, (x[None],)), y[None])[0]

    def norm(x: Tensor, y: Tensor) -> Tensor:
        gradients = grad(one)(parameters, x, y)
        return torch.stack([gradient.square().sum() for gradient in gradients.values()]).sum().sqrt()

    samples = max(1, KEPT // max(1, sum(p.numel() for p in parameters.values())))
    try:
        with sdpa_kernel(SDPBackend.MATH):  # vmap would run fused attention sample by sample
            return vmap(norm, chunk_size=samples)(x, y)
    except RuntimeError as error:
        if "vmap" not in str(error):
            raise
        raise UsedOtherwise from error


def _one_by_one(model: nn.Module, loss: Loss, x: Tensor, y: Tensor) -> Tensor:
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        return torch.zeros(len(x), device=x.device)
    norms = []
    # cuDNN has no backward pass of recurrent layers in evaluation mode.
    with torch.backends.cudnn.flags(enabled=False) if _recurrent(model) else nullcontext():
        for one, target in zip(x.split(1), y.split(1), strict=True):
            total = loss(model(one), target).sum()
            gradients = torch.autograd.grad(total, parameters, allow_unused=True)
            norms.append(get_total_norm([each for each in gradients if each is not None]))
    return torch.stack(norms)


WAYS: dict[Way, Callable[[nn.Module, Loss, Tensor, Tensor], Tensor]] = {
    "hooks": by_hooks,
    "vmap": _by_vmap,
    "one by one": _one_by_one,
}
