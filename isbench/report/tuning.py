"""What tuning tried and chose, in words and numbers: for the page and for the terminal."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np

from isbench.report.frames import Results
from isbench.report.tables import Value
from isbench.store.tuning import Tried, at_edges, chosen, tried

METRICS = {"val_error": "validation error", "val_loss": "validation loss"}


@dataclass(frozen=True)
class Tuned:
    """One arm of one variant and its trials."""

    variant: str
    label: str
    trials: tuple[Tried, ...]

    @property
    def metric(self) -> str:
        """What is chosen by; the validation loss where nothing has an error."""
        known = any(each.mean("val_error") not in (None, math.inf) for each in self.trials)
        return "val_error" if known else "val_loss"

    @property
    def values(self) -> list[float]:
        """What its trials reached. One that diverged counts as the worst, and no better than no training."""
        found = [each.value for each in self.trials if each.value is not None]
        starts = [
            value
            for each in self.trials
            for record in each.records
            if record and record.points and (value := getattr(record.points[0], self.metric)) is not None
        ]
        worst = max((*starts, *filter(math.isfinite, found)), default=math.nan)
        return [value if math.isfinite(value) else worst for value in found]


def arms(results: Results) -> list[Tuned]:
    """Every arm that the plan has trials of."""
    return [
        Tuned(variant, label, tuple(trials))
        for (variant, label), trials in tried(results.store, results.plan).items()
    ]


def expected(values: list[float]) -> np.ndarray:
    """The expected best of k of K trials [K], k = 1 to K, where smaller is better (Dodge et al. 2019)."""
    worst_first = np.sort(np.asarray(values, dtype=float))[::-1]
    share = np.arange(len(values) + 1) / max(1, len(values))
    k = np.arange(1, len(values) + 1)[:, None]
    return (np.diff(share**k, axis=1) * worst_first).sum(axis=1)


def tables(results: Results) -> list[tuple[str, list[str], list[tuple[bool, list[Value]]]]]:
    """For each arm: a title, the header, and a row for each trial, with whether it is the chosen one."""
    return [(_title(arm), *_table(arm)) for arm in arms(results)]


def _title(arm: Tuned) -> str:
    first, count = arm.trials[0], len(arm.trials)
    few = (
        f" (its grid holds no more, {first.trial.asked} were asked for)" if count < first.trial.asked else ""
    )
    seeds, budget = len(first.records), f"{first.budget.amount:g} {first.budget.unit}"
    where = f"{arm.label}, {arm.variant}" if arm.variant else arm.label
    return f"{where}: {count} trials of {budget} on {seeds} seed{'s' if seeds > 1 else ''}{few}"


def _table(arm: Tuned) -> tuple[list[str], list[tuple[bool, list[Value]]]]:
    paths = list(arm.trials[0].trial.options)
    shown = {metric: name for metric, name in METRICS.items() if metric in (arm.metric, "val_loss")}
    best, rows = chosen(list(arm.trials)), []
    said = ["chosen", *(f"{path} at the edge of its grid" for path in at_edges(list(arm.trials)))]
    for each in arm.trials:
        row = [Value(str(each.trial.number), each.trial.number)]
        row += [_option(each.trial.options[path]) for path in paths]
        row += [_measured(each, metric) for metric in shown]
        rows.append((each is best, [*row, Value(", ".join(said) if each is best else "")]))
    return ["trial", *paths, *shown.values(), ""], rows


def _option(value: object) -> Value:
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return Value(value if isinstance(value, str) else json.dumps(value), number)


def _measured(each: Tried, metric: str) -> Value:
    value = each.mean(metric)
    if value is None or math.isinf(value):
        states = {record.outcome.status if record else "missing" for record in each.records}
        bad = sorted(states - {"done"})
        return Value(", ".join(bad) if bad else "")
    return Value(f"{value:.4g}", value)


def summary(results: Results) -> list[dict[str, str]]:
    """A row for each arm: what was chosen and what it reached, and what one trial would have."""
    rows = []
    for arm in arms(results):
        best, values = chosen(list(arm.trials)), arm.values
        options, edges = best.trial.options if best else {}, at_edges(list(arm.trials))
        said = [
            f"{path} {_option(value).text}" + (" (at the edge of its grid)" if path in edges else "")
            for path, value in options.items()
        ]
        rows.append(
            {
                **({"variant": arm.variant} if arm.variant else {}),
                "sampler": arm.label,
                "trials": f"{len(values)}/{len(arm.trials)}",
                "chosen": ", ".join(said),
                METRICS[arm.metric]: f"{best.value:.4g}" if best and best.value is not None else "",
                "after one trial": f"{expected(values)[0]:.4g}" if values else "",
            }
        )
    return rows
