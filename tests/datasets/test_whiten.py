import numpy as np
import pytest
import torch

from isbench.datasets import images, whiten
from isbench.datasets.catalogue import build, describe
from isbench.datasets.finite import finite
from isbench.datasets.published import PUBLISHED
from isbench.datasets.source import Source
from isbench.datasets.stored import channels_last
from isbench.datasets.whiten import EPSILON, Whitening, fit, remembered
from isbench.errors import EnvironmentFault
from isbench.store.records import DatasetSpec
from tests.builders import rng
from tests.datasets import tiny_datasets

CPU = torch.device("cpu")
SPEC = DatasetSpec(name="coloured", val_fraction=0.1)


def coloured(n: int = 2000) -> torch.Tensor:
    """Images (3, 4, 4) whose neighbouring pixels are alike."""
    base = torch.randint(0, 200, (n, 3, 1, 1), generator=rng("base"))
    noise = torch.randint(0, 56, (n, 3, 4, 4), generator=rng("noise"))
    return (base + noise).to(torch.uint8)


def source(n: int = 2000, **changes) -> Source:
    x = coloured(n)
    return Source(
        shape=(3, 4, 4),
        classes=2,
        y_train=torch.arange(n) % 2,
        y_test=torch.arange(100) % 2,
        inputs=lambda: (x, x[:100].flip(0)),
        scale=2 / 255,
        shift=-1.0,
        flips=True,
        whitening=lambda: fit(x),
        **changes,
    )


def expected(pixels: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
    """Whitened by the textbook, in float64 and channels first: from the covariance's singular values."""
    x, fitted = (each.flatten(1).double().numpy() / 255 for each in (of, pixels))
    mean = fitted.mean(0)
    u, variance, _ = np.linalg.svd(np.cov(fitted.T, bias=True))
    white = (x - mean) @ (u / np.sqrt(variance + EPSILON)) @ u.T
    return torch.from_numpy(white).view(of.shape)


def test_whitened_pixels_are_uncorrelated_with_variance_1():
    x = channels_last(coloured())
    white = fit(coloured())(x).flatten(1).double()
    assert white.mean(0).abs().max() < 1e-4
    torch.testing.assert_close(
        white.T @ white / len(white), torch.eye(48, dtype=torch.double), atol=2e-3, rtol=0
    )


def test_it_is_the_textbooks_zca():
    x = coloured()
    white = fit(x)(channels_last(x[:50])).permute(0, 3, 1, 2)
    torch.testing.assert_close(white.double(), expected(x, x[:50]), atol=1e-4, rtol=1e-4)


def test_the_map_is_symmetric_so_that_images_still_look_like_images():
    x = coloured()
    matrix = fit(x).matrix
    torch.testing.assert_close(matrix, matrix.T)
    white = fit(x)(channels_last(x)).flatten(1).T
    each = torch.corrcoef(torch.cat([white, channels_last(x).flatten(1).T.float()]))
    assert each.diagonal(48).min() > 0.3  # rotated arbitrarily, pixels would be anything


def test_training_validation_and_test_images_are_whitened_alike():
    dataset = finite(SPEC, source(), CPU, 0)
    x = coloured()
    white = expected(x, x).float()
    for split, rows in ((dataset.train, dataset.origin), (dataset.test, torch.arange(100).flip(0))):
        found = split.fetch(torch.arange(split.n))[0]
        torch.testing.assert_close(found, white[rows], atol=1e-4, rtol=1e-4)
    assert dataset.validation.fetch(torch.arange(5))[0].dtype == torch.float32


def test_a_subset_is_whitened_as_the_whole_set_is():
    whole, part = (finite(SPEC.model_copy(update={"subset": k}), source(), CPU, 0) for k in (None, 300))
    place = {int(row): at for at, row in enumerate(whole.origin)}
    at = torch.tensor([place[int(row)] for row in part.origin if int(row) in place])
    mine = torch.tensor([i for i, row in enumerate(part.origin) if int(row) in place])
    torch.testing.assert_close(part.plain.fetch(mine)[0], whole.plain.fetch(at)[0])


def test_standard_augmentation_pads_whitened_images_with_zeros():
    dataset = finite(SPEC.model_copy(update={"augment": "standard"}), source(), CPU, 0)
    index = torch.arange(dataset.n)
    moved, plain = dataset.train.fetch(index)[0], dataset.plain.fetch(index)[0]
    assert (plain == 0).sum() == 0
    share = (moved == 0).all(1).flatten(1).double().mean()  # 4 of 9 shifts by a row, 4 of 9 by a column
    assert 0.2 < share < 0.4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("keep", ["device", "host", "disk"])
def test_on_a_cuda_device_images_are_whitened_alike(keep):
    cuda = torch.device("cuda")
    there = finite(SPEC.model_copy(update={"keep": keep}), source(), cuda, 0)
    here = finite(SPEC, source(), CPU, 0)
    index = torch.arange(there.n)
    found = there.train.fetch(index.to(cuda))[0].cpu()
    torch.testing.assert_close(found, here.train.fetch(index)[0], atol=1e-4, rtol=1e-4)


def test_on_a_disk_images_lie_whitened():
    near, far = (
        finite(SPEC.model_copy(update={"keep": keep}), source(), CPU, 0) for keep in ("device", "disk")
    )
    index = torch.arange(near.n)
    torch.testing.assert_close(near.train.fetch(index)[0], far.train.fetch(index)[0])


def test_a_fit_is_remembered(monkeypatch):
    x = coloured(300)
    first = remembered(x)
    monkeypatch.setattr(whiten, "fit", lambda images: pytest.fail("fitted again"))
    again = remembered(x)
    assert torch.equal(first.matrix, again.matrix)
    assert torch.equal(first.mean, again.mean)


def test_other_images_have_another_fit():
    assert not torch.equal(remembered(coloured(300)).matrix, remembered(coloured(301)).matrix)


def test_a_damaged_memory_is_fitted_again(tmp_path):
    x = coloured(300)
    first = remembered(x)
    (path,) = (tmp_path / "cache").rglob("*.npz")
    path.write_bytes(path.read_bytes()[:100])
    assert torch.equal(remembered(x).matrix, first.matrix)


def test_a_cache_that_cannot_be_written_is_a_fault_of_the_environment(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(EnvironmentFault, match="cannot write to"):
        remembered(coloured(300))


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifar_is_whitened_where_a_recipe_asks_for_it(name, tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, name, getattr(tiny_datasets, name)(tmp_path))
    halved = Whitening(torch.zeros(3072), torch.eye(3072) / 2)
    monkeypatch.setattr(images, "remembered", lambda x: halved)
    spec = DatasetSpec(name=name, val_fraction=0.0)
    plain = build(spec, tmp_path, CPU, 0)
    white = build(spec.model_copy(update={"options": {"zca": True}}), tmp_path, CPU, 0)
    index = torch.arange(20)
    torch.testing.assert_close(white.train.fetch(index)[0], (plain.train.fetch(index)[0] + 1) / 4)
    torch.testing.assert_close(white.test.fetch(index)[0], (plain.test.fetch(index)[0] + 1) / 4)


def test_a_plan_fits_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "cifar10", tiny_datasets.cifar10(tmp_path))
    monkeypatch.setattr(images, "remembered", lambda x: pytest.fail("fitted while planning"))
    assert describe(DatasetSpec(name="cifar10", options={"zca": True}), tmp_path).n == 90
