"""Where the time of a step goes: stacked bars of microseconds by phase, the baseline as the reference."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from isbench.report.figures.looks import Look, looks
from isbench.report.figures.style import INK, Picture, figure, linear
from isbench.report.frames import Frame, Group, Results, seeds
from isbench.store.records import PHASES

ROWS = 6  # groups of a picture
COLORS = {
    "draw": "#f0c05a",
    "load": "#999999",
    "score": "#d55e00",
    "select": "#e8a27c",
    "forward": "#9ecae1",
    "backward": "#3182bd",
    "optimise": "#08519c",
    "update": "#cc79a7",
}


def pictures(results: Results) -> list[Picture]:
    """One picture for every few budgets and variants that have a result."""
    groups = [group for group in results.groups if len(per_step(results, group))]
    parts = [groups[first : first + ROWS] for first in range(0, len(groups), ROWS)]
    return [
        _picture(results, part, f"phases-{place + 1}" if place else "phases")
        for place, part in enumerate(parts)
    ]


def per_step(results: Results, group: Group) -> Frame:
    """Mean microseconds a step: a row for each arm in the order of the plan, a column for each phase."""
    rows = group.of(results.phases)
    rows = rows[rows["phase"].isin(PHASES)]
    means = rows.pivot_table(
        index="sampler", columns="phase", values="per_step_us", aggfunc="mean", observed=True
    )
    return means.reindex(index=[label for label in results.labels if label in means.index], columns=PHASES)


def _picture(results: Results, groups: list[Group], name: str) -> Picture:
    tables = [per_step(results, group) for group in groups]
    heights = [0.24 * len(table) + 0.35 for table in tables]
    drawn = figure(0.6 + sum(heights))
    panels = drawn.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    widest = max(table.sum(axis=1).max() for table in tables)
    for axes, group, table in zip(panels, groups, tables, strict=True):
        _bars(axes, table, results.baseline, looks(results))
        axes.set_title(group.title, loc="left", color=INK)
        axes.set_xlim(0, 1.22 * widest)
    panels[-1].set_xlabel("microseconds per step")
    linear(panels[-1])
    present = [phase for phase in PHASES if any(table[phase].gt(0).any() for table in tables)]
    handles = [panels[0].barh([0], [0], color=COLORS[phase], label=phase) for phase in present]
    drawn.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), handlelength=1.0, columnspacing=1.2
    )
    numbers = [
        table.reset_index().assign(variant=group.variant, budget=group.budget.name)
        for group, table in zip(groups, tables, strict=True)
    ]
    return Picture(name, drawn, pd.concat(numbers, ignore_index=True), _caption(results, groups))


def _bars(axes: Axes, table: Frame, baseline: str, look: dict[str, Look]) -> None:
    left = pd.Series(0.0, index=table.index)
    for phase in PHASES:
        width = table[phase].fillna(0.0)
        bars = axes.barh(range(len(table)), width, left=left, height=0.66, color=COLORS[phase], linewidth=0)
        for bar, label in zip(bars, table.index, strict=True):
            bar.set_gid(look[str(label)].mark)
        left = left + width
    reference = left.get(baseline)
    for place, (label, total) in enumerate(left.items()):
        ratio = f"  ({total / reference:.2f} x {baseline})" if reference and label != baseline else ""
        beside = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "fontsize": 7}
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
        told = axes.annotate(
            f"{total:,.0f}{ratio}", (total, place), color=INK, zorder=4, bbox=ground, **beside
        )
        told.set_gid(look[str(label)].mark)
    if reference:
        axes.axvline(reference, color="black", linestyle=(0, (4, 2)), linewidth=1.0)
    axes.set(yticks=range(len(table)), yticklabels=list(table.index), ylim=(len(table) - 0.5, -0.5))
    for text, label in zip(axes.get_yticklabels(), table.index, strict=True):
        text.set_gid(look[label].mark)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _caption(results: Results, groups: list[Group]) -> str:
    rows: Frame = pd.concat([group.of(results.phases) for group in groups])
    counts = rows.groupby(["variant", "budget", "sampler"])["seed"].nunique()
    modes = {
        "race": "race (every step of the timed runs is measured)",
        "profile": "profile (measured on a sample of the steps)",
    }
    found = " and ".join(modes[mode] for mode in modes if (rows["mode"] == mode).any())
    return (
        f"Mean training time of a step by phase ({seeds(counts)}); evaluation is not part of it. Dashed: the "
        f"total of {results.baseline or 'no baseline'}. Mode: {found}."
    )
