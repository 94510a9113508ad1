"""What is compared: a value at the end of a run, or what it costs to reach a target."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from isbench.errors import UsageError
from isbench.stats.targets import Crossing, crossing, ladder
from isbench.stats.verdicts import TIME, VALUE, Words
from isbench.store.plans import Primary
from isbench.store.records import Gate
from isbench.verdicts.curves import AXES, Curve, Race

HIGHER = ("psnr",)  # is better
SPENT = "train_seconds"
PACE = "seconds_per_step"


@dataclass(frozen=True, slots=True)
class Target:
    """A share of what the baseline's pilot improves the metric by, and the value there.

    None: there is no such value; `why` says why.
    """

    share: float
    value: float | None
    why: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """What an arm has measured at each of n seeds: a cost, of which less is better.

    cost [n]: NaN without a result, infinite where the run diverged. low, high [n]: the evaluations around a
    crossing; missed [n]: whether there was none, which costs the budget.
    """

    cost: np.ndarray
    low: np.ndarray
    high: np.ndarray
    missed: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Seeds [n] that have a result."""
        return ~np.isnan(self.cost)

    def at(self, seeds: np.ndarray) -> Side:
        """Some of the seeds."""
        return Side(self.cost[seeds], self.low[seeds], self.high[seeds], self.missed[seeds])


@dataclass(frozen=True, slots=True)
class Quantity:
    """A metric at the end, the seconds of a run or of its steps, or the cost of reaching a target."""

    metric: str
    target: Target | None = None

    @property
    def cost(self) -> bool:
        """Whether less of it is sooner, rather than better."""
        return self.target is not None or self.metric in (SPENT, PACE)

    @property
    def words(self) -> Words:
        """What more and less of it are called."""
        return TIME if self.cost else VALUE

    def wanted(self, gate: Gate) -> float:
        """The relative difference that matters."""
        return gate.slowdown if self.cost else gate.metric_drop

    @property
    def sign(self) -> float:
        """What turns it into a cost."""
        return -1.0 if self.metric in HIGHER else 1.0

    def timed(self, race: Race) -> bool:
        """Whether it depends on how fast a machine is."""
        return race.budget.unit == "seconds" or self.metric in (SPENT, PACE)

    def side(self, race: Race, label: str) -> Side:
        """What an arm has measured of it."""
        if self.target is None:
            cost = np.array([self._end(curve) for curve in race.of(label)], dtype=float)
            return Side(cost, cost, cost, np.zeros(cost.shape, dtype=bool))
        found = [self._crossing(race, curve) for curve in race.of(label)]
        at, low, high = (np.array([getattr(one, end) for one in found]) for end in ("at", "low", "high"))
        return Side(at, low, high, np.array([one.censored for one in found], dtype=bool))

    def _end(self, curve: Curve | None) -> float:
        if curve is None or not curve.settled:
            return math.nan
        if curve.diverged:
            return math.inf
        if self.metric == PACE:
            return curve.points[-1].train_seconds / max(curve.points[-1].steps, 1)
        return self.sign * float(curve.column(self.metric)[-1])

    def _crossing(self, race: Race, curve: Curve | None) -> Crossing:
        if curve is None or not curve.settled or self.target is None or self.target.value is None:
            return Crossing(math.nan, math.nan, math.nan, False)
        x, value = curve.column(AXES[race.budget.unit]), curve.column(self.metric)
        return crossing(x, value, self.target.value, race.budget.amount, diverged=curve.diverged)


def quantities(race: Race, question: Primary, shares: tuple[float, ...]) -> list[Quantity]:
    """All that is compared in a race: the ends, the seconds where they are no budget, the targets."""
    ends = [Quantity(metric) for metric in race.measured]
    if race.budget.unit != "seconds" and ends:
        ends.append(Quantity(SPENT))
    asked = primary(race, question)
    reached = [Quantity(question.metric, target) for target in targets(race, question, shares)]
    if asked is not None and asked not in ends and not any(is_primary(asked, one) for one in reached):
        ends.append(asked)
    return ends + reached


def primary(race: Race, question: Primary) -> Quantity | None:
    """What the question asks of a race, its target not looked up; None where it asks of another budget."""
    if not race.asked:
        return None
    if question.target is None:
        return Quantity(question.metric)
    return Quantity(question.metric, Target(question.target, None, "no pilot has measured where it lies"))


def is_primary(asked: Quantity | None, quantity: Quantity) -> bool:
    """Whether a quantity is the one that is asked for."""
    return asked is not None and _identity(asked) == _identity(quantity)


def targets(race: Race, question: Primary, shares: tuple[float, ...]) -> list[Target]:
    """The targets of a race, where a pilot has measured what the baseline improves by."""
    pilot = race.pilot
    if pilot is None or pilot.metric != question.metric or pilot.first is None or pilot.last is None:
        return []
    try:
        values = ladder(pilot.first, pilot.last, shares)
    except UsageError:
        why = f"{question.metric} went from {pilot.first:.4g} to {pilot.last:.4g} in the pilot"
        return [Target(share, None, why) for share in shares]
    return [Target(share, value) for share, value in zip(shares, values, strict=True)]


def _identity(quantity: Quantity) -> tuple[str, float | None]:
    return quantity.metric, quantity.target.share if quantity.target else None
