"""Your own arrays: an npz with x_train, y_train, x_test and y_test, of classes or of values."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np
import torch

from isbench.datasets.source import Source
from isbench.errors import EnvironmentFault

NAMES = ("x_train", "y_train", "x_test", "y_test")
CHANNELS = (1, 3)
MOST_CLASSES = 100_000


def arrays(
    root: Path, *, path: str, loss: Literal["auto", "cross_entropy", "mse", "l1", "bce"] = "auto"
) -> Source:
    """Samples of any shape, float or uint8 (scaled to [0, 1]), with classes or values; images are HWC or CHW.

    y holds classes 0, 1, … as integers, or values [n] or [n, d] as floats: a regression. `auto` is
    cross_entropy of integers and mse of floats; mse, l1 and bce take integers too; bce wants [0, 1] and a
    model's outputs are its logits. In a recipe, a relative path starts at the recipe's folder.
    """
    file = Path(path).expanduser()
    x_train, y_train, x_test, y_test = read(file)
    for x, y, part in ((x_train, y_train, "train"), (x_test, y_test, "test")):
        complain_of_samples(file, x, f"x_{part}")
        if len(y) != len(x):
            raise wrong(file, f"y_{part} has the shape {y.shape}, but there are {len(x)} samples")
    if x_train.shape[1:] != x_test.shape[1:] or x_train.dtype != x_test.dtype:
        raise wrong(file, f"x_train holds {kind(x_train)}, x_test {kind(x_test)}: they must be alike")
    chosen = loss_of(file, loss, y_train, y_test)
    classes = 0
    if chosen == "cross_entropy":
        classes = count_classes(file, y_train, y_test)
        y_train, y_test = (y.astype(np.int64) for y in (y_train, y_test))
    else:
        y_train, y_test = values(file, y_train, y_test, chosen)
    x_train, x_test = (torch.from_numpy(channels_first(x)) for x in (x_train, x_test))
    return Source(
        shape=tuple(x_train.shape[1:]),
        classes=classes,
        y_train=torch.from_numpy(y_train),
        y_test=torch.from_numpy(y_test),
        inputs=lambda: (x_train, x_test),
        scale=1 / 255,
        flips=True,
        loss=chosen,
    )


def loss_of(file: Path, wanted: str, y_train: np.ndarray, y_test: np.ndarray) -> str:
    """The loss that was asked for, or the one that fits the targets."""
    if wanted != "auto":
        return wanted
    floats = {y.dtype.kind == "f" for y in (y_train, y_test)}
    if len(floats) > 1:
        raise wrong(file, f"y_train holds {y_train.dtype}, y_test {y_test.dtype}: integers are classes")
    return "mse" if floats == {True} else "cross_entropy"


def count_classes(file: Path, y_train: np.ndarray, y_test: np.ndarray) -> int:
    """How many classes there are; raises EnvironmentFault where the targets are none."""
    for y, part in ((y_train, "train"), (y_test, "test")):
        if y.ndim != 1:
            raise wrong(file, f"y_{part} has the shape {y.shape}; classes are one integer for each sample")
        if y.dtype.kind not in "iu" or int(y.min()) < 0:
            raise wrong(file, f"y_{part} must hold classes 0, 1, … as integers, for values choose loss: mse")
    classes = int(max(y_train.max(), y_test.max())) + 1
    if classes > MOST_CLASSES:
        raise wrong(file, f"it has labels up to {classes - 1}; classes are numbered 0, 1, …")
    if classes < 2:
        raise wrong(file, "there is one class only; classes are numbered 0, 1, …")
    return classes


def values(file: Path, y_train: np.ndarray, y_test: np.ndarray, loss: str) -> tuple[np.ndarray, np.ndarray]:
    """Targets of a regression as [n, d] float32; raises EnvironmentFault where they are none."""
    for y, part in ((y_train, "train"), (y_test, "test")):
        if y.ndim not in (1, 2) or y.size == 0:
            raise wrong(file, f"y_{part} has the shape {y.shape}; values are [n] or [n, d]")
        if y.dtype.kind not in "fiub" or not np.isfinite(y).all():
            raise wrong(file, f"y_{part} ({y.dtype}) must hold finite numbers")
        if loss == "bce" and not 0 <= float(y.min()) <= float(y.max()) <= 1:
            raise wrong(file, f"bce wants targets in [0, 1], y_{part} goes from {y.min():g} to {y.max():g}")
    train, test = (y.reshape(len(y), -1).astype(np.float32) for y in (y_train, y_test))
    if train.shape[1] != test.shape[1]:
        raise wrong(file, f"y_train has {train.shape[1]} values for a sample, y_test {test.shape[1]}")
    return train, test


def read(file: Path) -> list[np.ndarray]:
    """The four arrays; never unpickles."""
    try:
        loaded = np.load(file, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise wrong(file, "it holds one array; save several with numpy.savez")
        with loaded as found:
            missing = [name for name in NAMES if name not in found]
            if missing:
                raise wrong(file, f"it has no {', '.join(missing)}, only {', '.join(found) or 'nothing'}")
            return [found[name] for name in NAMES]
    except FileNotFoundError as error:
        raise EnvironmentFault(
            f"there is no {file}", "a relative path starts at the current folder"
        ) from error
    except (ValueError, EOFError, OSError, RuntimeError, BadZipFile, zlib.error) as error:
        raise wrong(file, f"it is no npz of plain arrays ({error})") from error


def complain_of_samples(file: Path, x: np.ndarray, name: str) -> None:
    """Raises EnvironmentFault unless x is a non-empty array of finite floats or bytes."""
    if x.ndim < 2 or x.size == 0:
        raise wrong(file, f"{name} has the shape {x.shape}, not samples x features")
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise wrong(file, f"{name} holds {x.dtype}, neither floats nor uint8")
    if not np.isfinite(x).all():
        raise wrong(file, f"{name} holds values that are not finite")


def channels_first(x: np.ndarray) -> np.ndarray:
    """Images as [n, c, h, w], bytes of [n, h, w] too; floats become float32, other shapes stay."""
    if x.dtype == np.uint8 and x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[3] in CHANNELS and x.shape[1] not in CHANNELS:
        x = x.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(x if x.dtype == np.uint8 else x.astype(np.float32))


def kind(x: np.ndarray) -> str:
    """Shape and type of a sample."""
    return f"{x.dtype} of shape {x.shape[1:]}"


def wrong(file: Path, what: str) -> EnvironmentFault:
    """The fault of a file with other contents than needed."""
    return EnvironmentFault(f"{file}: {what}", "see the data set `arrays`: x_train, y_train, x_test, y_test")
