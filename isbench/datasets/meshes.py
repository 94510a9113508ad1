"""Point clouds of triangle meshes: OFF files, points spread evenly over a surface, the unit sphere."""

from __future__ import annotations

import re
import warnings

import numpy as np
import torch

from isbench.datasets.hashing import key
from isbench.errors import EnvironmentFault

HEAD = re.compile(
    rb"\s*OFF\s*(\d+)\s+(\d+)\s+\d+\s"
)  # `OFF`, then the counts, in some files on the same line
COMMENT = re.compile(rb"#[^\n]*")


def parse_off(data: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [v, 3] float64 and triangles [t, 3] int64; larger polygons become fans of triangles."""
    text = COMMENT.sub(b"", data) if b"#" in data else data
    head = HEAD.match(text)
    if head is None:
        raise bad(name, f"it begins with {data[:20]!r}")
    count, faces = int(head[1]), int(head[2])
    numbers = numbers_of(text[head.end() :], name)
    triangles = triangles_of(numbers[3 * count :], faces)
    if len(numbers) < 3 * count or triangles is None:
        raise bad(name, f"it has not the {count} vertices and {faces} faces that it promises")
    if triangles.size == 0 or triangles.min() < 0 or triangles.max() >= count:
        raise bad(name, "it has no faces, or faces of vertices that are not there")
    return numbers[: 3 * count].reshape(-1, 3), triangles


def numbers_of(text: bytes, name: str) -> np.ndarray:
    """All numbers of a text that holds nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # how numpy tells that it stopped at a word
        try:
            numbers = np.fromstring(text.decode("ascii"), sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise bad(name, "it holds other things than numbers") from error
    return numbers


def triangles_of(numbers: np.ndarray, faces: int) -> np.ndarray | None:
    """Triangles [t, 3] of faces, each a count and so many vertices; None where the numbers do not fit."""
    if len(numbers) == 4 * faces and (numbers[::4] == 3).all():
        return numbers.reshape(-1, 4)[:, 1:].astype(np.int64)
    place, found = 0, []
    for _ in range(faces):
        if place >= len(numbers):
            return None
        corners = numbers[place + 1 : place + 1 + int(numbers[place])]
        found += [(corners[0], *corners[i : i + 2]) for i in range(1, len(corners) - 1)]
        place += 1 + int(numbers[place])
    return np.array(found, np.int64).reshape(-1, 3) if place == len(numbers) else None


def cloud(vertices: np.ndarray, triangles: np.ndarray, points: int, name: str) -> np.ndarray:
    """Points [points, 3] float32 of a surface, equally likely everywhere on it.

    They are drawn from a stream that the name begins, and from nothing else: a run has no say in it.
    """
    first, second, third = (vertices[triangles[:, corner]] for corner in range(3))
    area = np.linalg.norm(np.cross(second - first, third - first), axis=1).cumsum()
    if not 0 < area[-1] < np.inf:
        raise bad(name, "it has no surface")
    rng = torch.Generator().manual_seed(key("meshes", name))
    where, out, along = torch.rand(3, points, dtype=torch.float64, generator=rng).numpy()
    chosen = np.searchsorted(area, where * area[-1], side="right").clip(max=len(area) - 1)
    out = np.sqrt(out)[:, None]  # from the first corner to the opposite side: the width there grows with it
    across = second[chosen] + along[:, None] * (third - second)[chosen]
    return (first[chosen] + out * (across - first[chosen])).astype(np.float32)


def unit(clouds: np.ndarray) -> np.ndarray:
    """Clouds [n, points, 3] moved and scaled: their mean at the origin, the farthest point 1 from it."""
    centred = clouds - clouds.mean(1, keepdims=True)
    radius = np.linalg.norm(centred, axis=2).max(1)
    return (centred / np.maximum(radius, 1e-12)[:, None, None]).astype(np.float32)


def bad(name: str, what: str) -> EnvironmentFault:
    """The fault of a file that is no mesh."""
    return EnvironmentFault(f"{name} is no mesh that can be read: {what}", "unpack or fetch it again")
