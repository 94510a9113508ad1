"""What a step of each arm costs, and what it must deliver for that: by measuring and by counting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from isbench.report.frames import Results
from isbench.report.tables import Value
from isbench.report.verdict_tables import Line, Table
from isbench.stats.intervals import Interval
from isbench.verdicts.break_even import Measured
from isbench.verdicts.words import bounded, factor

HEADER = (
    "sampler",
    "n",
    "step (\u00b5s)",
    "of the baseline",
    "needed [95\u00a0%]",
    "delivered",
    "by",
    "share",
    "unit costs",
)


def measured(rows: Sequence[Measured]) -> list[Table]:
    """A table for each race in which steps were timed."""
    tables = []
    for (variant, budget), arms in groupby(rows, key=lambda one: (one.variant, one.budget)):
        lines = tuple(Line(one.sampler, _cells(one)) for one in arms)
        tables.append(Table(f"{budget}, {variant}" if variant else budget, HEADER, lines))
    return tables


def counted(results: Results) -> list[tuple[str, list[Value]]]:
    """What a step of each arm costs in steps of uniform: columns by name, each with its values."""
    rows = [each.row() for each in results.plan.break_even if each.label in results.labels]
    return [
        (name, [_shown(row[name]) for row in rows])
        for name in (rows[0] if rows else {})
        if name != "variant" or any(row["variant"] for row in rows)
    ]


def _cells(one: Measured) -> tuple[Value, ...]:
    row = one.row()
    share = row["share"]
    return (
        Value(str(one.n), one.n),
        *(_number(row[name], "{:,.0f}") for name in ("step_us", "step_us_than")),
        *(_factor(row, name) for name in ("needed", "delivered")),
        Value(row["rule"]),
        Value("") if share is None else Value(f"{share:.0%}", share),
        Value(row["model"]),
    )


def _number(value: float | None, shape: str) -> Value:
    return Value("") if value is None else Value(shape.format(value), value)


def _factor(row: dict[str, Any], name: str) -> Value:
    """A factor with its interval; empty is unknown."""
    ends = [row[name], row[f"{name}_low"], row[f"{name}_high"]]
    mean, low, high = (math.nan if end is None else end for end in ends)
    size = Interval(row["n"], mean, math.nan, low, high, math.nan)
    return Value("") if math.isnan(mean) else Value(bounded(size, factor, "{}x"), mean)


def _shown(value: object) -> Value:
    if isinstance(value, int | float):
        return Value(f"{value:.4g}", float(value))
    return Value(str(value or ""))
