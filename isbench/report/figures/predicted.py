"""How the losses that a sampler predicts follow the true ones, as training goes on (claim 002-C9)."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from isbench.report.figures.looks import Look, looks
from isbench.report.figures.style import INK, Picture, figure, legend, linear
from isbench.report.frames import Frame, Results, seeds

PREDICTED = "predicted"
ENOUGH = 0.1  # the correlation that is claimed
QUARTER = 0.25  # of an epoch, from which on it is claimed
WIDEST = 3  # panels side by side
HEIGHT = 2.1  # inches of a panel
WIDE = 4.0  # points: the first arm's line; those above it are thinner
GREY = {"color": "#888888", "linewidth": 0.9, "zorder": 1}


def pictures(results: Results) -> list[Picture]:
    """One picture, a panel for each variant, if a probed sampler predicts losses."""
    rows = results.probe[results.probe["score"] == PREDICTED]
    rows = rows.assign(epochs=rows["step"] / rows["cell"].map(lengths(results)))
    return [_picture(results, rows)] if rows["spearman_loss"].notna().any() else []


def lengths(results: Results) -> dict[str, float]:
    """How many updates an epoch is, by probed cell."""
    ends = {run.id: run.record.points[-1] for run in results.probes if run.record and run.record.points}
    return {cell: end.steps / end.epochs for cell, end in ends.items() if end.epochs > 0}


def _picture(results: Results, rows: Frame) -> Picture:
    variants = list(dict.fromkeys(rows["variant"]))
    wide = min(len(variants), WIDEST)
    deep = -(-len(variants) // wide)
    drawn = figure(0.65 + HEIGHT * deep)
    panels = drawn.subplots(deep, wide, squeeze=False, sharey=True).ravel()
    labels = tuple(dict.fromkeys((*results.labels, *rows["sampler"])))
    every = looks(replace(results, labels=labels))
    look = {label: every[label] for label in dict.fromkeys(rows["sampler"])}
    for axes in panels[len(variants) :]:
        axes.set_axis_off()
    for axes, variant in zip(panels, variants, strict=False):
        _panel(axes, rows[rows["variant"] == variant], look)
        axes.set_title(variant, loc="left", color=INK)
    for axes in panels[::wide]:
        axes.set_ylabel("rank correlation of\npredicted and true loss")
    linear(panels[0], "y")
    claimed = Line2D([], [], linestyle=":", label=f"{ENOUGH:g}, a quarter of the first epoch", **GREY)
    legend(drawn, look, [claimed])
    numbers = rows[["variant", "sampler", "seed", "step", "epochs", "spearman_loss"]]
    return Picture("probe-predicted", drawn, numbers, _caption(rows))


def _panel(axes: Axes, rows: Frame, look: dict[str, Look]) -> None:
    axes.axhline(0.0, **GREY)
    axes.axhline(ENOUGH, linestyle=":", **GREY)
    axes.axvline(QUARTER, linestyle=":", **GREY)
    for place, (label, style) in enumerate(look.items()):
        known = rows[(rows["sampler"] == label) & rows["spearman_loss"].notna()]
        runs = known.groupby("cell", sort=False)
        for _, run in runs if len(runs) > 1 else ():
            axes.plot(run["epochs"], run["spearman_loss"], **style.line(linewidth=0.6, alpha=0.35))
        mean = known.groupby("step")[["epochs", "spearman_loss"]].mean()
        width = max(1.0, WIDE - 1.5 * place)
        thick = style.line(linewidth=width, marker="o", markersize=2.0 + width / 2, zorder=3)
        axes.plot(mean["epochs"], mean["spearman_loss"], **thick)
    axes.set_xlim(0.0, 1.02 * float(rows["epochs"].max()))
    axes.set_xlabel("epochs")
    linear(axes)


def _caption(rows: Frame) -> str:
    counts = rows.groupby(["variant", "sampler"])["cell"].nunique()
    return (
        "Spearman's rank correlation of the losses that a sampler predicts (IMPON's linear model, paper 002, "
        f"section 3) with the true ones, of {int(rows['samples'].max()):,} fixed training samples in place "
        "of a bank. 1: the same order; 0: none; below 0 the samples with the lowest losses are taken for "
        f"those with the highest. Dotted: {ENOUGH:g}, and a quarter of the first epoch, from which on paper "
        "002's claim is tested. The linear model begins anew with every round, which is an epoch, unless an "
        "arm says otherwise; it has only seen batches that it chose itself. Where all predictions are equal "
        f"there is no dot. Line: mean over seeds ({seeds(counts)}), thinner from arm to arm so that none "
        "hides another; thinnest: single seeds."
    )
