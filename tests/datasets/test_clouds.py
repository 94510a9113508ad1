import numpy as np
import pytest
import torch

from isbench.datasets.catalogue import build
from isbench.store.records import DatasetSpec
from tests.clouds import cloud, convert, surface, unpacked


@pytest.fixture
def voxels(tmp_path):
    """12 cubes and 8 plates in grids of 8^3 voxels."""
    cubes, plates = np.zeros((12, 8, 8, 8), bool), np.zeros((8, 8, 8, 8), bool)
    cubes[:, 2:7, 2:7, 2:7] = True
    plates[:, :, :, 3] = True
    path = tmp_path / "voxels.npz"
    grids = {"plate": plates, "cube": cubes}
    np.savez(
        path, **{f"{name}_packed": np.packbits(g.reshape(len(g), -1), axis=1) for name, g in grids.items()}
    )
    return path


def test_the_clouds_are_a_data_set_with_each_class_in_proportion(voxels, tmp_path):
    np.savez(tmp_path / "clouds.npz", **convert(voxels, 50, 5))
    spec = DatasetSpec(name="arrays", options={"path": str(tmp_path / "clouds.npz")}, val_fraction=0.0)
    dataset = build(spec, tmp_path, torch.device("cpu"), 0)
    assert (dataset.n, dataset.test.n, dataset.shape, dataset.classes) == (15, 5, (50, 3), 2)
    assert torch.bincount(dataset.labels).tolist() == [9, 6]


def test_a_cloud_lies_in_the_unit_sphere(voxels):
    x = convert(voxels, 50, 5)["x_train"]
    np.testing.assert_allclose(x.mean(1), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(x, axis=2).max(1), 1, rtol=1e-6)


def test_points_lie_in_different_voxels_of_the_surface(voxels):
    with np.load(voxels) as found:
        grid = unpacked(found["cube_packed"])[0]
    assert int(surface(grid).sum()) == 5**3 - 3**3
    points = np.floor(cloud(grid, 98, "a")).astype(int)
    assert len(np.unique(points, axis=0)) == 98
    assert surface(grid).numpy()[tuple(points.T)].all()


def test_more_points_than_voxels_are_spread_over_all_of_them(voxels):
    with np.load(voxels) as found:
        grid = unpacked(found["plate_packed"])[0]
    points = np.floor(cloud(grid, 128, "a")).astype(int)
    assert set(np.unique(points, axis=0, return_counts=True)[1]) == {2}


def test_the_same_voxels_make_the_same_clouds(voxels):
    one, two = (convert(voxels, 20, 5) for _ in range(2))
    assert all((one[name] == two[name]).all() for name in one)
