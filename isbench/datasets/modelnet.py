"""ModelNet40: clouds of points on the surfaces of 12,311 models of things of 40 kinds (paper 003).

Two forms are published, and either will do below the root. `modelnet40_ply_hdf5_2048` (Qi et al. 2017) holds
2,048 points of each surface: 9,840 training and 2,468 test clouds. `ModelNet40` (Wu et al. 2015) holds the
meshes, 9,843 and 2,468: `prepare` draws 2,048 points from each, once and for all. A data set takes the first
`points` of a cloud, moves their mean to the origin and scales the farthest to a distance of 1. Nobody
publishes digests of the files; `prepare` notes its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from zipfile import BadZipFile

import numpy as np
import torch
from annotated_types import Ge, Le
from torch import Tensor

from isbench.datasets.files import corrupt
from isbench.datasets.meshes import unit
from isbench.datasets.source import Source
from isbench.errors import EnvironmentFault

NAME = "modelnet40"
HDF5, OFF = "modelnet40_ply_hdf5_2048", "ModelNet40"
PARTS = ("train", "test")
STORED = 2048  # points of a cloud in either form
KINDS = f"{HDF5}/shape_names.txt"
LISTS = {part: f"{HDF5}/{part}_files.txt" for part in PARTS}
CLOUDS = {part: f"{OFF}/clouds-{part}.npz" for part in PARTS}  # what is made of the meshes


@dataclass(frozen=True)
class Part:
    """Training or test clouds; the points are read late."""

    labels: np.ndarray  # [n]
    clouds: Callable[[], np.ndarray]  # [n, 2048, 3] float32


def modelnet40(
    root: Path,
    *,
    points: Annotated[int, Ge(1), Le(STORED)] = 1024,
    form: Literal["auto", "hdf5", "off"] = "auto",
) -> Source:
    """9,840 or 9,843 and 2,468 clouds (points, 3) of 40 classes, each in the unit sphere.

    `form`: hdf5 (the published points), off (drawn from the meshes), auto: the first of them that is there.
    """
    chosen = form_of(root, form)
    classes, train, test = from_hdf5(root) if chosen == "hdf5" else from_meshes(root)
    y_train, y_test = (torch.from_numpy(part.labels.astype(np.int64)) for part in (train, test))

    def inputs() -> tuple[Tensor, Tensor]:
        x_train, x_test = (torch.from_numpy(unit(part.clouds()[:, :points])) for part in (train, test))
        return x_train, x_test

    return Source(shape=(points, 3), classes=classes, y_train=y_train, y_test=y_test, inputs=inputs)


def form_of(root: Path, wanted: str) -> str:
    """The form that is there and wanted; raises EnvironmentFault with what helps where there is none."""
    there = {"hdf5": has_points(root), "off": all((root / path).is_file() for path in CLOUDS.values())}
    for form, found in there.items():
        if found and wanted in ("auto", form):
            return form
    before = f"put the folder or archive {OFF} into {root}, then: " if wanted == "off" else ""
    raise EnvironmentFault(
        f"{NAME}{'' if wanted == 'auto' else f' as {wanted}'} is not in {root}",
        f"{before}isbench data prepare {NAME} --data {root}",
    )


def has_points(root: Path) -> bool:
    """Whether all files of the HDF5 form are there."""
    lists = [root / path for path in (KINDS, *LISTS.values())]
    return all(path.is_file() for path in lists) and all(
        (root / path).is_file() for part in PARTS for path in listed(root, part)
    )


def listed(root: Path, part: str) -> list[str]:
    """The HDF5 files of a part, below the root; the lists name them as they lay with their authors."""
    lines = (root / LISTS[part]).read_text(errors="replace").split()
    return [f"{HDF5}/{Path(line).name}" for line in lines]


def from_hdf5(root: Path) -> tuple[int, Part, Part]:
    """The number of classes and both parts of the HDF5 form."""
    classes = len((root / KINDS).read_text(errors="replace").split())

    def part(name: str) -> Part:
        files = listed(root, name)
        if not files:
            raise corrupt(NAME, root, LISTS[name], "it names no files")
        labels = [labels_in(root, file, classes) for file in files]

        def clouds() -> np.ndarray:
            return np.concatenate(
                [clouds_in(root, *each) for each in zip(files, map(len, labels), strict=True)]
            )

        return Part(np.concatenate(labels), clouds)

    return classes, part("train"), part("test")


def labels_in(root: Path, path: str, classes: int) -> np.ndarray:
    """Labels [n] of an HDF5 file."""
    labels = dataset(root, path, "label").reshape(-1)
    if labels.size == 0 or labels.max() >= classes:
        raise corrupt(NAME, root, path, f"it has no labels, or some above {classes - 1}")
    return labels


def clouds_in(root: Path, path: str, n: int) -> np.ndarray:
    """Clouds [n, 2048, 3] of an HDF5 file."""
    clouds = dataset(root, path, "data")
    if clouds.shape != (n, STORED, 3):
        raise corrupt(NAME, root, path, f"it has clouds of shape {clouds.shape} for {n} labels")
    return clouds.astype(np.float32)


def dataset(root: Path, path: str, name: str) -> np.ndarray:
    """One array of an HDF5 file."""
    import h5py

    try:
        with h5py.File(root / path) as file:
            array: Any = file[name]
            return array[()]
    except (OSError, KeyError) as error:
        raise corrupt(NAME, root, path, str(error)) from error


def from_meshes(root: Path) -> tuple[int, Part, Part]:
    """The number of classes and both parts of what `prepare` made of the meshes."""

    def part(name: str) -> Part:
        return Part(array(root, name, "labels"), lambda: array(root, name, "clouds"))

    train, test = part("train"), part("test")
    return int(max(train.labels.max(), test.labels.max())) + 1, train, test


def array(root: Path, part: str, name: str) -> np.ndarray:
    """One array of the clouds that were drawn."""
    try:
        with np.load(root / CLOUDS[part], allow_pickle=False) as found:
            return found[name]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise corrupt(NAME, root, CLOUDS[part], str(error)) from error
