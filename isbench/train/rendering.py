"""What a model makes of a picture, kept at a few points of a run: the exhibit `output`."""

from __future__ import annotations

import math

import numpy as np
import torch

from isbench.store.records import Point
from isbench.train.evaluate import Evaluator

PARTS = 4  # of the budget, of each of which the last point is kept


class Rendering:
    """Keeps what the evaluation saw, so that it costs no further pass over the picture."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.moments: dict[int, tuple[int, float, np.ndarray]] = {}

    def at_point(self, point: Point) -> None:
        """Take the picture as it is now in place of an earlier one of the same part of the budget."""
        if self.evaluator.rendered is not None:
            picture = self.evaluator.rendered.cpu().numpy()
            self.moments[math.ceil(PARTS * point.progress)] = (point.steps, point.progress, picture)

    def finish(self) -> dict[str, dict[str, np.ndarray]]:
        """The exhibit: `step` [p], `progress` [p], `prediction` [p, h, w, c], `reference` [h, w, c]."""
        dataset = self.evaluator.dataset
        if dataset.canvas is None or not self.moments:
            return {}
        step, progress, pictures = zip(*self.moments.values(), strict=True)
        shape = (*dataset.canvas, dataset.outputs)
        pixels = torch.arange(math.prod(dataset.canvas), device=dataset.device)
        _, reference = dataset.test.fetch(pixels)
        arrays = {
            "step": np.array(step),
            "progress": np.array(progress),
            "prediction": np.stack([picture.reshape(shape) for picture in pictures]),
            "reference": reference.cpu().numpy().reshape(shape),
        }
        return {"output": arrays}
