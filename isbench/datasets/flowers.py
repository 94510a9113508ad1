"""Flowers-102: photographs of 102 kinds of flowers (Nilsback and Zisserman 2008), as features of a VGG-16.

Paper 003 trains on what was published for testing, 6,149 images, and tests on what was published for
training, 1,020, ten of each kind; `splits: official` keeps to what was published. The lists have published
digests, and so has the archive of the images; of single images nothing is published, and that all are there
is what is checked. The features are made once, by `prepare` if VGG-16's weights are there, else when they are
first used, and lie beside the images.
"""

from __future__ import annotations

import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from isbench.datasets import features, fetch, files
from isbench.datasets.files import contents, corrupt, note_of, sha256_of, sound
from isbench.datasets.images import matlab
from isbench.datasets.published import FLOWERS, FLOWERS_AT, Download, File
from isbench.datasets.source import Source
from isbench.errors import EnvironmentFault

NAME = "flowers102"
CLASSES = 102
ARCHIVE = Download(
    tuple(at + "102flowers.tgz" for at in FLOWERS_AT),
    344862509,
    "2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246",
    "tar",
    (),
)


def flowers102(
    root: Path, *, splits: Literal["paper", "official"] = "paper", weights: str = "imagenet"
) -> Source:
    """Images of 102 classes as the 4,096 features behind the last hidden layer of a frozen VGG-16 (fc7).

    `splits`: paper trains on the official test split (6,149) and tests on the training split (1,020);
    official trains on 1,020, validates on 1,020 and tests on 6,149. `weights`: imagenet (torchvision's
    IMAGENET1K_V1, from torch's cache), or the path of a state dict of a VGG-16 of any widths.
    """
    files.require(NAME, root)
    labels = listed(root, "imagelabels.mat", "labels") - 1
    train, valid, test = (listed(root, "setid.mat", name) - 1 for name in ("trnid", "valid", "tstid"))
    official = splits == "official"
    rows, test_rows = (torch.cat([train, valid]), test) if official else (test, train)
    network = features.chosen(weights)
    path = kept(root, network)
    if not path.is_file():
        require_images(root, len(labels))

    def inputs() -> tuple[Tensor, Tensor]:
        found = features.extracted(path, network, images(root, len(labels)), tell)
        return found, found

    return Source(
        shape=(features.width(path, network),),
        classes=CLASSES,
        y_train=labels[rows],
        y_test=labels[test_rows],
        inputs=inputs,
        rows=rows,
        test_rows=test_rows,
        held=torch.arange(len(train), len(rows)) if official else None,
    )


def listed(root: Path, file: str, name: str) -> Tensor:
    """A list of whole numbers [n] of a MATLAB file."""
    found = matlab(contents(NAME, root, f"{FLOWERS}/{file}"), name)
    return torch.from_numpy(found.reshape(-1).astype(np.int64))


def images(root: Path, n: int) -> list[Path]:
    """The image files in the order of their numbers."""
    return [root / FLOWERS / "jpg" / f"image_{number:05d}.jpg" for number in range(1, n + 1)]


def require_images(root: Path, n: int) -> None:
    """Raises EnvironmentFault with the command that helps where an image is missing."""
    missing = [path for path in images(root, n) if not path.is_file()]
    if missing:
        raise EnvironmentFault(
            f"{len(missing)} of {n} images of {NAME} are missing, the first {missing[0]}",
            f"isbench data prepare {NAME} --data {root}",
        )


def kept(root: Path, network: features.Weights) -> Path:
    """Where the features lie that these weights make of the images."""
    return root / FLOWERS / f"vgg16-{network.key}.npy"


def tell(line: str) -> None:
    """Says how far the features are; a run's worker writes it to the cell's log."""
    print(line, file=sys.stderr, flush=True)


def prepare(root: Path, say: Callable[[str], None]) -> None:
    """Fetches lists and images, and makes features where VGG-16's weights are; what is there stays."""
    fetch.prepare(NAME, root, say)
    n = len(listed(root, "imagelabels.mat", "labels"))
    try:
        with FileLock(root / f".{NAME}.lock"):
            if not all(path.is_file() for path in images(root, n)):
                bring_images(root, n, say)
    except OSError as error:
        raise EnvironmentFault(
            f"{NAME} cannot be written to {root}: {error}", "see to the disk, or use --data"
        ) from error
    network = features.chosen("imagenet")
    if kept(root, network).is_file() or network.path.is_file():
        features.extracted(kept(root, network), network, images(root, n), say)
    else:
        say(f"its features need the weights of VGG-16: {features.GET}, then prepare again")


def bring_images(root: Path, n: int, say: Callable[[str], None]) -> None:
    """Unpacks the archive that lies beside the images' folder, else from its address."""
    folder = root / FLOWERS
    (folder / "jpg").mkdir(exist_ok=True)
    local = folder / "102flowers.tgz"
    if local.is_file():
        if sha256_of(local) != ARCHIVE.sha256:
            raise EnvironmentFault(f"{local} is not the published archive", "remove it")
        unpack(local, images(root, n))
    else:
        with fetch.temporary(local) as part:
            fetch.get(ARCHIVE, part, say)
            unpack(part, images(root, n))
    require_images(root, n)


def unpack(packed: Path, wanted: list[Path]) -> None:
    """Puts those images of an archive that are wanted into their places, each at once."""
    places = {path.name: path for path in wanted}
    with tarfile.open(packed) as archive:
        for member in archive:
            target = places.get(Path(member.name).name)
            file = archive.extractfile(member) if member.isfile() and target is not None else None
            if file is not None and target is not None:
                with file, fetch.temporary(target) as part:
                    part.write_bytes(file.read())
                    os.replace(part, target)


def verify(root: Path) -> list[str]:
    """Reads the lists and the features and counts the images; raises EnvironmentFault at what is wrong."""
    lines = files.verify(NAME, root)
    n = len(listed(root, "imagelabels.mat", "labels"))
    require_images(root, n)
    lines.append(f"{FLOWERS}/jpg: all {n} images are there")
    for path in sorted((root / FLOWERS).glob("vgg16-*.npy")):
        name = path.relative_to(root).as_posix()
        if not sound(root, File(name, None)):
            raise corrupt(NAME, root, name, f"remove it and {note_of(path).name}: it is made again")
        lines.append(f"{name}: SHA-256 as noted when it was made")
    return lines
