"""Norms of the samples' gradients by closed forms of the layers.

One forward, one backward to the outputs of the layers, and from what went into a layer and what came back at
its output the norm of its parameters' gradient (after Goodfellow, arXiv 1510.01799). No weight gradient is
computed and no sample's gradient is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from isbench.samplers.closed_forms import UsedOtherwise, form_of
from isbench.samplers.recurrent import can_be_stepped, stepped

Loss = Callable[[Tensor, Tensor], Tensor]

SAMPLES = 1024  # that go through the model at once
CONVOLVED = {
    "cpu": 128,
    "cuda": 512,
    "mps": 512,
}  # fewer: what the caches, or the memory, hold between layers
STEPPED = {"cpu": 64, "cuda": 512, "mps": 512}  # of sequences; every step of each is kept


class Call(NamedTuple):
    """One use of a layer.

    What stands for its parameters in the graph, where the gradient at its output will come by, and what makes
    of that the squared norms [k].
    """

    leaves: tuple[Tensor, ...]
    edge: GradientEdge
    squares: Callable[[Tensor], Tensor]


def by_hooks(model: nn.Module, loss: Loss, x: Tensor, y: Tensor) -> Tensor:
    """By closed forms, so many samples at a time as suits the layers."""
    size = SAMPLES
    for kinds, limits in ((nn.RNNBase, STEPPED), (nn.Conv1d | nn.Conv2d, CONVOLVED)):
        if any(isinstance(module, kinds) for module in model.modules()):
            size = min(size, limits[x.device.type])
    parts = zip(x.split(size), y.split(size), strict=True)
    return torch.cat([_part(model, loss, *part) for part in parts])


def _part(model: nn.Module, loss: Loss, x: Tensor, y: Tensor) -> Tensor:
    with _noting(layers_of(model) or []) as calls:
        total = loss(model(x), y).sum()
    squares = torch.zeros(len(x), device=x.device, dtype=total.dtype)
    if not any(p.requires_grad for p in model.parameters()):
        return squares
    if not _used_once(total, calls):
        raise UsedOtherwise
    gradients = torch.autograd.grad(total, [call.edge for call in calls])
    with torch.no_grad():
        for call, gradient in zip(calls, gradients, strict=True):
            found = call.squares(gradient)
            if len(found) != len(x):
                raise UsedOtherwise
            squares += found
    return squares.sqrt_()


@contextmanager
def _noting(layers: list[nn.Module]) -> Iterator[list[Call]]:
    """Inside, every use of the layers is noted, and recurrent ones go step by step."""
    calls: list[Call] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        form, x = form_of(layer), inputs[0].detach()

        def squares(d: Tensor) -> Tensor:
            if form is None or len(x) != len(d):
                raise UsedOtherwise
            return form(x, d)

        calls.append(Call(tuple(layer.parameters(recurse=False)), get_gradient_edge(output), squares))

    def note_level(zeros: Tensor, squares: Callable[[Tensor], Tensor]) -> None:
        calls.append(Call((zeros,), get_gradient_edge(zeros), squares))

    recurrent = [layer for layer in layers if isinstance(layer, nn.LSTM)]
    handles = [each.register_forward_hook(note) for each in layers if each not in recurrent]
    for layer in recurrent:
        layer.forward = stepped(layer, note_level)
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
        for layer in recurrent:
            del layer.forward  # the class's own is behind it


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
    called = Counter(id(leaf) for call in calls for leaf in call.leaves if leaf.requires_grad)
    return called == uses and max(called.values(), default=0) == 1


def layers_of(model: nn.Module) -> list[nn.Module] | None:
    """The layers that hold the trainable parameters; None if one has no closed form or two share one."""
    layers: list[nn.Module] = []
    held: set[int] = set()
    for layer in model.modules():
        own = {name: p for name, p in layer._parameters.items() if p is not None and p.requires_grad}
        if isinstance(layer, nn.RNNBase):
            known = can_be_stepped(layer)
        elif own:
            known = form_of(layer) is not None and own.keys() <= {"weight", "bias"} and not _padded(layer)
        else:
            continue
        if not known or not held.isdisjoint(map(id, own.values())):
            return None
        held.update(map(id, own.values()))
        layers.append(layer)
    return layers


def _padded(layer: nn.Module) -> bool:
    """Whether a convolution is padded by something else than a given number of zeros."""
    return isinstance(layer, nn.Conv1d | nn.Conv2d) and (
        layer.padding_mode != "zeros" or isinstance(layer.padding, str)
    )
