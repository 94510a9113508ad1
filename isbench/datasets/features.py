"""What a frozen VGG-16 (Simonyan and Zisserman 2015) makes of images: extracted once, kept, never trained.

The network is torchvision's, without its last layer, read from a state dict of any widths. Its features are
the numbers that the layer before the classes gives out, 4,096 of them after their ReLU: the most specific
ones that do not know ImageNet's classes, and what two new layers in place of the last one would see.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from isbench.datasets.fetch import temporary
from isbench.datasets.files import being_made, note_of, sha256_of
from isbench.datasets.mit67 import DEVIATION, MEAN
from isbench.errors import EnvironmentFault, UsageError

CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # torchvision's numbers in `features`
POOLED = (2, 7, 14, 21, 28)  # after these the sides are halved
LINEAR = (0, 3)  # in `classifier`; the last one, 6, is left out
MAP = 7  # side of what the linear layers see
RESIZED, CROPPED = 256, 224  # the shorter side, and the square about the centre
PUBLISHED = "vgg16-397923af.pth"  # IMAGENET1K_V1; a name as torch.hub checks it, by the SHA-256
GET = "python -c \"import torchvision; torchvision.models.vgg16(weights='IMAGENET1K_V1')\""
DIGITS = 8  # of a SHA-256 that name weights and features
BATCH = 32  # images at once
SAY_EVERY = 16  # batches

State = dict[str, Tensor]


@dataclass(frozen=True)
class Weights:
    """A file of weights, which need not be there once its features are."""

    path: Path
    key: str  # the first digits of its SHA-256


def chosen(weights: str) -> Weights:
    """ImageNet's, in torch's cache, or those of a path; EnvironmentFault where there is no such path."""
    if weights == "imagenet":
        path = Path(torch.hub.get_dir()) / "checkpoints" / PUBLISHED
        return Weights(path, path.stem.rpartition("-")[2])
    path = Path(weights).expanduser()
    if not path.is_file():
        raise EnvironmentFault(f"there is no file {path}", "check the path in weights:")
    return Weights(path, sha256_of(path)[:DIGITS])


def require(weights: Weights) -> None:
    """Raises EnvironmentFault with the command that helps where the weights are not there, or others are."""
    if not weights.path.is_file():
        raise EnvironmentFault(
            f"the ImageNet weights of VGG-16 are missing: {weights.path}",
            f"fetch them with {GET}, here or on a machine with a network, and put the file there; "
            "or name one with weights: FILE",
        )
    if not sha256_of(weights.path).startswith(weights.key):
        raise EnvironmentFault(
            f"{weights.path} is corrupt: its SHA-256 is not {weights.key}…", f"fetch it with {GET}"
        )


def width(path: Path, weights: Weights) -> int:
    """How many features there are: of the file that holds them, else of the weights."""
    known = opened(path)
    if known is not None:
        return known.shape[1]
    require(weights)
    return len(loaded(weights.path)[f"classifier.{LINEAR[-1]}.weight"])


def opened(path: Path) -> np.ndarray | None:
    """Features [n, d] float32 mapped from a file; None where there are none."""
    try:
        array = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if array.ndim == 2 and array.dtype == np.float32 else None


def extracted(path: Path, weights: Weights, files: Sequence[Path], say: Callable[[str], None]) -> Tensor:
    """Features [n, d] of image files, from the path where they are kept, else made and kept there."""
    known = opened(path)
    if known is None or len(known) != len(files):
        with being_made(path, "see to the disk, or use --data"):
            known = opened(path)  # somebody may have been quicker
            if known is None or len(known) != len(files):
                require(weights)
                extract(path, loaded(weights.path), files, say)
                known = opened(path)
    assert known is not None  # it was written
    return torch.from_numpy(known)


def extract(path: Path, state: State, files: Sequence[Path], say: Callable[[str], None]) -> None:
    """Writes the features of image files and notes the SHA-256; all of them or none."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    placed = {name: value.to(device) for name, value in state.items()}
    shape = (len(files), len(state[f"classifier.{LINEAR[-1]}.weight"]))
    with temporary(path) as part:
        array = np.lib.format.open_memmap(part, "w+", np.float32, shape)
        for number, start in enumerate(range(0, len(files), BATCH)):
            if number % SAY_EVERY == 0:
                say(f"VGG-16 has seen {start} of {len(files)} images")
            images = torch.stack([pixels(file) for file in files[start : start + BATCH]])
            array[start : start + BATCH] = network(placed, images.to(device)).cpu().numpy()
        array.flush()
        note_of(path).write_text(sha256_of(part) + "\n")
        os.replace(part, path)


def pixels(file: Path) -> Tensor:
    """An image [3, 224, 224] as the weights expect it: resized, cut, ImageNet's mean and deviation."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            colours = image.convert("RGB")
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise EnvironmentFault(f"{file} is no image that can be read: {error}", "fetch it again") from error
    short = min(colours.size)
    width, height = (RESIZED * side // short for side in colours.size)
    left, top = (round((side - CROPPED) / 2) for side in (width, height))
    resized = colours.resize((width, height), Image.Resampling.BILINEAR)
    square = np.asarray(resized.crop((left, top, left + CROPPED, top + CROPPED)))
    return torch.from_numpy((square / 255.0 - MEAN) / DEVIATION).float().permute(2, 0, 1)


@torch.no_grad()
def network(state: State, images: Tensor) -> Tensor:
    """Features [b, d] of images [b, 3, 224, 224]; in full float32, so that devices agree."""
    x = images
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for layer in CONVOLUTIONS:
            x = F.relu(F.conv2d(x, *weight_and_bias(state, f"features.{layer}"), padding=1))
            x = F.max_pool2d(x, 2) if layer in POOLED else x
    x = F.adaptive_avg_pool2d(x, MAP).flatten(1)
    for layer in LINEAR:
        x = F.relu(F.linear(x, *weight_and_bias(state, f"classifier.{layer}")))
    return x


def weight_and_bias(state: State, layer: str) -> tuple[Tensor, Tensor]:
    """The parameters of a layer."""
    return state[f"{layer}.weight"], state[f"{layer}.bias"]


def loaded(path: Path) -> State:
    """The state dict of a VGG-16 without its last layer; raises UsageError where it is of something else."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError, ValueError) as error:
        raise EnvironmentFault(
            f"cannot read weights from {path}: {(str(error) or 'it is empty').splitlines()[0]}",
            "weights: needs a state dict that torch.save wrote",
        ) from error
    names = [*(f"features.{layer}" for layer in CONVOLUTIONS), *(f"classifier.{layer}" for layer in LINEAR)]
    found, inputs = {}, 3
    for name in names:
        weight, bias = (
            state.get(f"{name}.{part}") if isinstance(state, dict) else None for part in ("weight", "bias")
        )
        first = name == f"classifier.{LINEAR[0]}"
        tail = (3, 3) if name.startswith("features") else ()
        expected = (inputs * MAP**2 if first else inputs, *tail)
        if not isinstance(weight, Tensor) or weight.shape[1:] != expected or not isinstance(bias, Tensor):
            raise UsageError(
                f"{path} holds no weights of a VGG-16: {name} is missing or of another shape",
                "weights: needs a state dict as torchvision's vgg16 has it, of any widths",
            )
        found |= {f"{name}.weight": weight.float(), f"{name}.bias": bias.float()}
        inputs = len(weight)
    return found
