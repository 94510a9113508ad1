"""The budget table: test error by budget, sampler and augmentation, and how far from uniform subsets.

The protocol of Arazo et al. 2021, whose set-up paper 002 follows. Intervals describe; they decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import t as student

from isbench.report.frames import Frame, Group, Results, known
from isbench.report.tables import Value, spread

REFERENCE = "uniform-budget"
CONFIDENCE = 0.95
COLUMNS = (
    *("variant", "budget", "epochs", "sampler", "metric", "n", "mean", "sd", "low", "high"),
    *("than", "pairs", "difference", "difference_low", "difference_high"),
)
METRICS = {"test_error": "test error", "test_loss": "test loss"}


def reference(results: Results) -> str:
    """The label of the arm that trains on random subsets; empty where there is none."""
    cards = [card for card in results.plan.cards if card.label in results.labels]
    return next((card.label for card in cards if card.name == REFERENCE), "")


def rows(results: Results) -> Frame:
    """A row for each variant, budget and sampler: COLUMNS; empty without an arm of uniform subsets.

    `difference` is paired by seed, against uniform subsets at the same budget and in the same variant.
    """
    than = reference(results)
    found = [row for group in results.groups for row in _of(results, group, than)] if than else []
    return pd.DataFrame(found, columns=list(COLUMNS))


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and the ends of its t interval; NaN where two values are wanting."""
    if not values.size:
        return math.nan, math.nan, math.nan
    mean, n = float(values.mean()), values.size
    if n < 2:
        return mean, math.nan, math.nan
    half = float(student.ppf(0.5 + CONFIDENCE / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))
    return mean, mean - half, mean + half


def table(results: Results) -> list[tuple[str, list[str], list[list[Value]]]]:
    """For each variant its name, a header and a row for each sampler: two columns for each budget."""
    found = rows(results)
    found = found[found["n"] > 0]
    return [
        (str(variant), *_variant(results, part)) for variant, part in found.groupby("variant", sort=False)
    ]


def _of(results: Results, group: Group, than: str) -> Iterator[dict[str, object]]:
    cells = group.of(results.cells)
    done = cells[cells["status"] == "done"]
    metric = "test_error" if known(done, "test_error") else "test_loss"
    values = {label: _by_seed(done, label, metric) for label in results.labels}
    for label, of_arm in values.items():
        mean, low, high = interval(of_arm.to_numpy())
        paired = (of_arm - values[than]).dropna().to_numpy() if label != than else np.array([])
        difference, difference_low, difference_high = interval(paired)
        yield {
            "variant": group.variant,
            "budget": group.budget.name,
            "epochs": done[done["sampler"] == label]["epochs"].mean(),
            "sampler": label,
            "metric": metric,
            "n": of_arm.size,
            "mean": mean,
            "sd": of_arm.std(),
            "low": low,
            "high": high,
            "than": than,
            "pairs": paired.size,
            "difference": difference,
            "difference_low": difference_low,
            "difference_high": difference_high,
        }


def _by_seed(done: Frame, label: str, metric: str) -> Frame:
    of_arm = done[done["sampler"] == label]
    return of_arm[of_arm[metric].notna()].set_index("seed")[metric]


def _variant(results: Results, part: Frame) -> tuple[list[str], list[list[Value]]]:
    names = list(dict.fromkeys(part["budget"]))
    than = str(part["than"].iloc[0])
    header = ["sampler", *(text for name in names for text in (name, f"minus {than}"))]
    cells: dict[str, list[Value]] = {}
    done = results.cells[results.cells["status"] == "done"]
    for label in (label for label in results.labels if label in set(part["sampler"])):
        cells[label] = [Value(label)]
        for name in names:
            found = part[(part["sampler"] == label) & (part["budget"] == name)]
            if found.empty:
                cells[label] += [Value(""), Value("")]
                continue
            row = found.iloc[0]
            here = (done["variant"] == row["variant"]) & (done["budget"] == name) & (done["sampler"] == label)
            error = spread(done[here][row["metric"]])
            cells[label] += [Value(f"{error.text} ({row['n']})", error.number), _difference(row)]
    return header, list(cells.values())


def _difference(row: Frame) -> Value:
    if math.isnan(row["difference"]):
        return Value("")
    text = f"{row['difference']:+.3f}"
    if not math.isnan(row["difference_low"]):
        text += f" [{row['difference_low']:+.3f}, {row['difference_high']:+.3f}]"
    return Value(text, float(row["difference"]))
