"""Curves against seconds as the sources draw them, a row for each budget.

Test accuracy and training loss of the mini-batches: Fig. 2 and 3 of Knutsson et al. (paper 000).
Training loss and test error: Fig. 3 to 6 of Katharopoulos and Fleuret (paper 001).
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from isbench.report.figures import lines
from isbench.report.figures.looks import Look, looks, thresholds
from isbench.report.figures.style import INK, Picture, broken, figure, legend, linear, logarithmic
from isbench.report.frames import Frame, Group, Results, known, seeds, sources

ROWS = 4  # of a picture
LAYOUTS = {  # by a word of the cards' sources: the name of the pictures, and what their columns show
    "paper 000": ("paper", ("test_accuracy", "batch_loss")),
    "paper 001": ("against-seconds", ("train_loss", "test_error")),
}
OTHERWHERE = {"paper 002", "paper 003"}  # are drawn by `against_epochs` and by `epochs_and_time`
EARLY = 0.1  # share of the budget after which accuracies must fit the axis
NAMES = {
    "test_accuracy": "test accuracy",
    "test_error": "test error",
    "test_loss": "test loss",
    "train_loss": "training loss",
    "batch_loss": "training loss",
}


def pictures(results: Results) -> list[Picture]:
    """For each source of the arms, one picture for every few budgets and variants that have a result."""
    shown = [
        group for group in results.groups if group.curved and known(group.of(results.points), "train_seconds")
    ]
    parts = [shown[first : first + ROWS] for first in range(0, len(shown), ROWS)]
    papers = sources(results)
    layouts = [layout for word, layout in LAYOUTS.items() if word in papers]
    if not layouts and not OTHERWHERE.intersection(papers):
        layouts = [LAYOUTS["paper 000"]]
    return [
        _picture(results, part, f"{name}-{place + 1}" if place else name, metrics)
        for name, metrics in layouts
        for place, part in enumerate(parts)
    ]


def _picture(results: Results, groups: list[Group], name: str, metrics: tuple[str, str]) -> Picture:
    drawn = figure(0.55 + 2.1 * len(groups))
    panels = drawn.subplots(len(groups), 2, squeeze=False)
    look = {label: look for label, look in looks(results).items() if label in set(results.points["sampler"])}
    frames: list[Frame] = []
    for row, group in zip(panels, groups, strict=True):
        points = group.of(results.points)
        for axes, metric in zip(row, metrics, strict=True):
            metric = metric if known(points, metric) else "test_loss"
            curves = lines.draw(axes, results, group, metric, "train_seconds", look)
            frames.append(curves.assign(variant=group.variant, budget=group.budget.name, metric=metric))
            _finish(axes, results, group, metric, curves, look)
        row[0].set_title(group.title, loc="left", color=INK)
    switched = bool(results.cells["started_seconds"].gt(0).any())
    star = Line2D([], [], color=INK, marker="*", linestyle="none", label="selection starts (mean)")
    legend(drawn, look, [star] if switched else None)
    caption = _caption(results, groups, switched, metrics)
    return Picture(name, drawn, pd.concat(frames, ignore_index=True), caption)


def _finish(
    axes: Axes, results: Results, group: Group, metric: str, curves: Frame, look: dict[str, Look]
) -> None:
    lines.limits(axes, results, group, "train_seconds")
    axes.set(xlabel="training seconds", ylabel=NAMES[metric])
    linear(axes)
    if metric == "test_accuracy":
        _cut(axes, curves[curves["progress"] >= EARLY]["mean"])
    else:
        logarithmic(axes, group.of(results.points)[metric])
    for label, at in _switches(results, group).items():
        curve = curves[curves["sampler"] == label]
        if not curve.empty:
            style = look[label].line(linestyle="none", zorder=5, markeredgecolor="white", markeredgewidth=0.5)
            axes.plot([at], [lines.place(curve, at)], marker="*", markersize=9, **style)


def _cut(axes: Axes, settled: Frame) -> None:
    """An accuracy axis that fits the means after the first rise, marked where it does not begin at 0."""
    if not settled.empty:
        margin = 0.06 * (settled.max() - settled.min()) + 1e-4
        axes.set_ylim(max(0.0, settled.min() - margin), min(1.0, settled.max() + margin))
    linear(axes, "y")
    if axes.get_ylim()[0] > 0:
        broken(axes)


def _switches(results: Results, group: Group) -> dict[str, float]:
    """When selection starts, the mean over seeds, for arms that wait for it."""
    cells = group.of(results.cells)
    started = cells[(cells["status"] == "done") & (cells["started_seconds"] > 0)]
    return {
        str(label): float(at) for label, at in started.groupby("sampler")["started_seconds"].mean().items()
    }


def _caption(results: Results, groups: list[Group], switched: bool, metrics: tuple[str, str]) -> str:
    counts = [count for group in groups for count in lines.counts(results, group)]
    sweep = thresholds(results)
    by_batch = "batch_loss" in metrics
    classes = known(results.points, "test_error")
    shown = "Test accuracy" if classes else "Test loss"
    text = f"{shown} and training loss (mean loss of the mini-batches) against training seconds"
    if not by_batch:
        shown = "error" if classes else "loss"
        text = f"Training loss (of fixed training samples) and test {shown} against training seconds"
    text += ", by the threshold below which selection starts." if sweep else ", by sampler."
    text += f" Line: mean over seeds ({seeds(counts)}); thin lines: single runs." if counts else ""
    if results.baseline:
        text += f" Dashed: {results.baseline}."
    if switched:
        text += " Star: where selection starts, the mean over seeds."
    if by_batch and classes:
        text += " The accuracy axis is cut at what the mean curves reach after a tenth of the budget."
    if by_batch:
        text += " Selecting hard samples raises the loss of the batches, not necessarily that of the model."
    return text + "".join(dict.fromkeys(lines.diverged(results, group) for group in groups))
