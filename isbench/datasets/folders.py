"""Your own images: a folder per class, below train/ and test/ or side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from isbench.datasets.hashing import key
from isbench.datasets.held import stratified
from isbench.datasets.source import Source
from isbench.errors import EnvironmentFault, UsageError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
Labelled = list[tuple[Path, int]]


def image_folder(root: Path, *, path: str, size: int = 64, test_fraction: float = 0.2) -> Source:
    """Images cut to squares of `size` pixels (3, size, size); a folder's name is its class.

    path/train/CLASS/* and path/test/CLASS/*, or path/CLASS/* of which a stratified `test_fraction`, fixed by
    the files' names, is the test set. In a recipe, a relative path starts at the recipe's folder.
    """
    if size < 1 or not 0 < test_fraction < 1:
        raise UsageError(
            f"image-folder with size {size} and test_fraction {test_fraction}",
            "choose both above 0, test_fraction below 1",
        )
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise EnvironmentFault(f"there is no folder {folder}", "a relative path starts at the current folder")
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        names = class_names(folder / "train")
        train, test = listing(folder / "train", names), listing(folder / "test", names)
    else:
        names = class_names(folder)
        train, test = divide(listing(folder, names), test_fraction)
    if len(names) < 2 or not train or not test:
        raise EnvironmentFault(
            f"{folder} has {len(names)} classes, {len(train)} training and {len(test)} test images",
            "it needs a folder of images for each of two or more classes",
        )
    return Source(
        shape=(3, size, size),
        classes=len(names),
        y_train=torch.tensor([label for _, label in train]),
        y_test=torch.tensor([label for _, label in test]),
        inputs=lambda: (decode(train, size), decode(test, size)),
        scale=1 / 255,
        flips=True,
    )


def class_names(folder: Path) -> list[str]:
    """The folders in it, by name."""
    return sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


def listing(folder: Path, names: list[str]) -> Labelled:
    """Every image below the class folders, by class and name, with its class."""
    strange = set(class_names(folder)) - set(names)
    if strange:
        raise EnvironmentFault(f"{folder} has classes without training images: {', '.join(sorted(strange))}")
    return [
        (file, label)
        for label, name in enumerate(names)
        for file in sorted((folder / name).glob("*"))
        if file.suffix.lower() in SUFFIXES
    ]


def divide(files: Labelled, test_fraction: float) -> tuple[Labelled, Labelled]:
    """Training and test files; a file's part hangs on names only."""
    if not files:
        return [], []
    labels = torch.tensor([label for _, label in files])
    number = torch.tensor([key(file.parent.name, file.name) for file, _ in files])
    size = max(1, round(test_fraction * len(files)))
    test, train = stratified(labels, size, "image-folder", "test", number=number)
    return [files[i] for i in train.tolist()], [files[i] for i in test.tolist()]


def decode(files: Labelled, size: int) -> Tensor:
    """Images [n, 3, size, size] uint8: the largest square about the centre, resized."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    images = torch.empty(len(files), 3, size, size, dtype=torch.uint8)
    for place, (file, _) in enumerate(files):
        try:
            with Image.open(file) as image:
                square = ImageOps.fit(image.convert("RGB"), (size, size))
        except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise EnvironmentFault(f"{file} is no image that can be read: {error}", "remove it") from error
        images[place] = torch.from_numpy(np.array(square)).permute(2, 0, 1)
    return images
