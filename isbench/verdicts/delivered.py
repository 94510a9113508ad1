"""How much variance an arm cuts: by what its own scores say, or by exact gradient norms of a probe."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from isbench.stats.intervals import Interval, paired, ratio
from isbench.store.export import runs
from isbench.store.plans import Card
from isbench.store.probes import Probed, probed
from isbench.store.records import FINAL
from isbench.verdicts.curves import Curve, Folder, Race

Rule = Literal["", "tau", "probe"]
POOLS = ("pool", "bank")  # options that say how many candidates there are
STORED = "stored"  # what a memory remembers, as a probe's score


@dataclass(frozen=True, slots=True)
class Delivered:
    """The factor that an arm cuts the variance of a gradient by, and the rule by which that is known.

    `tau`: from its own scores, tau^2, the ratio of second moments: too much where scores are no gradient
    norms, and where the mean gradient is not small beside single ones. `probe`: from exact gradient norms.
    With a pool both are less what a pool leaves open. None, and no rule: nobody has measured it.
    """

    factor: Interval | None = None
    rule: Rule = ""
    tau_squared: float | None = None


def deliveries(folder: Folder, race: Race, card: Card, curves: list[Curve], pool: int | None) -> Delivered:
    """What some runs of an arm deliver, by a probe if there is one; `pool`: how many they draw from."""
    left = open_share(curves[0].cell.batch, pool)
    taus = [tau for curve in curves for tau in [tau_squared(curve)] if not math.isnan(tau)]
    typical = float(np.exp(np.log(taus).mean())) if taus else None
    if ratios := probed_ratios(folder, race, card, fresh=pool is not None):
        return Delivered(factor_of(ratios, left), "probe", typical)
    if taus:
        return Delivered(factor_of([1 / tau for tau in taus], left), "tau", typical)
    return Delivered()


def factor_of(ratios: list[float], left: float) -> Interval:
    """The interval of 1 / (ratio + left): ratios of variances, and the share that nothing takes away."""
    return ratio(paired(-np.log(np.add(ratios, left))))


def tau_squared(curve: Curve) -> float:
    """The geometric mean of tau^2 over the samples trained while importance was on; NaN if it never was."""
    weight = np.diff(curve.column("trained")) * np.nan_to_num(curve.column("active")[1:])
    tau = curve.column("tau")[1:]
    here = (weight > 0) & (tau > 0)
    return float(np.exp(np.average(2 * np.log(tau[here]), weights=weight[here]))) if here.any() else math.nan


def open_share(batch: int, pool: int | None) -> float:
    """The share of the variance that no choice within a pool takes away: b / B; 0 without a pool.

    The mean of b samples drawn from B, which were drawn uniformly, varies as the mean of the B does, and by
    the draw from them.
    """
    return batch / pool if pool else 0.0


def pool_of(card: Card) -> int | None:
    """How many candidates an arm draws from; None: from all."""
    sizes = (card.options.get(name) for name in POOLS)
    return next((size for size in sizes if isinstance(size, int)), None)


def probed_ratios(folder: Folder, race: Race, card: Card, *, fresh: bool) -> list[float]:
    """Variance over uniform's, by the score of an arm: of each probed run, the geometric mean over updates.

    Of runs of the arm itself, where there are any; else, if its scores are fresh, of the baseline's. A memory
    is what was remembered, so it is known of its own runs only.
    """
    score = str(card.options.get("score")) if fresh else STORED
    planned = runs(folder.store, folder.plan, folder.plan.probes)
    planned = [run for run in planned if run.record and run.record.outcome.status in FINAL]
    for label in (card.label, *([folder.question.baseline] if fresh else [])):
        ids = [r.id for r in planned if (r.block.variant, r.cell.sampler.label) == (race.variant, label)]
        found = [
            over_updates(probe, score) for each in ids for probe in [probed(folder.store, each)] if probe
        ]
        if settled := [value for value in found if not math.isnan(value)]:
            return settled
    return []


def over_updates(probe: Probed, score: str) -> float:
    """The geometric mean of a score's variance ratio, the untrained model left out; NaN where unknown."""
    if score not in probe.quantity:
        return math.nan
    values = probe.quantity[score]["variance_ratio"][probe.step > 0]
    values = values[np.isfinite(values) & (values > 0)]
    return float(np.exp(np.log(values).mean())) if values.size else math.nan
