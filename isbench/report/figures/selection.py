"""Which samples a batch is made of, on the plane they come from: Fig. 1 of Knutsson et al. (2022)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from isbench.report import exhibits
from isbench.report.exhibits import Arrays
from isbench.report.figures.style import INK, WIDTH, Picture, figure
from isbench.report.frames import Frame, Group, Results

SELECTION = ("step", "index", "coordinates", "predicted", "weight")
ACROSS = 6  # batches shown
INSIDE, OUTSIDE = "#1f5fd0", "#d62a2a"


def pictures(results: Results) -> list[Picture]:
    """One picture for each variant of 2-D data."""
    found: list[Picture] = []
    for group, arms in exhibits.once(results, "selection", SELECTION):
        arms = {
            label: arm
            for label, arm in arms.items()
            if len(arm["step"]) and exhibits.plane(arm["coordinates"])
        }
        if arms:
            found.append(_picture(results, group, arms))
    return found


def columns(arms: dict[str, Arrays]) -> list[int]:
    """Up to six recorded batches, evenly spaced, as far as the arm with the fewest steps went."""
    recorded = [set(arm["step"].astype(int).tolist()) for arm in arms.values()]
    shared = sorted(set.intersection(*recorded) or set.union(*recorded))
    places = np.linspace(0, len(shared) - 1, min(ACROSS, len(shared)))
    return [shared[round(place)] for place in places]


def _picture(results: Results, group: Group, arms: dict[str, Arrays]) -> Picture:
    steps, curves = columns(arms), exhibits.outlines(results, group)
    side = (WIDTH - 1.1) / max(len(steps), 4)
    drawn = figure((side + 0.04) * len(arms) + 0.55, pad=0.02)
    panels = drawn.subplots(len(arms), len(steps), squeeze=False)
    for row, (label, arm) in zip(panels, arms.items(), strict=True):
        for axes, step in zip(row, steps, strict=True):
            _panel(axes, arm, step, curves)
        row[0].set_ylabel(label, rotation=0, ha="right", va="center", labelpad=6)
    for place, (axes, step) in enumerate(zip(panels[0], steps, strict=True)):
        axes.set_title(f"batch {step:,}" if not place else f"{step:,}", color=INK)
    coloured = ""
    if any((arm["predicted"] >= 0).any() for arm in arms.values()):
        coloured = ", coloured by the class that the model predicts at that time"
        dots = [(INSIDE, "predicted inside"), (OUTSIDE, "predicted outside")]
        handles = [
            Line2D([], [], color=color, marker="o", markersize=4, linestyle="none", label=says)
            for color, says in dots
        ]
        drawn.legend(handles=handles, loc="outside lower center", ncols=2)
    boundary = " Black: the true boundary." if curves else ""
    caption = (
        f"{group.title}: the samples of single batches{coloured} (first seed, n = 1).{boundary} Batch 0 "
        "reflects the initial weights."
    )
    return Picture(f"selection-{group.slug}", drawn, _numbers(group, arms, steps), caption)


def _panel(axes: Axes, arm: Arrays, step: int, curves: list[np.ndarray]) -> None:
    chosen = arm["step"].astype(int) == step
    x, y = arm["coordinates"][chosen].T
    predicted = arm["predicted"][chosen]  # -1: no class
    colors = np.select([predicted > 0, predicted == 0], [INSIDE, OUTSIDE], INK)
    axes.scatter(x, y, s=3.0, c=colors.tolist(), linewidths=0)
    for curve in curves:
        closed = np.vstack([curve, curve[:1]])
        axes.plot(closed[:, 0], closed[:, 1], color="black", linewidth=0.6)
    square(axes)


def square(axes: Axes) -> None:
    """A bare square panel over [-1, 1]^2."""
    axes.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), aspect="equal", xticks=[], yticks=[])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.5, color="#999999")


def _numbers(group: Group, arms: dict[str, Arrays], steps: list[int]) -> Frame:
    frames: list[Frame] = []
    for label, arm in arms.items():
        columns = {"variant": group.variant, "budget": group.budget.name, "sampler": label}
        columns |= {"step": arm["step"], "index": arm["index"], "x": arm["coordinates"][:, 0]}
        columns |= {"y": arm["coordinates"][:, 1], "predicted": arm["predicted"], "weight": arm["weight"]}
        frame = pd.DataFrame(columns)
        frames.append(frame[frame["step"].isin(steps)])
    return pd.concat(frames, ignore_index=True)
