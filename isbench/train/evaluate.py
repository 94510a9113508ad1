"""Losses and errors of a model on fixed samples, in evaluation mode and without a graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isbench.datasets.base import Dataset, Split
from isbench.errors import UsageError
from isbench.train.device import at_once

TRAIN_SAMPLES = 10_000


class Evaluator:
    """Measures a model on the held-out sets and on one fixed random part of the training set."""

    def __init__(self, dataset: Dataset, model: nn.Module) -> None:
        self.dataset, self.model = dataset, model
        self.train_sample = train_sample(dataset)

    def __call__(self) -> dict[str, float | None]:
        """The measured columns of a point."""
        train_loss, _ = self.measure(self.dataset.plain, self.train_sample)
        val_loss, val_error = self.measure(self.dataset.validation)
        test_loss, test_error = self.measure(self.dataset.test)
        return {
            "train_loss": train_loss,
            "val_loss": val_loss,
            "val_error": val_error,
            "test_loss": test_loss,
            "test_error": test_error,
        }

    def loss(self, of: str) -> float:
        """The mean loss on `val` or `test`."""
        loss, _ = self.measure(self.dataset.validation if of == "val" else self.dataset.test)
        if loss is None:
            raise UsageError(f"there are no {of} samples to start by", "set val_fraction above 0")
        return loss

    @torch.no_grad()
    def measure(self, split: Split, index: Tensor | None = None) -> tuple[float | None, float | None]:
        """Mean loss and share of errors on a split; None where the split is empty or has no classes."""
        if index is None:
            index = torch.arange(split.n or 0, device=self.dataset.device)
        if len(index) == 0:
            return None, None
        training = self.model.training
        self.model.eval()
        losses, wrong = [], []
        for chunk in index.split(at_once(index.device, self.dataset.shape)):
            x, y = split.fetch(chunk)
            output = self.model(x).float()
            losses.append(self.dataset.loss(output, y).sum())
            if self.dataset.classes:
                wrong.append((output.argmax(1) != y).sum())
        self.model.train(training)
        error = float(torch.stack(wrong).sum()) / len(index) if wrong else None
        return float(torch.stack(losses).sum()) / len(index), error


def train_sample(dataset: Dataset) -> Tensor:
    """A fixed random part of the training set [min(n, 10,000)], the same for every arm and seed."""
    if dataset.n is None:
        return torch.arange(TRAIN_SAMPLES, device=dataset.device) - (4 << 40)  # numbers that no run trains on
    fixed = torch.Generator().manual_seed(0)
    return torch.randperm(dataset.n, generator=fixed)[:TRAIN_SAMPLES].to(dataset.device)
