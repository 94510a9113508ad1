import numpy as np
import pytest
import torch

from isbench.datasets.catalogue import build, describe, prepare_named, verify_named
from isbench.datasets.images import mnist
from isbench.datasets.pixels import permutation
from isbench.datasets.published import PUBLISHED
from isbench.errors import EnvironmentFault, UsageError
from isbench.store.records import DatasetSpec
from tests.datasets import tiny_datasets

CPU = torch.device("cpu")
WHOLE = DatasetSpec(name="permuted-mnist", val_fraction=0.0)
POOLED = WHOLE.model_copy(update={"options": {"pool": 2}})


@pytest.fixture(autouse=True)
def tiny_mnist(tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "mnist", tiny_datasets.mnist(tmp_path))


def pixels(root) -> torch.Tensor:
    return mnist(root).inputs()[0][:, 0].float() / 255


def test_the_order_is_that_of_the_authors_program():
    state = np.random.get_state()
    np.random.seed(0)
    expected = np.random.permutation(784)
    np.random.set_state(state)
    assert permutation(784).tolist() == expected.tolist()
    assert permutation(784)[:6].tolist() == [693, 85, 647, 392, 765, 14]


def test_a_step_shows_one_pixel_in_the_fixed_order(tmp_path):
    x, y = build(WHOLE, tmp_path, CPU, 0).train.fetch(torch.arange(40))
    assert x.shape == (40, 784, 1)
    torch.testing.assert_close(x[:, :, 0], pixels(tmp_path).flatten(1)[:, permutation(784)])
    assert torch.equal(y, torch.arange(40) % 10)


def test_pooled_steps_show_the_exact_mean_of_four_pixels(tmp_path):
    x, _ = build(POOLED, tmp_path, CPU, 0).train.fetch(torch.arange(40))
    means = torch.nn.functional.avg_pool2d(pixels(tmp_path)[:, None].double(), 2).flatten(1)
    assert x.shape == (40, 196, 1)
    torch.testing.assert_close(x[:, :, 0].double(), means[:, permutation(196)], rtol=1e-6, atol=0)


@pytest.mark.parametrize("spec", [WHOLE, POOLED])
def test_all_splits_and_seeds_have_the_same_order(spec, tmp_path):
    whole = build(spec, tmp_path, CPU, 0)
    split = build(spec.model_copy(update={"val_fraction": 0.5}), tmp_path, CPU, 7)
    x = whole.train.fetch(torch.arange(40))[0]
    for part, rows in ((split.train, split.origin), (split.validation, None)):
        found = part.fetch(torch.arange(part.n))[0]
        expected = {row.numpy().tobytes() for row in (x if rows is None else x[rows])}
        assert {row.numpy().tobytes() for row in found} <= expected
    assert torch.equal(split.test.fetch(torch.arange(20))[0], whole.test.fetch(torch.arange(20))[0])


def test_bytes_stay_bytes_in_memory(tmp_path):
    assert build(WHOLE, tmp_path, CPU, 0).plain.inputs.dtype == torch.uint8


@pytest.mark.parametrize(("spec", "steps"), [(WHOLE, 784), (POOLED, 196)])
def test_a_plan_knows_the_steps(spec, steps, tmp_path):
    facts = describe(spec, tmp_path)
    assert (facts.n, facts.shape, facts.classes) == (40, (steps, 1), 10)


def test_a_sequence_has_no_pictures_and_is_not_augmented(tmp_path):
    assert build(WHOLE, tmp_path, CPU, 0).pictures is None
    with pytest.raises(UsageError, match="only images"):
        describe(WHOLE.model_copy(update={"augment": "standard"}), tmp_path)


def test_the_files_are_those_of_mnist(tmp_path):
    said = []
    prepare_named("permuted-mnist", tmp_path, said.append)
    assert said == [f"permuted-mnist is in {tmp_path}"]
    assert len(verify_named("permuted-mnist", tmp_path)) == 4
    with pytest.raises(EnvironmentFault, match="isbench data prepare mnist"):
        describe(WHOLE, tmp_path / "elsewhere")
