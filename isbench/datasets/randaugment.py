"""RandAugment (Cubuk et al. 2019) on the device: two operations on every image, picked by a hash.

An operation changes the images that it was picked for all at once. The 14 operations, and the ranges that the
magnitude of 4 of 10 is a part of, are the paper's and torchvision's: 30 degrees, a shear of 0.3 (here about
the centre), 0.45 of a side, four bits, every grey, a factor of 1 +- 0.9. Arazo et al. 2021 have N = 2 and M =
4 as well, but in their script these are 16 operations, without the identity, with Invert, SolarizeAdd and
CutoutAbs, at 4 of 30 of other ranges: all factors are 0.34, shifts 13 pixels, and posterising leaves one bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from isbench.datasets import image_operations as operations
from isbench.datasets.augment import CropAndFlip
from isbench.datasets.hashing import pick

LAYERS = 2  # N of the paper: operations on every image
STRENGTH = 4 / 10  # M of the paper, of ten
ANGLE, SHEAR, SHIFT = math.radians(30) * STRENGTH, 0.3 * STRENGTH, 0.45 * STRENGTH
FACTOR, BITS = 0.9 * STRENGTH, int(8 - 4 * STRENGTH)

# Operations by their number: identity, five that move pixels, four that blend, four that map each value.
MOVES = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
BLENDS = (operations.black, operations.mean_grey, operations.grey, operations.smooth)
COUNT = 1 + len(MOVES) + len(BLENDS) + 4


@dataclass(frozen=True)
class RandAugment:
    """What sample `index` looks like in a round: cropped and mirrored, then changed by two operations."""

    first: CropAndFlip
    seed: int
    white: int  # the largest byte
    moves: Tensor  # [COUNT, 2, 2, 3]: by operation and sign, from a place of the result to one of the image

    def __call__(self, images: Tensor, index: Tensor, round: int) -> Tensor:
        """Images [k, h, w, c] uint8, changed."""
        changed = self.first(images, index, round).float()
        for layer in range(LAYERS):
            number = pick(index, 2 * COUNT, "operation", layer, self.seed, round)
            changed = self.layer(changed, number // 2, number % 2)
        return changed.to(torch.uint8)

    def layer(self, images: Tensor, operation: Tensor, sign: Tensor) -> Tensor:
        """Images [k, h, w, c] float32 after the operations [k]; sign [k]: 0 turns back, or lowers."""
        white, blended = self.white, 1 + len(MOVES)
        factor = (1 + FACTOR * (2 * sign - 1).float()).view(-1, 1, 1, 1)

        def moved(those: Tensor, at: Tensor) -> Tensor:
            return operations.affine(those, self.moves[operation[at], sign[at]])

        images = on_those((operation > 0) & (operation < blended), images, moved)
        for number, paler in enumerate(BLENDS, blended):

            def blend(those: Tensor, at: Tensor, paler: Callable[[Tensor], Tensor] = paler) -> Tensor:
                return operations.blend(those, paler(those), factor[at], white)

            images = on_those(operation == number, images, blend)
        mapped: tuple[Callable[[Tensor], Tensor], ...] = (
            lambda those: operations.solarise(those, (1 - STRENGTH) * (white + 1), white),
            lambda those: operations.posterise(those, 2 ** (8 - BITS) * (white + 1) / 256),
            lambda those: operations.autocontrast(those, white),
            lambda those: operations.equalise(those, white),
        )
        for number, change in enumerate(mapped, blended + len(BLENDS)):
            images = on_those(operation == number, images, lambda those, at, change=change: change(those))
        return images


def on_those(chosen: Tensor, images: Tensor, change: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The images [k, ...] with the chosen ones [k] changed by a function of images and their positions."""
    if images.device.type != "cpu":
        return on_all(chosen, images, change)
    at = chosen.nonzero()[:, 0]
    return images.index_copy_(0, at, change(images[at], at)) if len(at) else images


def on_all(chosen: Tensor, images: Tensor, change: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The same by changing all of them: an accelerator need not wait until the chosen ones are counted."""
    everywhere = torch.arange(len(images), device=images.device)
    return torch.where(chosen.view(-1, 1, 1, 1), change(images, everywhere), images)


def rand_augment(shape: tuple[int, ...], seed: int, white: int, first: CropAndFlip) -> RandAugment:
    """The augmentation of images (c, h, w) of bytes up to `white`."""
    _, height, width = shape
    moves = torch.eye(2, 3).repeat(COUNT, 2, 1, 1)
    for number, name in enumerate(MOVES, 1):
        for sign in (0, 1):
            moves[number, sign] = move(name, 2 * sign - 1, height, width)
    return RandAugment(first, seed, white, moves.to(first.views.device))


def move(name: str, sign: int, height: int, width: int) -> Tensor:
    """Where a place (x, y) about the centre comes from: a matrix [2, 3]."""
    sine, cosine = math.sin(sign * ANGLE), math.cos(ANGLE)
    rows = {
        "rotate": ([cosine, -sine, 0], [sine, cosine, 0]),
        "shear_x": ([1, sign * SHEAR, 0], [0, 1, 0]),
        "shear_y": ([1, 0, 0], [sign * SHEAR, 1, 0]),
        "translate_x": ([1, 0, sign * SHIFT * width], [0, 1, 0]),
        "translate_y": ([1, 0, 0], [0, 1, sign * SHIFT * height]),
    }
    return torch.tensor(rows[name], dtype=torch.float32)
