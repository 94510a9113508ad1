"""What each score is worth to the estimated gradient, as training goes on (paper 001, figures 1 and 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from isbench.report import probes
from isbench.report.figures.looks import PALETTE
from isbench.report.figures.style import INK, Picture, broken, figure, linear, logarithmic
from isbench.report.frames import Frame, Results, seeds, slug
from isbench.store.probes import Probed, probed

LINES: dict[str, dict[str, Any]] = {  # the exact norm is a band, for others lie on it
    "uniform": {"color": "#000000", "linestyle": (0, (4, 2))},
    "gradient": {"color": PALETTE[2], "linewidth": 4.0, "alpha": 0.45},
    "loss": {"color": PALETTE[1]},
    "upper_bound": {"color": PALETTE[0]},
    "output_gradient": {"color": PALETTE[0]},
    "last_layer": {"color": PALETTE[3], "linewidth": 1.1, "linestyle": (0, (1, 1))},
    "stored": {"color": PALETTE[5]},
}
AGAINST = ("loss", "upper_bound", "stored")  # whose probabilities are set against the ideal ones
TICKS = (0, 5, 20, 60, 200)
DOT = 2.2
SPAN = 3  # largest over smallest ratio up to which an axis is linear


@dataclass(frozen=True)
class Arm:
    """What was probed: its title, its rows, and the first seed's run at its checkpoints."""

    title: str
    rows: Frame
    first: Probed

    @property
    def scores(self) -> list[str]:
        """The scores that are drawn; the gradient at the output where the bound does not say the same."""
        found = [score for score in LINES if score in set(self.rows["score"])]
        return [score for score in found if score != "output_gradient" or "upper_bound" not in found]

    @property
    def extent(self) -> str:
        """How many seeds, samples and checkpoints, for captions."""
        count = self.rows["cell"].nunique()
        return (
            f"{seeds([count])}; {self.first.loss.shape[1]:,} training samples, "
            f"{len(self.first.step)} checkpoints"
        )


def pictures(results: Results) -> list[Picture]:
    """Three pictures for each variant and arm that was probed."""
    return [
        picture
        for arm in found(results)
        for picture in (distances(arm), probabilities(arm), concentration(arm))
    ]


def found(results: Results) -> Iterator[Arm]:
    """What was probed."""
    for title, rows in probes.arms(results):
        first = probed(results.store, rows["cell"].iloc[0])
        if first is not None:
            yield Arm(title, rows, first)


def distances(arm: Arm) -> Picture:
    """Figure 1: how far the gradient of a batch is from that of all samples, against uniform's batch."""
    rows = arm.rows.assign(distance=np.sqrt(arm.rows["variance_ratio"].clip(lower=0)))
    batch = int(rows["batch"].max())
    quantities = {"distance": "expected, exact", "distance_ratio": f"10 drawn batches of {batch}"}
    drawn = figure(2.9)
    panels = drawn.subplots(1, 2, sharey=True)
    for axes, (quantity, title) in zip(panels, quantities.items(), strict=True):
        for score in arm.scores:
            _lines(axes, rows[rows["score"] == score], quantity, score)
        updates(axes, rows)
        axes.set_title(title, color=INK)
    panels[0].set_ylabel("distance to the full gradient\nover that of uniform")
    _ratios(panels[0], rows.loc[rows["score"].isin(arm.scores), list(quantities)].to_numpy())
    _legend(drawn, arm.scores)
    caption = (
        f"{arm.title}: distance between the gradient of a drawn batch and that of all samples, over the "
        "distance with uniform draws (figure 1 of paper 001). Left: the root of the exact ratio of "
        f"variances. Right: the mean over 10 drawn batches, the paper's form, which is noisy. Thin: single "
        f"seeds; lines: their mean ({arm.extent})."
    )
    return Picture(f"probe-distance-{slug(arm.title)}", drawn, _numbers(rows, list(quantities)), caption)


def probabilities(arm: Arm) -> Picture:
    """Figure 2: the probabilities that a score gives against the ideal ones, all checkpoints together."""
    first, names = arm.first, [score for score in AGAINST if score in arm.scores]
    names = names if "upper_bound" in names else [*names[:1], "output_gradient", *names[1:]]
    ideal = first.share["gradient"]
    drawn = figure(3.9 if len(names) < 3 else 3.0)
    panels = np.atleast_1d(drawn.subplots(1, len(names), sharex=True, sharey=True))
    norm = SymLogNorm(linthresh=5, vmin=0, vmax=float(first.step.max()))
    shade: Any = colormaps["viridis"]
    color = shade(norm(np.repeat(first.step, ideal.shape[1])))
    low, high = _limits(ideal, *(first.share[name] for name in names))
    order = np.random.default_rng(0).permutation(ideal.size)  # no checkpoint covers another
    for axes, name in zip(panels, names, strict=True):
        x, y = ideal.ravel()[order], np.clip(first.share[name].ravel()[order], low, None)
        axes.scatter(
            np.clip(x, low, None), y, s=DOT, c=color[order], linewidths=0, alpha=0.6, rasterized=True
        )
        axes.plot([low, high], [low, high], color="black", linewidth=0.9)
        axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), aspect="equal")
        error = float(np.nansum(first.quantity[name]["squared_error"]))
        axes.set_title(f"{probes.NAMES[name]}: squared error {error:.2g}", color=INK)
        axes.set_xlabel("ideal probability")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(numticks=4 if len(names) > 2 else 9))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panels[0].set_ylabel("probability from the score")
    steps = [step for step in first.step if step in (0, 20, 200, first.step[-1])]
    dots: dict[str, Any] = {"marker": "o", "markersize": 4, "linestyle": "none"}
    handles = [
        Line2D([], [], color=shade(norm(step)), label=f"after {step:,} updates", **dots)
        for step in dict.fromkeys(steps)
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=4)
    caption = (
        f"{arm.title}: probabilities in proportion to a score against the ideal ones, in proportion to the "
        f"exact gradient norm (figure 2 of paper 001), {ideal.size:,} points of the first seed (n = 1); "
        "black: the two agree. What is too small for the axes lies on their edge. Squared error: summed over "
        "all points."
    )
    if "stored" in names:
        caption += " Stored: what the sampler remembers; samples that it has not seen count as the largest."
    return Picture(f"probe-probabilities-{slug(arm.title)}", drawn, _points(first, names), caption)


def concentration(arm: Arm) -> Picture:
    """How uneven the probabilities are: tau, and the effective share of the samples."""
    rows = arm.rows.assign(effective=arm.rows["ess"] / arm.rows["samples"])
    quantities = {"tau": "tau", "effective": "effective share of the samples"}
    drawn = figure(2.7)
    for axes, (quantity, label) in zip(drawn.subplots(1, 2), quantities.items(), strict=True):
        for score in arm.scores:
            _lines(axes, rows[rows["score"] == score], quantity, score)
        updates(axes, rows)
        axes.set_ylabel(label)
        linear(axes, "y")
    _legend(drawn, arm.scores)
    caption = (
        f"{arm.title}: how uneven the probabilities of each score are. tau is 1 for equal ones; its square "
        "is one over the effective share (effective sample size over number of samples). Thin: single "
        f"seeds; lines: their mean ({arm.extent})."
    )
    return Picture(f"probe-tau-{slug(arm.title)}", drawn, _numbers(rows, list(quantities)), caption)


def _lines(axes: Axes, rows: Frame, quantity: str, score: str) -> None:
    runs = rows.groupby("cell", sort=False)
    if len(runs) > 1 and score != "uniform":
        for _, run in runs:
            axes.plot(run["step"], run[quantity], linewidth=0.6, alpha=0.35, color=LINES[score]["color"])
    mean = rows.groupby("step")[quantity].mean()
    axes.plot(mean.index, mean, zorder=3, **LINES[score])


def updates(axes: Axes, rows: Frame) -> None:
    """An axis of updates that spreads the first ones."""
    last = float(rows["step"].max())
    decades = [10.0**power for power in range(3, 9)]
    ticks = [tick for tick in (*TICKS, *decades) if tick <= last / 2.5]
    axes.set_xscale("symlog", linthresh=5, linscale=0.6)
    axes.set_xlim(0, last * 1.1)
    axes.xaxis.set_major_locator(FixedLocator([*ticks, last]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("updates")


def _ratios(axes: Axes, values: np.ndarray) -> None:
    """An axis of ratios: linear and about 1 where they are of one size, else logarithmic."""
    known = values[np.isfinite(values) & (values > 0)]
    if known.size and known.max() > SPAN * known.min():
        return logarithmic(axes, known)
    low, high = float(known.min(initial=1.0)), float(known.max(initial=1.0))
    axes.set_ylim(max(0.0, low - 0.1 * (high - low) - 0.01), high + 0.1 * (high - low) + 0.01)
    broken(axes)
    return linear(axes, "y")


def _legend(drawn: Any, scores: list[str]) -> None:
    handles = [Line2D([], [], label=probes.NAMES[score], **LINES[score]) for score in scores]
    drawn.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _limits(*shares: np.ndarray) -> tuple[float, float]:
    """Limits of both axes: without the smallest probabilities, which add nothing to a squared error."""
    values = np.concatenate([share.ravel() for share in shares])
    values = values[np.isfinite(values) & (values > 0)]
    return max(1e-3 / shares[0].shape[1], float(values.min()) / 1.3), float(values.max()) * 1.3


def _numbers(rows: Frame, quantities: list[str]) -> Frame:
    return rows[["variant", "sampler", "seed", "step", "score", *quantities]]


def _points(first: Probed, names: list[str]) -> Frame:
    count = first.loss.shape[1]
    place = {"step": np.repeat(first.step, count), "sample": np.tile(np.arange(count), len(first.step))}
    shares = {f"p_{name}": first.share[name].ravel() for name in ("gradient", *names)}
    return pd.DataFrame(place | shares)
