import numpy as np
import pytest
from scipy.stats import chisquare

from isbench.datasets.meshes import cloud, parse_off, unit
from isbench.errors import EnvironmentFault

SQUARE = "4 2 0\n0 0 0\n2 0 0\n2 1 0\n0 1 0\n3 0 1 2\n3 0 2 3\n"


@pytest.mark.parametrize("head", ["OFF\n", "OFF", "# a comment\nOFF # another\n"])
def test_the_counts_may_stand_on_the_first_line_as_in_some_of_the_files(head):
    vertices, triangles = parse_off((head + SQUARE).encode(), "a.off")
    assert vertices.tolist() == [[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]]
    assert triangles.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_a_polygon_becomes_a_fan_of_triangles():
    text = SQUARE.replace("4 2 0", "4 1 0").replace("3 0 1 2\n3 0 2 3", "4 0 1 2 3")
    assert parse_off(f"OFF\n{text}".encode(), "a.off")[1].tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with b''"),
        ("PLY\n1 1 1\n", "begins with b'PLY"),
        ("OFF\n" + SQUARE.replace("2 1 0", "2 one 0"), "other things than numbers"),
        ("OFF\n" + SQUARE.replace("4 2 0", "40 2 0"), "40 vertices and 2 faces"),
        ("OFF\n" + SQUARE.replace("4 2 0", "4 3 0"), "4 vertices and 3 faces"),
        ("OFF\n" + SQUARE.replace("3 0 2 3", "3 0 2 4"), "vertices that are not there"),
        ("OFF\n4 0 0\n" + "0 0 0\n" * 4, "no faces"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_mesh_is_named_with_the_reason(text, why):
    with pytest.raises(EnvironmentFault, match=f"chair.off is no mesh.*{why}"):
        parse_off(text.encode(), "chair.off")


def test_a_mesh_without_a_surface_is_refused():
    with pytest.raises(EnvironmentFault, match="no surface"):
        cloud(np.zeros((3, 3)), np.array([[0, 1, 2]]), 5, "a.off")


def test_points_are_spread_evenly_over_surfaces_of_different_triangles():
    vertices, triangles = parse_off(
        b"OFF 5 3 0\n0 0 0\n4 0 0\n4 1 0\n0 1 0\n1 0 0\n3 0 4 3\n3 4 1 2\n3 4 2 3\n", "a"
    )
    points = cloud(vertices, triangles, 4000, "a.off")
    assert (points[:, 2] == 0).all()
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=(8, 2), range=((0, 4), (0, 1)))
    assert chisquare(counts.ravel()).pvalue > 1e-3


def test_a_cloud_hangs_on_the_name_of_its_file_only():
    mesh = parse_off(f"OFF\n{SQUARE}".encode(), "a")
    one, two, other = (cloud(*mesh, 50, name) for name in ("a.off", "a.off", "b.off"))
    assert (one == two).all()
    assert (one != other).any()


def test_clouds_are_moved_and_scaled_into_the_unit_sphere():
    clouds = np.stack([5 + np.arange(12.0).reshape(4, 3) ** power for power in (1, 2)])
    found = unit(clouds)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(1), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=2).max(1), 1, rtol=1e-6)
