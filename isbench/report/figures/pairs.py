"""How pairs of runs are drawn: an arm's differences to the baseline as dots, with their mean and interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from isbench.report.figures.looks import Look
from isbench.verdicts.judge import Comparison

FURTHEST = 2.0  # an interval widens the axis to so many times what the dots need; beyond, it is an arrow
NARROWEST = 0.05  # half of an axis, on the scale of the comparison, where all dots are alike


@dataclass(frozen=True)
class Row:
    """An arm: its comparison and, for each seed, the difference and who missed the target."""

    one: Comparison
    look: Look
    seeds: list[int]
    differences: np.ndarray
    values: tuple[np.ndarray, np.ndarray]
    missed: tuple[np.ndarray, np.ndarray]

    @property
    def whole(self) -> np.ndarray:
        """Seeds [n] whose difference is a number that nothing cut short."""
        return np.isfinite(self.differences) & ~self.missed[0] & ~self.missed[1]


def shown(one: Comparison, differences: np.ndarray) -> np.ndarray:
    """Differences as the axis has them: speed-ups, ratios of values, or changes in the metric's units."""
    if one.scale == "difference":
        return one.quantity.sign * differences
    return np.exp(-differences if one.quantity.cost else differences)


def rightwards(one: Comparison) -> bool:
    """Whether what is further to the right is better."""
    return one.quantity.cost if one.scale == "ratio" else one.quantity.sign < 0


def limits(rows: list[Row]) -> tuple[float, float]:
    """The range that shows all dots, means and margins, and of intervals as much as leaves those visible."""
    inner = np.concatenate([row.differences[row.whole] for row in rows])
    means = np.array([row.one.difference.mean for row in rows])
    ends = np.array([[row.one.difference.low, row.one.difference.high] for row in rows]).ravel()
    margins = np.array([row.one.margin for row in rows])
    inner = np.concatenate([inner, means[np.isfinite(means)], margins[np.isfinite(margins)]])
    near = max(float(np.abs(inner).max(initial=0.0)), NARROWEST if rows[0].one.scale == "ratio" else 0.0)
    far = float(np.abs(ends[np.isfinite(ends)]).max(initial=0.0))
    half = 1.12 * max(near, min(far, FURTHEST * near)) or 1.0
    low, high = sorted(shown(rows[0].one, np.array([-half, half])).tolist())
    return low, high


def draw(axes: Axes, row: Row, place: int, ends: tuple[float, float]) -> None:
    """One arm: what does not matter, its interval and its dots; `ends`: of the axis."""
    _band(axes, row, place)
    _interval(axes, row, place, ends)
    _dots(axes, row, place, ends)


def _band(axes: Axes, row: Row, place: int) -> None:
    """What does not matter."""
    if np.isfinite(row.one.margin):
        ends = shown(row.one, np.array([-row.one.margin, row.one.margin]))
        axes.fill_betweenx([place - 0.5, place + 0.5], *ends, color="#eeeeee", linewidth=0, zorder=0)


def _interval(axes: Axes, row: Row, place: int, ends: tuple[float, float]) -> None:
    d = row.one.difference
    if not np.isfinite(d.mean):
        return
    low, mean, high = sorted(shown(row.one, np.array([d.low, d.mean, d.high])).tolist())
    style: dict[str, Any] = {"color": row.look.color, "gid": row.look.mark, "zorder": 4}
    if np.isfinite(d.low) and np.isfinite(d.high):
        axes.plot(
            np.clip([low, high], *ends), [place - 0.12] * 2, linewidth=1.8, solid_capstyle="butt", **style
        )
        beyond = [(ends[0], "<", low < ends[0]), (ends[1], ">", high > ends[1])]
        for edge, arrow, out in beyond:
            if out:
                axes.plot([edge], [place - 0.12], marker=arrow, markersize=5, clip_on=False, **style)
    bound = bool(row.missed[0].any() or row.missed[1].any())
    face: dict[str, Any] = {"markerfacecolor": "white"} if bound else {}
    axes.plot([mean], [place - 0.12], marker=row.look.marker, markersize=7, mew=1.4, **face, **style)


def _dots(axes: Axes, row: Row, place: int, ends: tuple[float, float]) -> None:
    """One for each seed, a little below the interval; open at the edge where a run missed or diverged."""
    style: dict[str, Any] = {"color": row.look.color, "gid": row.look.mark, "marker": row.look.marker}
    style["linestyle"] = "none"
    wobble = 0.22 + 0.05 * (np.arange(len(row.seeds)) % 3 - 1)
    values = shown(row.one, row.differences[row.whole])
    axes.plot(values, place + wobble[row.whole], markersize=3.6, alpha=0.75, mew=0, zorder=3, **style)
    right = rightwards(row.one)
    for at in np.flatnonzero(~row.whole):
        ours = row.missed[0][at] or np.isposinf(row.differences[at])
        theirs = row.missed[1][at] or np.isneginf(row.differences[at])
        middle = 1.0 if row.one.scale == "ratio" else 0.0
        edge = middle if bool(ours) == bool(theirs) else ends[int(right != bool(ours))]
        face: dict[str, Any] = {"markerfacecolor": "white", "mew": 0.9, "clip_on": False, "zorder": 5}
        axes.plot([edge], [place + wobble[at]], markersize=4.2, **face, **style)
