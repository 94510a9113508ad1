import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from isbench.datasets import modelnet_files
from isbench.datasets.catalogue import build, describe, prepare_named, verify_named
from isbench.datasets.modelnet import HDF5, OFF
from isbench.errors import EnvironmentFault, UsageError
from isbench.store.records import DatasetSpec

CPU = torch.device("cpu")
FILES = {"ply_data_train0.h5": [0, 2, 1], "ply_data_train1.h5": [1, 0], "ply_data_test0.h5": [2, 1]}
MESHES = {
    "chair/train/chair_0001.off": "OFF\n",
    "chair/train/chair_0002.off": "OFF",
    "monitor/train/monitor_0001.off": "OFF\n",
    "chair/test/chair_0003.off": "OFF\n",
    "monitor/test/monitor_0002.off": "OFF",
}


def spec(**options) -> DatasetSpec:
    return DatasetSpec(name="modelnet40", options=options, val_fraction=0.0)


def quiet(line: str) -> None:
    pass


def points_folder() -> dict[str, bytes]:
    """The files of the HDF5 release; a cloud's points are numbered, on a line through the origin."""
    found = {"shape_names.txt": b"airplane\nbathtub\nbed\n"}
    for part in ("train", "test"):
        names = [name for name in FILES if part in name]
        found[f"{part}_files.txt"] = "\n".join(f"data/{HDF5}/{name}" for name in names).encode()
    line = np.arange(2048, dtype=np.float32)[:, None] * np.array([1, 0, 0], np.float32)
    for name, labels in FILES.items():
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file["data"] = np.stack([line * (1 + label) for label in labels])
            file["label"] = np.array(labels, np.uint8)[:, None]
        found[name] = buffer.getvalue()
    return found


def mesh(head: str, number: int) -> bytes:
    """A pyramid that is higher the larger its number."""
    return f"{head}4 4 0\n0 0 0\n1 0 0\n0 1 0\n0 0 {number}\n3 0 1 2\n3 0 1 3\n3 0 2 3\n3 1 2 3\n".encode()


def put(root: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


@pytest.fixture
def with_points(tmp_path) -> Path:
    put(tmp_path / HDF5, points_folder())
    return tmp_path


@pytest.fixture
def with_meshes(tmp_path) -> Path:
    put(tmp_path / OFF, {name: mesh(head, i + 1) for i, (name, head) in enumerate(MESHES.items())})
    modelnet_files.prepare(tmp_path, quiet)
    return tmp_path


def test_the_published_points_are_read_in_the_order_of_the_lists(with_points):
    dataset = build(spec(), with_points, CPU, 0)
    assert dataset.labels.tolist() == [0, 2, 1, 1, 0]
    assert dataset.test.fetch(torch.arange(2))[1].tolist() == [2, 1]
    assert (dataset.n, dataset.shape, dataset.classes) == (5, (1024, 3), 3)


def test_the_first_points_are_taken_and_put_into_the_unit_sphere(with_points):
    x, _ = build(spec(points=5), with_points, CPU, 0).train.fetch(torch.arange(5))
    assert x.dtype == torch.float32
    torch.testing.assert_close(x[:, :, 0], torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]).expand(5, 5))


def test_a_plan_reads_labels_only(with_points):
    for name in FILES:
        with h5py.File(with_points / HDF5 / name, "a") as file:
            del file["data"]
    facts = describe(spec(points=16), with_points)
    assert (facts.n, facts.shape, facts.classes) == (5, (16, 3), 3)


def test_meshes_become_clouds_and_their_folders_classes(with_meshes):
    dataset = build(spec(points=100), with_meshes, CPU, 0)
    x, y = dataset.train.fetch(torch.arange(3))
    assert y.tolist() == [0, 0, 1]
    assert dataset.test.fetch(torch.arange(2))[1].tolist() == [0, 1]
    assert x.shape == (3, 100, 3)
    torch.testing.assert_close(x.mean(1), torch.zeros(3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(x.norm(dim=2).amax(1), torch.ones(3))


def test_an_archive_of_meshes_is_read_as_the_folder_is(with_meshes, tmp_path_factory):
    root = tmp_path_factory.mktemp("packed")
    with zipfile.ZipFile(root / f"{OFF}.zip", "w") as archive:
        for name in MESHES:
            archive.writestr(f"{OFF}/{name}", (with_meshes / OFF / name).read_bytes())
        archive.writestr("__MACOSX/ModelNet40/chair/train/._chair_0001.off", b"hidden")
    modelnet_files.prepare(root, quiet)
    one, two = (build(spec(), each, CPU, 0).train.fetch(torch.arange(3))[0] for each in (with_meshes, root))
    assert torch.equal(one, two)


def test_clouds_are_drawn_once(with_meshes):
    before = {path: path.stat().st_mtime_ns for path in (with_meshes / OFF).glob("*.npz")}
    modelnet_files.prepare(with_meshes, quiet)
    assert {path: path.stat().st_mtime_ns for path in (with_meshes / OFF).glob("*.npz")} == before
    assert len(before) == 2


def test_as_many_points_are_stored_as_the_other_form_has(with_meshes):
    stored = np.load(with_meshes / OFF / "clouds-train.npz")["clouds"]
    assert stored.shape == (3, 2048, 3)


@pytest.mark.parametrize("form", ["hdf5", "off"])
def test_a_form_can_be_asked_for(with_meshes, form):
    put(with_meshes / HDF5, points_folder())
    assert describe(spec(form=form), with_meshes).n == {"hdf5": 5, "off": 3}[form]


def test_without_files_the_command_is_named(tmp_path):
    with pytest.raises(EnvironmentFault, match=f"isbench data prepare modelnet40 --data {tmp_path}"):
        describe(spec(), tmp_path)


def test_meshes_that_are_asked_for_but_not_there_are_said_to_be_brought(with_points):
    with pytest.raises(EnvironmentFault, match=r"modelnet40 as off.*put the folder or archive ModelNet40"):
        describe(spec(form="off"), with_points)


def test_what_is_missing_is_fetched_once(mirror, monkeypatch, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in points_folder().items():
            archive.writestr(f"{HDF5}/{name}", data)
        archive.writestr(f"__MACOSX/{HDF5}/._ply_data_train0.h5", b"hidden")
    mirror.serves("/points.zip", buffer.getvalue())
    monkeypatch.setattr(modelnet_files, "POINTS_AT", mirror.url("/points.zip"))
    for _ in range(2):
        prepare_named("modelnet40", tmp_path, quiet)
    assert set(mirror.asked.values()) == {1}
    assert describe(spec(), tmp_path).n == 5
    assert len(verify_named("modelnet40", tmp_path)) == 6


def test_where_nothing_can_be_fetched_the_other_archive_is_named(mirror, monkeypatch, tmp_path):
    mirror.serves("/points.zip", b"<!doctype html>")
    monkeypatch.setattr(modelnet_files, "POINTS_AT", mirror.url("/points.zip"))
    with pytest.raises(EnvironmentFault, match=r"no mirror.*ModelNet40\.zip"):
        modelnet_files.prepare(tmp_path, quiet)


def test_files_that_somebody_unpacked_are_noted_and_a_changed_one_is_found(with_points):
    modelnet_files.prepare(with_points, quiet)
    assert len(verify_named("modelnet40", with_points)) == 6
    with (with_points / HDF5 / "ply_data_test0.h5").open("ab") as file:
        file.write(b"more")
    with pytest.raises(EnvironmentFault, match=r"ply_data_test0\.h5 is corrupt"):
        verify_named("modelnet40", with_points)


def test_a_damaged_file_is_named(with_points):
    (with_points / HDF5 / "ply_data_train1.h5").write_bytes(b"no HDF5")
    with pytest.raises(EnvironmentFault, match=r"ply_data_train1\.h5 is corrupt"):
        describe(spec(), with_points)


def test_labels_without_a_name_are_refused(with_points):
    (with_points / HDF5 / "shape_names.txt").write_text("airplane\nbathtub\n")
    with pytest.raises(EnvironmentFault, match="labels"):
        describe(spec(), with_points)


def test_a_mesh_that_cannot_be_read_is_named_and_nothing_is_left(tmp_path):
    put(tmp_path / OFF, {name: mesh(head, 1) for name, head in MESHES.items()})
    put(tmp_path / OFF, {"chair/test/chair_0003.off": b"no mesh"})
    with pytest.raises(EnvironmentFault, match=r"chair_0003\.off is no mesh"):
        modelnet_files.prepare(tmp_path, quiet)
    assert not list((tmp_path / OFF).glob("*.npz*"))


def test_a_folder_without_meshes_is_refused(tmp_path):
    (tmp_path / OFF).mkdir()
    with pytest.raises(EnvironmentFault, match="0 classes"):
        modelnet_files.prepare(tmp_path, quiet)


def test_clouds_are_no_images_to_augment(with_points):
    with pytest.raises(UsageError, match="only images"):
        describe(spec().model_copy(update={"augment": "standard"}), with_points)
