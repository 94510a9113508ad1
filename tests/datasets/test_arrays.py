import numpy as np
import pytest
import torch

from isbench.datasets.catalogue import build, describe
from isbench.errors import EnvironmentFault
from isbench.store.records import DatasetSpec

CPU = torch.device("cpu")


def good(n: int = 30, shape: tuple[int, ...] = (5,), kind: str = "float64") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n + 10, *shape)).astype(kind)
    y = np.arange(n + 10) % 3
    return {"x_train": x[:n], "y_train": y[:n], "x_test": x[n:], "y_test": y[n:]}


def made(tmp_path, arrays: dict[str, np.ndarray], **wishes):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    spec = DatasetSpec(name="arrays", options={"path": str(path)}, val_fraction=0.0, **wishes)
    return build(spec, tmp_path, CPU, 0), describe(spec, tmp_path)


def test_floats_are_taken_as_they_are(tmp_path):
    arrays = good()
    dataset, facts = made(tmp_path, arrays)
    x, y = dataset.train.fetch(torch.arange(30))
    assert (facts.n, facts.shape, facts.classes) == (30, (5,), 3)
    assert torch.equal(x, torch.from_numpy(arrays["x_train"]).float())
    assert y.tolist() == arrays["y_train"].tolist()
    assert dataset.pictures is None


@pytest.mark.parametrize("shape", [(6, 7, 3), (6, 7, 1)])
def test_images_may_have_their_channels_last(tmp_path, shape):
    arrays = good(shape=shape, kind="uint8")
    dataset, facts = made(tmp_path, arrays)
    assert facts.shape == (shape[2], 6, 7)
    assert np.array_equal(dataset.pictures(torch.arange(4)), arrays["x_train"][:4])
    x, _ = dataset.train.fetch(torch.arange(4))
    torch.testing.assert_close(x, torch.from_numpy(arrays["x_train"][:4]).permute(0, 3, 1, 2) / 255)


def test_bytes_without_channels_are_grey_images(tmp_path):
    assert made(tmp_path, good(shape=(6, 7), kind="uint8"))[1].shape == (1, 6, 7)


def test_images_with_channels_first_stay(tmp_path):
    assert made(tmp_path, good(shape=(3, 6, 7), kind="uint8"))[1].shape == (3, 6, 7)


def test_pictures_of_floats_beyond_1_are_stretched(tmp_path):
    dataset, _ = made(tmp_path, good(shape=(3, 6, 7)))
    pictures = dataset.pictures(torch.arange(4))
    assert (pictures.min(), pictures.max()) == (0, 255)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("x_train", np.zeros((30, 5), int), "neither floats nor uint8"),
        ("x_train", np.full((30, 5), np.nan), "not finite"),
        ("x_train", np.zeros(30), "shape"),
        ("x_train", np.zeros((0, 5)), "shape"),
        ("x_test", np.zeros((10, 4)), "must be alike"),
        ("x_test", np.zeros((10, 5), np.uint8), "must be alike"),
        ("y_train", np.arange(29), "30 samples"),
        ("y_train", np.zeros(30), "integers"),
        ("y_train", np.arange(30) - 1, "integers"),
        ("y_train", np.array(["a"] * 30, dtype=object), "no npz of plain arrays"),
    ],
)
def test_what_is_wrong_with_an_array_is_said(tmp_path, name, value, complaint):
    with pytest.raises(EnvironmentFault, match=complaint):
        made(tmp_path, good() | {name: value})


def test_a_single_class_is_nothing_to_learn(tmp_path):
    arrays = good()
    arrays["y_train"], arrays["y_test"] = arrays["y_train"] * 0, arrays["y_test"] * 0
    with pytest.raises(EnvironmentFault, match="one class"):
        made(tmp_path, arrays)


def test_a_missing_array_is_named(tmp_path):
    arrays = good()
    del arrays["y_test"]
    with pytest.raises(EnvironmentFault, match="it has no y_test, only x_train"):
        made(tmp_path, arrays)


@pytest.mark.parametrize(
    ("content", "complaint"), [(None, "there is no"), (b"no zip", "no npz"), (b"", "no npz")]
)
def test_a_file_that_is_no_npz_is_named(tmp_path, content, complaint):
    path = tmp_path / "mine.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EnvironmentFault, match=f"{complaint}.*"):
        describe(DatasetSpec(name="arrays", options={"path": str(path)}), tmp_path)


def test_a_single_saved_array_is_not_enough(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(EnvironmentFault, match="one array"):
        describe(DatasetSpec(name="arrays", options={"path": str(tmp_path / "one.npy")}), tmp_path)
