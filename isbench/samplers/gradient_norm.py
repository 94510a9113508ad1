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
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.func import functional_call, grad, vmap
from torch.nn.modules.batchnorm import _BatchNorm

from isbench.errors import UsageError

Loss = Callable[[Tensor, Tensor], Tensor]

SAMPLES = 1024  # that go through the model at once,
FEWER = {"cpu": 128}  # where layers convolve: what a CPU's caches hold of all that lies between the layers,
MANY = 512  # and what another device's memory does
NUMBERS = 2**19  # that a temporary of the closed forms may hold
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
            size = FEWER.get(x.device.type, MANY) if convolves else SAMPLES
            try:
                parts = zip(x.split(size), y.split(size), strict=True)
                return torch.cat([_by_hooks(model, loss, *part) for part in parts])
            except _UsedOtherwise:
                pass
        return _by_vmap(model, loss, x, y)


def how(model: nn.Module) -> Literal["hooks", "vmap"]:
    """By which way: `hooks` where layers with closed forms hold all parameters; a UsageError where by none."""
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
        padded = getattr(layer, "padding_mode", "zeros") != "zeros" or isinstance(
            getattr(layer, "padding", 0), str
        )
        if not known or padded or not held.isdisjoint(map(id, own.values())):
            return None
        held.update(map(id, own.values()))
        layers.append(layer)
    return layers


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
    return called == uses and max(called.values()) == 1


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


def _linear(layer: nn.Linear, x: Tensor, d: Tensor) -> Tensor:
    """A row's weight gradient is the outer product d x^T; further dimensions are summed over."""
    if x.dim() == 2:
        size = _squared(x) if layer.weight.requires_grad else x.new_zeros(len(x))
        return _squared(d) * (size + 1 if _trains(layer.bias) else size)
    rows, back = x.flatten(1, -2).mT, d.flatten(1, -2).mT
    squares = _squared_sums(back) if _trains(layer.bias) else d.new_zeros(len(d))
    if layer.weight.requires_grad:
        size = max(1, NUMBERS // (rows.shape[1] * back.shape[1]))
        pairs = zip(rows.split(size), back.split(size), strict=True)
        squares += torch.cat([_squared_product(u, g) for u, g in pairs])
    return squares


def _convolution(layer: nn.Conv1d | nn.Conv2d, x: Tensor, d: Tensor) -> Tensor:
    """A convolution is a linear layer on the unfolded input, whose rows are the places of the output."""
    back = d.flatten(2)
    squares = _squared_sums(back) if _trains(layer.bias) else d.new_zeros(len(d))
    if not layer.weight.requires_grad:
        return squares
    kernel, stride, dilation = map(_pair, (layer.kernel_size, layer.stride, layer.dilation))
    padding = (0, *map(int, layer.padding))[-2:]
    parts = []
    size = max(1, NUMBERS // (layer.weight[0].numel() * layer.groups * back.shape[2]))
    for inputs, g in zip((x if x.dim() == 4 else x[:, :, None]).split(size), back.split(size), strict=True):
        u = F.unfold(inputs, kernel, dilation, padding, stride)
        if layer.groups > 1:
            u, g = (rows.reshape(len(g) * layer.groups, -1, g.shape[2]) for rows in (u, g))
        parts.append(_squared_product(u, g).view(-1, layer.groups).sum(1))
    return squares.add_(torch.cat(parts))


def _channel_norm(layer: _BatchNorm | nn.GroupNorm, x: Tensor, d: Tensor) -> Tensor:
    """A channel's scale and shift act on all its places."""
    if isinstance(layer, nn.GroupNorm):
        normal = F.group_norm(x, layer.num_groups, eps=layer.eps)
    else:
        normal = F.batch_norm(x, layer.running_mean, layer.running_var, eps=layer.eps)
    shape = (len(d), d.shape[1], -1)
    return _scale_and_shift(layer, normal.reshape(shape), d.reshape(shape))


def _layer_norm(layer: nn.LayerNorm, x: Tensor, d: Tensor) -> Tensor:
    """Each normalised number has a scale and shift of its own, which act on all places."""
    normal = F.layer_norm(x, layer.normalized_shape, eps=layer.eps)
    shape = (len(d), -1, layer.weight.numel())
    return _scale_and_shift(layer, normal.reshape(shape).mT, d.reshape(shape).mT)


def _scale_and_shift(layer: nn.Module, normal: Tensor, d: Tensor) -> Tensor:
    """Squared gradient norm [k] of a scale and a shift [c] that act on normal [k, c, l]."""
    scale = _squared_sums(d * normal) if _trains(layer.weight) else d.new_zeros(len(d))
    return scale + _squared_sums(d) if _trains(layer.bias) else scale


def _squared_sums(values: Tensor) -> Tensor:
    """Squared norm [k] of the sums over the last dimension of values [k, c, l]."""
    return _squared(values.sum(2))


def _squared(values: Tensor) -> Tensor:
    """Squared norm [k] of values [k, ...]."""
    return torch.linalg.vector_norm(values.flatten(1), dim=1).square()


def _squared_product(u: Tensor, g: Tensor) -> Tensor:
    """||g u^T||^2 [k] for u [k, i, l] and g [k, o, l], by the product or by two Gram matrices [l, l]."""
    i, o, places = u.shape[1], g.shape[1], u.shape[2]
    if places * (i + o) < i * o:
        return torch.linalg.vecdot((u.mT @ u).flatten(1), (g.mT @ g).flatten(1))
    return _squared(g @ u.mT)


def _trains(parameter: object) -> bool:
    return isinstance(parameter, Tensor) and parameter.requires_grad


def _pair(size: tuple[int, ...]) -> tuple[int, int]:
    """Of a convolution in one or two dimensions: the same in two."""
    return (1, size[0]) if len(size) == 1 else (size[0], size[1])


CLOSED_FORMS: dict[type[nn.Module], Callable[..., Tensor]] = {
    nn.Linear: _linear,
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.BatchNorm1d: _channel_norm,
    nn.BatchNorm2d: _channel_norm,
    nn.GroupNorm: _channel_norm,
    nn.LayerNorm: _layer_norm,
}
