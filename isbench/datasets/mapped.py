"""Samples on a disk: a file in the user's cache, written once and mapped, so that a fetch reads its own rows.

The system keeps what it has read in spare memory: a set smaller than that is soon read from there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from isbench.datasets.fetch import temporary
from isbench.datasets.files import being_made, cache_folder
from isbench.datasets.source import Source
from isbench.datasets.stored import CHUNK, channels_last
from isbench.datasets.whiten import Whitening
from isbench.errors import EnvironmentFault

FOLDER = "samples"


def on_disk(source: Source) -> Source:
    """The same with its samples mapped from files in the cache, whitened already if they are to be."""
    if source.on_disk:
        return source

    def inputs() -> tuple[Tensor, Tensor]:
        whitening = None if source.whitening is None else source.whitening()
        x_train, x_test = source.inputs()
        return mapped(x_train, whitening), mapped(x_test, whitening)

    return replace(source, inputs=inputs, on_disk=True, whitening=None)


def mapped(samples: Tensor, whitening: Whitening | None = None) -> Tensor:
    """Samples [m, ...] mapped from a file that is named by their content; whitened, they are float32.

    Images [m, c, h, w] lie channels last in it. Raises EnvironmentFault where it cannot be written.
    """
    inputs = channels_last(samples)
    kind = inputs.numpy().dtype if whitening is None else np.dtype(np.float32)
    path = cache_folder() / FOLDER / f"{content(inputs, whitening)}.npy"
    with being_made(path):
        known = opened(path, tuple(inputs.shape), kind)
        if known is None:
            write(path, inputs, kind, whitening)
            known = opened(path, tuple(inputs.shape), kind)
    if known is None:
        raise EnvironmentFault(f"{path} cannot be mapped", "see to the disk, or set XDG_CACHE_HOME")
    found = torch.from_numpy(known)
    return found.permute(0, 3, 1, 2) if found.ndim == 4 else found


def content(inputs: Tensor, whitening: Whitening | None) -> str:
    """A short hash of the samples as they will lie in the file."""
    parts = [inputs] if whitening is None else [inputs, whitening.mean, whitening.matrix]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.dtype} {tuple(part.shape)}".encode())
        for chunk in part.cpu().split(CHUNK):
            digest.update(chunk.numpy().tobytes())
    return digest.hexdigest()[:16]


def opened(path: Path, shape: tuple[int, ...], kind: np.dtype) -> np.ndarray | None:
    """The array of a file, which is read where it is looked at; None where there is none of this form."""
    try:
        array = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if (array.shape, array.dtype) == (shape, kind) else None


def write(path: Path, inputs: Tensor, kind: np.dtype, whitening: Callable[[Tensor], Tensor] | None) -> None:
    """Writes the samples in chunks, all of them or nothing."""
    try:
        with temporary(path) as part:
            array = np.lib.format.open_memmap(part, "w+", kind, tuple(inputs.shape))
            for start in range(0, len(inputs), CHUNK):
                taken = inputs[start : start + CHUNK]
                made = taken if whitening is None else whitening(taken)
                array[start : start + CHUNK] = made.cpu().numpy()
            array.flush()
            os.replace(part, path)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write {path}: {error.strerror}", "see to the disk, or set XDG_CACHE_HOME"
        ) from error
