"""The Vision Transformer (Dosovitskiy et al. 2020) at the size of small images."""

from __future__ import annotations

from math import gcd
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge
from torch import Tensor, nn

from isbench.errors import UsageError


def vit(
    shape: tuple[int, ...],
    outputs: int,
    *,
    patch: Annotated[int, Ge(1)] = 4,
    dim: Annotated[int, Ge(1)] = 256,
    depth: Annotated[int, Ge(1)] = 6,
    heads: Annotated[int, Ge(1)] = 4,
    mlp_ratio: Annotated[int, Ge(1)] = 4,
) -> nn.Module:
    """A transformer on square patches of an image, with a class token and learned positions, no dropout.

    Paper 003 gives no configuration; the default is for images of 32x32 and has 4,771,082 parameters there.
    """
    if len(shape) != 3:
        raise UsageError(f"vit needs images, the data set gives {'x'.join(map(str, shape))}", "try mlp")
    common = gcd(*shape[1:])
    if common % patch:
        fitting = [size for size in range(1, common + 1) if common % size == 0]
        near = min(fitting, key=lambda size: abs(size - patch))
        raise UsageError(
            f"vit cannot cut {shape[1]}x{shape[2]} images into patches of {patch}x{patch}",
            f"choose patch: {near}",
        )
    if dim % heads:
        raise UsageError(f"vit cannot share dim {dim} between {heads} heads", "choose a dim they divide")
    return VisionTransformer(shape, outputs, patch, dim, depth, heads, mlp_ratio)


class VisionTransformer(nn.Module):
    """Patches as tokens, `depth` blocks of attention and MLP, and a linear layer on the class token."""

    def __init__(
        self,
        shape: tuple[int, ...],
        outputs: int,
        patch: int,
        dim: int,
        depth: int,
        heads: int,
        mlp_ratio: int,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.patch = patch
        self.embed = nn.Linear(patch * patch * channels, dim)
        self.token = ClassToken(dim)
        self.positions = Positions(1 + (height // patch) * (width // patch), dim)
        self.blocks = nn.Sequential(*(Block(dim, heads, mlp_ratio) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)
        self.last = nn.Linear(dim, outputs)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """The logits [b, outputs] of images [b, c, h, w]."""
        rows = x.permute(0, 2, 3, 1).unflatten(2, (-1, self.patch)).unflatten(1, (-1, self.patch))
        patches = rows.transpose(2, 3).flatten(3).flatten(1, 2)
        tokens = self.blocks(self.positions(self.token(self.embed(patches))))
        return self.last(self.norm(tokens[:, 0]))


class Block(nn.Module):
    """Attention, then an MLP, each on normalised tokens and added to what it read."""

    def __init__(self, dim: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.mix, self.mixed = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.widen, self.narrow = nn.Linear(dim, mlp_ratio * dim), nn.Linear(mlp_ratio * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """The tokens [b, t, dim]."""
        query, key, value = self.mix(self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value)
        x = x + self.mixed(seen.transpose(1, 2).flatten(2))
        return x + self.narrow(F.gelu(self.widen(self.norm2(x))))


class ClassToken(nn.Module):
    """A learned token in front of the others."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        """The tokens [b, 1 + t, dim]."""
        return torch.cat([self.weight.expand(len(x), 1, -1), x], 1)

    def squared_gradients(self, x: Tensor, d: Tensor) -> Tensor:
        """The squared norm [k] of each sample's gradient, from the input and the gradient at the output."""
        return d[:, 0].square().sum(1)


class Positions(nn.Module):
    """A learned vector for every place, added to the token there."""

    def __init__(self, tokens: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(tokens, dim), std=0.02))

    def forward(self, x: Tensor) -> Tensor:
        """The tokens [b, t, dim]."""
        return x + self.weight

    def squared_gradients(self, x: Tensor, d: Tensor) -> Tensor:
        """The squared norm [k] of each sample's gradient, from the input and the gradient at the output."""
        return d.square().sum((1, 2))
