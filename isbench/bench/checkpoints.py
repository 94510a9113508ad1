"""The probe of one run: in the pause of a point, what each score is worth on fixed training samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from isbench.bench.estimator import Estimator, Statistics, host, rank_correlation
from isbench.samplers import low
from isbench.samplers.base import Sampler
from isbench.samplers.rules import mend
from isbench.samplers.scores import SCORES, Score
from isbench.store.probes import QUANTITIES
from isbench.store.records import Point
from isbench.train.device import stream_seed
from isbench.train.evaluate import train_sample
from isbench.train.problem import Problem
from isbench.train.tally import Usage
from isbench.train.timing import HostClock, PhaseTimer

SAMPLES = 1024  # of paper 001, section 4.1
STORED = "stored"  # the row of the numbers that a sampler keeps
PREDICTED = "predicted"  # the row of the losses that a sampler expects
LOW, SMOOTHNESS = "low", 0.1  # the row of LOW's weights, and its published lambda
FEW = 30  # samples
SLOWER = ("gradient_one_by_one", "output_gradient_autograd")  # scores that say the same as another


class Checkpoints:
    """Measures at every point of a run; the run itself goes on as if nobody had looked."""

    def __init__(self, problem: Problem, sampler: Sampler, usage: Usage | None, seed: int) -> None:
        plain = replace(problem.dataset, train=problem.dataset.plain)
        precision = "bfloat16" if problem.reduced else "float32"
        self.problem = Problem(
            plain, problem.model, problem.batch, PhaseTimer(HostClock()), seed=seed, precision=precision
        )
        self.sampler, self.usage, self.seed = sampler, usage, seed
        self.index = train_sample(plain)[:SAMPLES]
        self.scores = applicable(self.problem)
        for score in self.scores.values():
            self.problem.require(score)
        self.steps: list[int] = []
        self.losses: list[np.ndarray] = []
        self.shares: list[dict[str, np.ndarray]] = []
        self.statistics: list[dict[str, Statistics]] = []

    def at_point(self, point: Point) -> None:
        """Measure every score; a model that has diverged has nothing to measure."""
        fresh = {name: self.problem.score(score, self.index).float() for name, score in self.scores.items()}
        self.problem.timer.drain()
        norms = fresh["gradient"]
        if not bool(norms.isfinite().all()) or not float(norms.sum()) > 0:
            return
        rows = {"uniform": torch.ones_like(norms), **fresh, LOW: self._low(fresh)}
        rows |= {**self._stored(), **self._predicted()}
        estimator = Estimator(self.problem, self.index, rows, self.problem.batch)
        found = estimator.statistics(stream_seed(self.seed, f"probe {point.steps}"))
        if STORED in found and self.usage is not None:
            age = point.steps - 1 - host(self.usage.last_trained[self.index])
            found[STORED] |= staleness(host(rows[STORED]), estimator.losses, age, point.steps)
        self.statistics.append(found)
        self.shares.append({name: host(p) for name, p in estimator.shares.items()})
        self.losses.append(estimator.losses)
        self.steps.append(point.steps)

    def _low(self, fresh: dict[str, Tensor]) -> Tensor:
        """The weights that LOW gives to the samples, in ordinary batches of them."""
        norms = mend(fresh["output_gradient"])[0].split(self.problem.batch)
        return torch.cat([low.weights(each, SMOOTHNESS) for each in norms])

    def _stored(self) -> dict[str, Tensor]:
        """What the sampler keeps of the samples, once it has seen one of them."""
        kept = self.sampler.stored()
        kept = None if kept is None else kept[self.index].float()
        return {} if kept is None or not bool(kept.isfinite().any()) else {STORED: kept}

    def _predicted(self) -> dict[str, Tensor]:
        """The losses that the sampler expects of the samples, if it expects any."""
        expected = self.sampler.predicted(self.problem, self.index)
        return {} if expected is None else {PREDICTED: expected.float()}

    def finish(self) -> dict[str, dict[str, np.ndarray]]:
        """The exhibit: `step` [c], `loss` [c, N], and of every score its `p` [c, N] and statistics [c]."""
        if not self.steps:
            return {}
        arrays = {"step": np.array(self.steps), "loss": np.stack(self.losses).astype(np.float32)}
        arrays["batch"] = np.array(self.problem.batch)
        for name in dict.fromkeys(name for found in self.statistics for name in found):
            shares = [each.get(name, np.full(len(self.index), np.nan)) for each in self.shares]
            arrays[f"{name}.p"] = np.stack(shares).astype(np.float32)
            for quantity in QUANTITIES:
                values = [found.get(name, {}).get(quantity, np.nan) for found in self.statistics]
                arrays[f"{name}.{quantity}"] = np.array(values)
        return {"probe": arrays}


def staleness(stored: np.ndarray, losses: np.ndarray, age: np.ndarray, steps: int) -> Statistics:
    """How what a sampler keeps follows the loss as it is now, by how long ago a sample was last trained on.

    stored, losses, age [N]; age in steps, `steps` or more where it never was.
    """
    known = np.flatnonzero(np.isfinite(stored) & (age < steps))
    order = known[age[known].argsort(kind="stable")]
    third = len(order) // 3 if len(order) >= FEW else 0  # of a handful, ranks say nothing
    young, old = order[:third], order[len(order) - third :]
    return {
        "age": float(age[known].mean()) if len(known) else np.nan,
        "spearman_young": rank_correlation(stored[young], losses[young]),
        "spearman_old": rank_correlation(stored[old], losses[old]),
    }


def applicable(problem: Problem) -> dict[str, Score]:
    """The scores that this task has: the bound needs classes, the last layer a linear one."""
    linear = any(isinstance(module, nn.Linear) for module in problem.model.modules())
    fits = {"upper_bound": problem.classes > 0, "last_layer": linear}
    return {name: score for name, score in SCORES.items() if name not in SLOWER and fits.get(name, True)}
