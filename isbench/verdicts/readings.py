"""What a claim speaks of, read from a results folder: a number of one arm, or of two, at each seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from isbench.stats.noise import floor
from isbench.store.claims import METRICS, ONCE, Expectation, Measure
from isbench.store.records import PHASES, Outcome
from isbench.verdicts.curves import Curve, Folder, Race
from isbench.verdicts.judge import apart
from isbench.verdicts.measures import NOTHING, Reading, window
from isbench.verdicts.measures import quantity as quantity_name
from isbench.verdicts.probed import of_scores
from isbench.verdicts.quantities import SPENT, Quantity, Side, targets

CLOSE = 1e-9  # of shares of a run


def read(folder: Folder, one: Expectation) -> Reading:
    """What a claim without parts speaks of."""
    if one.measure.probe is not None:
        return of_scores(folder, one)
    race = race_of(folder, one)
    if race is None:
        where = ", ".join(filter(None, (one.budget or folder.question.budget, one.variant)))
        return Reading(NOTHING, why=f"there is no race of {where}")
    place = f"{race.title}, {folder.computer(race)}"
    quantity, why = asked(folder, race, one.measure)
    if why:
        return Reading(NOTHING, why=why, seeds=len(race.seeds), place=place)
    labels = one.trend.labels if one.trend else tuple(filter(None, (one.sampler, one.than)))
    found = [side(folder, race, one.measure, quantity, label) for label in labels]
    here = together(race, one.measure, labels, found)
    if not here.any():
        why = unread(race, one.measure, labels, found)
        return Reading(NOTHING, why=why, seeds=len(race.seeds), place=place)
    arm, *others = (each.at(here) for each in found)
    than = others[0] if others and one.trend is None else None
    return Reading(
        arm=arm.cost if one.trend is None else np.array([arm.cost, *(each.cost for each in others)]),
        than=than.cost if than else None,
        missed=(arm.missed, than.missed) if than and quantity else None,
        floor=noise(folder, race, one, quantity),
        seeds=len(race.seeds),
        place=place,
    )


def race_of(folder: Folder, one: Expectation) -> Race | None:
    """The race that a claim speaks of; without a budget the one that answers the question."""
    races = [race for race in folder.races if race.variant == one.variant]
    return next((r for r in races if (r.budget.name == one.budget if one.budget else r.asked)), None)


def unread(race: Race, measure: Measure, labels: Sequence[str], found: Sequence[Side]) -> str:
    """Why no seed can be read."""
    for label, one in zip(labels, found, strict=True):
        if not one.known.any():
            settled = any(curve is not None and curve.settled for curve in race.of(label))
            what = f"{quantity_name(measure)}{window(measure)}"
            return f"{label} has no {what}" if settled else f"no run of {label} has a result"
    return f"no seed has a result of {' and '.join(labels)} on one machine"


def asked(folder: Folder, race: Race, measure: Measure) -> tuple[Quantity | None, str]:
    """The cost to a target, if it is asked for; and why it cannot be read, if so."""
    question = folder.question
    if measure.target is None:
        return None, ""
    if measure.metric and measure.metric != question.metric:
        return None, f"targets are of {question.metric}"
    found = targets(race, question, (measure.target,))
    if not found or found[0].value is None:
        return None, found[0].why if found else "no pilot has measured where the target lies"
    return Quantity(question.metric, found[0]), ""


def side(folder: Folder, race: Race, measure: Measure, quantity: Quantity | None, label: str) -> Side:
    """What an arm has measured at each seed of the race; `quantity`: the cost to a target."""
    if quantity is not None:
        return quantity.side(race, label)
    cost = np.array([value(folder, curve, measure) for curve in race.of(label)], dtype=float)
    return Side(cost, cost, cost, np.zeros(cost.shape, dtype=bool))


def together(race: Race, measure: Measure, labels: Sequence[str], found: Sequence[Side]) -> np.ndarray:
    """The seeds [n] where all arms are known; times of several machines belong not together."""
    here = np.logical_and.reduce([each.known for each in found])
    if race.budget.unit == "seconds" or measure.phase or measure.metric == SPENT:
        here &= race.on_one_machine(labels)
    return here


def noise(folder: Folder, race: Race, one: Expectation, quantity: Quantity | None) -> float:
    """The noise floor of a difference, from the arm that repeats another one; NaN where there is none."""
    labels = folder.repetition(race)
    if labels is None:
        return math.nan
    again, arm = (side(folder, race, one.measure, quantity, label) for label in labels)
    here = together(race, one.measure, labels, (again, arm))
    return floor(apart(again.cost[here], arm.cost[here], one.measure.kind.scale))


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
    until = [point for point in curve.points if point.progress <= high + CLOSE]
    if not until:
        return math.nan
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
