"""Error and losses against epochs, seconds and passes side by side: one budget, counted in three ways."""

from __future__ import annotations

import pandas as pd

from isbench.report.figures import lines
from isbench.report.figures.looks import looks
from isbench.report.figures.style import Picture, figure, legend, linear, logarithmic
from isbench.report.frames import AXES, Frame, Group, Results, known, seeds

METRICS = {
    "test_error": "test error",
    "test_loss": "test loss",
    "psnr": "PSNR (dB)",
    "train_loss": "training loss",
}


def pictures(results: Results) -> list[Picture]:
    """One picture for each variant and budget that has a result."""
    found = [(group, group.of(results.points)) for group in results.groups if group.curved]
    return [_picture(results, group, points) for group, points in found if known(points, "train_seconds")]


def _picture(results: Results, group: Group, points: Frame) -> Picture:
    metrics = [metric for metric in METRICS if known(points, metric)]
    if "psnr" in metrics:
        metrics.remove("train_loss")  # of a part of the same picture
    drawn = figure(0.7 + 1.65 * len(metrics))
    panels = drawn.subplots(len(metrics), len(AXES), sharex="col", sharey="row", squeeze=False)
    look = {label: look for label, look in looks(results).items() if label in set(points["sampler"])}
    frames: list[Frame] = []
    for row, metric in zip(panels, metrics, strict=True):
        for axes, axis in zip(row, AXES, strict=True):
            curves = lines.draw(axes, results, group, metric, axis, look)
            frames.append(
                curves.assign(variant=group.variant, budget=group.budget.name, metric=metric, axis=axis)
            )
            lines.limits(axes, results, group, axis)
            linear(axes, ticks=4)
        if metric == "psnr":
            linear(row[0], "y", ticks=4)
        else:
            logarithmic(row[0], points[metric])
        row[0].set_ylabel(METRICS[metric])
    for axes, title in zip(panels[-1], AXES.values(), strict=True):
        axes.set_xlabel(title)
    legend(drawn, look)
    counts = lines.counts(results, group)
    caption = (
        f"{group.title}: {_said(metrics)} against epochs (equal data), training seconds (equal time) and "
        f"passes (machine-free cost). Line: mean over seeds ({seeds(counts)}); thin lines: single runs. "
        f"Logarithmic y axes where values allow.{lines.diverged(results, group)}"
    )
    return Picture(f"curves-{group.slug}", drawn, pd.concat(frames, ignore_index=True), caption)


def _said(metrics: list[str]) -> str:
    """What the rows show, in words."""
    names = [METRICS[metric] for metric in metrics]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
