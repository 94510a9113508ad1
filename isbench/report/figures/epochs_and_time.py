"""Equal epochs on the left, equal time on the right, and how the curves end: as paper 003 draws its races.

Test loss and, where there are classes, test error: Fig. 2 to 5 and 7 to 10 of Salaün et al. (paper 003).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from isbench.report.figures import lines
from isbench.report.figures.looks import Look, looks
from isbench.report.figures.style import INK, Picture, broken, figure, legend, linear, logarithmic
from isbench.report.frames import Frame, Group, Results, known, mean_curves, seeds, slug, sources

METRICS = {"test_loss": "test loss", "test_error": "test error"}
SIDES = {  # what a budget counts: its axis and what it makes equal
    "epochs": ("epochs", "equal epochs"),
    "steps": ("epochs", "equal epochs"),
    "seconds": ("train_seconds", "equal time"),
}
TITLES = {"epochs": "epochs", "train_seconds": "training seconds"}
END = 0.75  # the progress from which on a curve counts as ending
FEWEST = 3  # points of a curve that ends
FAR = 4  # times as far from the best as the median arm: an end that the close look may leave out
STRETCH = 3  # … unless it makes the axis no longer than this many times
WHOLE, CLOSE = 1.55, 1.2  # inches: heights of the panels


@dataclass(frozen=True)
class Column:
    """A budget and the axis that it makes equal."""

    group: Group
    axis: str
    says: str


def pictures(results: Results) -> list[Picture]:
    """For each variant one picture of every pair of budgets, where arms of paper 003 are compared."""
    if "paper 003" not in sources(results):
        return []
    shown = [
        group for group in results.groups if group.curved and known(group.of(results.points), "test_loss")
    ]
    return [
        _picture(results, columns)
        for variant in dict.fromkeys(group.variant for group in shown)
        for columns in _pairs([group for group in shown if group.variant == variant])
    ]


def _pairs(groups: list[Group]) -> list[list[Column]]:
    """Budgets of a variant, those of equal data beside those of equal time in the order of the recipe."""
    sides: dict[str, list[Column]] = {"epochs": [], "train_seconds": []}
    for group in groups:
        if group.budget.unit in SIDES:
            axis, says = SIDES[group.budget.unit]
            sides[axis].append(Column(group, axis, says))
    return [[column for column in pair if column] for pair in zip_longest(*sides.values())]


def _picture(results: Results, columns: list[Column]) -> Picture:
    points: Frame = pd.concat([column.group.of(results.points) for column in columns])
    metrics = [metric for metric in METRICS if known(points, metric)]
    heights = [WHOLE, CLOSE] if _ends(columns) else [WHOLE]
    drawn = figure(0.75 + sum(heights) * len(metrics))
    shape = len(heights) * len(metrics), len(columns)
    panels = drawn.subplots(*shape, squeeze=False, height_ratios=heights * len(metrics))
    look = {label: look for label, look in looks(results).items() if label in set(points["sampler"])}
    frames: list[Frame] = []
    for metric, (whole, *close) in zip(metrics, panels.reshape(len(metrics), len(heights), -1), strict=True):
        for axes, column in zip(whole, columns, strict=True):
            frames.append(_curves(axes, results, column, metric, look))
        _share(whole, points[metric])
        whole[0].set_ylabel(METRICS[metric])
        for row in close:
            for axes, column in zip(row, columns, strict=True):
                _end(axes, results, column, metric, look)
            row[0].set_ylabel(f"{METRICS[metric]},\nthe end")
    for axes, column in zip(panels[0], columns, strict=True):
        axes.set_title(f"{column.says} ({column.group.budget.name})", color=INK)
    legend(drawn, look)
    return Picture(_name(columns), drawn, pd.concat(frames, ignore_index=True), _caption(results, columns))


def _ends(columns: list[Column]) -> bool:
    """Whether there are points enough at the end for a close look."""
    return all(sum(at >= END for at in column.group.grid) >= FEWEST for column in columns)


def _share(row: np.ndarray, values: pd.Series) -> None:
    """One logarithmic y axis for the panels of a row."""
    for axes in row[1:]:
        axes.sharey(row[0])
        axes.tick_params(labelleft=False)
    logarithmic(row[0], values)


def _curves(axes: Axes, results: Results, column: Column, metric: str, look: dict[str, Look]) -> Frame:
    """The whole curves, the part that is looked at closely shaded."""
    curves = lines.draw(axes, results, column.group, metric, column.axis, look)
    lines.limits(axes, results, column.group, column.axis)
    if _ends([column]):
        axes.axvspan(*_window(results, column), color="#f4f4f4", zorder=0, linewidth=0)
    linear(axes, ticks=6)
    axes.set_xlabel(TITLES[column.axis])
    named = {"variant": column.group.variant, "budget": column.group.budget.name}
    return curves.assign(**named, metric=metric, axis=column.axis)


def _end(axes: Axes, results: Results, column: Column, metric: str, look: dict[str, Look]) -> None:
    """The means of the last part of the curves with a band of their standard error."""
    curves = _ending(results, column, metric)
    for label, arm in look.items():
        curve = curves[curves["sampler"] == label]
        if curve.empty:
            continue
        axes.plot(curve["x"], curve["mean"], **arm.line(zorder=3, marker="o", markersize=2.5))
        axes.fill_between(
            curve["x"], curve["low"], curve["high"], color=arm.color, alpha=0.15, linewidth=0, gid=arm.mark
        )
    start, furthest = _window(results, column)
    axes.set_xlim(start, furthest + 0.02 * (furthest - start))
    linear(axes, ticks=6)
    axes.set_xlabel(TITLES[column.axis])
    left_out = [label for label in _fit(axes, curves, results.baseline) if label in look]
    for line, label in enumerate(left_out):
        below_the_edge = (-2, -2 - 9 * line)
        place: Any = {"xycoords": "axes fraction", "xytext": below_the_edge, "textcoords": "offset points"}
        text: Any = {"fontsize": 7.0, "ha": "right", "va": "top", "zorder": 5}
        axes.annotate(f"{label} ↑", (1, 1), **place, **text, color=look[label].color, gid=look[label].mark)


def _fit(axes: Axes, curves: Frame, baseline: str) -> list[str]:
    """A linear y axis as narrow as the ends allow; returns arms that end too far above to be on it."""
    ends = curves.groupby("sampler")["mean"].last()
    far = ends.min() + FAR * (ends.median() - ends.min())
    near = curves[curves["sampler"].isin([*ends.index[ends <= far], baseline])]
    if near.empty:
        return []
    tops = curves.groupby("sampler")["high"].max()
    low, high = float(near["low"].min()), float(near["high"].max())
    fitting = tops[tops <= low + STRETCH * (high - low)]
    high = max(high, float(fitting.max()))
    margin = 0.06 * (high - low) + 1e-3 * abs(high) + 1e-12
    axes.set_ylim(max(low - margin, 0.0), high + margin)
    linear(axes, "y")
    if axes.get_ylim()[0] > 0:
        broken(axes)
    return [str(label) for label in ends.index if label not in {*near["sampler"], *fitting.index}]


def _ending(results: Results, column: Column, metric: str) -> Frame:
    """Mean curves from END on, with `low` and `high`: a standard error on either side."""
    curves = mean_curves(results.points, column.group, metric, column.axis)
    curves = curves[curves["progress"] >= END]
    error = (curves["sd"] / np.sqrt(curves["n"].astype(float))).fillna(0.0)
    return curves.assign(low=curves["mean"] - error, high=curves["mean"] + error)


def _window(results: Results, column: Column) -> tuple[float, float]:
    """Where the last part of the curves begins on the axis, and where it ends."""
    furthest = float(column.group.of(results.points)[column.axis].max())
    if column.group.budget.unit == "seconds":
        furthest = max(furthest, column.group.budget.amount)
    return END * furthest, furthest


def _name(columns: list[Column]) -> str:
    budgets = "-".join(column.group.budget.name for column in columns)
    return f"epochs-and-time-{slug(f'{columns[0].group.variant} {budgets}')}"


def _caption(results: Results, columns: list[Column]) -> str:
    groups = [column.group for column in columns]
    counts = [count for group in groups for count in lines.counts(results, group)]
    where = " and ".join(
        f"at {column.says} ({side})" for column, side in zip(columns, ("left", "right"), strict=False)
    )
    if len(columns) == 1:
        where = f"at {columns[0].says}"
    variant = f"{columns[0].group.variant}: t" if columns[0].group.variant else "T"
    baseline = f" Dashed: {results.baseline}." if results.baseline else ""
    close = (
        " Every second row looks closely at the last quarter, shaded above: means on a linear axis of their "
        "own, bands of one standard error; arrow: an arm that ends far above."
    )
    return (
        f"{variant}est loss and, where there are classes, test error {where}. Line: mean over seeds "
        f"({seeds(counts)}); thin lines: single runs.{close if _ends(columns) else ''}{baseline}"
        + "".join(dict.fromkeys(lines.diverged(results, group) for group in groups))
    )
