"""SIREN (Sitzmann et al. 2020): a picture, or any function, as a network of sines."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from isbench.errors import UsageError


def siren(
    shape: tuple[int, ...],
    outputs: int,
    *,
    width: Annotated[int, Ge(1)] = 256,
    omega: Annotated[float, Gt(0)] = 30.0,
) -> nn.Module:
    """Four layers sin(omega (W x + b)) and a linear one, on coordinates that go from -1 to 1."""
    if len(shape) != 1:
        size = "x".join(map(str, shape)) or "single numbers"
        raise UsageError(f"siren needs coordinates, the data set gives {size}", "try mlp")
    return Siren(shape[0], outputs, width, omega)


class Siren(nn.Module):
    """Linear layers with sines between them, whose weights begin so that all sines see the same spread.

    Biases begin as torch has them, as in the code of Sitzmann et al.
    """

    def __init__(self, inputs: int, outputs: int, width: int, omega: float) -> None:
        super().__init__()
        self.omega = omega
        layers = [nn.Linear(*sides) for sides in pairwise((inputs, *[width] * 4, outputs))]
        nn.init.uniform_(layers[0].weight, -1 / inputs, 1 / inputs)
        bound = (6 / width) ** 0.5 / omega
        for layer in layers[1:]:
            nn.init.uniform_(layer.weight, -bound, bound)
        self.hidden, self.last = nn.ModuleList(layers[:-1]), layers[-1]

    def forward(self, x: Tensor) -> Tensor:
        """The numbers [b, outputs] at coordinates [b, d]."""
        for layer in self.hidden:
            x = torch.sin(layer(x).mul_(self.omega))
        return self.last(x)
