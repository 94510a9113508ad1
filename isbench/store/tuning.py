"""What trials of tuning came to: which setting of each arm is chosen, and the rows of `tuning.csv`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from isbench.store.plans import Plan, Trial
from isbench.store.records import FINAL, Budget, RunRecord
from isbench.store.store import Store

TUNING_COLUMNS = (
    *("variant", "sampler", "trial", "options", "seed", "cell"),
    *("status", "val_loss", "val_error", "chosen"),
)


@dataclass(frozen=True)
class Tried:
    """A trial and its runs; None where one never began."""

    trial: Trial
    budget: Budget
    records: tuple[RunRecord | None, ...]

    @property
    def settled(self) -> bool:
        """Whether every run came to a result; to diverge is one."""
        return all(record is not None and record.outcome.status in FINAL for record in self.records)

    def mean(self, metric: str) -> float | None:
        """Mean over tuning seeds at the end; infinite where one diverged, None where unknown."""
        if not self.settled:
            return None
        if any(record and record.outcome.status == "diverged" for record in self.records):
            return math.inf
        values = [getattr(record.points[-1], metric) for record in self.records if record]
        return None if None in values else fmean(values)

    @property
    def value(self) -> float | None:
        """What is chosen by: the validation error, or the loss where there are no classes."""
        error = self.mean("val_error")
        return self.mean("val_loss") if error is None else error


def tried(store: Store, plan: Plan) -> dict[tuple[str, str], list[Tried]]:
    """All trials of each variant and arm."""
    return {arm: [_tried(store, plan, trial) for trial in trials] for arm, trials in plan.trials.items()}


def _tried(store: Store, plan: Plan, trial: Trial) -> Tried:
    budget = plan.cells[trial.cells[0]].budget
    return Tried(trial, budget, tuple(store.record(cell) for cell in trial.cells))


def settled(trials: list[Tried]) -> bool:
    """Whether every trial of an arm has a value, so that one can be chosen."""
    return all(each.value is not None for each in trials)


def chosen(trials: list[Tried]) -> Tried | None:
    """The best trial of an arm; among equal errors the smaller loss, then the first.

    None while a trial has no value, and where all of them diverged.
    """
    if not settled(trials):
        return None
    best = min(trials, key=lambda each: (each.value, each.mean("val_loss"), each.trial.number))
    return None if best.value == math.inf else best


def at_edges(trials: list[Tried]) -> list[str]:
    """The paths at whose smallest or largest value the chosen trial is, of three numbers or more."""
    best = chosen(trials)
    if best is None:
        return []
    grids = {path: [each.trial.options[path] for each in trials] for path in best.trial.options}
    return [path for path, grid in grids.items() if _at_edge(best.trial.options[path], grid)]


def _at_edge(value: object, grid: Iterable[object]) -> bool:
    numbers = [each for each in grid if isinstance(each, int | float) and not isinstance(each, bool)]
    return value in numbers and len(set(numbers)) > 2 and value in (min(numbers), max(numbers))


def out_of_memory(trials: list[Tried]) -> list[str]:
    """What to take out of the space of an arm, as `pool: 4096`, where trials ran out of memory.

    The values that no trial came through with; where there are none, all of the first such trial together.
    """
    big = [each for each in trials if any(r and r.outcome.status == "oom" for r in each.records)]
    values = list(dict.fromkeys(value for each in big for value in _values(each)))
    fine = {value for each in trials if each.settled for value in _values(each)}
    alone = [value for value in values if value not in fine]
    return alone or [" with ".join(_values(each)) for each in big[:1]]


def _values(each: Tried) -> list[str]:
    return [f"{path}: {json.dumps(value)}" for path, value in each.trial.options.items()]


def tuning_rows(store: Store, plan: Plan) -> list[dict[str, Any]]:
    """A row for each trial and tuning seed that began."""
    rows: list[dict[str, Any]] = []
    for (variant, label), trials in tried(store, plan).items():
        best = chosen(trials)
        for each in trials:
            for record in filter(None, each.records):
                last = record.points[-1] if record.points else None
                rows.append(
                    {
                        "variant": variant,
                        "sampler": label,
                        "trial": each.trial.number,
                        "options": json.dumps(each.trial.options, sort_keys=True),
                        "seed": record.cell.seed,
                        "cell": record.cell.id,
                        "status": record.outcome.status,
                        "val_loss": last.val_loss if last else None,
                        "val_error": last.val_error if last else None,
                        "chosen": int(each is best),
                    }
                )
    return rows
