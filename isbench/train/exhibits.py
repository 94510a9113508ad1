"""What figures need beyond numbers in tables: numeric arrays, collected in the pause of a point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from isbench.datasets.base import Dataset
from isbench.store.records import Point
from isbench.train.evaluate import train_sample
from isbench.train.problem import Problem
from isbench.train.tally import Tally

if TYPE_CHECKING:
    from isbench.samplers.base import Sampler
    from isbench.samplers.scores import Score

Arrays = dict[str, np.ndarray]
SMALL = 10_000  # samples whose importance is recorded one by one
SCATTER = 2_000  # points of a stream whose importance is recorded
EVERY_SEED = ("usage", "digests")
SHOWN = 16  # most and least used samples


def supported(dataset: Dataset, wanted: tuple[str, ...], *, first: bool) -> tuple[str, ...]:
    """Those wanted exhibits that a data set can give; most are for the first seed only."""
    plane, finite = dataset.shape == (2,), dataset.n is not None
    possible = {
        "usage": finite,
        "selection": plane,
        "trace": True,
        "importance": plane or (dataset.n or SMALL + 1) <= SMALL,
        "most_least": finite and dataset.pictures is not None,
        "geometry": bool(dataset.outlines),
        "output": dataset.canvas is not None,
        "digests": True,
    }
    names = [name for name in wanted if possible[name]]
    return tuple(names if first else [name for name in names if name in EVERY_SEED])


class Exhibits:
    """Collects the exhibits of one run."""

    def __init__(
        self,
        problem: Problem,
        tally: Tally,
        score: Score | None,
        wanted: tuple[str, ...],
        sampler: Sampler | None = None,
    ) -> None:
        self.problem, self.dataset, self.tally, self.score = problem, problem.dataset, tally, score
        self.wanted = tuple(name for name in wanted if name != "output")  # which `Rendering` records
        self.sampler = sampler
        self.importance: list[tuple[int, float, np.ndarray]] = []
        sample = train_sample(self.dataset)
        self.watched = sample[:SCATTER] if self.dataset.n is None else sample[:SMALL].sort().values

    def at_point(self, point: Point) -> None:
        """Record how important every watched sample is to the sampler now; costs the run nothing."""
        if "importance" in self.wanted:
            values = self._kept()
            values = self._fresh() if values is None else values
            if values is not None:
                self.importance.append((point.steps, point.progress, host(values.float())))

    def _kept(self) -> Tensor | None:
        """What the sampler remembers of the watched samples, NaN where it has nothing yet."""
        kept = None if self.sampler is None else self.sampler.stored()
        return None if kept is None else kept[self.watched].nan_to_num(torch.nan, torch.nan, torch.nan)

    def _fresh(self) -> Tensor | None:
        """The score of every watched sample under the model as it is; counts for nothing."""
        if self.score is None:
            return None
        counted = self.problem.scored, self.problem.loaded
        values = self.problem.score(self.score, self.watched)
        self.problem.scored, self.problem.loaded = counted
        return values

    def finish(self) -> dict[str, Arrays]:
        """All exhibits of the run, by name."""
        made = {name: getattr(self, f"_{name}")() for name in self.wanted}
        return {name: arrays for name, arrays in made.items() if arrays}

    def _usage(self) -> Arrays:
        usage, dataset = self.tally.usage, self.dataset
        if usage is None or dataset.origin is None:
            return {}
        unknown = torch.full_like(dataset.origin, -1)
        return {
            "times_trained": host(usage.times_trained),
            "last_trained": host(usage.last_trained),
            "presented": host(usage.presented),
            "importance_sum": host(usage.importance_sum).astype(np.float64),
            "importance_max": host(usage.importance_max),
            "index": host(dataset.origin),
            "label": host(unknown if dataset.labels is None else dataset.labels),
        }

    def _selection(self) -> Arrays:
        if not self.tally.selection:
            return {}
        step, index, coordinates, predicted, weight = (
            host(torch.cat(column)) for column in zip(*self.tally.selection, strict=True)
        )
        return {
            "step": step,
            "index": index,
            "coordinates": coordinates,
            "predicted": predicted,
            "weight": weight,
        }

    def _trace(self) -> Arrays:
        names = ("step", "batch_loss", "tau", "active", "ess", "distinct")
        return {
            name: np.array(column)
            for name, column in zip(names, zip(*self.tally.trace, strict=True), strict=False)
        }

    def _importance(self) -> Arrays:
        if not self.importance:
            return {}
        step, progress, value = zip(*self.importance, strict=True)
        x, y = self.dataset.plain.fetch(self.watched)
        arrays = {
            "step": np.array(step),
            "progress": np.array(progress),
            "value": np.stack(value),
            "label": host(torch.full_like(self.watched, -1) if y.is_floating_point() else y),
        }
        return {**arrays, "coordinates": host(x)} if self.dataset.shape == (2,) else arrays

    def _most_least(self) -> Arrays:
        usage, dataset = self.tally.usage, self.dataset
        if usage is None or dataset.pictures is None or dataset.origin is None:
            return {}
        order = usage.times_trained.argsort(descending=True, stable=True)
        arrays: Arrays = {}
        for name, chosen in (("most", order[:SHOWN]), ("least", order.flip(0)[:SHOWN])):
            arrays[name] = dataset.pictures(chosen)
            arrays[f"{name}_index"] = host(dataset.origin[chosen])
            arrays[f"{name}_count"] = host(usage.times_trained[chosen])
            labels = torch.full_like(chosen, -1) if dataset.labels is None else dataset.labels[chosen]
            arrays[f"{name}_label"] = host(labels)
        return arrays

    def _digests(self) -> Arrays:
        return {} if self.tally.digests is None else self.tally.digests.arrays()

    def _geometry(self) -> Arrays:
        return {f"outline_{k}": outline for k, outline in enumerate(self.dataset.outlines)}


def host(tensor: Tensor) -> np.ndarray:
    """A tensor as an array."""
    return tensor.detach().cpu().numpy()
