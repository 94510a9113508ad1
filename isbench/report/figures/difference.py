"""How far each weighting of the samples is from the exact gradient norm (paper 003, the inline figure)."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from isbench.report import probes
from isbench.report.figures.looks import PALETTE
from isbench.report.figures.probe import LINES, updates
from isbench.report.figures.style import INK, Picture, figure, logarithmic
from isbench.report.frames import Frame, Results, seeds, slug

BOUND, OUTPUT = "upper_bound", "output_gradient"
DRAWN: dict[str, dict[str, Any]] = {
    **{score: style for score, style in LINES.items() if score not in ("gradient", BOUND)},
    "last_layer": {"color": PALETTE[3]},
    "low": {"color": PALETTE[6]},
}


def pictures(results: Results) -> list[Picture]:
    """One picture for each variant and arm that was probed."""
    return [_picture(title, rows) for title, rows in probes.arms(results) if _weightings(rows)]


def _weightings(rows: Frame) -> list[str]:
    """What is set against the exact norm, the nearest first; the bound is drawn as the output's gradient."""
    known = rows[rows["score"].isin(DRAWN) & (rows["squared_error"] > 0)]
    return known.groupby("score")["squared_error"].mean().sort_values().index.tolist()


def _picture(title: str, rows: Frame) -> Picture:
    order, same = _weightings(rows), BOUND in set(rows["score"])
    names = {score: probes.NAMES[score] for score in order}
    if same and OUTPUT in names:
        names[OUTPUT] = "output gradient\n= upper bound"
    rows = rows[rows["score"].isin(order)]
    drawn = figure(3.1)
    left, right = drawn.subplots(1, 2, width_ratios=(1.5, 1.0))
    _over_time(left, rows[rows["squared_error"] > 0], order)
    _means(right, rows, order, names)
    left.set_ylabel("squared error of the shares\nagainst the exact norm's")
    counted = [rows["cell"].nunique()]
    last = int(rows["step"].max())
    caption = (
        f"{title}: difference between each weighting of the same training samples and the norm of the "
        "gradient over all parameters (the inline figure of paper 003): squared differences, summed over "
        "samples, of what has been normalised to the sum 1. Left: over training, lines are means over "
        f"seeds, thin lines single seeds. Right: the mean over checkpoints up to {last:,} updates; dots: "
        f"single seeds ({seeds(counted)})."
    )
    if "low" in order:
        caption += " LOW's weights are those of ordinary batches, lambda 0.1."
    if same:
        caption += " Under a cross-entropy the upper bound of paper 001 is the gradient at the output."
    numbers = rows[["variant", "sampler", "seed", "step", "score", "squared_error"]]
    return Picture(f"probe-difference-{slug(title)}", drawn, numbers, caption)


def _over_time(axes: Axes, rows: Frame, order: list[str]) -> None:
    for score in order:
        found = rows[rows["score"] == score]
        runs = found.groupby("cell", sort=False)
        if len(runs) > 1:
            for _, run in runs:
                thin = {"linewidth": 0.6, "alpha": 0.3, "color": DRAWN[score]["color"]}
                axes.plot(run["step"], run["squared_error"], **thin)
        mean = found.groupby("step")["squared_error"].mean()
        axes.plot(mean.index, mean, zorder=3, **DRAWN[score])
    logarithmic(axes, rows["squared_error"])
    updates(axes, rows)


def _means(axes: Axes, rows: Frame, order: list[str], names: dict[str, str]) -> None:
    """The mean of each weighting, the nearest on top, on a logarithmic axis: dots in place of bars."""
    for place, score in enumerate(order):
        each = rows[rows["score"] == score].groupby("cell")["squared_error"].mean()
        color, mean = DRAWN[score]["color"], float(each.mean())
        axes.plot(each, np.full(len(each), place), "o", color=color, markersize=3.5, alpha=0.35, mew=0)
        axes.plot([mean], [place], "o", color=color, markersize=7)
        text = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center", "fontsize": 7, "color": INK}
        axes.annotate(f"{mean:.2g}", (mean, place), **text)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(low / 2, high * 2)
    axes.xaxis.set_major_locator(LogLocator(numticks=5))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_yticks(range(len(order)), [names[score] for score in order])
    for score, label in zip(order, axes.get_yticklabels(), strict=True):
        label.set_color(DRAWN[score]["color"])
    axes.set_ylim(len(order) - 0.5, -0.7)
    axes.set_xlabel("mean over checkpoints")
