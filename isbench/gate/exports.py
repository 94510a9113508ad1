"""Benchmarks as other tools keep them: every arm as a ratio to the baseline arm, smaller is better."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isbench.gate.facts import gated, title
from isbench.stats.intervals import Interval, ratio
from isbench.verdicts.comparisons import comparisons
from isbench.verdicts.curves import below, load
from isbench.verdicts.judge import Comparison


def benchmark_action(path: Path) -> str:
    """For github-action-benchmark, as `customSmallerIsBetter`."""
    rows = []
    for name, one, size in ratios(path):
        extra = f"against {one.names.than}, n = {one.n}, {one.verdict}"
        row: dict[str, Any] = {"name": f"{name}: {title(one)}", "unit": "ratio", "value": size.mean}
        if bounded(size):
            row["range"] = f"{size.low:.4g} to {size.high:.4g}"
        rows.append({**row, "extra": extra})
    return json.dumps(rows, indent=1, allow_nan=False) + "\n"


def bencher(path: Path) -> str:
    """For bencher, in its metric format."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, one, size in ratios(path):
        ends = {"lower_value": size.low, "upper_value": size.high} if bounded(size) else {}
        found.setdefault(name, {})[title(one)] = {"value": size.mean, **ends}
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def ratios(path: Path) -> Iterator[tuple[str, Comparison, Interval]]:
    """Every arm of every results folder that can be told as a ratio, by a name of its own."""
    for folder in map(load, below(path)):
        for one in gated(folder, comparisons(folder)):
            if one.scale == "ratio" and not any(one.diverged):
                names = (folder.name, one.names.variant, one.names.budget, one.names.sampler)
                yield "/".join(filter(None, names)), one, ratio(one.difference)


def bounded(size: Interval) -> bool:
    """Whether there is an interval."""
    return math.isfinite(size.low) and math.isfinite(size.high)
