"""Every data set by name: what it is, what a recipe may set, how it is fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from isbench.datasets import digits, flowers, images, mit67, modelnet, modelnet_files, two_circles
from isbench.datasets.arrays import arrays
from isbench.datasets.augmented import check
from isbench.datasets.base import Dataset, Facts
from isbench.datasets.fetch import prepare
from isbench.datasets.files import verify
from isbench.datasets.finite import finite, size
from isbench.datasets.folders import image_folder
from isbench.datasets.held import select
from isbench.datasets.image_regression import image_regression
from isbench.datasets.pairs import mnist_pairs
from isbench.datasets.pixels import permuted_mnist
from isbench.datasets.source import Source, Stream
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec


@dataclass(frozen=True)
class Entry:
    """A data set; its options are the keyword-only parameters of `build`."""

    build: Callable[..., Source | Stream]  # (root, *, options)
    summary: str
    source: str
    size: str = ""  # on disk
    stream: bool = False  # whether it is endless unless an option says otherwise
    prepare: Callable[[Path, Callable[[str], None]], None] | None = None  # (root, say)
    verify: Callable[[Path], list[str]] | None = None  # (root) -> what was checked


def public(name: str, build: Callable[..., Source], summary: str, source: str, size: str) -> Entry:
    """An entry that is downloaded once."""
    return Entry(build, summary, source, size, False, partial(prepare, name), partial(verify, name))


CATALOGUE: dict[str, Entry] = {
    "two-circles": Entry(
        two_circles.two_circles,
        "points of a square, class 1 inside two circles; fresh ones for ever, or `samples` fixed ones",
        "paper 000, section 4",
        "computed",
        stream=True,
    ),
    "digits": Entry(
        digits.digits,
        "1,797 handwritten digits of 8x8 pixels",
        "UCI optical digits, CC BY 4.0",
        "45 kB, bundled",
    ),
    "mnist": public(
        "mnist", images.mnist, "70,000 handwritten digits of 28x28 pixels", "LeCun et al. 1998", "55 MB"
    ),
    "fashion-mnist": public(
        "fashion-mnist",
        images.fashion_mnist,
        "70,000 pieces of clothing of 28x28 pixels",
        "Xiao et al. 2017",
        "55 MB",
    ),
    "cifar10": public(
        "cifar10", images.cifar10, "60,000 photographs of 10 classes, 32x32", "Krizhevsky 2009", "186 MB"
    ),
    "cifar100": public(
        "cifar100", images.cifar100, "60,000 photographs of 100 classes, 32x32", "Krizhevsky 2009", "186 MB"
    ),
    "svhn": public(
        "svhn", images.svhn, "99,289 house numbers, 32x32 (needs scipy)", "Netzer et al. 2011", "246 MB"
    ),
    "pcam": public(
        "pcam",
        images.pcam,
        "294,912 patches of lymph nodes, 96x96, tumour or not",
        "Veeling et al. 2018, CC0",
        "8.2 GB",
    ),
    "mnist-pairs": Entry(
        mnist_pairs,
        "two MNIST digits side by side, 100 classes, as many or as few pairs as you like",
        "made from MNIST",
        "MNIST's",
        prepare=partial(prepare, "mnist"),
        verify=partial(verify, "mnist"),
    ),
    "permuted-mnist": Entry(
        permuted_mnist,
        "MNIST pixel by pixel, 784 steps in one fixed random order (or 196 of averaged pixels)",
        "made from MNIST, as in paper 001",
        "MNIST's",
        prepare=partial(prepare, "mnist"),
        verify=partial(verify, "mnist"),
    ),
    "mit67": Entry(
        mit67.mit67,
        "6,700 photographs of 67 kinds of indoor places, resized to 224x224",
        "Quattoni and Torralba 2009, for research only",
        "1 GB, from 2.4 GB",
        prepare=mit67.prepare,
        verify=mit67.verify,
    ),
    "image-regression": Entry(
        image_regression,
        "the pixels of one picture, yours or one that is there: from a place to the colour there",
        "any image file; the task of Figure 6 of paper 003",
    ),
    "modelnet40": Entry(
        modelnet.modelnet40,
        "12,311 clouds of points on the surfaces of models of 40 kinds of things",
        "Wu et al. 2015, Qi et al. 2017",
        "415 MB, or 2 GB as meshes",
        prepare=modelnet_files.prepare,
        verify=modelnet_files.verify,
    ),
    "flowers102": Entry(
        flowers.flowers102,
        "8,189 photographs of 102 kinds of flowers, as 4,096 features of a frozen VGG-16",
        "Nilsback and Zisserman 2008",
        "480 MB",
        prepare=flowers.prepare,
        verify=flowers.verify,
    ),
    "arrays": Entry(
        arrays, "your own arrays: x_train, y_train, x_test, y_test in an npz, of classes or values", "yours"
    ),
    "image-folder": Entry(image_folder, "your own images: a folder per class", "yours"),
}


def entry_of(name: str) -> Entry:
    """The entry of that name; raises UsageError if there is none."""
    if name not in CATALOGUE:
        raise UsageError(f"there is no data set {name}", f"there are {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def prepare_named(name: str, root: Path, say: Callable[[str], None]) -> None:
    """Fetches a data set and says what it does; raises EnvironmentFault where that fails."""
    entry = entry_of(name)
    if entry.prepare is None:
        say(f"{name} needs no download")
    else:
        entry.prepare(root, say)
        say(f"{name} is in {root}")


def verify_named(name: str, root: Path) -> list[str]:
    """What was checked of a data set's files, a line each; raises EnvironmentFault at a bad one."""
    entry = entry_of(name)
    return [f"{name} has no files to check"] if entry.verify is None else entry.verify(root)


def made(spec: DatasetSpec, root: Path) -> Source | Stream:
    """What the entry builds, with the wishes refused that it cannot fulfil."""
    result = entry_of(spec.name).build(root, **spec.options)
    if isinstance(result, Stream):
        refuse_for_stream(spec)
    else:
        check(spec, result)
    return result


def refuse_for_stream(spec: DatasetSpec) -> None:
    """Raises UsageError for what only a finite set has; `val_fraction` is idle."""
    for option in ("subset", "classes", "label_noise", "augment", "keep"):
        if getattr(spec, option) != DatasetSpec.model_fields[option].default:
            raise UsageError(
                f"{option}: {getattr(spec, option)} of {spec.name}, which is a stream", f"leave {option} out"
            )


def located(spec: DatasetSpec, folder: Path) -> DatasetSpec:
    """The same with relative paths read from a folder: the recipe's, wherever isbench was started."""
    given = {key: spec.options.get(key) for key in ("path", "weights")}
    paths = {
        key: str(folder / Path(value).expanduser())
        for key, value in given.items()
        if isinstance(value, str) and value != "imagenet"
    }
    return spec.model_copy(update={"options": {**spec.options, **paths}}) if paths else spec


def build(spec: DatasetSpec, root: Path, device: torch.device, seed: int) -> Dataset:
    """The data set of a recipe on the device; `seed` only feeds augmentation.

    Raises EnvironmentFault where files are missing or corrupt, UsageError for what cannot be had.
    """
    result = made(spec, root)
    return result.dataset(device) if isinstance(result, Stream) else finite(spec, result, device, seed)


def describe(spec: DatasetSpec, root: Path) -> Facts:
    """What a plan must know, from labels alone; raises as `build` does."""
    result = made(spec, root)
    if isinstance(result, Stream):
        return Facts(None, result.epoch_size, result.shape, result.classes)
    chosen = select(spec, result)
    n = size(spec, result, chosen)
    held = result.validation is not None or len(chosen.validation) > 0
    return Facts(n, n, result.shape, chosen.classes, chosen.values, held)
