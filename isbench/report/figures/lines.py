"""What every curve figure shares: single runs thin, their mean, and a cross where a run diverged."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np
from matplotlib.axes import Axes

from isbench.report.figures.looks import Look
from isbench.report.frames import Frame, Group, Results, mean_curves

CROWD = 24  # runs, from which single ones are fainter


def draw(axes: Axes, results: Results, group: Group, metric: str, axis: str, look: dict[str, Look]) -> Frame:
    """Draw a metric of every arm against an axis; returns the mean curves (see `mean_curves`)."""
    points = group.of(results.points)
    points = points[points[metric].notna()]
    faint = 0.3 if points["cell"].nunique() <= CROWD else 0.15
    for label in look:
        arm = points[points["sampler"] == label]
        for _, run in arm.groupby("cell", sort=False):
            if not look[label].control:
                axes.plot(
                    run[axis], run[metric], **look[label].line(linewidth=0.6, alpha=faint, linestyle="-")
                )
            if run["status"].iloc[-1] == "diverged":
                _cross(axes, run, axis, metric, look[label])
    curves = mean_curves(results.points, group, metric, axis)
    for label in look:
        curve = curves[curves["sampler"] == label]
        width = 1.0 if look[label].control else 1.5
        axes.plot(curve["x"], curve["mean"], **look[label].line(zorder=3, linewidth=width))
    return curves


def limits(axes: Axes, results: Results, group: Group, axis: str) -> None:
    """The same x-limits for all arms and, under a budget of seconds, for all panels of seconds."""
    furthest = group.of(results.points)[axis].max()
    if axis == "train_seconds" and group.budget.unit == "seconds":
        furthest = group.budget.amount
    axes.set_xlim(0.0, float(furthest) * 1.02 if furthest > 0 else 1.0)


def rings_inside(axes: Axes) -> None:
    """Rings of runs that diverged beyond a cut axis move to its edge; unclipped, they would be far off."""
    low, high = sorted(axes.get_ylim())
    for ring in axes.lines:
        if ring.get_marker() == "o" and not ring.get_clip_on():
            ring.set_ydata(np.clip(np.asarray(ring.get_ydata(), dtype=float), low, high))


def diverged(results: Results, group: Group) -> str:
    """A sentence for the caption on the runs that diverged, empty if none did."""
    status = group.of(results.cells)["status"]
    count = int((status == "diverged").sum())
    if not count:
        return ""
    verb = "run" if count == 1 else "runs"
    return f" {count} {verb} diverged: cross at the last value, open ring at the right edge, not in the mean."


def counts(results: Results, group: Group) -> list[int]:
    """How many runs stand behind the mean of each arm that has one."""
    done = group.of(results.cells)
    return done[done["status"] == "done"].groupby("sampler")["cell"].nunique().tolist()


def ranks(groups: list[Group]) -> list[list[Group]]:
    """Groups side by side: the first budget of every variant, then the second of every one, ..."""
    variants = dict.fromkeys(group.variant for group in groups)
    each = [[group for group in groups if group.variant == variant] for variant in variants]
    return [[group for group in rank if group] for rank in zip_longest(*each)]


def place(curve: Frame, x: float) -> float:
    """The value of a mean curve at x."""
    return float(np.interp(x, curve["x"], curve["mean"]))


def _cross(axes: Axes, run: Frame, axis: str, metric: str, look: Look) -> None:
    last = run.iloc[-1]
    style = look.line(linestyle="none", zorder=4)
    axes.plot([last[axis]], [last[metric]], marker="x", markersize=6, **style)
    ring = {"marker": "o", "markerfacecolor": "white", "markersize": 4.5, "clip_on": False}
    axes.plot([1.0], [last[metric]], transform=axes.get_yaxis_transform(), **ring, **style)
