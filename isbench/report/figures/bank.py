"""What the size of the bank does: curves of validation accuracy, and where they end, by bank.

As Fig. 4 of the paper on IMPON (paper 002).
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from isbench.report.figures import against_epochs, lines
from isbench.report.figures.looks import Look, banks
from isbench.report.figures.style import INK, Picture, figure, legend, linear
from isbench.report.frames import Frame, Group, Results, known

HEIGHT = 2.1  # inches of a panel


def pictures(results: Results) -> list[Picture]:
    """One picture for the budgets of all variants, a row for each, if the arms differ in their bank only."""
    sweep = banks(results)
    shown = [group for group in results.groups if known(group.of(results.points), "epochs")]
    return [_picture(results, groups, sweep) for groups in lines.ranks(shown)] if sweep else []


def _picture(results: Results, groups: list[Group], sweep: dict[str, float]) -> Picture:
    drawn = figure(0.7 + HEIGHT * len(groups))
    panels = drawn.subplots(len(groups), 2, squeeze=False, width_ratios=(1.25, 1.0))
    look = against_epochs.legend_of(results, groups)
    frames: list[Frame] = []
    for (left, right), group in zip(panels, groups, strict=True):
        metric = against_epochs.held_out(results, group)
        frames.append(against_epochs.curves(left, results, group, metric, look).assign(shows="curve"))
        left.set(xlabel="epochs", ylabel=against_epochs.NAMES[metric])
        if group.variant:
            left.set_title(group.variant, loc="left", color=INK)
        ends = _ends(results, group, metric, sweep)
        _panel(right, ends, look, results.baseline)
        right.set(xlabel="bank (samples)", ylabel=f"{against_epochs.NAMES[metric]},\nthe end")
        named = {"variant": group.variant, "budget": group.budget.name, "metric": metric, "shows": "end"}
        frames.append(ends.assign(**named))
    mean = Line2D([], [], color="#444444", marker="D", linestyle="none", markersize=5, label="mean")
    legend(drawn, look, [mean])
    said = against_epochs.NAMES[frames[0]["metric"].iloc[0]].capitalize()
    caption = (
        f"{said} (budget {against_epochs.budgets(groups)}) by the size of the bank that batches are chosen "
        "from. Left: against epochs. Right: at the end of the budget, dots are single runs."
        f"{against_epochs.ending(results, groups)}"
    )
    numbers = pd.concat(frames, ignore_index=True)
    return Picture(against_epochs.name(groups, "bank"), drawn, numbers, caption)


def _ends(results: Results, group: Group, metric: str, sweep: dict[str, float]) -> Frame:
    """A row for each run that is done: its arm, its bank, and the last value."""
    points = group.of(results.points[results.points["status"] == "done"])
    last = points[points[metric].notna()].groupby("cell", sort=False).last()
    banks_of = [sweep.get(str(label)) for label in last["sampler"]]
    ends = {"sampler": last["sampler"], "seed": last["seed"], "bank": banks_of, "mean": last[metric]}
    return pd.DataFrame(ends).reset_index(drop=True)


def _panel(axes: Axes, ends: Frame, look: dict[str, Look], baseline: str) -> None:
    base = ends[ends["sampler"] == baseline]["mean"]
    if len(base):
        axes.axhline(base.mean(), **look[baseline].line(linewidth=1.2))
    sizes = sorted(ends["bank"].dropna().unique())
    for label, arm in ends[ends["bank"].notna()].groupby("sampler", sort=False):
        style = look[str(label)].line(linestyle="none")
        axes.plot(arm["bank"], arm["mean"], marker="o", markersize=3, alpha=0.6, **style)
        axes.plot([arm["bank"].iloc[0]], [arm["mean"].mean()], marker="D", markersize=5, zorder=4, **style)
    if not sizes:
        return
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_apart(sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    linear(axes, "y")


def _apart(sizes: list[float]) -> list[float]:
    """Of the sizes those that are far enough apart for their numbers to stand side by side."""
    total, kept = sizes[-1] / sizes[0], [sizes[0]]
    for size in sizes[1:]:
        if size / kept[-1] >= total**0.1:
            kept.append(size)
    return kept
