"""What pieces of work cost on this machine, from the phases of runs, and whether they add up to a run.

The model (methodology 2.9): every sample that is trained costs a forward and a backward, every step an
optimiser step, every sample that is loaded or scored its own, every step what choosing takes. A run is
never predicted from itself: its counts are multiplied by what others have measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from isbench.verdicts.curves import Curve, Folder

CHOOSING = ("draw", "select", "update")
LEAST = 0.01  # of the trained samples, drawn by importance, from which a step's cost shows
NEAR = 0.10  # relative error up to which the model holds


@dataclass(frozen=True, slots=True)
class Spent:
    """What some runs have counted, and the seconds of their phases."""

    steps: int
    trained: int
    scored: int
    loaded: int
    phases: dict[str, float]

    def per(self, count: float, *phases: str) -> float:
        """Seconds of some phases for each of what was counted; 0 of nothing."""
        return sum(self.phases.get(phase, 0.0) for phase in phases) / count if count else 0.0


@dataclass(frozen=True, slots=True)
class AtWork:
    """Seconds of one trained sample while importance is on, and those of them that go into scores."""

    seconds: float
    scores: float


def spent(curves: Iterable[Curve]) -> Spent:
    """The sums over some runs."""
    last = [curve.points[-1] for curve in curves]
    names = {name for point in last for name in point.phases}
    return Spent(
        steps=sum(point.steps for point in last),
        trained=sum(point.trained for point in last),
        scored=sum(point.scored for point in last),
        loaded=sum(point.loaded for point in last),
        phases={name: sum(point.phases.get(name, 0.0) for point in last) for name in names},
    )


def predicted(curve: Curve, training: Spent, choosing: Spent) -> float:
    """The training seconds of a run: its counts times what `training` costs and what `choosing` costs.

    Samples that are loaded beyond the trained ones are those of a pool, in larger batches.
    """
    last = curve.points[-1]
    load = training.per(training.loaded, "load")
    pooled = max(0, choosing.loaded - choosing.trained)
    extra = max(0.0, choosing.per(1, "load") - load * (choosing.loaded - pooled)) / pooled if pooled else 0.0
    beyond = max(0, last.loaded - last.trained)
    return (
        training.per(training.trained, "forward", "backward") * last.trained
        + training.per(training.steps, "optimise") * last.steps
        + load * (last.loaded - beyond)
        + extra * beyond
        + choosing.per(choosing.scored, "score") * last.scored
        + choosing.per(choosing.steps, *CHOOSING) * last.steps
    )


def errors(folder: Folder, variant: str, label: str) -> dict[str, float]:
    """By cell, how far the model is off a run of an arm: predicted over measured seconds, less 1.

    What choosing costs comes from the arm's other runs, what training costs from the baseline's if both
    train alike: that choosing leaves the cost of training as it is, is what break-even supposes. Runs that
    have no other to be predicted from are left out.
    """
    mine, theirs = (timed(folder, variant, name) for name in (label, folder.question.baseline))
    found: dict[str, float] = {}
    for curve in mine:
        others = elsewhere(curve, mine)
        like = [other for other in elsewhere(curve, theirs) if alike(curve, other)] or others
        if others:
            found[curve.cell.id] = predicted(curve, spent(like), spent(others)) / seconds(curve) - 1
    return found


def timed(folder: Folder, variant: str, label: str) -> list[Curve]:
    """The runs of an arm, in all races of a variant, whose phases were measured; each cell once."""
    races = [race for race in folder.races if race.variant == variant]
    runs = [curve for race in races for curve in race.curves.get(label, {}).values()]
    return list({curve.cell.id: curve for curve in runs if measured(curve)}.values())


def measured(curve: Curve) -> bool:
    """Whether a run came to an end with its phases measured."""
    return curve.settled and bool(curve.points[-1].phases) and curve.points[-1].trained > 0


def elsewhere(curve: Curve, others: Iterable[Curve]) -> list[Curve]:
    """Other runs on the same machine."""
    return [each for each in others if each.machine == curve.machine and each.cell.id != curve.cell.id]


def alike(curve: Curve, other: Curve) -> bool:
    """Whether a step of both trains the same: as many samples, by the same optimiser."""
    one, two = curve.cell, other.cell
    return (one.batch, one.optimizer.name) == (two.batch, two.optimizer.name)


def seconds(curve: Curve) -> float:
    """The training seconds of a run."""
    return curve.points[-1].train_seconds


def at_work(curve: Curve) -> AtWork | None:
    """What a trained sample costs while importance is on; None where it hardly ever was.

    Between two points the seconds are those of the two kinds of steps, in the shares that `active` tells:
    least squares over the points.
    """
    trained = np.diff(curve.column("trained"))
    share = np.nan_to_num(curve.column("active")[1:])
    kinds = np.stack([trained * (1 - share), trained * share], axis=1)
    if not kinds.size or kinds[:, 1].sum() < LEAST * trained.sum():
        return None
    scores = np.diff([point.phases.get("score", 0.0) for point in curve.points])
    of_both = np.stack([np.diff(curve.column("train_seconds")), scores], axis=1)
    found = np.linalg.lstsq(kinds, of_both, rcond=None)[0][1]
    return AtWork(float(found[0]), float(found[1])) if found[0] > 0 else None


def worst(found: Sequence[float]) -> float | None:
    """The error that is furthest from 0; None of nothing."""
    return max(found, key=abs, default=None)


def slowing(curve: Curve) -> float:
    """How much slower the steps of the second half of a run are, as a log-ratio; NaN where unknown."""
    if not curve.settled:
        return math.nan
    steps, spent_so_far = curve.column("steps"), curve.column("train_seconds")
    half = int(np.searchsorted(steps, steps[-1] / 2))
    of_first = steps[half] - steps[0], spent_so_far[half] - spent_so_far[0]
    of_second = steps[-1] - steps[half], spent_so_far[-1] - spent_so_far[half]
    if min(*of_first, *of_second) <= 0:
        return math.nan
    return math.log(of_second[1] / of_second[0]) - math.log(of_first[1] / of_first[0])
