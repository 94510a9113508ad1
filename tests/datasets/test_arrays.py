import numpy as np
import pytest
import torch

from isbench.datasets.catalogue import build, describe
from isbench.datasets.losses import l1, mse
from isbench.errors import EnvironmentFault, UsageError
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
        ("y_train", np.zeros(30), "integers are classes"),
        ("y_train", np.zeros((30, 2), int), "one integer for each sample"),
        ("y_train", np.arange(30) - 1, "integers"),
        ("y_train", np.array(["a"] * 30, dtype=object), "no npz of plain arrays"),
    ],
)
def test_what_is_wrong_with_an_array_is_said(tmp_path, name, value, complaint):
    with pytest.raises(EnvironmentFault, match=complaint):
        made(tmp_path, good() | {name: value})


def regression(n: int = 30, values: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return good(n) | {"y_train": rng.random((n, values)), "y_test": rng.random((10, values))}


def made_with(tmp_path, loss: str, arrays: dict[str, np.ndarray]):
    np.savez(tmp_path / "data.npz", **arrays)
    options = {"path": str(tmp_path / "data.npz"), "loss": loss}
    spec = DatasetSpec(name="arrays", options=options)
    return build(spec, tmp_path, CPU, 0), describe(spec, tmp_path)


def test_float_targets_are_a_regression(tmp_path):
    arrays = regression()
    dataset, facts = made(tmp_path, arrays)
    _, y = dataset.train.fetch(torch.arange(30))
    assert (facts.classes, facts.outputs, dataset.classes, dataset.outputs) == (0, 2, 0, 2)
    assert torch.equal(y, torch.from_numpy(arrays["y_train"]).float())
    assert dataset.loss is mse
    assert dataset.labels is None


def test_one_value_for_each_sample_is_a_column(tmp_path):
    arrays = regression(values=1)
    arrays |= {name: arrays[name][:, 0] for name in ("y_train", "y_test")}
    dataset, facts = made(tmp_path, arrays)
    assert facts.outputs == 1
    assert dataset.test.fetch(torch.arange(3))[1].shape == (3, 1)


def test_integer_targets_are_values_where_a_loss_of_values_is_asked_for(tmp_path):
    dataset, facts = made_with(tmp_path, "l1", good())
    assert (facts.classes, facts.outputs) == (0, 1)
    assert dataset.train.fetch(torch.arange(2))[1].dtype == torch.float32
    assert dataset.loss is l1


def test_a_regression_has_a_validation_part_of_its_own(tmp_path):
    dataset, _ = made_with(tmp_path, "auto", regression(40))
    assert (dataset.n, dataset.validation.n) == (36, 4)


@pytest.mark.parametrize(
    ("loss", "changed", "complaint"),
    [
        ("bce", {"y_train": np.full((30, 2), 1.5)}, r"bce wants targets in \[0, 1\], y_train goes from 1.5"),
        ("cross_entropy", {}, "one integer for each sample"),
        ("mse", {"y_train": np.full((30, 2), np.nan)}, "finite numbers"),
        ("mse", {"y_train": np.zeros((30, 2, 2))}, r"values are \[n\] or \[n, d\]"),
        ("mse", {"y_test": np.zeros((10, 3))}, "2 values for a sample, y_test 3"),
        ("mse", {"y_test": np.zeros(9)}, "10 samples"),
    ],
)
def test_what_is_wrong_with_values_is_said(tmp_path, loss, changed, complaint):
    with pytest.raises(EnvironmentFault, match=complaint):
        made_with(tmp_path, loss, regression() | changed)


@pytest.mark.parametrize("wish", [{"classes": (0, 1)}, {"label_noise": 0.1}])
def test_wishes_about_classes_are_refused_where_there_are_none(tmp_path, wish):
    with pytest.raises(UsageError, match="no classes; leave"):
        made(tmp_path, regression(), **wish)


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
