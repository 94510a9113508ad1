"""What pieces of work cost on this machine, from the phases of runs, and whether they add up to a run.

The model (methodology 2.9): every sample that is trained costs a forward and a backward, every step an
optimiser step, every sample that is loaded or scored its own, every step what choosing takes. A run is
never predicted from itself: its counts are multiplied by what other runs have measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isbench.verdicts.curves import Curve, Race

CHOOSING = ("draw", "select", "update")
LEAST = 0.01  # of the trained samples, drawn by importance, from which a step's cost shows
NEAR = 0.10  # relative error up to which the model holds

Pair = tuple[Curve, Curve]  # a run of an arm and one of the baseline, of one seed, race and machine


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


def timed_pairs(race: Race, label: str, than: str) -> list[Pair]:
    """Runs of an arm and of another one at the same seed, on the same machine, with measured phases."""
    runs = zip(race.of(label), race.of(than), strict=True)
    return [
        (arm, base)
        for arm, base in runs
        if arm and base and measured(arm) and measured(base)
        if arm.machine == base.machine
    ]


def measured(curve: Curve) -> bool:
    """Whether a run came to an end with its phases measured."""
    last = curve.points[-1] if curve.settled else None
    return bool(last and last.phases and last.trained and last.train_seconds > 0)


def errors(pairs: Sequence[Pair]) -> dict[str, float]:
    """By cell, how far the model is off the runs of an arm: predicted over measured seconds, less 1.

    pairs: of the arm and the baseline, in all races of a variant. What training costs comes from the
    baseline's run at the same seed, if both train alike: that choosing leaves it as it is, is what break-even
    supposes. What choosing costs comes from the arm's other runs, at the pace of the machine in this one, as
    the baseline shows it. A run without others is left out.
    """
    found: dict[str, float] = {}
    for arm, base in pairs:
        others = [(a, b) for a, b in pairs if a.machine == arm.machine and a.cell.id != arm.cell.id]
        if others:
            paces = [per_sample(base) / per_sample(b) for _, b in others]
            choosing = spent([a for a, _ in others], paces)
            training = spent([base], [1.0]) if alike(arm, base) else choosing
            found[arm.cell.id] = predicted(arm, training, choosing) / seconds(arm) - 1
    return found


def spent(curves: Sequence[Curve], paces: Sequence[float]) -> Spent:
    """The sums over some runs, the seconds of each times its pace."""
    last = [curve.points[-1] for curve in curves]
    names = {name for point in last for name in point.phases}
    return Spent(
        steps=sum(point.steps for point in last),
        trained=sum(point.trained for point in last),
        scored=sum(point.scored for point in last),
        loaded=sum(point.loaded for point in last),
        phases={
            name: sum(point.phases.get(name, 0.0) * pace for point, pace in zip(last, paces, strict=True))
            for name in names
        },
    )


def predicted(curve: Curve, training: Spent, choosing: Spent) -> float:
    """The training seconds of a run: its counts times what `training` costs and what `choosing` costs.

    Samples that are loaded beyond the trained ones are those of a pool, in larger batches.
    """
    last = curve.points[-1]
    load, pooled = training.per(training.loaded, "load"), max(0, choosing.loaded - choosing.trained)
    extra = choosing.per(1, "load") - load * (choosing.loaded - pooled)
    beyond = max(0, last.loaded - last.trained)
    return (
        training.per(training.trained, "forward", "backward") * last.trained
        + training.per(training.steps, "optimise") * last.steps
        + load * (last.loaded - beyond)
        + (max(0.0, extra) / pooled * beyond if pooled else 0.0)
        + choosing.per(choosing.scored, "score") * last.scored
        + choosing.per(choosing.steps, *CHOOSING) * last.steps
    )


def alike(curve: Curve, other: Curve) -> bool:
    """Whether a step of both trains the same: as many samples, by the same optimiser."""
    one, two = curve.cell, other.cell
    return (one.batch, one.optimizer.name) == (two.batch, two.optimizer.name)


def seconds(curve: Curve) -> float:
    """The training seconds of a run."""
    return curve.points[-1].train_seconds


def per_sample(curve: Curve) -> float:
    """The training seconds of a trained sample, over a whole run."""
    return seconds(curve) / curve.points[-1].trained


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
