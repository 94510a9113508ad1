"""Mixed training images: each is made of several, which a hash of (seed, round, number) chooses.

The images that are mixed look as they do on their own in that round, cropped and mirrored. What a mixed image
is made of depends on its number alone, so what was scored is what is trained. Partners come from the whole
training set, not from the batch as in the papers: else what a sample is would depend on its company. For the
same reason each image has a weight or a point of its own; Arazo et al. 2021 draw one for a whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from isbench.datasets.hashing import pick
from isbench.datasets.stored import Stored

ALPHA = 0.3  # of the Beta distribution that shares come from: of mixup and RICAP in Arazo et al. 2021
QUANTILES = 2**16


class Mixing(Protocol):
    """How some images become one."""

    @property
    def count(self) -> int:
        """Of how many images one is made."""
        ...

    def share(self, index: Tensor, key: str, shape: tuple[int, int]) -> Tensor:
        """How much of samples [k] of height and width `shape` each of their parts is [k, count], sum 1."""
        ...

    def mix(self, stored: Stored, parts: Tensor, key: str, round: int) -> Tensor:
        """The images [k, c, h, w] made of parts [k, count], of which the first are the samples themselves."""
        ...


@dataclass(frozen=True)
class Mixed:
    """A split whose images are mixed, and whose targets are shares of classes [k, classes] float32."""

    stored: Stored
    mixing: Mixing
    classes: int
    seed: int
    n: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", self.stored.n)

    def fetch(self, index: Tensor, round: int = 0) -> tuple[Tensor, Tensor]:
        """Mixed inputs [k, ...] and targets [k, classes]."""
        parts, share = self.parts(index, round)
        inputs = self.mixing.mix(self.stored, parts, self._key(round), round)
        labels = self.stored.targets[parts]
        return inputs, share.new_zeros(len(index), self.classes).scatter_add_(1, labels, share)

    def parts(self, index: Tensor, round: int = 0) -> tuple[Tensor, Tensor]:
        """What some samples [k] are mixed of, themselves first, and by what shares: [k, m] each."""
        key, others = self._key(round), max(1, self.n - 1)
        steps = [1 + pick(index, others, "partner", part, key) for part in range(1, self.mixing.count)]
        parts = torch.stack([index, *((index + step) % self.n for step in steps)], 1)
        _, height, width, *_ = self.stored.inputs.shape
        return parts, self.mixing.share(index, key, (height, width))

    def _key(self, round: int) -> str:
        return f"mixed/{self.seed}/{round}"


@dataclass(frozen=True)
class Mixup:
    """mixup (Zhang et al. 2018): the weighted mean of two images, the weight from Beta(0.3, 0.3)."""

    quantiles: Tensor
    count: int = 2

    def share(self, index: Tensor, key: str, shape: tuple[int, int]) -> Tensor:
        """The weights [k, 2]."""
        first = self.quantiles[pick(index, QUANTILES, "weight", key)]
        return torch.stack([first, 1 - first], 1)

    def mix(self, stored: Stored, parts: Tensor, key: str, round: int) -> Tensor:
        """The weighted means."""
        share = self.share(parts[:, 0], key, (0, 0))
        first, second = (stored.fetch(part, round)[0] for part in parts.unbind(1))
        return torch.lerp(first, second, share[:, 1, None, None, None])


@dataclass(frozen=True)
class Ricap:
    """RICAP (Takahashi et al. 2018): four crops around a point, whose coordinates are from Beta(0.3, 0.3).

    The sample itself is above on the left; the others follow beside it and below. A crop may be empty.
    """

    quantiles: Tensor
    count: int = 4

    def share(self, index: Tensor, key: str, shape: tuple[int, int]) -> Tensor:
        """The shares [k, 4] of the area."""
        heights, widths = self.sizes(index, key, shape)
        return (heights * widths).float() / (shape[0] * shape[1])

    def sizes(self, index: Tensor, key: str, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Height and width [k, 4] of the crops, in pixels."""
        above, left = (
            (self.quantiles[pick(index, QUANTILES, name, key)] * side).round_().long()
            for name, side in zip(("row", "column"), shape, strict=True)
        )
        below, right = shape[0] - above, shape[1] - left
        return torch.stack([above, above, below, below], 1), torch.stack([left, right, left, right], 1)

    def mix(self, stored: Stored, parts: Tensor, key: str, round: int) -> Tensor:
        """The four crops put together, each from a random place of its image."""
        _, height, width, channels = stored.inputs.shape
        index, device = parts[:, 0], parts.device
        heights, widths = self.sizes(index, key, (height, width))
        crop = torch.arange(4, device=device)
        number = index[:, None] * 4 + crop
        rows = pick(number, height - heights + 1, "top", key) - heights[:, :1] * (crop >= 2)
        columns = pick(number, width - widths + 1, "left", key) - widths[:, :1] * (crop % 2)
        begin = (crop * height + rows) * width + columns  # of each crop, among the pixels of the four images
        below = torch.arange(height, device=device) >= heights[:, :1]
        right = torch.arange(width, device=device) >= widths[:, :1]
        which = (2 * below[:, :, None] + right[:, None, :].long()).flatten(1)
        where = begin.gather(1, which) + torch.arange(height * width, device=device)
        pixels = stored.raw(parts.flatten(), round).reshape(len(index), -1, channels)
        mixed = pixels.gather(1, where[:, :, None].expand(-1, -1, channels))
        return stored.scaled(mixed.view(-1, height, width, channels))


MIXINGS: dict[str, type[Mixup] | type[Ricap]] = {"mixup": Mixup, "ricap": Ricap}


def mixed(kind: str, stored: Stored, classes: int, seed: int) -> Mixed:
    """The split mixed by `mixup` or `ricap`."""
    table = beta_quantiles(ALPHA, QUANTILES).to(stored.targets.device)
    return Mixed(stored, MIXINGS[kind](table), classes, seed)


def beta_quantiles(alpha: float, count: int) -> Tensor:
    """Evenly spaced quantiles [count] float32 of Beta(alpha, alpha), from the middle of the first part on.

    With t = x^alpha the distribution function has no pole: it grows with (1 - t^(1/alpha))^(alpha - 1). One
    half is integrated, the other is its mirror image.
    """
    t = np.linspace(0, 0.5**alpha, 2**15)
    slope = (1 - t ** (1 / alpha)) ** (alpha - 1)
    area = np.concatenate([[0], np.cumsum(slope[1:] + slope[:-1])])
    level = (np.arange(count) + 0.5) / count
    half = np.interp(np.minimum(level, 1 - level), area / area[-1] / 2, t) ** (1 / alpha)
    return torch.from_numpy(np.where(level < 0.5, half, 1 - half)).float()
