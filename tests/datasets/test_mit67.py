import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from isbench.datasets import mit67
from isbench.datasets.catalogue import build, describe, prepare_named, verify_named
from isbench.errors import EnvironmentFault
from isbench.store.records import DatasetSpec

CPU = torch.device("cpu")
SPEC = DatasetSpec(name="mit67", val_fraction=0.0)
TRAIN = ["bar/b_1.jpg", "bar/b_2.jpg", "office/o 1.jpg", "airport_inside/a1.jpg"]
TEST = ["office/o2.jpg", "airport_inside/a2.jpg"]
RED, GREEN, BLUE = (254, 0, 0), (0, 128, 0), (0, 0, 254)
FILES = {  # format and colours, as true files of the set differ
    "bar/b_1.jpg": ("JPEG", "RGB", RED),
    "bar/b_2.jpg": ("JPEG", "L", 90),
    "office/o 1.jpg": ("PNG", "RGB", GREEN),
    "office/o2.jpg": ("GIF", "P", 200),
    "airport_inside/a1.jpg": ("PNG", "LA", (60, 255)),
    "airport_inside/a2.jpg": ("JPEG", "CMYK", (0, 255, 255, 0)),
    "bar/unlisted.jpg": ("JPEG", "RGB", BLUE),
}


def encoded(kind: str, mode: str, colour) -> bytes:
    buffer = io.BytesIO()
    image = Image.new(mode, (40, 30), colour)
    if mode == "P":
        image = Image.new("L", (40, 30), colour).convert("P")
    image.save(buffer, kind)
    return buffer.getvalue()


def lists(root: Path) -> None:
    (root / "mit67").mkdir(parents=True, exist_ok=True)
    (root / "mit67" / "TrainImages.txt").write_bytes("\r\n".join(TRAIN).encode())
    (root / "mit67" / "TestImages.txt").write_text("\n".join([*TEST, ""]))


def folder(root: Path) -> None:
    for name, how in FILES.items():
        path = root / "mit67" / "Images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(*how))


def archive(names=tuple(FILES), above: str = "Images") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for name in names:
            data = encoded(*FILES[name])
            member = tarfile.TarInfo(f"{above}/{name}")
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def quiet(line: str) -> None:
    pass


@pytest.fixture
def prepared(tmp_path) -> Path:
    lists(tmp_path)
    folder(tmp_path)
    mit67.prepare(tmp_path, quiet)
    return tmp_path


def test_files_of_any_format_and_colours_become_images_in_the_order_of_the_lists(prepared):
    dataset = build(SPEC, prepared, CPU, 0)
    centres = dataset.pictures(torch.arange(4))[:, 112, 112].astype(int)
    assert np.abs(centres - [RED, (90,) * 3, GREEN, (60,) * 3]).max() <= 2
    assert (dataset.n, dataset.test.n, dataset.shape, dataset.classes) == (4, 2, (3, 224, 224), 3)


def test_classes_are_numbered_by_name(prepared):
    dataset = build(SPEC, prepared, CPU, 0)
    assert dataset.labels.tolist() == [1, 1, 2, 0]
    assert dataset.test.fetch(torch.arange(2))[1].tolist() == [2, 0]


def test_the_whole_image_is_resized_and_nothing_cut(tmp_path):
    lists(tmp_path)
    folder(tmp_path)
    wide = Image.new("RGB", (400, 100), RED)
    wide.paste(BLUE, (360, 0, 400, 100))  # a tenth, at the right edge
    wide.save(tmp_path / "mit67" / "Images" / TRAIN[0], "PNG")
    mit67.prepare(tmp_path, quiet)
    picture = build(SPEC, tmp_path, CPU, 0).pictures(torch.tensor([0]))[0]
    assert (picture[:, 210:] == BLUE).all()
    assert (picture[:, :190] == RED).all()


def test_pixels_have_the_mean_and_deviation_of_imagenet_taken_out(prepared):
    dataset = build(SPEC, prepared, CPU, 0)
    index = torch.arange(4)
    x, _ = dataset.train.fetch(index)
    shown = torch.from_numpy(dataset.pictures(index).copy()).permute(0, 3, 1, 2) / 255
    mean, deviation = (torch.tensor(each)[:, None, None] for each in (mit67.MEAN, mit67.DEVIATION))
    torch.testing.assert_close(x, (shown - mean) / deviation)


def test_the_samples_are_mapped_from_the_disk(prepared):
    dataset = build(SPEC, prepared, CPU, 0)
    assert dataset.lives == "disk"


@pytest.mark.parametrize("above", ["Images", "./Images", "indoorCVPR_09/Images"])
def test_an_archive_is_read_as_the_folder_is(above, prepared, tmp_path_factory):
    root = tmp_path_factory.mktemp("packed")
    lists(root)
    (root / "mit67" / "indoorCVPR_09.tar").write_bytes(archive(above=above))
    mit67.prepare(root, quiet)
    index = torch.arange(4)
    one, two = (build(SPEC, each, CPU, 0).train.fetch(index)[0] for each in (prepared, root))
    assert torch.equal(one, two)


def test_what_is_missing_is_fetched_and_only_what_is_used_is_kept(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(mit67, "LISTS_AT", (mirror.url("/lists/"),))
    monkeypatch.setattr(mit67, "ARCHIVE_AT", (mirror.url("/"),))
    mirror.serves("/lists/TrainImages.txt", "\n".join(TRAIN).encode())
    mirror.serves("/lists/TestImages.txt", "\n".join(TEST).encode(), tells_length=False)
    mirror.serves("/indoorCVPR_09.tar", archive())
    for _ in range(2):
        prepare_named("mit67", tmp_path, quiet)
    assert set(mirror.asked.values()) == {1}
    names = {path.name for path in (tmp_path / "mit67").iterdir()}
    notes = {"train-224.npy.sha256", "test-224.npy.sha256"}
    assert names == {"TrainImages.txt", "TestImages.txt", "train-224.npy", "test-224.npy"} | notes


def test_a_page_is_no_list(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(mit67, "LISTS_AT", (mirror.url("/"),))
    mirror.serves("/TrainImages.txt", b"<!doctype html><title>a/b</title>")
    with pytest.raises(EnvironmentFault, match="no list of different images"):
        mit67.prepare(tmp_path, quiet)
    assert list((tmp_path / "mit67").iterdir()) == []


def test_a_page_is_no_archive(mirror, monkeypatch, tmp_path):
    lists(tmp_path)
    monkeypatch.setattr(mit67, "ARCHIVE_AT", (mirror.url("/"),))
    mirror.serves("/indoorCVPR_09.tar", b"<!doctype html>" * 200)
    with pytest.raises(EnvironmentFault, match="no archive of images"):
        mit67.prepare(tmp_path, quiet)


def test_a_listed_image_that_is_missing_is_named_and_nothing_is_left(tmp_path):
    lists(tmp_path)
    (tmp_path / "mit67" / "indoorCVPR_09.tar").write_bytes(archive([n for n in FILES if n != TEST[1]]))
    with pytest.raises(EnvironmentFault, match=f"1 of 6 listed images are missing, the first {TEST[1]}"):
        mit67.prepare(tmp_path, quiet)
    assert not list((tmp_path / "mit67").glob("*.npy*"))


def test_a_file_that_is_no_image_is_named(tmp_path):
    lists(tmp_path)
    folder(tmp_path)
    (tmp_path / "mit67" / "Images" / TRAIN[1]).write_bytes(b"no image")
    with pytest.raises(EnvironmentFault, match=f"{TRAIN[1]} is no image"):
        mit67.prepare(tmp_path, quiet)


def test_before_it_is_prepared_the_command_is_named(tmp_path):
    with pytest.raises(EnvironmentFault, match=f"isbench data prepare mit67 --data {tmp_path}"):
        describe(SPEC, tmp_path)


def test_a_plan_reads_the_lists_only(prepared):
    for path in (prepared / "mit67").glob("*.npy"):
        path.write_bytes(b"")
    facts = describe(SPEC, prepared)
    assert (facts.n, facts.shape, facts.classes) == (4, (3, 224, 224), 3)


def test_a_bad_array_is_found_and_made_anew(prepared):
    assert len(verify_named("mit67", prepared)) == 2
    path = prepared / "mit67" / "train-224.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EnvironmentFault, match=r"train-224\.npy is corrupt.*data prepare mit67"):
        verify_named("mit67", prepared)
    with pytest.raises(EnvironmentFault, match=r"train-224\.npy is corrupt"):
        build(SPEC, prepared, CPU, 0)
    mit67.prepare(prepared, quiet)
    assert len(verify_named("mit67", prepared)) == 2


def test_arrays_of_other_lists_are_refused(prepared):
    (prepared / "mit67" / "TrainImages.txt").write_text("\n".join(TRAIN[1:]))
    with pytest.raises(EnvironmentFault, match=r"train-224\.npy is corrupt.*for 3 listed images"):
        build(SPEC, prepared, CPU, 0)


def test_a_test_class_without_training_images_is_refused(prepared):
    (prepared / "mit67" / "TestImages.txt").write_text("cellar/c.jpg\noffice/o2.jpg\n")
    with pytest.raises(EnvironmentFault, match="cellar has no training images"):
        describe(SPEC, prepared)
