"""Augmentation on the device: a hash of a sample's number picks its look from a table of views.

Standard: a random crop after zero padding and a random mirror image, drawn again in every round. Virtual
samples: a shift and perhaps a mirror image that belong to the sample for good.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from isbench.datasets.hashing import pick

SHIFT = 0.1  # of the side: how far a virtual sample is moved at most, as in paper 001
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
    return CropAndFlip(seed, reach, table(rows, columns, width + 2 * reach, flips).to(device))


def table(rows: Tensor, columns: Tensor, width: int, flips: bool) -> Tensor:
    """Every pairing of rows [r, h] and columns [c, w], mirrored as well if it may be: [v, h * w] pixels."""
    if flips:
        columns = torch.cat([columns, columns.flip(1)])
    views = rows[:, None, :, None] * width + columns[None, :, None, :]
    return views.reshape(-1, rows.shape[1] * columns.shape[1])


@dataclass(frozen=True)
class Moved:
    """What virtual sample `index` looks like: a pure hash of its number, the same in every round and run."""

    views: Tensor  # [v, h * w]: which pixel of the image lies at each place

    def __call__(self, images: Tensor, index: Tensor, round: int) -> Tensor:
        """Images [k, h, w, c] shifted and, if they may be, mirrored."""
        count, channels = images.shape[0], images.shape[3]
        view = self.views.index_select(0, pick(index, len(self.views), "virtual"))
        pixels = images.reshape(count, -1, channels)
        return pixels.gather(1, view.unsqueeze(2).expand(-1, -1, channels)).view_as(images)


def moved(shape: tuple[int, ...], flips: bool, device: torch.device) -> Moved:
    """Shifts of images (c, h, w) by up to a tenth of their sides, the edge repeated where nothing is left."""
    _, height, width = shape
    rows, columns = (
        (torch.arange(-reach, reach + 1)[:, None] + torch.arange(side)).clamp(0, side - 1)
        for side, reach in ((height, round(SHIFT * height)), (width, round(SHIFT * width)))
    )
    return Moved(table(rows, columns, width, flips).to(device))


def padding(side: int) -> int:
    """How many pixels an image of that side is padded with."""
    return min(PADDING, max(1, round(side / 8)))
