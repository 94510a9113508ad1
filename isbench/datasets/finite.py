"""A finite data set, put together: the recipe's wishes applied, samples placed, pictures for figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from isbench.datasets.augment import moved
from isbench.datasets.augmented import augmented
from isbench.datasets.base import Dataset
from isbench.datasets.held import Selection, select
from isbench.datasets.losses import LOSSES
from isbench.datasets.mapped import on_disk
from isbench.datasets.source import Source
from isbench.datasets.stored import Stored, channels_last, place
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec

SPARE = 0.8  # the share of free device memory that samples may take; model and batches need the rest


def size(spec: DatasetSpec, source: Source, chosen: Selection) -> int:
    """How many training samples there are; raises UsageError for fewer virtual ones than real ones."""
    real = len(chosen.train)
    if source.virtual is not None and source.virtual < real:
        raise UsageError(
            f"virtual: {source.virtual} of {spec.name}, which has {real} training images",
            "ask for at least as many, or for a subset",
        )
    return real if source.virtual is None else source.virtual


def finite(spec: DatasetSpec, source: Source, device: torch.device, seed: int) -> Dataset:
    """The data set as wanted, on the device, the host or a disk; `seed` only feeds augmentation."""
    chosen = select(spec, source)
    n = size(spec, source, chosen)
    source = on_disk(source) if spec.keep == "disk" else source
    x_train, x_test = source.inputs()
    whitening = None if source.whitening is None else source.whitening().to(device)
    bytes_each = x_train[:1].nbytes if whitening is None else 4 * x_train[0].numel()
    home = home_of(spec, source, device, bytes_each * (len(chosen.y_train) + len(x_test)))
    scale, shift = (per_channel(value, device) for value in (source.scale, source.shift))
    origin = chosen.train if source.rows is None else source.rows[chosen.train]

    def stored(inputs: Tensor, rows: Tensor, targets: Tensor) -> Stored:
        in_place = source.on_disk and home.type == "cpu"
        samples = channels_last(inputs) if in_place else place(inputs, rows, home, whitening)
        return Stored(samples, targets.to(device), scale, shift, rows if in_place else None)

    plain = stored(x_train, origin, chosen.y_train)
    if source.virtual is not None:
        plain, origin = multiplied(plain, n, source), origin[torch.arange(n) % plain.n]
    if source.validation is None:
        rows = chosen.validation if source.rows is None else source.rows[chosen.validation]
        validation = stored(x_train, rows, chosen.y_validation)
    else:
        points, targets = source.validation
        validation = Stored(points.to(device), targets.to(device))
    rows = chosen.test if source.test_rows is None else source.test_rows[chosen.test]
    pictured = len(source.shape) == 3 and source.shape[0] in (1, 3)
    return Dataset(
        name=spec.name,
        train=augmented(spec, source, plain, chosen.classes, seed),
        validation=validation,
        test=stored(x_test, rows, chosen.y_test),
        plain=plain,
        shape=source.shape,
        classes=chosen.classes,
        values=chosen.values,
        loss=LOSSES[source.loss],
        device=device,
        lives="disk" if source.on_disk and home.type == "cpu" else "device" if home == device else "host",
        epoch_size=plain.n,
        origin=origin.to(device),
        labels=plain.targets if chosen.classes else None,
        pictures=painter(plain, source.white) if pictured else None,
        outlines=source.outlines,
        canvas=source.canvas,
    )


def multiplied(plain: Stored, n: int, source: Source) -> Stored:
    """n virtual images of those stored: number i shows image i modulo their count, moved for good."""
    real = torch.arange(n, device=plain.targets.device) % plain.n
    return replace(
        plain,
        targets=plain.targets[real],
        rows=real.to(plain.inputs.device) if plain.rows is None else plain.rows[real.cpu()],
        augmentation=moved(source.shape, source.flips, plain.targets.device),
    )


def per_channel(value: float | tuple[float, ...], device: torch.device) -> float | Tensor:
    """One number for all channels, or a tensor [c] of one for each."""
    return torch.tensor(value, device=device) if isinstance(value, tuple) else value


def home_of(spec: DatasetSpec, source: Source, device: torch.device, needed: int) -> torch.device:
    """Where the samples live: on the device, or on the host where that is asked for or they do not fit."""
    host = torch.device("cpu")
    if device.type == "cuda" and needed > SPARE * torch.cuda.mem_get_info(device)[0]:
        return host
    return device if spec.keep == "device" else host


def painter(plain: Stored, white: int) -> Callable[[Tensor], np.ndarray]:
    """Training images [k, h, w, 1 or 3] uint8 by number; floats outside [0, 1] are stretched to it."""

    def pictures(index: Tensor) -> np.ndarray:
        images = plain.raw(index).cpu().float()
        if plain.inputs.dtype == torch.uint8:
            images = images / white
        elif len(images) and not 0 <= float(images.min()) <= float(images.max()) <= 1:
            images = (images - images.min()) / (images.max() - images.min()).clamp(min=1e-12)
        return (images * 255).round().to(torch.uint8).numpy()

    return pictures
