"""What a sample contributes to the gradient norm of a layer, in closed form.

A form takes the layer, what went in x [k, ...] and the gradient at its output d [k, ...], and returns the
squared norm [k] of the gradient of the layer's trainable parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

NUMBERS = 2**19  # that a temporary may hold


class UsedOtherwise(Exception):
    """A layer was not called once, on one row per sample, as the closed forms suppose."""


def form_of(layer: nn.Module) -> Callable[[Tensor, Tensor], Tensor] | None:
    """From what went into a layer and the gradient at its output to squared norms [k]; None if none is known.

    A layer may bring its own as a method `squared_gradients`. A subclass has its parent's, unless it computes
    something else.
    """
    own = getattr(layer, "squared_gradients", None)
    if own is not None:
        return own
    for kind in type(layer).__mro__:
        if kind in CLOSED_FORMS and type(layer).forward is kind.forward:
            return partial(CLOSED_FORMS[kind], layer)
    return None


def _linear(layer: nn.Linear, x: Tensor, d: Tensor) -> Tensor:
    """A row's weight gradient is the outer product d x^T; further dimensions are summed over."""
    if x.dim() == 2:
        size = _squared(x) if layer.weight.requires_grad else x.new_zeros(len(x))
        return _squared(d) * (size + 1 if _trains(layer.bias) else size)
    rows, back = x.flatten(1, -2).mT, d.flatten(1, -2).mT
    squares = squared_sums(back) if _trains(layer.bias) else d.new_zeros(len(d))
    return squares.add_(weight_squares(rows, back)) if layer.weight.requires_grad else squares


def weight_squares(rows: Tensor, back: Tensor) -> Tensor:
    """Squared norm [k] of a weight's gradient, from its inputs [k, i, l] and output gradients [k, o, l]."""
    size = max(1, NUMBERS // (rows.shape[1] * back.shape[1]))
    pairs = zip(rows.split(size), back.split(size), strict=True)
    return torch.cat([_squared_product(u, g) for u, g in pairs])


def _convolution(layer: nn.Conv1d | nn.Conv2d, x: Tensor, d: Tensor) -> Tensor:
    """A convolution is a linear layer on the windows of its input, one for each place of the output."""
    back = d.flatten(2)
    squares = squared_sums(back) if _trains(layer.bias) else d.new_zeros(len(d))
    if not layer.weight.requires_grad:
        return squares
    kernel, stride, dilation = map(_pair, (layer.kernel_size, layer.stride, layer.dilation))
    padding = (0, *map(int, layer.padding))[-2:]
    x, d = (x, d) if x.dim() == 4 else (x[:, :, None], d[:, :, None])
    plain = stride == dilation == (1, 1) and layer.groups == 1
    if plain and not _gram_is_less(layer.weight[0].numel(), len(layer.weight), back.shape[2]):
        size = max(1, NUMBERS // (layer.weight[:, :, 0].numel()))
        pairs = zip(x.split(size), d.split(size), strict=True)
        return squares.add_(torch.cat([_squared_windows(u, g, kernel, padding) for u, g in pairs]))
    parts = []
    size = max(1, NUMBERS // (layer.weight[0].numel() * layer.groups * back.shape[2]))
    for inputs, g in zip(x.split(size), back.split(size), strict=True):
        u = F.unfold(inputs, kernel, dilation, padding, stride)
        if layer.groups > 1:
            u, g = (rows.reshape(len(g) * layer.groups, -1, g.shape[2]) for rows in (u, g))
        parts.append(_squared_product(u, g).view(-1, layer.groups).sum(1))
    return squares.add_(torch.cat(parts))


def _squared_windows(x: Tensor, d: Tensor, kernel: tuple[int, ...], padding: tuple[int, ...]) -> Tensor:
    """Squared norm [k] of the weight's gradient of a convolution that moves by single steps.

    With channels last, what a row of the kernel sees lies in memory one number after the other, so nothing is
    unfolded. Windows that would reach over the end of a line meet a gradient of 0.
    """
    (height, width), (above, beside) = kernel, padding
    lines = _with_zeros(x.permute(0, 2, 3, 1), (0, 0, beside, beside, above, above)).contiguous()
    across, channels = lines.shape[2:]
    windows = lines.flatten(1).unfold(1, width * channels, channels)
    places = (d.shape[2] - 1) * across + d.shape[3]
    back = _with_zeros(d.permute(0, 2, 3, 1), (0, 0, 0, width - 1)).flatten(1, 2)[:, :places].mT
    seen = (windows[:, row * across : row * across + places] for row in range(height))
    return torch.stack([_squared(back @ each) for each in seen]).sum(0)


def _with_zeros(values: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Zeros around some values; torch would copy them where there is nothing to add."""
    return F.pad(values, sizes) if any(sizes) else values


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
    scale = squared_sums(d * normal) if _trains(layer.weight) else d.new_zeros(len(d))
    return scale + squared_sums(d) if _trains(layer.bias) else scale


def squared_sums(values: Tensor) -> Tensor:
    """Squared norm [k] of the sums over the last dimension of values [k, c, l]."""
    return _squared(values.sum(2))


def _squared(values: Tensor) -> Tensor:
    """Squared norm [k] of values [k, ...]."""
    return torch.linalg.vector_norm(values.flatten(1), dim=1).square()


def _squared_product(u: Tensor, g: Tensor) -> Tensor:
    """||g u^T||^2 [k] for u [k, i, l] and g [k, o, l], by the product or by two Gram matrices [l, l]."""
    if _gram_is_less(u.shape[1], g.shape[1], u.shape[2]):
        # Where the product cancels, rounding can leave the sum of the Gram matrices' products below 0.
        return torch.linalg.vecdot((u.mT @ u).flatten(1), (g.mT @ g).flatten(1)).clamp_(min=0)
    return _squared(g @ u.mT)


def _gram_is_less(inputs: int, outputs: int, places: int) -> bool:
    """Whether two Gram matrices are less work than the product."""
    return places * (inputs + outputs) < inputs * outputs


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
