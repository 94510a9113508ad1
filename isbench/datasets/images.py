"""Public image sets, read from the files that torchvision would read; nothing is downloaded here.

Pixels are as in paper 000: MNIST and Fashion-MNIST raw in [0, 1], colour images with mean and deviation 0.5.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from isbench.datasets.files import contents, corrupt, require
from isbench.datasets.hashing import shuffled
from isbench.datasets.source import Source
from isbench.datasets.whiten import remembered
from isbench.errors import EnvironmentFault

Count = Annotated[int, Ge(1)]

RAW = 1 / 255
CENTRED = 2 / 255  # with the shift -1: [-1, 1]


def mnist(root: Path) -> Source:
    """60,000 and 10,000 handwritten digits (1, 28, 28)."""
    return idx_source("mnist", root, "MNIST", flips=False)


def fashion_mnist(root: Path) -> Source:
    """60,000 and 10,000 pieces of clothing (1, 28, 28)."""
    return idx_source("fashion-mnist", root, "FashionMNIST", flips=True)


def idx_source(name: str, root: Path, folder: str, flips: bool) -> Source:
    """A data set of the MNIST family; only the labels are read until the pixels are asked for."""
    require(name, root)

    def read(part: str) -> Tensor:
        return parse_idx(contents(name, root, f"{folder}/raw/{part}-ubyte"))

    return Source(
        shape=(1, 28, 28),
        classes=10,
        y_train=read("train-labels-idx1").long(),
        y_test=read("t10k-labels-idx1").long(),
        inputs=lambda: (read("train-images-idx3").unsqueeze(1), read("t10k-images-idx3").unsqueeze(1)),
        scale=RAW,
        flips=flips,
    )


def parse_idx(data: bytes) -> Tensor:
    """The values of an IDX file: four bytes of type and dimension count, the sizes, the values."""
    dimensions = data[3]
    sizes = np.frombuffer(data, ">i4", dimensions, 4)
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(sizes).copy())


def cifar10(root: Path, *, zca: bool = False, virtual: Count | None = None) -> Source:
    """50,000 and 10,000 photographs (3, 32, 32) of 10 classes; the options are `photographs`'."""
    batches = [f"data_batch_{number}" for number in range(1, 6)]
    source = cifar_source("cifar10", root, "cifar-10-batches-py", batches, ["test_batch"], b"labels", 10)
    return photographs(source, zca, virtual)


def cifar100(root: Path, *, zca: bool = False, virtual: Count | None = None) -> Source:
    """50,000 and 10,000 photographs (3, 32, 32) of 100 classes; the options are `photographs`'."""
    source = cifar_source("cifar100", root, "cifar-100-python", ["train"], ["test"], b"fine_labels", 100)
    return photographs(source, zca, virtual)


def photographs(source: Source, zca: bool, virtual: int | None) -> Source:
    """The same whitened, and with `virtual` training images made of the published ones, as in paper 001.

    Virtual image i is training image i modulo their count, shifted by up to 3 pixels and mirrored or not: a
    hash of i, the same in every round and run, so that a sampler's memory of it means something.
    """
    whitening = (lambda: remembered(source.inputs()[0])) if zca else None
    return replace(source, whitening=whitening, virtual=virtual)


def cifar_source(
    name: str, root: Path, folder: str, train: list[str], test: list[str], label: bytes, classes: int
) -> Source:
    """A CIFAR set from its pickles."""
    require(name, root)

    def read(files: list[str]) -> tuple[Tensor, Tensor]:
        batches = [unpickle(contents(name, root, f"{folder}/{file}")) for file in files]
        pixels = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, 3, 32, 32)
        return torch.from_numpy(pixels), torch.tensor([y for batch in batches for y in batch[label]])

    (x_train, y_train), (x_test, y_test) = read(train), read(test)
    return Source(
        shape=(3, 32, 32),
        classes=classes,
        y_train=y_train,
        y_test=y_test,
        inputs=lambda: (x_train, x_test),
        scale=CENTRED,
        shift=-1.0,
        flips=True,
    )


class ArraysOnly(pickle.Unpickler):
    """Reads dictionaries, lists, strings, numbers and arrays; a pickle that asks for more is refused."""

    names = {  # noqa: RUF012 - a table
        "_reconstruct": np.empty(0).__reduce__()[0],
        "ndarray": np.ndarray,
        "dtype": lambda kind, *_: np.dtype(kind),  # the old pickles' further arguments are deprecated
    }

    def find_class(self, module: str, name: str) -> Any:
        """The three names of which a pickled array is made."""
        if module.split(".")[0] != "numpy" or name not in self.names:
            raise pickle.UnpicklingError(f"{module}.{name} in a file of arrays")
        return self.names[name]


def unpickle(data: bytes) -> dict[bytes, Any]:
    """A CIFAR batch, from bytes that were checked."""
    return ArraysOnly(io.BytesIO(data), encoding="bytes").load()


def svhn(root: Path) -> Source:
    """73,257 and 26,032 house numbers (3, 32, 32); the extra training images are left out."""
    require("svhn", root)
    files = [contents("svhn", root, f"{part}_32x32.mat") for part in ("train", "test")]
    y_train, y_test = (torch.from_numpy(matlab(file, "y")[:, 0].astype(np.int64)) % 10 for file in files)

    def pixels(file: bytes) -> Tensor:
        return torch.from_numpy(matlab(file, "X")).permute(3, 2, 0, 1)

    return Source(
        shape=(3, 32, 32),
        classes=10,
        y_train=y_train,
        y_test=y_test,
        inputs=lambda: (pixels(files[0]), pixels(files[1])),
        scale=CENTRED,
        shift=-1.0,
    )


def matlab(data: bytes, name: str) -> np.ndarray:
    """One array of a MATLAB file; raises EnvironmentFault without scipy."""
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise EnvironmentFault("MATLAB files need scipy", "pip install scipy") from error
    return loadmat(io.BytesIO(data), variable_names=[name])[name]


def pcam(root: Path, *, split: Literal["official", "code"] = "official") -> Source:
    """Patches of lymph nodes (3, 96, 96), tumour or not: 262,144 and 32,768.

    `split: code` is what paper 000's program does: a random fifth of the training part is the test set.
    """
    require("pcam", root)
    labels = hdf5(root, "train_y").reshape(-1).long()
    if split == "official":
        y_train, y_test = labels, hdf5(root, "test_y").reshape(-1).long()
        tested, rows, test_rows = ("test", len(y_test)), None, None
    else:
        order = shuffled(torch.arange(len(labels)), "pcam", "code")
        rows, test_rows = (part.sort().values for part in order.tensor_split([round(0.8 * len(order))]))
        tested, y_train, y_test = ("train", len(labels)), labels[rows], labels[test_rows]

    def patches(part: str, n: int) -> Tensor:
        found = hdf5(root, f"{part}_x")
        if found.shape != (n, 96, 96, 3):
            raise corrupt(
                "pcam", root, patch_file(f"{part}_x"), f"{tuple(found.shape)} patches for {n} labels"
            )
        return found.permute(0, 3, 1, 2)

    return Source(
        shape=(3, 96, 96),
        classes=2,
        y_train=y_train,
        y_test=y_test,
        inputs=lambda: (patches("train", len(labels)), patches(*tested)),
        scale=CENTRED,
        shift=-1.0,
        flips=True,
        on_disk=True,
        rows=rows,
        test_rows=test_rows,
    )


def patch_file(part: str) -> str:
    """Where a PCam file lies below the root."""
    return f"pcam/camelyonpatch_level_2_split_{part}.h5"


def hdf5(root: Path, part: str) -> Tensor:
    """The array of one PCam file: mapped from the disk where it lies there in one piece, else read."""
    import h5py

    path = patch_file(part)
    try:
        with h5py.File(root / path) as file:
            array: Any = file[part[-1]]
            offset = array.id.get_offset()
            if offset is None:
                return torch.from_numpy(array[()])
            shape, kind = array.shape, array.dtype
        return torch.from_numpy(np.memmap(root / path, kind, "c", offset, shape))
    except (OSError, KeyError) as error:
        raise corrupt("pcam", root, path, str(error)) from error
