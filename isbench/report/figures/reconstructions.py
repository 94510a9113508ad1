"""What each sampler's model makes of a picture: the picture, where it is wrong, and a closer look.

Figure 6 of Salaün et al. (paper 003).
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from isbench.report import exhibits
from isbench.report.exhibits import Arrays
from isbench.report.figures.style import INK, WIDTH, Picture, figure
from isbench.report.frames import Group, Results

ARMS = 5  # side by side at most
SMALLEST = 8  # pixels: the side of a picture, and of what is looked at closely
CLOSER = 4  # times: how much closer the last row looks at least, by the shorter side
TEXTURED = 0.25  # the share of the pixels with the strongest edges
SCALED = 0.995  # the share of all errors that the colour scale tells apart


@dataclass(frozen=True)
class Square:
    """A part of a picture: its upper left pixel and its side."""

    row: int
    column: int
    side: int

    def of(self, picture: np.ndarray) -> np.ndarray:
        """The pixels in it."""
        return picture[self.row : self.row + self.side, self.column : self.column + self.side]


def pictures(results: Results) -> list[Picture]:
    """One picture for each variant and budget of an image regression."""
    found: list[Picture] = []
    for group, arms in exhibits.first(results, "output", ("progress", "prediction")):
        arms = {label: arm for label, arm in arms.items() if _shown(arm)}
        if arms:
            found.append(_picture(group, arms))
    return found


def _shown(arm: Arrays) -> bool:
    """Whether there is a picture that is large enough, and what a model made of it."""
    reference, prediction = arm.get("reference", np.empty(0)), arm["prediction"]
    if reference.ndim != 3 or reference.shape[2] not in (1, 3) or min(reference.shape[:2]) < SMALLEST:
        return False
    return prediction.ndim == 4 and len(prediction) > 0 and prediction.shape[1:] == reference.shape


def _picture(group: Group, arms: dict[str, Arrays]) -> Picture:
    reference = next(iter(arms.values()))["reference"].astype(float)
    made = {label: arm["prediction"][-1].astype(float) for label, arm in arms.items()}
    errors = {label: np.abs(picture - reference).mean(2) for label, picture in made.items()}
    edges = strength(reference)
    square = busiest(edges)
    known = np.concatenate([error[np.isfinite(error)] for error in errors.values()])
    worst = float(np.quantile(known, SCALED)) if known.size else 1.0
    blocks = _blocks(list(arms))
    across = 1 + max(map(len, blocks))
    width = (WIDTH - 0.1) / across
    shape = reference.shape[0] / reference.shape[1]
    drawn = figure((width * (2 * shape + 1) + 0.5) * len(blocks), pad=0.02)
    heights = [shape, shape, 1.0] * len(blocks)
    panels = drawn.subplots(3 * len(blocks), across, squeeze=False, height_ratios=heights)
    for axes in panels.flat:
        axes.set_axis_off()
    for place, block in enumerate(blocks):
        whole, wrong, closer = panels[3 * place : 3 * place + 3]
        _reference(whole[0], closer[0], reference, square)
        for column, label in enumerate(block, 1):
            _show(whole[column], made[label])
            decibels = (
                f"{psnr(made[label], reference):.1f} dB" if np.isfinite(made[label]).all() else "diverged"
            )
            name = textwrap.fill(label, max(8, int(17 * width)))
            whole[column].set_title(f"{name}\n{decibels}", color=INK, pad=3)
            shades = wrong[column].imshow(errors[label], cmap="magma", vmin=0.0, vmax=worst or 1.0)
            _show(closer[column], square.of(made[label]))
            if column == 1:
                _scale(drawn, wrong[0], shades)
    caption = (
        f"{group.title}: what the model of each sampler makes of the picture at the end of its budget, with "
        "the peak signal-to-noise ratio, first seed (n = 1). Middle: absolute error, the mean of the "
        f"channels, on one scale for all, which the largest {1 - SCALED:.1%} of the errors exceed. Bottom: "
        f"the {square.side} x {square.side} pixels with the strongest edges, framed in the reference."
    )
    rows = [
        {"variant": group.variant, "budget": group.budget.name, "sampler": label}
        | measures(picture, reference, edges, square)
        for label, picture in made.items()
    ]
    return Picture(f"reconstruction-{group.slug}", drawn, pd.DataFrame(rows), caption)


def _blocks(labels: list[str]) -> list[list[str]]:
    """Labels in rows of about equal length, none too long."""
    rows = -(-len(labels) // ARMS)
    length = -(-len(labels) // rows)
    return [labels[first : first + length] for first in range(0, len(labels), length)]


def _show(axes: Axes, picture: np.ndarray) -> None:
    """A picture of colours in [0, 1]; what is beyond is cut off, what is no number is grey."""
    colours = np.nan_to_num(picture, nan=0.5).clip(0.0, 1.0)
    axes.imshow(colours.squeeze(2) if colours.shape[2] == 1 else colours, cmap="gray", vmin=0.0, vmax=1.0)


def _reference(whole: Axes, closer: Axes, reference: np.ndarray, square: Square) -> None:
    _show(whole, reference)
    whole.set_title("reference", color=INK, pad=3)
    corner = (square.column - 0.5, square.row - 0.5)
    for color, line in (("black", 2.0), ("white", 1.0)):
        frame = Rectangle(corner, square.side, square.side, fill=False, edgecolor=color, linewidth=line)
        whole.add_patch(frame)
    _show(closer, square.of(reference))


def _scale(drawn: Figure, axes: Axes, shades: Any) -> None:
    """The colour scale of the errors, in the free place below the reference."""
    bar = drawn.colorbar(
        shades, cax=axes.inset_axes((0.06, 0.52, 0.88, 0.11)), orientation="horizontal", extend="max"
    )
    bar.set_label("absolute error")
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    bar.ax.locator_params(nbins=4)


def strength(reference: np.ndarray) -> np.ndarray:
    """How strong the edge at each pixel [h, w] is: the gradient of the grey value."""
    down, across = np.gradient(reference.mean(2))
    return np.hypot(down, across)


def busiest(edges: np.ndarray) -> Square:
    """The square with the strongest edges [h, w] in all."""
    side = max(SMALLEST, min(edges.shape) // CLOSER)
    sums = np.pad(edges, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    return Square(int(row), int(column), side)


def measures(
    picture: np.ndarray, reference: np.ndarray, edges: np.ndarray, square: Square
) -> dict[str, float]:
    """How good a picture [h, w, c] is, how even its error, and how it fares where there is detail."""
    error = np.abs(picture - reference).mean(2)
    strongest = np.argsort(-edges, axis=None, kind="stable")[: round(TEXTURED * edges.size)]
    squares = np.square(picture - reference).mean(2)
    return {
        "psnr": psnr(picture, reference),
        "mse": float(squares.mean()),
        "error_mean": float(error.mean()),
        "error_p95": float(np.quantile(error, 0.95)),
        "error_variation": float(error.std() / error.mean()) if error.mean() else 0.0,
        "mse_textured": float(squares.flat[strongest].mean()),
        "psnr_closer": psnr(square.of(picture), square.of(reference)),
        "closer_row": square.row,
        "closer_column": square.column,
        "closer_side": square.side,
    }


def psnr(picture: np.ndarray, reference: np.ndarray) -> float:
    """The peak signal-to-noise ratio in dB, of a peak of 1; infinite where both are the same."""
    error = float(np.square(picture - reference).mean())
    return -10 * float(np.log10(error)) if error else np.inf
