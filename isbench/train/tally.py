"""What the steps since the last point were made of: kept as references, counted only at points."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from isbench.train.forward import Batch, Forward, concentration

if TYPE_CHECKING:
    from isbench.train.digests import Digests

SELECTION_EVERY = 100  # steps between two snapshots of what was selected
TRACE_ROWS = 4096  # rows of the trace; beyond, every second one is dropped


class Step(NamedTuple):
    """One step, waiting to be counted."""

    number: int
    batch: Batch
    loss: Tensor
    scores: Tensor | None = None  # what it was drawn by, or what a start criterion made of it
    gate: Tensor | None = None  # the smoothed tau that a start criterion follows
    weight: Tensor | None = None  # what each sample counted
    healed: tuple[Tensor, ...] = ()  # how many scores had to be mended, for the draw and after it

    @property
    def of_memory(self) -> bool:
        """Whether the scores are a memory, which has gone on since."""
        return self.batch.scores is not None and self.batch.candidates is None

    def spread(self) -> tuple[float, float]:
        """tau, smoothed where a start criterion follows it, and ess; NaN where nothing was scored."""
        if self.scores is None:
            return np.nan, np.nan
        tau, ess = spread(self.scores)
        return (tau if self.gate is None else float(self.gate)), ess


class Usage:
    """How often each sample was trained on and scored, and how important it was said to be [n].

    A mixed sample counts as the one that was drawn, whatever else it is made of.
    """

    def __init__(self, n: int, device: torch.device) -> None:
        self.times_trained = torch.zeros(n, dtype=torch.int64, device=device)
        self.last_trained = torch.full_like(self.times_trained, -1)  # the step; -1: never
        self.presented = torch.zeros(n, dtype=torch.int64, device=device)
        self.importance_sum = torch.zeros(n, dtype=torch.float32, device=device)
        self.importance_max = torch.zeros(n, dtype=torch.float32, device=device)

    def add(self, steps: list[Step]) -> None:
        """Count the trained and the scored samples of some steps."""
        trained = torch.cat([step.batch.index for step in steps])
        self.times_trained += torch.bincount(trained, minlength=len(self.times_trained))
        numbers = torch.cat([torch.full_like(step.batch.index, step.number) for step in steps])
        self.last_trained.scatter_reduce_(0, trained, numbers, "amax")
        scored = [s.batch for s in steps if s.batch.scores is not None and s.batch.candidates is not None]
        if not scored:
            return
        index = torch.cat([batch.candidates for batch in scored if batch.candidates is not None])
        score = torch.cat([batch.scores for batch in scored if batch.scores is not None]).float()
        score = torch.nan_to_num(score, 0.0, 0.0, 0.0)
        self.presented += torch.bincount(index, minlength=len(self.presented))
        self.importance_sum.index_add_(0, index, score)
        self.importance_max.scatter_reduce_(0, index, score, "amax")

    def coverage(self) -> dict[str, float | None]:
        """The share of the samples that were trained on so far, and within the last epoch of them."""
        n, steps = len(self.last_trained), int(self.last_trained.max()) + 1
        epoch = round(n * steps / max(1, int(self.times_trained.sum())))  # steps that train on n samples
        recent = self.last_trained >= max(0, steps - epoch)
        return {
            "coverage": float((self.last_trained >= 0).float().mean()),
            "coverage_epoch": float(recent.float().mean()),
        }


class Interval:
    """Sums over the steps since the last point."""

    def __init__(self) -> None:
        self.steps = self.active = self.healed = self.weights = 0
        self.loss = self.distinct = self.weight = self.heaviest = self.even = 0.0
        self.scored: Step | None = None  # the last one

    def add(self, steps: list[Step], losses: Tensor, distinct: np.ndarray) -> None:
        """Add some steps."""
        self.steps += len(steps)
        self.loss += float(losses.sum())
        self.distinct += float(distinct.sum())
        self.active += sum(step.batch.active for step in steps)
        weights = [step.weight for step in steps if step.weight is not None]
        if weights:
            together = torch.cat(weights)
            self.weights += len(together)
            self.weight += float(together.sum())
            self.heaviest = max(self.heaviest, float(together.max()))
            self.even += float(torch.stack([1 / (len(w) * concentration(w)) for w in weights]).sum())
        self.even += len(steps) - len(weights)
        healed = [count for step in steps for count in step.healed]
        self.healed += int(torch.stack(healed).sum()) if healed else 0
        self.scored = next((step for step in reversed(steps) if step.scores is not None), self.scored)

    def columns(self) -> dict[str, float | None]:
        """Means of the interval; tau and ess are those of its last scored step, weight_ess a share of b."""
        tau, ess = (None, None) if self.scored is None else self.scored.spread()
        return {
            "batch_loss": self.loss / self.steps,
            "active": self.active / self.steps,
            "tau": tau,
            "ess": ess,
            "distinct": self.distinct / self.steps,
            "weight_mean": self.weight / self.weights if self.weights else 1.0,
            "weight_max": self.heaviest if self.weights else 1.0,
            "weight_ess": self.even / self.steps,
            "healed": self.healed,
        }


class Tally:
    """Collects steps and folds them into the columns of a point, the usage counts and two exhibits."""

    def __init__(
        self,
        n: int | None,
        device: torch.device,
        *,
        trace: bool,
        selection: bool,
        digests: Digests | None = None,
    ) -> None:
        self.usage = None if n is None else Usage(n, device)
        self.trace_wanted, self.selection_wanted = trace, selection
        self.digests = digests
        self.pending: list[Step] = []
        self.interval = Interval()
        self.trace: list[tuple[float, ...]] = []
        self.stride = 1
        self.looked_at: list[tuple[Step, Forward]] = []  # every so many steps, until the next fold
        self.selection: list[tuple[Tensor, ...]] = []

    def add(self, step: Step, seen: Forward) -> None:
        """Remember a step; nothing is computed."""
        self.pending.append(step)
        if self.selection_wanted and step.number % SELECTION_EVERY == 0:
            self.looked_at.append((step, seen))

    def fold(self) -> None:
        """Count the steps that were collected since the last fold."""
        steps, self.pending = self.pending, []
        if not steps:
            return
        self.selection += [selected(*each) for each in self.looked_at]
        self.looked_at = []
        losses = torch.stack([step.loss.mean() for step in steps])
        distinct = distinct_counts([step.batch.index for step in steps])
        self.interval.add(steps, losses, distinct)
        if self.usage is not None:
            self.usage.add(steps)
        if self.digests is not None:
            self.digests.add(steps, losses)
        if self.trace_wanted:
            self._trace(steps, losses, distinct)

    def columns(self) -> dict[str, float | None]:
        """What a point says of the steps since the last one; begins a new interval."""
        self.fold()
        if self.digests is not None:
            self.digests.mark()
        interval, self.interval = self.interval, Interval()
        coverage = {} if self.usage is None else self.usage.coverage()
        return {**coverage, **(interval.columns() if interval.steps else {})}

    def _trace(self, steps: list[Step], losses: Tensor, distinct: np.ndarray) -> None:
        for step, loss, different in zip(steps, losses.tolist(), distinct, strict=True):
            if step.number % self.stride:
                continue
            tau, ess = (np.nan, np.nan) if step.of_memory else step.spread()
            self.trace.append((step.number, loss, tau, float(step.batch.active), ess, float(different)))
        while len(self.trace) > TRACE_ROWS:
            self.stride *= 2
            self.trace = [row for row in self.trace if row[0] % self.stride == 0]


def selected(step: Step, seen: Forward) -> tuple[Tensor, ...]:
    """A snapshot of one batch: step, index, coordinates, predicted class, weight, one row a sample.

    Where targets are values, not classes or shares of them, no class is predicted: -1.
    """
    weight = torch.ones_like(seen.loss) if step.weight is None else step.weight
    number = torch.full_like(seen.index, step.number)
    values = seen.target.is_floating_point() and seen.parts is None
    predicted = torch.full_like(seen.index, -1) if values else seen.output.argmax(1)
    return number, seen.index, seen.input.flatten(1), predicted, weight


def distinct_counts(indices: list[Tensor]) -> np.ndarray:
    """How many different samples each batch has [steps]."""
    longest = max(len(index) for index in indices)
    filler = torch.arange(-longest, 0, device=indices[0].device)  # all different, and no index
    rows = torch.stack([torch.cat([index, filler[len(index) :]]) for index in indices])
    ordered = rows.sort(1).values
    new = (ordered[:, 1:] != ordered[:, :-1]).sum(1) + 1
    missing = torch.tensor([longest - len(index) for index in indices], device=new.device)
    return (new - missing).cpu().numpy()


def spread(scores: Tensor) -> tuple[float, float]:
    """tau = sqrt(k sum p^2) and the effective sample size 1 / sum p^2 of p = scores [k] / sum.

    Of the scores, whatever a rule makes of them.
    """
    squares = float(concentration(scores))
    return (len(scores) * squares) ** 0.5, 1 / squares
