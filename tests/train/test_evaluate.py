from dataclasses import replace

import pytest
import torch

from isbench.train.evaluate import Evaluator, psnr
from tests.builders import Table, model, regression, table


def picture(height: int = 4, width: int = 5):
    """A regression whose test samples are the pixels of a picture."""
    x = torch.randn(height * width, 6, generator=torch.Generator().manual_seed(1))
    dataset = regression()
    return replace(dataset, test=Table(x, torch.rand(len(x), 2)), canvas=(height, width))


def test_a_regression_has_losses_and_no_errors() -> None:
    dataset = regression()
    found = Evaluator(dataset, model(dataset))()
    assert found["test_loss"] > 0
    assert (found["val_error"], found["test_error"], found["psnr"]) == (None, None, None)


def test_classes_have_no_psnr_and_no_picture_is_kept() -> None:
    dataset = table()
    evaluator = Evaluator(dataset, model(dataset))
    assert evaluator()["psnr"] is None
    assert evaluator.rendered is None


def test_the_psnr_of_a_picture_is_that_of_its_squared_error() -> None:
    dataset = picture()
    evaluator = Evaluator(dataset, model(dataset))
    found = evaluator()
    _, colours = dataset.test.fetch(torch.arange(20))
    error = float((evaluator.rendered - colours).square().mean())
    assert found["test_loss"] == pytest.approx(error)
    assert found["psnr"] == pytest.approx(psnr(error))


@pytest.mark.parametrize(
    ("error", "decibels"), [(1.0, 0.0), (0.01, 20.0), (0.0, None), (float("inf"), None), (None, None)]
)
def test_psnr_is_of_a_peak_of_1(error, decibels) -> None:
    assert psnr(error) == decibels
    assert psnr(float("nan")) is None


@pytest.mark.parametrize(("n", "sizes"), [(30, [8, 6]), (16, [8, 8]), (8, [8]), (3, [3])])
def test_a_rehearsal_measures_the_first_and_the_last_piece_of_a_split(n, sizes, monkeypatch) -> None:
    monkeypatch.setattr("isbench.train.evaluate.at_once", lambda *about: 8)
    dataset = table()
    evaluator, fetched = Evaluator(dataset, model(dataset)), []
    evaluator.brief = True
    evaluator.model.register_forward_pre_hook(lambda module, inputs: fetched.append(len(inputs[0])))
    evaluator.measure(dataset.train, torch.arange(n))
    assert fetched == sizes
