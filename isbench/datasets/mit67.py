"""MIT67: photographs of 67 kinds of indoor places (Quattoni and Torralba 2009), to fine-tune on (paper 001).

What is published lies below `mit67/`: the folder `Images` or the archive it comes in, and two lists of which
images are for training and which for testing. `prepare` decodes the listed images once, the whole of each
resized to 224x224, into two arrays that runs map from the disk. No digest of the files is published by their
authors; that every listed image is there and can be decoded is what is checked, and the arrays' own SHA-256
is noted.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from isbench.datasets.fetch import get, temporary
from isbench.datasets.files import corrupt, note_of, sha256_of, sound
from isbench.datasets.published import Download, File
from isbench.datasets.source import Source
from isbench.errors import EnvironmentFault

NAME = FOLDER = "mit67"
ARCHIVE, IMAGES = "indoorCVPR_09.tar", "Images"
LISTS = {"train": "TrainImages.txt", "test": "TestImages.txt"}
ARCHIVE_AT = ("http://groups.csail.mit.edu/vision/LabelMe/NewImages/",)
LISTS_AT = ("https://web.mit.edu/torralba/www/", "http://web.mit.edu/torralba/www/")
SIDE = 224
ARRAYS = {part: File(f"{FOLDER}/{part}-{SIDE}.npy", None) for part in LISTS}
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as pre-trained models expect
SAY_EVERY = 1000  # images


def mit67(root: Path) -> Source:
    """5,360 and 1,340 photographs (3, 224, 224) of 67 classes; ImageNet's mean 0 and deviation 1."""
    present(root)
    names = {part: listed(root / FOLDER / name) for part, name in LISTS.items()}
    classes = sorted({place(name) for name in names["train"]})
    number = {each: label for label, each in enumerate(classes)}
    strange = sorted({place(name) for name in names["test"]} - number.keys())
    if strange:
        raise corrupt(NAME, root, f"{FOLDER}/{LISTS['test']}", f"{strange[0]} has no training images")
    y_train, y_test = (torch.tensor([number[place(name)] for name in each]) for each in names.values())
    return Source(
        shape=(3, SIDE, SIDE),
        classes=len(classes),
        y_train=y_train,
        y_test=y_test,
        inputs=lambda: (mapped(root, "train", len(y_train)), mapped(root, "test", len(y_test))),
        scale=tuple(1 / (255 * deviation) for deviation in DEVIATION),
        shift=tuple(-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)),
        flips=True,
        on_disk=True,
    )


def present(root: Path) -> None:
    """Raises EnvironmentFault with the command that helps where something is missing."""
    paths = [*(f"{FOLDER}/{name}" for name in LISTS.values()), *(file.path for file in ARRAYS.values())]
    if not all((root / path).is_file() for path in paths):
        raise EnvironmentFault(f"{NAME} is not in {root}", f"isbench data prepare {NAME} --data {root}")


def listed(path: Path) -> list[str]:
    """The images of a list, `class/file`; raises EnvironmentFault where it is no such list."""
    names = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    bad = [name for name in names if len(PurePosixPath(name).parts) != 2 or ".." in name or "<" in name]
    if bad or not names or len(set(names)) < len(names):
        what = (
            f"it has the line {bad[0]!r}" if bad else "an image is listed twice" if names else "it is empty"
        )
        raise EnvironmentFault(f"{path} is no list of different images, class/file: {what}", "remove it")
    return names


def place(name: str) -> str:
    """The class of an image."""
    return PurePosixPath(name).parts[0]


def mapped(root: Path, part: str, n: int) -> Tensor:
    """The images [n, 3, 224, 224] uint8 of a part, mapped from the disk."""
    path = ARRAYS[part].path
    try:
        array = np.load(root / path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise corrupt(NAME, root, path, str(error)) from error
    if array.shape != (n, SIDE, SIDE, 3) or array.dtype != np.uint8:
        raise corrupt(NAME, root, path, f"{array.dtype} of shape {array.shape} for {n} listed images")
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def prepare(root: Path, say: Callable[[str], None]) -> None:
    """Fetches what is missing and decodes it; what is sound already is left alone."""
    folder = root / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{NAME}.lock"):
            for name in LISTS.values():
                bring_list(folder / name, say)
            if not all((root / file.path).is_file() and sound(root, file) for file in ARRAYS.values()):
                decode_all(folder, say)
    except OSError as error:
        raise EnvironmentFault(
            f"{NAME} cannot be written to {root}: {error}", "see to the disk, or use --data"
        ) from error


def bring_list(path: Path, say: Callable[[str], None]) -> None:
    """Fetches a list that is not there."""
    if path.is_file():
        return
    with temporary(path) as part:
        get(Download(tuple(at + path.name for at in LISTS_AT), None, None, "any", ()), part, say)
        listed(part)
        os.replace(part, path)


def decode_all(folder: Path, say: Callable[[str], None]) -> None:
    """Writes the arrays of all listed images, and notes their SHA-256; all of them or none."""
    names = {part: listed(folder / name) for part, name in LISTS.items()}
    rows = {name: (part, row) for part, each in names.items() for row, name in enumerate(each)}
    with ExitStack() as stack:
        targets = {part: folder.parent / file.path for part, file in ARRAYS.items()}
        drafts = {part: stack.enter_context(temporary(target)) for part, target in targets.items()}
        arrays = {
            part: np.lib.format.open_memmap(drafts[part], "w+", np.uint8, (len(each), SIDE, SIDE, 3))
            for part, each in names.items()
        }
        total = len(rows)
        for name, file in stack.enter_context(images(folder, set(rows), say)):
            if name in rows:
                part, row = rows.pop(name)
                arrays[part][row] = decode(file, name)
                if len(rows) % SAY_EVERY == 0:
                    say(f"{total - len(rows)} of {total} images are decoded")
        if rows:
            raise EnvironmentFault(
                f"{len(rows)} of {total} listed images are missing, the first {next(iter(rows))}",
                f"remove {folder / IMAGES} or {folder / ARCHIVE}, whichever is there, and prepare again",
            )
        for part, array in arrays.items():
            array.flush()
            note_of(targets[part]).write_text(sha256_of(drafts[part]) + "\n")
            os.replace(drafts[part], targets[part])


@contextmanager
def images(
    folder: Path, wanted: set[str], say: Callable[[str], None]
) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """The wanted images, from the folder or the archive that lies there, else from the archive's address."""
    if (folder / IMAGES).is_dir():
        yield from_folder(folder / IMAGES, wanted)
    elif (folder / ARCHIVE).is_file():
        yield from_archive(folder / ARCHIVE, wanted)
    else:
        with temporary(folder / ARCHIVE) as part:
            say("about 2.4 GB; of the archive only the decoded images are kept, 1 GB")
            get(Download(tuple(at + ARCHIVE for at in ARCHIVE_AT), None, None, "any", ()), part, say)
            yield from_archive(part, wanted)


def from_folder(folder: Path, wanted: set[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Those wanted images that are in a folder, by name."""
    for name in sorted(wanted):
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                yield name, file


def from_archive(path: Path, wanted: set[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Those wanted images that are in the archive, in its order; an image is named by folder and file."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = "/".join(PurePosixPath(member.name).parts[-2:])
                file = archive.extractfile(member) if member.isfile() and name in wanted else None
                if file is not None:
                    with file:
                        yield name, file
    except tarfile.TarError as error:
        raise EnvironmentFault(f"{path} is no archive of images: {error}", "remove it") from error


def decode(file: IO[bytes], name: str) -> np.ndarray:
    """An image [224, 224, 3] uint8, the whole of it resized, whatever its format and its colours are."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise EnvironmentFault(f"{name} is no image that can be read: {error}", "fetch it again") from error


def verify(root: Path) -> list[str]:
    """Reads the arrays; returns what was checked, raises EnvironmentFault at a bad one."""
    present(root)
    for file in ARRAYS.values():
        if not sound(root, file):
            raise corrupt(NAME, root, file.path)
    return [f"{file.path}: SHA-256 as noted when it was decoded" for file in ARRAYS.values()]
