"""The budget table as dots: error at every budget, and its paired difference to uniform subsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from isbench.report.budgets import CONFIDENCE, METRICS, ended, reference
from isbench.report.figures.looks import Look, looks
from isbench.report.figures.style import INK, Picture, figure, linear
from isbench.report.frames import Frame, Results, seeds

WIDEST = 4  # budgets side by side
LINE = 0.135  # inches of a row


@dataclass(frozen=True)
class Shown:
    """Which columns of the table a picture shows, and what it calls them."""

    name: str
    value: str
    low: str
    high: str
    axis: str


def pictures(results: Results) -> list[Picture]:
    """Errors, and differences to uniform subsets; a column for each budget, a group for each variant."""
    table, than = ended(results), reference(results)
    if not table["n"].any():
        return []
    metric = METRICS[table[table["n"] > 0]["metric"].iloc[0]]
    kinds = [
        Shown("budget-error", "mean", "low", "high", metric),
        Shown(
            "budget-difference", "difference", "difference_low", "difference_high", f"{metric} minus {than}'s"
        ),
    ]
    names = list(dict.fromkeys(table["budget"]))
    found: list[Picture] = []
    for shown in kinds:
        lost = (table["n"] == 0) & (shown.value == "mean")  # all runs diverged: a row without a dot
        present = table[table[shown.value].notna() | lost]
        for at in range(0, len(names), WIDEST):
            here = names[at : at + WIDEST]
            part = present[present["budget"].isin(here)]
            if part[shown.value].notna().any():
                said = _caption(part, shown, than) + _lost(table[table["budget"].isin(here)])
                found.append(_picture(results, part, shown, than, said))
    return found


def _picture(results: Results, table: Frame, shown: Shown, than: str, said: str) -> Picture:
    names = list(dict.fromkeys(table["budget"]))
    lines = _lines(results, table)
    drawn = figure(0.75 + LINE * max(3, len(lines)), pad=0.03)
    panels = drawn.subplots(1, len(names), sharey=True, sharex=True, squeeze=False)[0]
    look = looks(results)
    limits = _limits(table, shown)
    for axes, name in zip(panels, names, strict=True):
        _panel(axes, table[table["budget"] == name], shown, lines, look, than)
        axes.set_title(name, loc="left", color=INK)
        axes.set_xlim(*limits)
        linear(axes, ticks=3)
    _name_lines(panels[0], lines, look)
    drawn.supxlabel(shown.axis, fontsize=8.0, color=INK)
    return Picture(shown.name, drawn, table, said)


def _lines(results: Results, table: Frame) -> list[tuple[str, str]]:
    """What stands in each row from above: a variant and a label; a variant's head has no label."""
    found: list[tuple[str, str]] = []
    for variant in dict.fromkeys(table["variant"]):
        present = set(table[table["variant"] == variant]["sampler"])
        found.append((variant, ""))
        found += [(variant, label) for label in results.labels if label in present]
    return found if any(variant for variant, _ in found) else found[1:]


def _limits(table: Frame, shown: Shown) -> tuple[float, float]:
    """An axis for the means and a part of their intervals; what is longer is cut."""
    values = table[shown.value].to_numpy()
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if shown.value == "difference":
        low, high = min(low, 0.0), max(high, 0.0)
    reach = 0.6 * (high - low) + 1e-4
    ends = table[[shown.low, shown.high]].to_numpy()
    if np.isfinite(ends).any():
        low, high = max(low - reach, min(low, np.nanmin(ends))), min(high + reach, max(high, np.nanmax(ends)))
    margin = 0.05 * (high - low) + 1e-5
    return low - margin, high + margin


def _panel(
    axes: Axes, table: Frame, shown: Shown, lines: list[tuple[str, str]], look: dict[str, Look], than: str
) -> None:
    found = {(row["variant"], row["sampler"]): row for _, row in table.iterrows()}
    if shown.value == "difference":
        axes.axvline(0.0, color="#888888", linewidth=0.8, zorder=1)
    for place, line in enumerate(lines):
        if not line[1]:
            axes.axhline(place - 0.5, color="#cccccc", linewidth=0.6)
        row = found.get(line)
        if row is None:
            continue
        style: dict[str, Any] = {"color": look[line[1]].color, "gid": look[line[1]].mark}
        if not row["n"]:
            place_of = {"transform": axes.get_yaxis_transform(), "ha": "center", "va": "center"}
            axes.text(0.5, place, "diverged", fontsize=6.0, **place_of, **style)
            continue
        axes.plot([row[shown.low], row[shown.high]], [place, place], linewidth=1.2, alpha=0.7, **style)
        hollow = {"markerfacecolor": "white"} if line[1] == than else {}
        axes.plot([row[shown.value]], [place], marker="o", markersize=4.0, zorder=3, **hollow, **style)
    for start, end in _groups(lines):
        base = found.get((lines[start][0], than))
        if base is not None and shown.value != "difference":
            span = [start - 0.4, end + 0.4]
            axes.plot([base[shown.value]] * 2, span, color="#888888", linewidth=0.8, linestyle=":", zorder=1)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _groups(lines: list[tuple[str, str]]) -> list[tuple[int, int]]:
    """First and last row of each variant."""
    places: dict[str, list[int]] = {}
    for place, (variant, _) in enumerate(lines):
        places.setdefault(variant, []).append(place)
    return [(each[0], each[-1]) for each in places.values()]


def _name_lines(axes: Axes, lines: list[tuple[str, str]], look: dict[str, Look]) -> None:
    axes.set_yticks(range(len(lines)), [label or variant for variant, label in lines])
    axes.set_ylim(len(lines) - 0.4, -0.7)
    for text, (_, label) in zip(axes.get_yticklabels(), lines, strict=True):
        text.set_fontsize(6.5 if label else 7.5)
        text.set_fontweight("normal" if label else "bold")
        text.set_color(look[label].color if label else INK)


def _caption(table: Frame, shown: Shown, than: str) -> str:
    what, count = "", table["n"]
    if shown.value == "difference":
        what, count = f", paired by seed; left of the line an arm ends lower than {than}", table["pairs"]
    elif than:
        what = f"; dotted, with an open dot: {than}, random subsets"
    return (
        f"{shown.axis.capitalize()} by budget, augmentation (or other variant) and sampler{what}. Dot: mean "
        f"over seeds ({seeds(count)}); line: {CONFIDENCE:.0%} t interval of that mean, cut at the edge where "
        "it is long, absent for a single run. The interval describes these runs, it is no test."
    )


def _lost(table: Frame) -> str:
    """How many runs of which sampler diverged."""
    runs = table.groupby("sampler", sort=False)["diverged"].sum()
    named = ", ".join(f"{label} {count}" for label, count in runs.items() if count)
    said = "Runs that diverged have no part in means and differences, which are over the others"
    return f" {said}: {named}." if named else ""
