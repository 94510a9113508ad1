"""When a falling metric (an error, a loss) reaches a target, and what runs that never do say about the mean.

Every arm has the same budget, so a miss is censored there: never dropped, never NaN. Under one common
budget the Kaplan-Meier estimate of the restricted mean is the plain mean of the censored times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from isbench.errors import UsageError
from isbench.stats.intervals import known, wilson


@dataclass(frozen=True, slots=True)
class Crossing:
    """When a run reached a target: at, interpolated between low and high, the evaluations around it.

    A run that did not is censored: all three are the budget.
    """

    at: float
    low: float
    high: float
    censored: bool


@dataclass(frozen=True, slots=True)
class HitRate:
    """How many of n runs reached the target, and Wilson's interval of their share."""

    hits: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """hits / n; NaN of nothing."""
        return self.hits / self.n if self.n else math.nan


def ladder(first: float, last: float, shares: Sequence[float]) -> tuple[float, ...]:
    """Targets at shares s of an improvement: first - s (first - last). Raises UsageError without one."""
    if not math.inf > first > last > -math.inf:
        raise UsageError(
            f"no target to reach: the metric went from {first:.4g} to {last:.4g} in the pilot",
            "a longer budget, or another learning rate, or no targets",
        )
    return tuple(first - share * (first - last) for share in shares)


def crossing(
    x: ArrayLike, value: ArrayLike, target: float, budget: float, *, diverged: bool = False
) -> Crossing:
    """The first confirmed crossing: at or below the target, and still so at the next evaluation.

    x [k] rises: seconds, epochs or passes of the evaluations. The last evaluation confirms itself, unknown
    values (NaN) are passed over, what was reached after the budget counts at the budget if the evaluation
    before lay within. A run is a miss, whatever it had reached, if it diverged or its last value is not
    finite.
    """
    when, values = np.asarray(x, dtype=float), np.asarray(value, dtype=float)
    miss = Crossing(budget, budget, budget, True)
    if diverged or not values.size or not math.isfinite(values[-1]):
        return miss
    when, values = when[~np.isnan(values)], values[~np.isnan(values)]
    below = values <= target
    confirmed = np.flatnonzero(below & np.append(below[1:], True))
    if not confirmed.size:
        return miss
    k = int(confirmed[0])
    high, before = float(when[k]), max(k - 1, 0)
    low = float(when[before])
    if k and low >= budget:
        return miss
    at = _interpolated(low, high, float(values[before]), float(values[k]), target) if k else high
    return Crossing(min(at, budget), min(low, budget), min(high, budget), False)


def restricted_mean(times: ArrayLike, budget: float) -> float:
    """Restricted mean survival time: the integral of S(t) up to the budget = mean of min(T_i, budget).

    Exact while all runs are censored at the budget alone; NaN (no run) is left out, an infinite time is a
    miss.
    """
    values = known(times)
    return float(np.minimum(values, budget).mean()) if values.size else math.nan


def hit_rate(censored: Sequence[bool], level: float = 0.95) -> HitRate:
    """The share of runs that reached the target, with Wilson's interval."""
    n = len(censored)
    hits = n - sum(map(bool, censored))
    return HitRate(hits, n, *wilson(hits, n, level))


def median_time(times: ArrayLike, censored: Sequence[bool]) -> float | None:
    """Kaplan-Meier median: the first time by which half of the runs had hit; None if fewer did."""
    values = np.asarray(times, dtype=float)
    reached = np.sort(known(np.where(np.asarray(censored, dtype=bool), math.inf, values)))
    middle = float(reached[(reached.size - 1) // 2]) if reached.size else math.inf
    return middle if math.isfinite(middle) else None


def _interpolated(low: float, high: float, above: float, below: float, target: float) -> float:
    """Where the line from (low, above) to (high, below) meets the target, above > target >= below."""
    if not math.isfinite(above):
        return high
    return min(max(low + (above - target) / (above - below) * (high - low), low), high)
