"""Where the important samples lie: the importance of every sample of 2-D data, as training goes on.

Figure 1 of Salaün et al. (paper 003).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from isbench.report import exhibits
from isbench.report.exhibits import Arrays
from isbench.report.figures.selection import INSIDE, OUTSIDE, square
from isbench.report.figures.style import INK, WIDTH, Picture, figure
from isbench.report.frames import Frame, Group, Results

ACROSS = 5  # moments shown
CROWD = 4_000  # points in a picture from which on they are drawn as pixels
FULL = 0.98  # the share of the samples that are less than opaque
FAINTEST = 0.04  # of 1: what has next to no importance can still be seen
CLASSES = (OUTSIDE, INSIDE)


def pictures(results: Results) -> list[Picture]:
    """One picture for each variant of 2-D data with importances."""
    found: list[Picture] = []
    for group, arms in exhibits.once(results, "importance", ("progress", "value")):
        arms = {label: arm for label, arm in arms.items() if _mapped(arm)}
        if arms:
            found.append(_picture(results, group, arms))
    return found


def _mapped(arm: Arrays) -> bool:
    """Whether the samples have places, and some an importance."""
    places, value = arm.get("coordinates"), arm["value"]
    if places is None or not exhibits.plane(places) or value.ndim != 2 or value.shape[1] != len(places):
        return False
    return bool(np.isfinite(value).any())


def _picture(results: Results, group: Group, arms: dict[str, Arrays]) -> Picture:
    shown = _moments(arms)
    side = (WIDTH - 1.1) / max(len(shown), 4)
    drawn = figure((side + 0.04) * len(arms) + 0.7, pad=0.02)
    panels = drawn.subplots(len(arms), len(shown), squeeze=False)
    curves = exhibits.outlines(results, group)
    crowd = len(shown) * sum(len(arm["coordinates"]) for arm in arms.values()) > CROWD
    for row, (label, arm) in zip(panels, arms.items(), strict=True):
        for axes, moment in zip(row, shown, strict=True):
            square(axes)
            if moment < len(arm["value"]) and np.isfinite(arm["value"][moment]).any():
                _panel(axes, arm, moment, curves, crowd, side)
            else:
                axes.text(0.5, 0.5, "none yet", transform=axes.transAxes, ha="center", va="center")
        row[0].set_ylabel(label, rotation=0, ha="right", va="center", labelpad=6)
    longest = max(arms.values(), key=lambda arm: len(arm["progress"]))
    for axes, moment in zip(panels[0], shown, strict=True):
        axes.set_title(when(group, float(longest["progress"][moment])), color=INK, pad=3)
    classes = any((_classes(arm) >= 0).any() for arm in arms.values())
    drawn.legend(handles=_scale(classes), loc="outside lower center", ncols=5 if classes else 3)
    count = len(longest["coordinates"])
    caption = (
        f"{group.title}: importance of {count:,} samples as their sampler sees it, first seed (n = 1). "
        f"The more important, the more opaque: in proportion, the top {1 - FULL:.0%} of a panel in full. "
        f"{'Colour: the class. ' if classes else ''}A sampler with a memory shows what it remembers, and "
        "no samples that it has not trained on; others the score under the model at that moment."
    )
    return Picture(f"importance-{group.slug}", drawn, _numbers(group, arms, shown), caption)


def _classes(arm: Arrays) -> np.ndarray:
    """The class of each sample [n]; -1 where there is none."""
    label, count = arm.get("label"), len(arm["coordinates"])
    return label.astype(int) if label is not None and label.shape == (count,) else np.full(count, -1)


def _scale(with_classes: bool) -> list[Line2D]:
    dot = {"marker": "o", "markersize": 4, "linestyle": "none", "markeredgewidth": 0}
    shades = {"no": FAINTEST, "half": 0.5, "full": 1.0}
    classes = [Line2D([], [], color=color, label=f"class {k}", **dot) for k, color in enumerate(CLASSES)]
    grey = [
        Line2D([], [], color=INK, alpha=at, label=f"{says} importance", **dot) for says, at in shades.items()
    ]
    return classes + grey if with_classes else grey


def _panel(axes: Axes, arm: Arrays, moment: int, curves: list[np.ndarray], crowd: bool, side: float) -> None:
    """`crowd`: whether the samples are drawn as pixels; `side`: of the panel, in inches."""
    x, y = arm["coordinates"].T
    color = [to_rgb(CLASSES[k % len(CLASSES)] if k >= 0 else INK) for k in _classes(arm)]
    size = min(5.0, (72 * side) ** 2 / len(x))  # in square points: dots that just fill the panel
    alpha = opacity(arm["value"][moment])
    colors = np.column_stack([color, np.nan_to_num(alpha)])
    seen = ~np.isnan(alpha)
    axes.scatter(x[seen], y[seen], c=colors[seen], s=size, linewidths=0, rasterized=crowd)
    for curve in curves:
        axes.plot(*np.vstack([curve, curve[:1]]).T, color="#555555", linewidth=0.5)


def when(group: Group, progress: float) -> str:
    """A moment in words: the epoch or the step where the budget counts them, else the share of it."""
    if group.budget.unit in ("epochs", "steps"):
        return f"{group.budget.unit[:-1]} {progress * group.budget.amount:.3g}"
    return f"{progress:.0%}"


def opacity(value: np.ndarray) -> np.ndarray:
    """Each value [n] as an opacity from 0 to 1, in proportion, the largest few full; NaN stays NaN."""
    known = value[np.isfinite(value)]
    full = float(np.quantile(known, FULL)) if known.size else 0.0
    share = value / full if full > 0 else np.where(np.isfinite(value), 1.0, np.nan)
    return np.where(np.isfinite(value), np.clip(share, FAINTEST, 1.0), np.nan)


def _moments(arms: dict[str, Arrays]) -> list[int]:
    """Which points are shown: evenly spread over those at which some arm has an importance."""
    points = max(len(arm["value"]) for arm in arms.values())
    known = [
        moment
        for moment in range(points)
        if any(
            moment < len(arm["value"]) and np.isfinite(arm["value"][moment]).any() for arm in arms.values()
        )
    ]
    return [known[round(place)] for place in np.linspace(0, len(known) - 1, min(ACROSS, len(known)))]


def _numbers(group: Group, arms: dict[str, Arrays], shown: list[int]) -> Frame:
    frames: list[Frame] = []
    for label, arm in arms.items():
        for moment in (moment for moment in shown if moment < len(arm["value"])):
            columns = {"variant": group.variant, "budget": group.budget.name, "sampler": label}
            columns |= {"progress": arm["progress"][moment], "x": arm["coordinates"][:, 0]}
            columns |= {"y": arm["coordinates"][:, 1], "importance": arm["value"][moment]}
            frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)
