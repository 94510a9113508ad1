"""Standard augmentation on the device: a random crop after zero padding and a random mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from isbench.datasets.hashing import key, scramble

PADDING = 4  # pixels; less for images under 32 pixels, an eighth of the side


@dataclass(frozen=True)
class CropAndFlip:
    """What sample `index` looks like in a round: a pure hash of (seed, round, index)."""

    seed: int
    flips: bool

    def __call__(self, images: Tensor, index: Tensor, round: int) -> Tensor:
        """Images [k, c, h, w] moved by up to `PADDING` pixels and, if they may be, mirrored."""
        count, _, height, width = images.shape
        reach = padding(min(height, width))
        steps = 2 * reach + 1
        bits = scramble(index + key("augment", self.seed, round))
        place = torch.remainder(bits >> 8, steps * steps)
        windows = pad(images, (reach, reach, reach, reach)).unfold(2, height, 1).unfold(3, width, 1)
        sample = torch.arange(count, device=images.device)
        down = torch.div(place, steps, rounding_mode="floor")
        moved = windows[sample, :, down, torch.remainder(place, steps)]
        if not self.flips:
            return moved
        return torch.where((bits < 0).view(-1, 1, 1, 1), moved.flip(3), moved)


def padding(side: int) -> int:
    """How many pixels an image of that side is padded with."""
    return min(PADDING, max(1, round(side / 8)))
