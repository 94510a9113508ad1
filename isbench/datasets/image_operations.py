"""Operations on batches of images [k, h, w, c] float32 that hold whole numbers from 0 to `white`."""

from __future__ import annotations

import torch
from torch import Tensor


def affine(images: Tensor, matrix: Tensor) -> Tensor:
    """The nearest pixel of where each place comes from, by matrices [k, 2, 3] about the centre, or black."""
    k, height, width, channels = images.shape
    y = torch.arange(height, device=images.device) - (height - 1) / 2
    x = torch.arange(width, device=images.device) - (width - 1) / 2

    def source(row: int, side: int) -> Tensor:
        a, b, shift = matrix[:, row, :, None, None].unbind(1)
        return (a * x + (b * y[:, None] + (shift + (side - 1) / 2))).round_()

    columns, rows = source(0, width), source(1, height)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    where = (rows * width + columns).mul_(inside).long().view(k, -1, 1).expand(-1, -1, channels)
    return images.view(k, -1, channels).gather(1, where).view_as(images).mul_(inside[:, :, :, None])


def blend(images: Tensor, paler: Tensor, factor: Tensor, white: int) -> Tensor:
    """Away from a paler image for factors [k, 1, 1, 1] above 1, towards it below."""
    return (paler + factor * (images - paler)).round_().clamp_(0, white)


def black(images: Tensor) -> Tensor:
    """A black image, which brightness is measured from."""
    return torch.zeros_like(images)


def grey(images: Tensor) -> Tensor:
    """The luminance [k, h, w, 1] of ITU-R 601 in whole numbers, which saturation is measured from."""
    if images.shape[3] == 1:
        return images
    red, green, blue = images.split(1, 3)
    return (0.299 * red).add_(green, alpha=0.587).add_(blue, alpha=0.114).round_()


def mean_grey(images: Tensor) -> Tensor:
    """The mean luminance [k, 1, 1, 1] in whole numbers, which contrast is measured from."""
    return grey(images).mean((1, 2, 3), keepdim=True).round_()


def smooth(images: Tensor) -> Tensor:
    """The image blurred over 3x3 pixels, the one in the middle five times as heavy; the edge stays."""
    blurred = images.clone()
    height, width = images.shape[1:3]
    if height < 3 or width < 3:
        return blurred
    lines = images[:, :-2] + images[:, 1:-1] + images[:, 2:]
    box = lines[:, :, :-2] + lines[:, :, 1:-1] + lines[:, :, 2:]
    blurred[:, 1:-1, 1:-1] = (box + 4 * images[:, 1:-1, 1:-1]).div_(13).round_()
    return blurred


def solarise(images: Tensor, above: float, white: int) -> Tensor:
    """Bright values inverted, those of at least `above`."""
    return torch.where(images < above, images, white - images)


def posterise(images: Tensor, step: float) -> Tensor:
    """Values lowered to multiples of a step; a step of at most 1 changes nothing."""
    return (images / step).floor_() * step if step > 1 else images


def autocontrast(images: Tensor, white: int) -> Tensor:
    """Each channel stretched to 0 ... `white`; one of a single value stays."""
    low, high = images.amin((1, 2), keepdim=True), images.amax((1, 2), keepdim=True)
    stretched = ((images - low) * (white / (high - low).clamp(min=1))).round_()
    return torch.where(high > low, stretched, images)


def equalise(images: Tensor, white: int) -> Tensor:
    """Each channel with values that are as evenly spread as can be; one of a single value stays."""
    k, _, _, channels = images.shape
    levels = white + 1
    line = torch.arange(k * channels, device=images.device).view(k, 1, 1, channels)
    number = (images.long() + levels * line).flatten()
    ones = images.new_ones(()).expand(number.shape)
    counts = images.new_zeros(k * channels * levels).scatter_add_(0, number, ones).view(-1, levels)
    darker = counts.cumsum(1) - counts
    most = torch.where(counts > 0, darker, 0).amax(1, keepdim=True)  # than the brightest
    even = (darker * (white / most.clamp(min=1))).round_()
    even = torch.where(most > 0, even, torch.arange(levels, device=images.device))
    return even.flatten()[number].view_as(images)
