"""Standard augmentation on the device: a random crop after zero padding and a random mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from isbench.datasets.hashing import pick

PADDING = 4  # pixels; less for images under 32 pixels, an eighth of the side


@dataclass(frozen=True)
class CropAndFlip:
    """What sample `index` looks like in a round: a pure hash of (seed, round, index)."""

    seed: int
    reach: int  # pixels of padding on every side
    views: Tensor  # [v, h * w]: where each pixel of each view lies in the padded image

    def __call__(self, images: Tensor, index: Tensor, round: int) -> Tensor:
        """Images [k, h, w, c] moved by up to `reach` pixels and, if they may be, mirrored."""
        count, channels = images.shape[0], images.shape[3]
        padded = pad(images, (0, 0, *(self.reach,) * 4)).view(count, -1, channels)
        view = self.views.index_select(0, pick(index, len(self.views), "augment", self.seed, round))
        return padded.gather(1, view.unsqueeze(2).expand(-1, -1, channels)).view_as(images)


def crop_and_flip(shape: tuple[int, ...], seed: int, flips: bool, device: torch.device) -> CropAndFlip:
    """The augmentation of images (c, h, w); the table of views makes it one lookup and one gather."""
    _, height, width = shape
    reach = padding(min(height, width))
    steps = torch.arange(2 * reach + 1)
    rows = steps[:, None] + torch.arange(height)  # [steps, h]
    columns = steps[:, None] + torch.arange(width)
    if flips:
        columns = torch.cat([columns, columns.flip(1)])  # [steps or twice as many, w]
    views = rows[:, None, :, None] * (width + 2 * reach) + columns[None, :, None, :]
    return CropAndFlip(seed, reach, views.reshape(-1, height * width).to(device))


def padding(side: int) -> int:
    """How many pixels an image of that side is padded with."""
    return min(PADDING, max(1, round(side / 8)))
