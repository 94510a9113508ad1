"""Point clouds from voxels, for the data set `arrays`: real shapes where ModelNet40 itself is not at hand.

`python -m tests.clouds SOURCE.npz TARGET.npz` reads an npz with an array CLASS_packed [n, s^3 / 8] for every
class, `numpy.packbits` of n grids of s^3 voxels, as parts of ModelNet10 are handed on, and writes x_train,
y_train, x_test and y_test. Only voxels at the surface are used; a point lies anywhere in its voxel, and a
cloud in the unit sphere. A cloud hangs on its class and number alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import pad

from isbench.datasets.held import stratified
from isbench.datasets.meshes import unit
from isbench.train.device import generator

SUFFIX = "_packed"


def main() -> None:
    """Read the command line and write the clouds."""
    parser = argparse.ArgumentParser(prog="python -m tests.clouds", description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--points", type=int, default=256)
    parser.add_argument("--test", type=int, default=354, help="how many clouds to test on")
    given = parser.parse_args()
    torch.set_num_threads(1)
    arrays = convert(given.source, given.points, given.test)
    np.savez(given.target, **arrays)
    for name, array in arrays.items():
        print(f"{name}: {array.dtype} {array.shape}")


def convert(source: Path, points: int, test: int) -> dict[str, np.ndarray]:
    """The arrays of `arrays`; classes are numbered by name, each in proportion among the test clouds."""
    clouds, labels = [], []
    with np.load(source, allow_pickle=False) as found:
        names = sorted(name for name in found if name.endswith(SUFFIX))
        for label, name in enumerate(names):
            grids = unpacked(found[name])
            clouds += [cloud(grid, points, f"{name}/{number}") for number, grid in enumerate(grids)]
            labels += [label] * len(grids)
    x, y = unit(np.stack(clouds)), torch.tensor(labels)
    tested, trained = stratified(y, test, "clouds", "test")
    return {
        "x_train": x[trained],
        "y_train": y[trained].numpy(),
        "x_test": x[tested],
        "y_test": y[tested].numpy(),
    }


def unpacked(packed: np.ndarray) -> torch.Tensor:
    """Grids [n, s, s, s] bool of bytes [n, s^3 / 8]."""
    side = round((8 * packed.shape[1]) ** (1 / 3))
    return torch.from_numpy(np.unpackbits(packed, axis=1)).view(-1, side, side, side).bool()


def surface(grid: torch.Tensor) -> torch.Tensor:
    """Those voxels [s, s, s] with an empty one, or the end of the grid, on one of their six sides."""
    padded = pad(grid, (1,) * 6)
    inside = grid
    for axis in range(3):
        for shift in (-1, 1):
            inside = inside & padded.roll(shift, axis)[1:-1, 1:-1, 1:-1]
    return grid & ~inside


def cloud(grid: torch.Tensor, points: int, name: str) -> np.ndarray:
    """Points [points, 3] in voxels of the surface; none twice in the same one before each has one."""
    rng = generator(0, name)
    voxels = surface(grid).nonzero()
    rounds = [torch.randperm(len(voxels), generator=rng) for _ in range(-(-points // len(voxels)))]
    chosen = voxels[torch.cat(rounds)[:points]]
    return (chosen + torch.rand(points, 3, generator=rng)).numpy()


if __name__ == "__main__":
    main()
