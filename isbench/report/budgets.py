"""The budget table: test error by budget, sampler and augmentation, and how far from uniform subsets.

The protocol of Arazo et al. 2021, whose set-up paper 002 follows. Intervals describe; they decide nothing.
Runs that diverged have no error, but they are results: they are counted beside what the others reached.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from isbench.report.frames import Frame, Group, Results, known, seeds
from isbench.report.tables import Value
from isbench.store.records import Cell

REFERENCE = "uniform-budget"
CONFIDENCE = 0.95
COLUMNS = (
    *("variant", "budget", "epochs", "sampler", "metric", "n", "mean", "sd", "low", "high"),
    *("than", "pairs", "difference", "difference_low", "difference_high", "diverged"),
)
METRICS = {"test_error": "test error", "test_loss": "test loss"}
WIDEST = 4  # columns of a table

Column = tuple[str, str]  # a variant and a budget


@dataclass(frozen=True)
class Entry:
    """What stands in a cell of the table: an error, and below it the difference to uniform subsets."""

    error: Value
    difference: str


@dataclass(frozen=True)
class Table:
    """Budgets side by side, those of a variant under its name: a row for each sampler."""

    variants: tuple[tuple[str, int], ...]  # and how many columns each has
    budgets: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Entry | None, ...]], ...]


def subsets(results: Results) -> list[str]:
    """The labels of all arms that train on random subsets."""
    return [
        card.label for card in results.plan.cards if card.label in results.labels and card.name == REFERENCE
    ]


def reference(results: Results) -> str:
    """The label of the arm of random subsets that others are compared with; empty where there is none.

    The one that is called so; else the one that differs least from what samplers and arms usually have.
    """
    found = subsets(results)
    if REFERENCE in found:
        return REFERENCE
    cells: dict[str, Cell] = {}
    for run in results.runs:
        cells.setdefault(run.cell.sampler.label, run.cell)
    usual = [
        Counter(setting).most_common(1)[0][0] for setting in zip(*map(_settings, cells.values()), strict=True)
    ]
    differs = {label: _own(cells[label], usual) for label in found}
    nearest = [label for label in found if differs[label] == min(differs.values())]
    return nearest[0] if len(nearest) == 1 else ""


def _settings(cell: Cell) -> tuple[str, ...]:
    """What an arm may have of its own besides its sampler's options."""
    return cell.optimizer.model_dump_json(), cell.schedule.model_dump_json(), str(cell.batch)


def _own(cell: Cell, usual: list[str]) -> int:
    """How much of an arm is not the default, or not what most arms have."""
    others = sum(own != most for own, most in zip(_settings(cell), usual, strict=True))
    return len(cell.sampler.options) + (cell.sampler.start.name != "none") + others


def compared_with(results: Results) -> str:
    """What differences are to, in words; why there are none, where there are none."""
    than, found = reference(results), subsets(results)
    if than:
        return (
            f"Below it the difference to {than}, random subsets, at the same budget, paired by seed, with "
            f"the {CONFIDENCE:.0%} t interval of its mean where there are two or more."
        )
    if not found:
        return f"No arm is {REFERENCE}, random subsets of the same size: there is none to compare with."
    return (
        f"{', '.join(found)} are all random subsets; none is called {REFERENCE}, and none has the options "
        "nearest to the usual ones: there is none to compare with."
    )


def rows(results: Results) -> Frame:
    """A row for each variant, budget and sampler: COLUMNS; empty where nothing is about budgets.

    `difference` is paired by seed, against uniform subsets at the same budget and in the same variant.
    """
    than = reference(results)
    asked = bool(subsets(results)) or any(group.budget.fraction != 1 for group in results.groups)
    found = [row for group in results.groups for row in _of(results, group, than)] if asked else []
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


def tables(results: Results) -> list[Table]:
    """As many columns side by side as a page has room for, those of a variant together where they fit."""
    found = ended(results)
    columns: list[Column] = list(dict.fromkeys(zip(found["variant"], found["budget"], strict=True)))
    return [_table(results, found, part) for part in _parts(columns)]


def ended(results: Results) -> Frame:
    """The rows that have runs with a result; to diverge is one."""
    found = rows(results)
    return found[(found["n"] > 0) | (found["diverged"] > 0)]


def counted(results: Results) -> str:
    """Over how many seeds the means of the tables are, and how many runs diverged."""
    found = ended(results)
    lost = int(found["diverged"].sum())
    runs = "1 run" if lost == 1 else f"{lost} runs"
    said = f"; {runs} diverged, means and differences are over those that finished" if lost else ""
    return seeds(found["n"]) + said


def _parts(columns: list[Column]) -> Iterator[list[Column]]:
    part: list[Column] = []
    for variant in dict.fromkeys(variant for variant, _ in columns):
        own = [column for column in columns if column[0] == variant]
        if part and len(part) + len(own) > WIDEST:
            yield part
            part = []
        part += own
        while len(part) > WIDEST:
            yield part[:WIDEST]
            part = part[WIDEST:]
    if part:
        yield part


def _table(results: Results, found: Frame, columns: list[Column]) -> Table:
    by_place = {(row["variant"], row["budget"], row["sampler"]): row for _, row in found.iterrows()}
    one = found["n"].nunique() == 1
    digits = _digits(found["mean"].max())
    lines = []
    for label in results.labels:
        shown = [by_place.get((*column, label)) for column in columns]
        if any(row is not None for row in shown):
            lines.append((label, tuple(None if row is None else _entry(row, digits, one) for row in shown)))
    return Table(
        variants=tuple(Counter(variant for variant, _ in columns).items()),
        budgets=tuple(budget for _, budget in columns),
        rows=tuple(lines),
    )


def _digits(largest: float) -> int:
    """Decimals: three, and more where all values are small."""
    return max(3, 2 - math.floor(math.log10(largest))) if largest > 0 else 3


def _entry(row: Frame, digits: int, one: bool) -> Entry:
    """`one`: all means are over as many seeds, so that no cell needs to say it; but who lost runs does."""
    n, lost = int(row["n"]), int(row["diverged"])
    text = f"{row['mean']:.{digits}f}" if n else ""
    text += "" if math.isnan(row["sd"]) else f" ± {row['sd']:.{digits}f}"
    text += f" ({n}, {lost} diverged)" if lost else "" if one else f" ({n})"
    difference = ""
    if not math.isnan(row["difference"]):
        difference = f"{row['difference']:+.{digits}f}"
    if not math.isnan(row["difference_low"]):
        difference += f" [{row['difference_low']:+.{digits}f}, {row['difference_high']:+.{digits}f}]"
    if difference and row["pairs"] < n:  # the other arm lost runs
        difference += f" ({row['pairs']} pair{'' if row['pairs'] == 1 else 's'})"
    return Entry(Value(text.strip(), float(row["mean"]) if n else None), difference)


def _of(results: Results, group: Group, than: str) -> Iterator[dict[str, object]]:
    cells = group.of(results.cells)
    done = cells[cells["status"] == "done"]
    metric = "test_error" if known(done, "test_error") else "test_loss"
    values = {label: _by_seed(done, label, metric) for label in results.labels}
    to = values.get(than)
    for label, of_arm in values.items():
        mean, low, high = interval(of_arm.to_numpy())
        paired = np.array([]) if to is None or label == than else (of_arm - to).dropna().to_numpy()
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
            "diverged": int(((cells["sampler"] == label) & (cells["status"] == "diverged")).sum()),
        }


def _by_seed(done: Frame, label: str, metric: str) -> Frame:
    of_arm = done[done["sampler"] == label]
    return of_arm[of_arm[metric].notna()].set_index("seed")[metric]
