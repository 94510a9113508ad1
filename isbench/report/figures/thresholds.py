"""What the start threshold does: final error or loss, and time to the baseline's best, by threshold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from isbench.report.figures import lines
from isbench.report.figures.looks import Look, looks, thresholds
from isbench.report.figures.style import Picture, figure, linear
from isbench.report.frames import Frame, Group, Results, first_reached, known, mean_curves, seeds


def pictures(results: Results) -> list[Picture]:
    """One picture for each variant and budget, if the arms differ in their start threshold only."""
    sweep = thresholds(results)
    found = [(group, _summary(results, group, sweep)) for group in results.groups] if len(sweep) > 2 else []
    return [_picture(results, group, rows) for group, rows in found if rows["threshold"].notna().any()]


def _summary(results: Results, group: Group, sweep: dict[str, float]) -> Frame:
    """A row for each run: threshold, final test error, seconds to the baseline's best validation error.

    Losses, where there are no errors.
    """
    points = group.of(results.points[results.points["status"] == "done"])
    kind = "error" if known(points, "test_error") else "loss"
    seen, final, target = f"val_{kind}", f"test_{kind}", f"target_val_{kind}"
    curves = mean_curves(results.points, group, seen, "train_seconds")
    best = curves[curves["sampler"] == results.baseline]["mean"].min()
    rows: list[dict[str, object]] = []
    if known(points, final):
        for (label, seed), run in points.groupby(["sampler", "seed"], sort=False):
            x, value = (run[run[seen].notna()][name].to_numpy() for name in ("train_seconds", seen))
            reached = first_reached(x, value, np.array([best]))[0] if len(x) > 1 else np.nan
            row = {"variant": group.variant, "budget": group.budget.name, "sampler": label, "seed": int(seed)}
            row |= {"threshold": sweep.get(str(label), np.nan), final: run[final].iloc[-1]}
            rows.append(row | {target: best, "seconds": reached})
    names = ["variant", "budget", "sampler", "seed", "threshold", final, target, "seconds"]
    return pd.DataFrame(rows, columns=names)


def _picture(results: Results, group: Group, rows: Frame) -> Picture:
    drawn = figure(2.5)
    panels = drawn.subplots(1, 2)
    look, kind = looks(results), "error" if "test_error" in rows else "loss"
    for axes, column in zip(panels, (f"test_{kind}", "seconds"), strict=True):
        _panel(axes, rows, column, look, results.baseline)
        axes.set_xlabel("start threshold (share of the first loss)")
        linear(axes)
        linear(axes, "y")
    panels[0].set_ylabel(f"final test {kind}")
    panels[1].set_ylabel(f"seconds to {results.baseline}'s best")
    drawn.legend(
        handles=[
            Line2D([], [], color="black", linestyle=(0, (4, 2)), label=f"{results.baseline} (mean)"),
            Line2D([], [], color="#444444", marker="D", linestyle="none", markersize=5, label="mean"),
            Line2D(
                [],
                [],
                color="#444444",
                marker="o",
                linestyle="none",
                markersize=3,
                alpha=0.6,
                label="single run",
            ),
            Line2D(
                [],
                [],
                color="#444444",
                marker="o",
                markerfacecolor="white",
                linestyle="none",
                label="never reached",
            ),
        ],
        loc="outside lower center",
        ncols=4,
    )
    caption = (
        f"{group.title}: by start threshold, the final test {kind} and the seconds until the validation "
        f"{kind} falls to the lowest of {results.baseline}'s mean curve "
        f"({seeds(lines.counts(results, group))}). Open ring at the top edge: not within the budget; then "
        "no mean is drawn."
    )
    return Picture(f"thresholds-{group.slug}", drawn, rows, caption)


def _panel(axes: Axes, rows: Frame, column: str, look: dict[str, Look], baseline: str) -> None:
    base = rows[rows["sampler"] == baseline][column]
    if base.notna().all() and len(base):
        axes.axhline(base.mean(), color="black", linestyle=(0, (4, 2)), linewidth=1.2)
    for label, arm in rows[rows["threshold"].notna()].groupby("sampler", sort=False):
        reached, missed = arm[arm[column].notna()], arm[arm[column].isna()]
        style = look[str(label)].line(linestyle="none")
        axes.plot(reached["threshold"], reached[column], marker="o", markersize=3, alpha=0.6, **style)
        if missed.empty:
            axes.plot(
                [arm["threshold"].iloc[0]], [arm[column].mean()], marker="D", markersize=5, zorder=4, **style
            )
        if missed.empty:
            continue
        edge = {"transform": axes.get_xaxis_transform(), "clip_on": False, "markerfacecolor": "white"}
        axes.plot(missed["threshold"], np.ones(len(missed)), marker="o", markersize=5, **edge, **style)
