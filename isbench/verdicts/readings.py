"""What a claim speaks of, read from a results folder: a number of one arm, or of two, at each seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isbench.stats.intervals import log_ratios
from isbench.stats.noise import floor
from isbench.store.claims import METRICS, ONCE, Expectation, Measure
from isbench.store.records import PHASES, Outcome
from isbench.verdicts.comparisons import sides
from isbench.verdicts.curves import Curve, Folder, Race
from isbench.verdicts.probed import of_scores
from isbench.verdicts.quantities import SPENT, Quantity, Side, targets

CLOSE = 1e-9  # of shares of a run
Scale = str


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Numbers at the seeds where nobody's is missing; `than` is None where the arm's stand alone.

    arm, than [n], infinite where a run diverged; of a trend arm [settings, n]. missed: how many of the two
    did not reach the target. floor: the noise floor of the difference, NaN without an A/A arm; why: what is
    not there to be read; device: what it was measured on.
    """

    arm: np.ndarray
    than: np.ndarray | None = None
    missed: tuple[np.ndarray, np.ndarray] | None = None
    floor: float = math.nan
    why: str = ""
    seeds: int = 0
    place: str = ""

    @property
    def n(self) -> int:
        """How many seeds there are."""
        return self.arm.shape[-1]


NOTHING = np.empty(0)


def read(folder: Folder, one: Expectation) -> Reading:
    """What a claim without parts speaks of."""
    if one.measure.probe is not None:
        arm, than, why, place = of_scores(folder, one)
        return Reading(arm, than, why=why, seeds=arm.size, place=place)
    budget = one.budget or folder.question.budget
    race = next((r for r in folder.races if (r.variant, r.budget.name) == (one.variant, budget)), None)
    if race is None:
        where = f"{budget}, {one.variant}" if one.variant else budget
        return Reading(NOTHING, why=f"there is no race of {where}")
    place = f"{race.title}, {folder.computer(race)}"
    if one.trend is not None:
        found = [side(folder, race, one, label).cost for label in one.trend.labels]
        values = np.array(found)
        known = np.array([not np.isnan(column).any() for column in values.T], dtype=bool)
        return Reading(values[:, known], why=unread(known), seeds=len(race.seeds), place=place)
    quantity, why = asked(folder, race, one.measure)
    if why:
        return Reading(NOTHING, why=why, place=place)
    arm = side(folder, race, one, one.sampler)
    if not one.than:
        return Reading(arm.cost[arm.known], why=unread(arm.known), seeds=len(race.seeds), place=place)
    if quantity is not None:
        pair = sides(race, quantity, one.sampler, one.than)
    else:
        pair = together(race, one.measure, (one.sampler, one.than), (arm, side(folder, race, one, one.than)))
    return Reading(
        arm=pair[0].cost,
        than=pair[1].cost,
        missed=(pair[0].missed, pair[1].missed) if one.measure.target is not None else None,
        floor=noise(folder, race, one),
        why=unread(pair[0].known),
        seeds=len(race.seeds),
        place=place,
    )


def unread(known: np.ndarray) -> str:
    """Why there is nothing; empty where there is something."""
    return "" if known.any() else "no seed has a result"


def asked(folder: Folder, race: Race, measure: Measure) -> tuple[Quantity | None, str]:
    """The quantity that comparisons know as well, if it is one; and why it cannot be read, if so."""
    question = folder.question
    if measure.target is None:
        return None, ""
    if measure.metric and measure.metric != question.metric:
        return None, f"targets are of {question.metric}"
    found = targets(race, question, (measure.target,))
    if not found or found[0].value is None:
        return None, found[0].why if found else "no pilot has measured where the target lies"
    return Quantity(question.metric, found[0]), ""


def side(folder: Folder, race: Race, one: Expectation, label: str) -> Side:
    """What an arm has measured at each seed of the race."""
    quantity, _ = asked(folder, race, one.measure)
    if quantity is not None:
        return quantity.side(race, label)
    values = [value(folder, curve, one.measure) for curve in race.of(label)]
    cost = np.array(values, dtype=float)
    return Side(cost, cost, cost, np.zeros(cost.shape, dtype=bool))


def together(
    race: Race, measure: Measure, labels: Sequence[str], found: tuple[Side, Side]
) -> tuple[Side, Side]:
    """Two arms at the seeds where both are known; times of two machines are no pair."""
    timed = race.budget.unit == "seconds" or bool(measure.phase) or measure.metric == SPENT
    pairs = zip(*(race.of(label) for label in labels), strict=True)
    apart = np.array([bool(timed and a and b and a.machine != b.machine) for a, b in pairs], dtype=bool)
    here = found[0].known & found[1].known & ~apart
    return found[0].at(here), found[1].at(here)


def noise(folder: Folder, race: Race, one: Expectation) -> float:
    """The noise floor of a difference, from the arm that repeats another one; NaN where there is none."""
    for label in race.curves:
        kind, of = folder.role(label)
        if kind == "aa" and of in race.curves:
            sides = (side(folder, race, one, label), side(folder, race, one, of))
            pair = together(race, one.measure, (label, of), sides)
            return floor(differences(pair[0].cost, pair[1].cost, one.measure.kind.scale))
    return math.nan


def differences(arm: np.ndarray, than: np.ndarray, scale: Scale) -> np.ndarray:
    """Arm less the other one at each seed, of ratios their logarithms; two runs that diverged are alike."""
    if scale == "ratio":
        return log_ratios(arm, than)
    with np.errstate(invalid="ignore"):
        return np.where(arm == than, 0.0, arm - than)


def value(folder: Folder, curve: Curve | None, measure: Measure) -> float:
    """A number of one run; NaN where there is none, infinite where it diverged and is judged by a metric."""
    if curve is None or not curve.settled:
        return math.nan
    if measure.selection in ONCE:
        record = folder.store.record(curve.cell.id)
        return math.nan if record is None else once(measure.selection, curve, record.outcome)
    if measure.phase:
        return seconds(curve, measure)
    name = measure.selection or measure.metric or folder.question.metric
    kind = METRICS.get(name)
    if kind is not None and curve.diverged and name != SPENT:
        return -kind.better * math.inf
    column = curve.column(name)
    if measure.at == "end":
        return float(column[-1])
    if measure.at != "auc":
        low, high = measure.at
        progress = curve.column("progress")
        column = column[(progress >= low - CLOSE) & (progress <= high + CLOSE)]
    known = column[~np.isnan(column)]
    return float(known.mean()) if known.size else math.nan


def seconds(curve: Curve, measure: Measure) -> float:
    """Seconds of a phase, or of all, in a part of the run: of one step, unless all are asked for."""
    low, high = measure.at if isinstance(measure.at, tuple) else (0.0, 1.0)
    before = [point for point in curve.points if point.progress <= low + CLOSE]
    until = [point for point in curve.points if point.progress <= high + CLOSE] or [curve.points[-1]]
    first, last = before[-1] if before else None, until[-1]
    names = PHASES if measure.phase == "all" else (measure.phase,)
    spent = sum(
        last.phases.get(name, 0.0) - (first.phases.get(name, 0.0) if first else 0.0) for name in names
    )
    steps = last.steps - (first.steps if first else 0)
    if not any(name in last.phases for name in names) or not steps:
        return math.nan
    return spent / steps if measure.per_step else spent


def once(name: str, curve: Curve, outcome: Outcome) -> float:
    """What is known once for each run."""
    last = curve.points[-1]
    found: float | None
    if name == "started":
        found = 1.0 if outcome.started_step is None else outcome.started_step / max(last.steps, 1)
    elif name == "bytes_per_sample":
        held = outcome.sampler_bytes
        found = held * last.epochs / last.trained if held is not None and last.trained else None
    else:
        found = getattr(outcome, name)
    return math.nan if found is None else float(found)
