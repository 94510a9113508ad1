"""Tiny data sets in the true file formats, with the table of what would be published of them."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import torch

from isbench.datasets.published import Download, File
from isbench.datasets.source import Source


def numbered(n: int = 200, classes: int = 4, tests: int = 40) -> Source:
    """Images (1, 4, 4) whose first two pixels are the bytes of their published index."""

    def images(count: int) -> torch.Tensor:
        index = torch.arange(count)
        pixels = torch.zeros(count, 1, 4, 4, dtype=torch.uint8)
        pixels[:, 0, 0, 0], pixels[:, 0, 0, 1] = index // 256, index % 256
        return pixels

    return Source(
        shape=(1, 4, 4),
        classes=classes,
        y_train=torch.arange(n) % classes,
        y_test=torch.arange(tests) % classes,
        inputs=lambda: (images(n), images(tests)),
        scale=1.0,
    )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(root: Path, path: str, data: bytes) -> File:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return File(path, sha256(data))


def present(*files: File) -> tuple[Download, ...]:
    """Files that are there already, so that nothing would be fetched."""
    return (Download(("http://127.0.0.1/none",), 0, "", "file", files),)


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape) + array.tobytes()


def random_bytes(*shape: int, top: int = 256) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(0, top, shape).astype(np.uint8)


def mnist(root: Path, folder: str = "MNIST") -> tuple[Download, ...]:
    """40 training and 20 test images of ten classes."""
    files = []
    for part, n in (("train", 40), ("t10k", 20)):
        labels = (np.arange(n) % 10).astype(np.uint8)
        files.append(
            write(root, f"{folder}/raw/{part}-images-idx3-ubyte", idx_bytes(random_bytes(n, 28, 28)))
        )
        files.append(write(root, f"{folder}/raw/{part}-labels-idx1-ubyte", idx_bytes(labels)))
    return present(*files)


def cifar_batch(labels: dict[bytes, list[int]], pixels: np.ndarray) -> bytes:
    return pickle.dumps({b"batch_label": b"tiny", b"data": pixels, **labels}, protocol=3)


def cifar10(root: Path) -> tuple[Download, ...]:
    """Five batches of 20 training images and 20 test images."""
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    labels = [int(i) % 10 for i in range(20)]
    return present(
        *(
            write(
                root, f"cifar-10-batches-py/{name}", cifar_batch({b"labels": labels}, random_bytes(20, 3072))
            )
            for name in names
        )
    )


def cifar100(root: Path) -> tuple[Download, ...]:
    """200 training and 100 test images."""
    files = []
    for part, n in (("train", 200), ("test", 100)):
        labels = {b"fine_labels": [i % 100 for i in range(n)], b"coarse_labels": [i % 20 for i in range(n)]}
        files.append(write(root, f"cifar-100-python/{part}", cifar_batch(labels, random_bytes(n, 3072))))
    return present(*files)


def svhn(root: Path) -> tuple[Download, ...]:
    """40 training and 20 test images; the files call the digit 0 "10"."""
    from scipy.io import savemat

    files = []
    for part, n in (("train", 40), ("test", 20)):
        buffer = io.BytesIO()
        labels = (np.arange(n) % 10 + 1).astype(np.uint8)[:, None]
        savemat(buffer, {"X": random_bytes(32, 32, 3, n), "y": labels}, do_compression=True)
        files.append(write(root, f"{part}_32x32.mat", buffer.getvalue()))
    return present(*files)


def pcam(root: Path, chunks: bool = False) -> tuple[Download, ...]:
    """50 training and 10 test patches; chunked files cannot be mapped."""
    import h5py

    files = []
    (root / "pcam").mkdir(parents=True, exist_ok=True)
    for part, n in (("train", 50), ("test", 10)):
        labels = (np.arange(n) % 2).astype(np.uint8).reshape(n, 1, 1, 1)
        for name, array in (("x", random_bytes(n, 96, 96, 3)), ("y", labels)):
            path = f"pcam/camelyonpatch_level_2_split_{part}_{name}.h5"
            with h5py.File(root / path, "w") as file:
                file.create_dataset(name, data=array, chunks=array.shape if chunks else None)
            files.append(File(path, None))
    return present(*files)


def gzipped(path: str, data: bytes, urls: tuple[str, ...], published: bool = True) -> tuple[Download, bytes]:
    """What would be published of one gzipped file, and the bytes that a mirror serves."""
    packed = gzip.compress(data, mtime=0)
    file = File(path, sha256(data) if published else None)
    return Download(urls, len(packed), sha256(packed), "gzip", (file,)), packed


def tarred(contents: dict[str, bytes], urls: tuple[str, ...]) -> tuple[Download, bytes]:
    """The same of an archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, data in contents.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    packed = buffer.getvalue()
    files = tuple(File(path, sha256(data)) for path, data in contents.items())
    return Download(urls, len(packed), sha256(packed), "tar", files), packed
