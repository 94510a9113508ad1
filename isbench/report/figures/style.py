"""How every figure looks, and the one function that saves them: same numbers, same bytes."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from isbench.report.frames import Frame, Results
from isbench.store.atomic import atomic_write
from isbench.store.export import table
from isbench.store.plans import Card
from isbench.store.records import Cell, SamplerSpec

WIDTH = 6.8  # inches: a text width
DPI = 160
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#882255", "#7f7f2f")
DASHES = ("-", "-.", (0, (1, 1)))  # told apart once the palette is used up; dashed is the baseline's own
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


@dataclass(frozen=True)
class Look:
    """How an arm is drawn, in every figure alike."""

    color: str
    dash: Any  # a line style of matplotlib
    mark: str  # an id that ties together all that is drawn of an arm

    def line(self, **more: Any) -> dict[str, Any]:
        """Keyword arguments of a line."""
        return {"color": self.color, "linestyle": self.dash, "gid": self.mark} | more


def looks(results: Results) -> dict[str, Look]:
    """The look of each label: baseline black dashed, a sweep as a sequence, others in order."""
    others = [label for label in results.labels if label != results.baseline]
    sweep = thresholds(results) or banks(results)
    if sweep:
        shades = colormaps["viridis"](np.linspace(0.05, 0.85, len(sweep)))
        colors = {label: to_hex(shade) for label, shade in zip(sweep, shades, strict=True)}
    else:
        colors = {label: PALETTE[place % len(PALETTE)] for place, label in enumerate(others)}
    found = {results.baseline: Look("#000000", (0, (4, 2)), "arm0")} if results.baseline else {}
    for place, label in enumerate(others):
        dash = DASHES[0] if sweep else DASHES[place // len(PALETTE) % len(DASHES)]
        found[label] = Look(colors[label], dash, f"arm{place + 1}")
    return {label: found[label] for label in results.labels}


def thresholds(results: Results) -> dict[str, float]:
    """Label -> threshold, rising, where all arms but the baseline differ in their start threshold only."""
    arms = _arms(results)
    starts = {label: cell.sampler.start.options.get("below") for label, cell in arms.items()}
    values = {label: float(value) for label, value in starts.items() if isinstance(value, int | float)}
    kinds = {_but_threshold(cell) for cell in arms.values()}
    if len(values) < 2 or len(values) != len(arms) or len(kinds) != 1:
        return {}
    return dict(sorted(values.items(), key=lambda item: item[1]))


def banks(results: Results) -> dict[str, float]:
    """Label -> bank, rising, where all arms but the baseline differ in the option `bank` only."""
    arms, cards = _arms(results), {card.label: card for card in results.plan.cards}
    found = {label: cards[label].options.get("bank") for label in arms if label in cards}
    values = {label: float(value) for label, value in found.items() if isinstance(value, int | float)}
    kinds = {_but_bank(arms[label], cards[label]) for label in values}
    if len(values) < 2 or len(values) != len(arms) or len(kinds) != 1:
        return {}
    return dict(sorted(values.items(), key=lambda item: item[1]))


def _arms(results: Results) -> dict[str, Cell]:
    """A cell of each arm but the baseline."""
    arms: dict[str, Cell] = {}
    for run in results.runs:
        if run.cell.sampler.label != results.baseline:
            arms.setdefault(run.cell.sampler.label, run.cell)
    return arms


def _but_bank(cell: Cell, card: Card) -> tuple[str, ...]:
    others = {name: value for name, value in card.options.items() if name != "bank"}
    bare = SamplerSpec(label="", name=card.name, options=others, start=cell.sampler.start)
    return bare.model_dump_json(), cell.optimizer.model_dump_json(), cell.schedule.model_dump_json()


def _but_threshold(cell: Cell) -> str:
    start = cell.sampler.start
    others = {name: value for name, value in start.options.items() if name != "below"}
    bare = start.model_copy(update={"options": others})
    return cell.sampler.model_copy(update={"label": "", "start": bare}).model_dump_json()


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
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=2.6)


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


def save(picture: Picture, folder: Path) -> str:
    """Write NAME.svg, NAME.png and NAME.csv; returns the SVG."""
    svg, png = io.BytesIO(), io.BytesIO()
    with rc_context(SETTINGS):
        FigureCanvasSVG(picture.figure).print_svg(svg, metadata={"Date": None, "Creator": None})
        picture.figure.set_dpi(DPI)  # drawing the SVG has set it to its own
        FigureCanvasAgg(picture.figure).print_png(png, metadata={"Software": None})
    drawn = re.sub(r'id="(arm\d+)"', r'class="\1"', svg.getvalue().decode())
    columns = tuple(str(column) for column in picture.numbers.columns)
    atomic_write(folder / f"{picture.name}.svg", drawn)
    atomic_write(folder / f"{picture.name}.png", png.getvalue())
    atomic_write(folder / f"{picture.name}.csv", table(columns, picture.numbers.to_dict("records")))
    return drawn
