"""One picture as a task: from a place (x, y) to the colour there; every pixel is a sample.

A place is the centre of a pixel: the longer side of the picture spans [-1, 1], the shorter one less, x grows
to the right and y upwards. A colour is red, green and blue, or one grey value, in [0, 1], so that the peak of
the PSNR is 1; papers on SIREN use [-1, 1], where the same error is a loss four times as large.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from isbench.datasets.hashing import shuffled
from isbench.datasets.source import Source
from isbench.errors import EnvironmentFault, UsageError

Side = Annotated[int, Ge(1)]
VALIDATION = 10_000  # pixels at most
GREY = ("1", "L", "LA")  # modes of Pillow


def image_regression(root: Path, *, path: str | None = None, size: Side | list[Side] | None = None) -> Source:
    """Pixels of an image file: 2 coordinates in [-1, 1] and a colour in [0, 1], with the loss mse.

    Without `path` it is the photograph that comes with matplotlib, of Grace Hopper, in the public domain.
    `size` is its longer side in pixels, or [width, height]; by default the picture stays as it is. The
    training set is all pixels, or `subset` of them, and the test set is the whole picture. Validation is a
    fixed random part of the same picture, of at most 10,000 pixels: nothing is held out, and `val_fraction`
    is idle. Transparency is ignored. In a recipe, a relative path starts at the recipe's folder.
    """
    colours = read(photograph() if path is None else Path(path).expanduser(), size)
    height, width, _ = colours.shape
    targets = colours.flatten(0, 1)
    inputs = places(height, width)
    part = shuffled(torch.arange(len(targets)), "image-regression", "validation")[:VALIDATION].sort().values
    return Source(
        shape=(2,),
        classes=0,
        y_train=targets,
        y_test=targets,
        inputs=lambda: (inputs, inputs),
        validation=(inputs[part], targets[part]),
        loss="mse",
        canvas=(height, width),
    )


def photograph() -> Path:
    """A picture that is there wherever isbench is, 512 by 600 pixels."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


def read(file: Path, size: int | list[int] | None) -> Tensor:
    """The picture [h, w, 1 or 3] float32 in [0, 1]; raises EnvironmentFault where there is none."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
                image = Image.fromarray((np.asarray(image).clip(0, 65535) / 257).round().astype(np.uint8))
            image = image.convert("L" if image.mode in GREY else "RGB")
    except FileNotFoundError as error:
        raise EnvironmentFault(
            f"there is no {file}", "a relative path starts at the current folder"
        ) from error
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise EnvironmentFault(f"{file} is no image that can be read: {error}", "choose another") from error
    wanted = resized(image.size, size)
    if wanted != image.size:
        image = image.resize(wanted, Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(image)).float().div_(255)
    return pixels if pixels.ndim == 3 else pixels.unsqueeze(2)


def resized(now: tuple[int, int], size: int | list[int] | None) -> tuple[int, int]:
    """Width and height as asked for; a longer side alone keeps the picture's shape."""
    if isinstance(size, list):
        if len(size) != 2:
            raise UsageError(f"size: {size} of image-regression", "give [width, height] or the longer side")
        return size[0], size[1]
    if size is None:
        return now
    width, height = (max(1, round(side * size / max(now))) for side in now)
    return width, height


def places(height: int, width: int) -> Tensor:
    """The centres (x, y) [height * width, 2] of all pixels, row by row from the top left one."""
    longer = max(height, width)
    x = (2 * torch.arange(width) + 1 - width) / longer
    y = (height - 1 - 2 * torch.arange(height)) / longer
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=2).flatten(0, 1)
