"""ZCA whitening: pixels become uncorrelated with variance 1, and the images still look like images.

Fitted once on all published training images and remembered in the user's cache; applied to whatever rows a
recipe uses, on the device, when they are placed. Paper 001's program centres each channel rather than each
pixel and divides the result by its largest value; this is the textbook form, of unit variance.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from isbench.datasets.fetch import temporary
from isbench.datasets.files import being_made, cache_folder
from isbench.datasets.stored import CHUNK, channels_last

EPSILON = 1e-6  # added to every variance, of pixels in [0, 1], so that noise is not blown up; Keras' value


@dataclass(frozen=True)
class Whitening:
    """The linear map (x - mean) matrix of flattened images in [0, 1], channels last."""

    mean: Tensor  # [d] float32
    matrix: Tensor  # [d, d] float32, symmetric

    def __call__(self, images: Tensor) -> Tensor:
        """Whitened images [k, h, w, c] float32 of bytes [k, h, w, c], on the device of the matrix."""
        pixels = images.to(self.mean.device).flatten(1).float().mul_(1 / 255).sub_(self.mean)
        return (pixels @ self.matrix).view(images.shape)

    def to(self, device: torch.device) -> Whitening:
        """The same on a device."""
        return Whitening(self.mean.to(device), self.matrix.to(device))


def fit(images: Tensor) -> Whitening:
    """The whitening of images [n, c, h, w] uint8, from their covariance in float64."""
    images = channels_last(images).flatten(1)
    mean = images.sum(0, dtype=torch.int64).double() / (255 * len(images))
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for chunk in images.split(CHUNK):
        centred = chunk.double().mul_(1 / 255).sub_(mean)
        covariance.addmm_(centred.T, centred, alpha=1 / len(images))
    variance, direction = torch.linalg.eigh(covariance)
    scale = (variance.clamp(min=0) + EPSILON).rsqrt()
    return Whitening(mean.float(), ((direction * scale) @ direction.T).float())


def remembered(images: Tensor) -> Whitening:
    """The whitening of these training images; fitted where this machine has not done so before."""
    digest = hashlib.sha256(images.numpy().tobytes()).hexdigest()[:16]
    path = cache_folder() / "whitening" / f"{digest}.npz"
    with being_made(path):
        known = read(path)
        if known is None:
            known = fit(images)
            write(path, known)
    return known


def read(path: Path) -> Whitening | None:
    """What was written; None where nothing is, or it is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Whitening(torch.from_numpy(arrays["mean"]), torch.from_numpy(arrays["matrix"]))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def write(path: Path, whitening: Whitening) -> None:
    """Writes it at once or not at all; without room on the disk it is fitted again the next time."""
    with suppress(OSError), temporary(path) as part:
        with part.open("wb") as file:
            np.savez(file, mean=whitening.mean.numpy(), matrix=whitening.matrix.numpy())
        os.replace(part, path)
