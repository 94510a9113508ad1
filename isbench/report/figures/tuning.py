"""The validation error or loss that is to be expected after k trials of each arm (Dodge et al. 2019)."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from isbench.report.figures.looks import Look, looks
from isbench.report.figures.style import Picture, broken, figure, legend
from isbench.report.frames import Frame, Results, seeds, slug
from isbench.report.tuning import METRICS, Tuned, arms, expected


def pictures(results: Results) -> list[Picture]:
    """One picture for each variant in which an arm has trials with a result."""
    found = [arm for arm in arms(results) if arm.values]
    labels = tuple(dict.fromkeys((*results.labels, *(arm.label for arm in found))))
    primary = results.plan.primary.baseline
    baseline = primary if primary in labels else ""
    look = looks(replace(results, labels=labels, baseline=baseline))
    variants = dict.fromkeys(arm.variant for arm in found)
    return [_picture(variant, [arm for arm in found if arm.variant == variant], look) for variant in variants]


def _picture(variant: str, found: list[Tuned], look: dict[str, Look]) -> Picture:
    drawn = figure(2.6)
    axes: Axes = drawn.subplots()
    curves: list[Frame] = []
    for arm in found:
        values = expected(arm.values)
        k = range(1, len(values) + 1)
        axes.plot(k, values, marker="o", markersize=3, **look[arm.label].line())
        curve = {"variant": variant, "sampler": arm.label, "k": k, arm.metric: values}
        curves.append(pd.DataFrame(curve))
    name = METRICS[found[0].metric]
    axes.set_xlabel("trials")
    axes.set_ylabel(f"expected best\n{name}")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if axes.get_ylim()[0] > 0:
        broken(axes)
    legend(drawn, {arm.label: look[arm.label] for arm in found})
    counted = seeds(len(each.records) for arm in found for each in arm.trials)
    caption = (
        f"{f'{variant}: ' if variant else ''}the {name} to be expected of the best of k trials, by all "
        f"trials of an arm (Dodge et al. 2019), each a mean over tuning seeds ({counted}). An arm whose line "
        "starts high and ends low needs its trials. A trial that diverged counts as the worst, and no better "
        "than the untrained model."
    )
    title = f"tuning-{slug(variant)}" if variant else "tuning"
    return Picture(title, drawn, pd.concat(curves, ignore_index=True), caption)
