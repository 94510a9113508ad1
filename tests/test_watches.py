import pytest

from isbench.store.records import Point
from isbench.watches import standing

SPENT = {"progress": 0.5, "epochs": 2.0, "steps": 10, "trained": 100, "scored": 0, "loaded": 100}
SPENT |= {"passes": 6.0, "train_seconds": 1.0, "eval_seconds": 0.1, "lr": 0.1}


@pytest.mark.parametrize(
    ("measured", "worth"),
    [
        ({"test_error": 0.125, "test_loss": 0.5}, "test error 0.1250"),
        ({"test_loss": 0.123456789}, "test loss 0.1235"),
        ({"test_loss": 0.001, "psnr": 30.0}, "test PSNR 30.00 dB"),
        ({}, "test loss unknown"),
    ],
)
def test_a_line_says_what_the_model_is_worth_by_what_was_measured(measured, worth):
    assert standing(Point(**SPENT, **measured)).endswith(worth)
