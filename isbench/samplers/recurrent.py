"""LSTM layers step by step, so that the gradient at their gates can be had.

The weights of a level act on every step alike: its gates are a linear layer on [input, state before] over a
sequence. So what a sample adds to the gradient norm follows from what went in and from the gradient at the
gates, which torch's own LSTM keeps to itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from isbench.samplers.closed_forms import UsedOtherwise, squared_sums, weight_squares

# From the gradient at its output, and the output, that at a function's input.
sigmoid_backward, tanh_backward = torch.ops.aten.sigmoid_backward, torch.ops.aten.tanh_backward


class Weights(NamedTuple):
    """The parameters of one level; both biases do the same."""

    input: Tensor  # [4h, i]
    state: Tensor  # [4h, h]
    biases: tuple[Tensor, ...]  # [4h] each, or none

    @classmethod
    def of(cls, layer: nn.LSTM, level: int) -> Weights:
        """Those of a level of a layer."""
        held = [layer.get_parameter(f"{name}_l{level}") for name in ("weight_ih", "weight_hh")]
        names = ("bias_ih", "bias_hh") if layer.bias else ()
        return cls(held[0], held[1], tuple(layer.get_parameter(f"{name}_l{level}") for name in names))


def can_be_stepped(layer: nn.Module) -> bool:
    """Whether it is an LSTM that `stepped` can stand for."""
    return type(layer) is nn.LSTM and not layer.bidirectional and layer.proj_size == 0


def stepped(layer: nn.LSTM, note: Callable[[Tensor, Callable[[Tensor], Tensor]], None]) -> Callable[..., Any]:
    """A forward for the layer, in evaluation mode, that computes the same step by step.

    For every level `note` is handed zeros [t, k, 4h] that were added to its gates, so that the gradient there
    is the gates', and what makes of that gradient the squared norm [k] of the level's parameters' gradient.
    """
    uses = 0

    def forward(x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Any]:
        nonlocal uses
        uses += 1
        if not isinstance(x, Tensor) or x.dim() != 3 or uses > 1:
            raise UsedOtherwise
        steps = x.transpose(0, 1) if layer.batch_first else x
        shape = (layer.num_layers, steps.shape[1], layer.hidden_size)
        first, cells = (x.new_zeros(shape), x.new_zeros(shape)) if state is None else state
        ends: list[tuple[Tensor, Tensor]] = []
        for level in range(layer.num_layers):
            weights = Weights.of(layer, level)
            zeros = x.new_zeros(()).expand(*steps.shape[:2], len(weights.state)).requires_grad_()
            states, cell = _Level.apply(steps, first[level], cells[level], zeros, weights)
            note(zeros, _squares(weights, steps.detach(), states[:-1].detach()))
            ends.append((states[-1], cell))
            steps = states[1:]
        last, cell = (torch.stack(each) for each in zip(*ends, strict=True))
        return steps.transpose(0, 1) if layer.batch_first else steps, (last, cell)

    return forward


def _squares(weights: Weights, x: Tensor, states: Tensor) -> Callable[[Tensor], Tensor]:
    """From the gradient at the gates [t, k, 4h] to squared norms [k]; `states` are those before each step."""

    def squares(d: Tensor) -> Tensor:
        back = d.permute(1, 2, 0)
        total = squared_sums(back) * sum(bias.requires_grad for bias in weights.biases)
        for weight, rows in ((weights.input, x), (weights.state, states)):
            if weight.requires_grad:
                total += weight_squares(rows.permute(1, 2, 0), back)
        return total

    return squares


class _Level(torch.autograd.Function):
    """One level over all steps: the states [t + 1, k, h] from the first one on, and the last cell [k, h]."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, state: Tensor, cell: Tensor, zeros: Tensor, weights: Weights
    ) -> tuple[Tensor, Tensor]:
        (t, k, width), h = x.shape, weights.state.shape[1]
        gates = x.reshape(t * k, width) @ weights.input.T
        for bias in weights.biases:
            gates += bias
        gates = gates.view(t, k, 4 * h)
        states, cells = x.new_empty(t + 1, k, h), x.new_empty(t + 1, k, h)
        states[0], cells[0] = state, cell
        squashed, recurrent = x.new_empty(t, k, h), weights.state.T.contiguous()
        for step in range(t):
            gate = gates[step]
            torch.addmm(gate, states[step], recurrent, out=gate)  # addmm_ would not be counted as work
            keep, new, out = gate[:, : 2 * h].sigmoid_(), gate[:, 2 * h : 3 * h].tanh_(), gate[:, 3 * h :]
            torch.mul(keep[:, h:], cells[step], out=cells[step + 1]).addcmul_(keep[:, :h], new)
            torch.tanh(cells[step + 1], out=squashed[step])
            torch.mul(out.sigmoid_(), squashed[step], out=states[step + 1])
        ctx.weights = weights
        ctx.save_for_backward(gates, cells, squashed, states)
        return states, cells[t].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        gates, cells, squashed, _ = ctx.saved_tensors  # the states only to hear if somebody changed them
        weights, (d_states, d_cell) = ctx.weights, gradients
        d_state, d_cell = d_states[-1], d_cell.clone()
        enter, forget, new, out = gates.chunk(4, 2)
        # What each gate's input does to the cell, the output gate's to the state, and the cell to the state.
        to_cell = gates.new_empty(*squashed.shape[:2], 3, squashed.shape[2])
        sigmoid_backward.grad_input(new, enter, grad_input=to_cell[:, :, 0])
        sigmoid_backward.grad_input(cells[:-1], forget, grad_input=to_cell[:, :, 1])
        tanh_backward.grad_input(enter, new, grad_input=to_cell[:, :, 2])
        to_state, through = sigmoid_backward(squashed, out), tanh_backward(out, squashed)
        d = torch.empty_like(gates)
        by_gate = d.unflatten(2, (4, -1))
        for step in reversed(range(len(d))):
            d_cell.addcmul_(d_state, through[step])
            torch.mul(d_cell[:, None], to_cell[step], out=by_gate[step, :, :3])
            torch.mul(d_state, to_state[step], out=by_gate[step, :, 3])
            d_cell.mul_(forget[step])
            d_state = torch.addmm(d_states[step], d[step], weights.state)
        return d @ weights.input if ctx.needs_input_grad[0] else None, d_state, d_cell, d, None
