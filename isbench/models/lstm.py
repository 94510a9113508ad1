"""Recurrent networks: samples are read step by step."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn

from isbench.errors import UsageError


def lstm(shape: tuple[int, ...], outputs: int, *, hidden: Annotated[int, Ge(1)] = 128) -> nn.Module:
    """One LSTM layer, whose last state a linear layer classifies.

    Sequences [T] or [T, d] are read as they are, images [c, h, w] pixel by pixel, row after row.
    """
    if not 1 <= len(shape) <= 3:
        size = "x".join(map(str, shape)) or "single numbers"
        raise UsageError(f"lstm needs sequences or images, the data set gives {size}", "try mlp")
    width = {1: 1, 2: shape[-1], 3: shape[0]}[len(shape)]
    return LastState(width, hidden, outputs)


class LastState(nn.Module):
    """An LSTM and a linear layer on its state after the last step, initialised as Keras does.

    With torch's own initial values hardly anything is remembered over the 784 steps of paper 001's task.
    """

    def __init__(self, width: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, hidden, batch_first=True)
        self.last = nn.Linear(hidden, outputs)
        weights, recurrent, bias, second = self.lstm.parameters()
        nn.init.xavier_uniform_(weights)
        nn.init.orthogonal_(recurrent)
        for each in (bias, second, self.last.bias):
            nn.init.zeros_(each)
        with torch.no_grad():
            bias[hidden : 2 * hidden] = 1.0  # of the forget gate

    def forward(self, x: Tensor) -> Tensor:
        """The logits [b, outputs] of sequences [b, T] or [b, T, d], or images [b, c, h, w]."""
        steps = x.flatten(2).mT if x.dim() == 4 else x.reshape(len(x), x.shape[1], -1)
        return self.last(self.lstm(steps)[0][:, -1])
