"""Losses and errors of a model on fixed samples, in evaluation mode and without a graph."""

from __future__ import annotations

import math

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
        self.brief = False  # a rehearsal: only the first and last piece of a split, which have all shapes
        self.rendered: Tensor | None = None  # the last output on the test set, where that is a picture

    def __call__(self) -> dict[str, float | None]:
        """The measured columns of a point."""
        train_loss, _ = self.measure(self.dataset.plain, self.train_sample)
        val_loss, val_error = self.measure(self.dataset.validation)
        test_loss, test_error = self.measure(self.dataset.test, render=self.dataset.canvas is not None)
        return {
            "train_loss": train_loss,
            "val_loss": val_loss,
            "val_error": val_error,
            "test_loss": test_loss,
            "test_error": test_error,
            "psnr": None if self.dataset.canvas is None else psnr(test_loss),
        }

    def loss(self, of: str) -> float:
        """The mean loss on `val` or `test`."""
        loss, _ = self.measure(self.dataset.validation if of == "val" else self.dataset.test)
        if loss is None:
            raise UsageError(f"there are no {of} samples to start by", "set val_fraction above 0")
        return loss

    @torch.no_grad()
    def measure(
        self, split: Split, index: Tensor | None = None, *, render: bool = False
    ) -> tuple[float | None, float | None]:
        """Mean loss and share of errors on a split; None where the split is empty or has no classes.

        `render` keeps the output.
        """
        if index is None:
            index = torch.arange(split.n or 0, device=self.dataset.device)
        if len(index) == 0:
            return None, None
        training = self.model.training
        self.model.eval()
        losses, wrong, outputs = [], [], []
        chunks = index.split(at_once(index.device, self.dataset.shape, self.model))
        for chunk in (*chunks[:1], *chunks[1:][-1:]) if self.brief else chunks:
            x, y = split.fetch(chunk)
            output = self.model(x).float()
            losses.append(self.dataset.loss(output, y).sum())
            if render:
                outputs.append(output)
            if self.dataset.classes:
                wrong.append((output.argmax(1) != y).sum())
        self.model.train(training)
        self.rendered = torch.cat(outputs) if render else self.rendered
        error = float(torch.stack(wrong).sum()) / len(index) if wrong else None
        return float(torch.stack(losses).sum()) / len(index), error


def psnr(squared_error: float | None) -> float | None:
    """The peak signal-to-noise ratio, in dB, of colours in [0, 1]; None where no error is measured."""
    if squared_error is None or not 0 < squared_error < math.inf:
        return None
    return -10 * math.log10(squared_error)


def train_sample(dataset: Dataset) -> Tensor:
    """A fixed random part of the training set [min(n, 10,000)], the same for every arm and seed."""
    if dataset.n is None:
        return torch.arange(TRAIN_SAMPLES, device=dataset.device) - (4 << 40)  # numbers that no run trains on
    fixed = torch.Generator().manual_seed(0)
    return torch.randperm(dataset.n, generator=fixed)[:TRAIN_SAMPLES].to(dataset.device)
