"""How every figure looks, and the one function that saves them: same numbers, same bytes."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from isbench.report.figures.looks import Look
from isbench.report.frames import Frame
from isbench.store.atomic import atomic_write
from isbench.store.export import table

WIDTH = 6.8  # inches: a text width
DPI = 160
INK = "#222222"
SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.labelcolor": INK,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "hatch.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eeeeee",
    "grid.linewidth": 0.6,
    "svg.fonttype": "path",
    "text.parse_math": False,
    "svg.hashsalt": "isbench",
}


@dataclass(frozen=True)
class Picture:
    """A figure, the numbers that it shows, and what its caption says."""

    name: str  # a slug: the file name
    figure: Figure
    numbers: Frame
    caption: str


def figure(height: float, pad: float = 0.04167) -> Figure:
    """An empty figure of full width; `height` and `pad` (around panels) in inches."""
    return Figure(figsize=(WIDTH, height), dpi=DPI, layout=ConstrainedLayoutEngine(w_pad=pad, h_pad=pad))


def legend(figure: Figure, drawn: dict[str, Look], extra: list[Line2D] | None = None) -> None:
    """One legend for all panels, below them."""
    handles = [Line2D([], [], color=look.color, linestyle=look.dash) for look in drawn.values()]
    for handle, label in zip(handles, drawn, strict=True):
        handle.set_label(f" {label}" if label.startswith("_") else label)  # a leading _ would hide the entry
    handles += extra or []
    longest = max((len(str(handle.get_label())) for handle in handles), default=1)
    columns = max(1, min(len(handles), int(111 / (longest + 9))))
    drawn_legend = figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=2.6)
    for entry, text, look in zip(
        drawn_legend.legend_handles, drawn_legend.get_texts(), drawn.values(), strict=False
    ):
        text.set_gid(look.mark)
        if entry is not None:
            entry.set_gid(look.mark)


def linear(axes: Axes, side: str = "x", ticks: int = 5) -> None:
    """A linear axis with few, round ticks."""
    (axes.xaxis if side == "x" else axes.yaxis).set_major_locator(
        MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10])
    )


def logarithmic(axes: Axes, values: pd.Series | np.ndarray) -> None:
    """A logarithmic y axis with plain numbers, where the values allow one."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if not values.size or values.min() <= 0:
        return linear(axes, "y")
    decades = np.log10(values.max() / values.min())
    axes.set_yscale("log")
    if decades < 0.7:
        axes.yaxis.set_major_locator(MaxNLocator(4 if decades < 0.2 else 6, steps=[1, 2, 2.5, 5, 10]))
    else:
        subs = (1.0, 2.0, 5.0) if decades < 2.5 else (1.0,)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    return None


def broken(axes: Axes) -> None:
    """Mark a y axis that does not begin at zero."""
    place = {"transform": axes.transAxes, "color": "#444444", "clip_on": False, "linewidth": 0.8}
    for low in (0.02, 0.05):
        axes.plot([-0.015, 0.015], [low - 0.012, low + 0.012], **place)


def vector(picture: Picture) -> str:
    """A figure as an SVG, in which what is drawn of an arm has its mark as its class."""
    svg = io.BytesIO()
    with rc_context(SETTINGS):
        FigureCanvasSVG(picture.figure).print_svg(svg, metadata={"Date": None, "Creator": None})
    return re.sub(r'id="(arm\d+)"', r'class="\1"', svg.getvalue().decode())


def save(picture: Picture, folder: Path) -> str:
    """Write NAME.svg, NAME.png and NAME.csv; returns the SVG."""
    drawn, png = vector(picture), io.BytesIO()
    with rc_context(SETTINGS):
        picture.figure.set_dpi(DPI)  # drawing the SVG has set it to its own
        FigureCanvasAgg(picture.figure).print_png(png, metadata={"Software": None})
    columns = tuple(str(column) for column in picture.numbers.columns)
    atomic_write(folder / f"{picture.name}.svg", drawn)
    atomic_write(folder / f"{picture.name}.png", png.getvalue())
    atomic_write(folder / f"{picture.name}.csv", table(columns, picture.numbers.to_dict("records")))
    return drawn
