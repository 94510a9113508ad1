"""Where the important samples lie: the importance of every sample of 2-D data, as training goes on."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D

from isbench.report import exhibits
from isbench.report.exhibits import Arrays
from isbench.report.figures.selection import square
from isbench.report.figures.style import INK, WIDTH, Picture, figure
from isbench.report.frames import Frame, Group, Results

ACROSS = 5  # moments shown
CROWD = 4_000  # points in a picture from which on they are drawn as pixels
NORM = Normalize(0, 1)


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
    moments = {label: _moments(arm) for label, arm in arms.items()}
    across = max(len(rows) for rows in moments.values())
    side = (WIDTH - 1.1) / max(across, 4)
    drawn = figure((side + 0.04) * len(arms) + 0.7, pad=0.02)
    panels = drawn.subplots(len(arms), across, squeeze=False)
    curves = exhibits.outlines(results, group)
    crowd = across * sum(len(arm["coordinates"]) for arm in arms.values()) > CROWD
    for row, (label, arm) in zip(panels, arms.items(), strict=True):
        for axes in row:
            square(axes)
        for axes, moment in zip(row, moments[label], strict=False):
            _panel(axes, arm["coordinates"], ranks(arm["value"][moment]), curves, crowd)
        row[0].set_ylabel(label, rotation=0, ha="right", va="center", labelpad=6)
    _titles(panels, arms, moments)
    drawn.legend(handles=_scale(), loc="outside lower center", ncols=3)
    caption = (
        f"{group.title}: importance of every sample as its sampler sees it, by rank within a panel, at the "
        "share of the budget above it (first seed, n = 1). Samples without an importance are left out."
    )
    return Picture(f"importance-{group.slug}", drawn, _numbers(group, arms, moments), caption)


def _scale() -> list[Line2D]:
    shades = {"lowest rank": 0.0, "middle": 0.5, "highest rank": 1.0}
    dot = {"marker": "o", "markersize": 4, "linestyle": "none"}
    return [Line2D([], [], color=colormaps["viridis"](at), label=says, **dot) for says, at in shades.items()]


def _panel(axes: Axes, places: np.ndarray, rank: np.ndarray, curves: list[np.ndarray], crowd: bool) -> None:
    x, y = places.T
    axes.scatter(x, y, c=rank, s=4.0, cmap="viridis", norm=NORM, linewidths=0, rasterized=crowd)
    for curve in curves:
        axes.plot(*np.vstack([curve, curve[:1]]).T, color="black", linewidth=0.6)


def _titles(panels: np.ndarray, arms: dict[str, Arrays], moments: dict[str, list[int]]) -> None:
    """The spent share of the budget above each panel, or above the first row where all rows agree."""
    rows = [[f"{arms[label]['progress'][moment]:.0%}" for moment in moments[label]] for label in arms]
    alike = all(row == rows[0] for row in rows)
    for line, row in zip(panels[:1] if alike else panels, rows, strict=False):
        for axes, title in zip(line, row, strict=False):
            axes.set_title(title, color=INK, pad=3)


def ranks(value: np.ndarray) -> np.ndarray:
    """Rank of each value [n] from 0 to 1, ties alike; NaN stays NaN."""
    known = pd.Series(value).where(np.isfinite(value))
    if known.nunique() < 2:
        return known.where(known.isna(), 0.5).to_numpy()
    rank = known.rank(method="average")
    return ((rank - rank.min()) / (rank.max() - rank.min())).to_numpy()


def _moments(arm: Arrays) -> list[int]:
    known = np.flatnonzero(np.isfinite(arm["value"]).any(axis=1))
    return [int(known[round(place)]) for place in np.linspace(0, len(known) - 1, min(ACROSS, len(known)))]


def _numbers(group: Group, arms: dict[str, Arrays], moments: dict[str, list[int]]) -> Frame:
    frames: list[Frame] = []
    for label, arm in arms.items():
        for moment in moments[label]:
            columns = {"variant": group.variant, "budget": group.budget.name, "sampler": label}
            columns |= {"progress": arm["progress"][moment], "x": arm["coordinates"][:, 0]}
            columns |= {"y": arm["coordinates"][:, 1], "importance": arm["value"][moment]}
            frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)
