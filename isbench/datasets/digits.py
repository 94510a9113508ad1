"""Optical digits, bundled: 1,797 images of 8x8 pixels with values 0 to 16.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998
(doi 10.24432/C50P49), CC BY 4.0; the repository's test file, as scikit-learn distributes it. `digits.npz`
holds x [1797, 8, 8] uint8 and y [1797] uint8 in the published order.
"""

from importlib import resources
from pathlib import Path

import numpy as np
import torch

from isbench.datasets.held import stratified
from isbench.datasets.source import Source

TEST = 360
WHITE = 16


def digits(root: Path) -> Source:
    """1,437 training and 360 test images (1, 8, 8), stratified and always the same."""
    with (
        resources.files("isbench.datasets").joinpath("digits.npz").open("rb") as file,
        np.load(file) as arrays,
    ):
        x, y = torch.from_numpy(arrays["x"]).unsqueeze(1), torch.from_numpy(arrays["y"]).long()
    test, train = stratified(y, TEST, "digits", "test")
    return Source(
        shape=(1, 8, 8),
        classes=10,
        y_train=y[train],
        y_test=y[test],
        inputs=lambda: (x[train], x[test]),
        scale=1 / WHITE,
        white=WHITE,
    )
