"""Seconds ahead of the baseline at equal accuracy, as the authors of the CDF paper plot it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from isbench.report.figures import lines
from isbench.report.figures.looks import Look, looks
from isbench.report.figures.style import Picture, figure, linear
from isbench.report.frames import Frame, Group, Results, first_reached, known, mean_curves, seeds

LEVELS = 200
HATCHES = {"baseline": "\\\\\\\\", "sampler": "////", "neither": "xxxx"}
COLUMNS = ["variant", "budget", "sampler", "metric", "level", "seconds_ahead", "censored"]


def pictures(results: Results) -> list[Picture]:
    """One picture for each variant and budget in which the baseline and another arm have results."""
    found = [(group, compare(results, group)) for group in results.groups if group.curved]
    return [_picture(results, group, rows) for group, rows in found if not rows.empty]


def compare(results: Results, group: Group) -> Frame:
    """For levels of the mean test error (the loss, without one): time of the baseline minus time of each arm.

    From running-best mean curves. `censored` names who never reaches a level: baseline, sampler or neither; a
    difference is known for the other levels only.
    """
    metric = "test_error" if known(group.of(results.points), "test_error") else "test_loss"
    curves = mean_curves(results.points, group, metric, "train_seconds")
    base = curves[curves["sampler"] == results.baseline]
    others = [
        label for label in results.labels if label != results.baseline and label in set(curves["sampler"])
    ]
    values = curves[curves["mean"] > 0].groupby("sampler")["mean"]
    begin, end = values.first().min(), values.min().min()
    if base.empty or not others or not end < begin:
        return pd.DataFrame(columns=COLUMNS)
    levels = np.geomspace(begin, end, LEVELS)
    by_base = first_reached(base["x"].to_numpy(), base["mean"].to_numpy(), levels)
    frames: list[Frame] = []
    for label in others:
        curve = curves[curves["sampler"] == label]
        by_arm = first_reached(curve["x"].to_numpy(), curve["mean"].to_numpy(), levels)
        rows = {"variant": group.variant, "budget": group.budget.name, "sampler": label, "metric": metric}
        rows |= {"level": levels, "seconds_ahead": by_base - by_arm, "censored": _censored(by_base, by_arm)}
        frames.append(pd.DataFrame(rows, columns=COLUMNS))
    return pd.concat(frames, ignore_index=True)


def _censored(by_base: np.ndarray, by_arm: np.ndarray) -> np.ndarray:
    base, arm = np.isnan(by_base), np.isnan(by_arm)
    return np.select([base & arm, base, arm], ["neither", "baseline", "sampler"], "")


def _picture(results: Results, group: Group, rows: Frame) -> Picture:
    look = {label: look for label, look in looks(results).items() if label in set(rows["sampler"])}
    drawn = figure(2.9 + 0.2 * len(look))
    top, strip = drawn.subplots(2, 1, sharex=True, height_ratios=[2.0, 0.2 * len(look) + 0.1])
    name = rows["metric"].iloc[0]
    top.axhline(0.0, color="black", linestyle=(0, (4, 2)), linewidth=1.2)
    for place, label in enumerate(look):
        arm = rows[rows["sampler"] == label]
        top.plot(arm["level"], arm["seconds_ahead"], **look[label].line())
        _strip(strip, arm, place, look[label])
    top.set_ylabel(f"seconds ahead of {results.baseline}")
    linear(top, "y")
    strip.set(ylim=(len(look) - 0.4, -0.6), yticks=range(len(look)), yticklabels=list(look))
    for text, each in zip(strip.get_yticklabels(), look.values(), strict=True):
        text.set_gid(each.mark)
    strip.set_xlabel("test accuracy" if name == "test_error" else "test loss")
    strip.grid(visible=False)
    strip.spines["left"].set_visible(False)
    strip.tick_params(axis="y", length=0)
    _level_axis(strip, rows["level"], as_accuracy=name == "test_error")
    kinds = [kind for kind in HATCHES if (rows["censored"] == kind).any()]
    says = {"baseline": f"{results.baseline} never gets there", "sampler": "the sampler never gets there"}
    says["neither"] = "neither gets there"
    hatched = [
        Patch(facecolor="white", edgecolor="#666666", hatch=HATCHES[kind], label=says[kind]) for kind in kinds
    ]
    if hatched:
        drawn.legend(handles=hatched, loc="outside lower center", ncols=len(hatched))
    return Picture(f"ahead-{group.slug}", drawn, rows, _caption(results, group, name))


def _level_axis(axes: Axes, levels: Frame, *, as_accuracy: bool) -> None:
    """Logarithmic in what is left to learn, so that 0.98 and 0.99 are as far apart as 0.8 and 0.9."""
    axes.set_xscale("log")
    axes.set_xlim(levels.max(), levels.min())
    subs = (1.0, 2.0, 5.0) if levels.max() > 2 * levels.min() else (1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 7.0)
    axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=10))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{1 - x if as_accuracy else x:.4g}"))


def _strip(axes: Axes, arm: Frame, place: int, look: Look) -> None:
    """A bar under the levels at which the difference is a number, hatched where somebody never gets there."""
    level, state = arm["level"].to_numpy(), arm["censored"].to_numpy()
    edges = np.flatnonzero(state[1:] != state[:-1]) + 1
    for part in np.split(np.arange(len(level)), edges):
        begin, end = level[part[0]], level[min(part[-1] + 1, len(level) - 1)]
        style = {"height": 0.4, "left": begin, "gid": look.mark}
        if state[part[0]]:
            hatch = HATCHES[state[part[0]]]
            axes.barh(
                place,
                end - begin,
                facecolor="white",
                edgecolor=look.color,
                hatch=hatch,
                linewidth=0.6,
                **style,
            )
        else:
            axes.barh(place, end - begin, color=look.color, **style)


def _caption(results: Results, group: Group, metric: str) -> str:
    one, all_of_them = ("an accuracy", "accuracies") if metric == "test_error" else ("a test loss", "losses")
    return (
        f"{group.title}: how many training seconds before {results.baseline} a sampler's mean curve first "
        f"reaches {one} (running best; above zero: earlier; {seeds(lines.counts(results, group))}). "
        f"Bars below: {all_of_them} that both reach within the budget. Hatched: somebody never gets there; "
        "no number is drawn."
    )
