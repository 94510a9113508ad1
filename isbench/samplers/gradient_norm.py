"""The exact norm of each sample's gradient over all trainable parameters.

By layer hooks: one forward, one backward to the outputs of the layers, and from what went into a layer and
what came back at its output the norm of its parameters' gradient in closed form (after Goodfellow,
arXiv 1510.01799). No weight gradient is computed and no sample's gradient is kept. Models for which this does
not hold take `torch.func`, which does keep them, for a few samples at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.func import functional_call, grad, vmap
from torch.nn.modules.batchnorm import _BatchNorm

from isbench.errors import UsageError
from isbench.samplers.closed_forms import CLOSED_FORMS

Loss = Callable[[Tensor, Tensor], Tensor]

SAMPLES = 1024  # that go through the model at once
CONVOLVED = {
    "cpu": 128,
    "cuda": 512,
    "mps": 512,
}  # fewer: what the caches, or the memory, hold between layers
KEPT = 2**25  # numbers of per-sample gradients that torch.func may hold


class Call(NamedTuple):
    """One use of a layer: what went in, and where the gradient at its output will come by."""

    layer: nn.Module
    input: Tensor
    edge: GradientEdge


class _UsedOtherwise(Exception):
    """A layer was not called once, on one row per sample, as the closed forms suppose."""


def gradient_norms(model: nn.Module, loss: Loss, x: Tensor, y: Tensor) -> Tensor:
    """The gradient norm [k] of each sample's loss, for inputs x [k, ...], targets y [k, ...], loss -> [k].

    In evaluation mode; the model's mode, buffers and gradients are left as they were. A UsageError where the
    model has layers without exact norms.
    """
    way = how(model)
    with _evaluating(model), torch.enable_grad():
        if way == "hooks":
            convolves = any(isinstance(module, nn.Conv1d | nn.Conv2d) for module in model.modules())
            size = CONVOLVED[x.device.type] if convolves else SAMPLES
            try:
                parts = zip(x.split(size), y.split(size), strict=True)
                return torch.cat([_by_hooks(model, loss, *part) for part in parts])
            except _UsedOtherwise:
                pass
        return _by_vmap(model, loss, x, y)


def how(model: nn.Module) -> Literal["hooks", "vmap"]:
    """By which way: `hooks` where layers with closed forms hold all parameters; a UsageError where none."""
    for module in model.modules():
        name = type(module).__name__
        if isinstance(module, nn.RNNBase):
            raise UsageError(
                f"there are no exact gradient norms of {name} layers yet", "use score: upper_bound"
            )
        if isinstance(module, _BatchNorm) and module.running_mean is None:
            raise UsageError(
                f"a sample has no gradient of its own where {name} keeps no statistics",
                "use score: upper_bound",
            )
    return "vmap" if _layers(model) is None else "hooks"


def _layers(model: nn.Module) -> list[nn.Module] | None:
    """The layers that hold the trainable parameters; None if one has no closed form or two share one."""
    layers: list[nn.Module] = []
    held: set[int] = set()
    for layer in model.modules():
        own = {name: p for name, p in layer._parameters.items() if p is not None and p.requires_grad}
        if not own:
            continue
        known = type(layer) in CLOSED_FORMS and own.keys() <= {"weight", "bias"}
        if not known or _padded(layer) or not held.isdisjoint(map(id, own.values())):
            return None
        held.update(map(id, own.values()))
        layers.append(layer)
    return layers


def _padded(layer: nn.Module) -> bool:
    """Whether a convolution is padded by something else than a given number of zeros."""
    return isinstance(layer, nn.Conv1d | nn.Conv2d) and (
        layer.padding_mode != "zeros" or isinstance(layer.padding, str)
    )


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _by_hooks(model: nn.Module, loss: Loss, x: Tensor, y: Tensor) -> Tensor:
    calls: list[Call] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append(Call(layer, inputs[0].detach(), get_gradient_edge(output)))

    handles = [layer.register_forward_hook(note) for layer in _layers(model) or []]
    try:
        total = loss(model(x), y).sum()
    finally:
        for handle in handles:
            handle.remove()
    squares = torch.zeros(len(x), device=x.device, dtype=total.dtype)
    if not handles:
        return squares
    if not _used_once(total, calls):
        raise _UsedOtherwise
    gradients = torch.autograd.grad(total, [call.edge for call in calls])
    with torch.no_grad():
        for call, gradient in zip(calls, gradients, strict=True):
            if not len(call.input) == len(gradient) == len(x):
                raise _UsedOtherwise
            squares += CLOSED_FORMS[type(call.layer)](call.layer, call.input, gradient)
    return squares.sqrt_()


def _used_once(total: Tensor, calls: list[Call]) -> bool:
    """Whether each layer was called once, and the loss depends on its parameters by that call alone."""
    uses: Counter[int] = Counter()
    seen, todo = set(), [total.grad_fn]
    while todo:
        node = todo.pop()
        for following, _ in node.next_functions if node is not None else ():
            if following is None or following in seen:
                continue
            if hasattr(following, "variable"):
                uses[id(following.variable)] += 1  # pyright: ignore[reportAttributeAccessIssue]
            else:
                seen.add(following)
                todo.append(following)
    called = Counter(id(p) for call in calls for p in call.layer.parameters() if p.requires_grad)
    return called == uses and max(called.values(), default=0) == 1


def _by_vmap(model: nn.Module, loss: Loss, x: Tensor, y: Tensor) -> Tensor:
    parameters = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}

    def one(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return loss(functional_call(model, parameters, (x[None],)), y[None])[0]

    def norm(x: Tensor, y: Tensor) -> Tensor:
        gradients = grad(one)(parameters, x, y)
        return torch.stack([gradient.square().sum() for gradient in gradients.values()]).sum().sqrt()

    samples = max(1, KEPT // sum(p.numel() for p in parameters.values()))
    try:
        return vmap(norm, chunk_size=samples)(x, y)
    except RuntimeError as error:
        if "vmap" not in str(error):
            raise
        raise UsageError(
            f"there are no exact gradient norms of {type(model).__name__} yet", "use score: upper_bound"
        ) from error
