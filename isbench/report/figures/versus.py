"""Seed by seed against the baseline: a row for each arm, with paired ratios as dots, mean and interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from isbench.report.answers import Answer, answers
from isbench.report.figures.looks import Look, looks
from isbench.report.figures.pairs import Row, draw, limits, rightwards, shown
from isbench.report.figures.style import INK, Picture, figure, linear
from isbench.report.frames import Frame, Results, seeds, slug
from isbench.verdicts.comparisons import sides, together
from isbench.verdicts.judge import Comparison, Scale, differences
from isbench.verdicts.summary import Findings
from isbench.verdicts.words import aim, budget, changed, faster, matters

ROW, REST = 0.36, 0.95  # inches of an arm, and of all that is around them
NARROW, NARROW_ROW = 3.3, 0.46  # inches of a figure for a telephone, and of an arm below its name
COLUMNS = ["variant", "budget", "sampler", "than", "seed", "value", "value_than", "shown"]
COLUMNS += ["missed", "missed_than"]


def pictures(results: Results, found: Findings, *, narrow: bool = False) -> list[Picture]:
    """One for each race in which the baseline and another arm have results; `narrow`: for a small page."""
    look = looks(results)
    drawn = [(answer, _rows(answer, look)) for answer in answers(found)]
    return [_picture(found, answer, rows, narrow) for answer, rows in drawn if any(row.seeds for row in rows)]


def name(answer: Answer) -> str:
    """The file name of a race's picture."""
    return f"versus-{slug(answer.race.title)}"


def _rows(answer: Answer, look: dict[str, Look]) -> list[Row]:
    found = []
    for one in answer.rows:
        place = (answer.race, one.quantity, one.names.sampler, one.names.than)
        pair, here = sides(*place), together(*place)
        own = [seed for seed, is_here in zip(answer.race.seeds, here, strict=True) if is_here]
        with np.errstate(invalid="ignore"):
            d = differences(pair, one.scale)
        values = (one.quantity.sign * pair[0].cost, one.quantity.sign * pair[1].cost)
        missed = (pair[0].missed, pair[1].missed)
        found.append(Row(one, look[one.names.sampler], own, d, values, missed))
    return found


def _picture(found: Findings, answer: Answer, rows: list[Row], narrow: bool) -> Picture:
    panels = [part for part in _by_scale(rows) if part]
    drawn = figure(REST * len(panels) + (NARROW_ROW if narrow else ROW) * len(rows))
    if narrow:
        drawn.set_figwidth(NARROW)
    heights = [len(part) + 1.0 for part in panels]
    axes = drawn.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, part in zip(axes, panels, strict=True):
        _panel(panel, answer, part, narrow)
    return Picture(name(answer), drawn, _numbers(rows), _caption(found, answer, rows))


def _by_scale(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Rows by the two scales, which have axes of their own."""
    ratios = [row for row in rows if row.one.scale == "ratio"]
    return ratios, [row for row in rows if row.one.scale != "ratio"]


def _panel(axes: Axes, answer: Answer, rows: list[Row], narrow: bool) -> None:
    one, scale = rows[0].one, rows[0].one.scale
    low, high = limits(rows)
    if scale == "ratio":
        axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.45, -0.55)
    for place, row in enumerate(rows):
        draw(axes, row, place, (low, high))
    axes.axvline(1.0 if scale == "ratio" else 0.0, color="#000000", linestyle=(0, (4, 2)), linewidth=1.1)
    controls = sum(bool(row.one.control) for row in rows)
    if 0 < controls < len(rows):
        axes.axhline(len(rows) - controls - (0.57 if narrow else 0.5), color="#999999", linewidth=0.8)
    _ticks(axes, scale)
    (_names_above if narrow else _names_beside)(axes, rows)
    worse, better = ("slower", "faster") if one.quantity.cost else ("worse", "better")
    left, right = (worse, better) if rightwards(one) else (better, worse)
    arrows = f"← {left}      {_measure(answer, scale)}      {right} →"
    if narrow:
        arrows = f"← {left}                    {right} →\n{_measure(answer, scale)}"
    axes.set_xlabel(arrows)


def _ticks(axes: Axes, scale: Scale) -> None:
    low, high = axes.get_xlim()
    if scale == "difference":
        linear(axes)
    else:
        wide = np.log10(high / low) > 0.7
        steps = LogLocator(subs=(1.0, 2.0, 5.0), numticks=9)
        axes.xaxis.set_major_locator(steps if wide else MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _names_above(axes: Axes, rows: list[Row]) -> None:
    """Name and verdict of each arm above its interval."""
    axes.set_ylim(len(rows) - 0.45, -0.75)
    axes.set_yticks([])
    for place, row in enumerate(rows):
        for at, text, side in ((0.0, row.one.names.sampler, "left"), (1.0, row.one.verdict, "right")):
            where = {"xy": (at, place - 0.34), "xycoords": ("axes fraction", "data")}
            label = axes.annotate(text, **where, ha=side, va="center", fontsize=7.5, color=INK, zorder=6)
            label.set_gid(row.look.mark)


def _names_beside(axes: Axes, rows: list[Row]) -> None:
    """The name of each arm on the left; its size and verdict on the right."""
    axes.set_yticks(range(len(rows)), [row.one.names.sampler for row in rows], fontsize=8.0)
    told = axes.twinx()
    told.set_ylim(axes.get_ylim())
    told.set_yticks(range(len(rows)), [_told(row.one) for row in rows], fontsize=7.5)
    told.grid(visible=False)
    for side in (axes, told):
        side.spines[["left", "right"]].set_visible(False)
        side.tick_params(axis="y", length=0, pad=9, labelcolor=INK)
        for row, label in zip(rows, side.get_yticklabels(), strict=True):
            label.set_gid(row.look.mark)


def _told(one: Comparison) -> str:
    """The size of a difference with its interval, and below it the verdict."""
    if not np.isfinite(one.difference.mean):
        return one.verdict
    return f"{faster(one) if one.quantity.cost else changed(one)}\n{one.verdict}"


def _measure(answer: Answer, scale: Scale) -> str:
    quantity = answer.quantity
    if scale == "difference":
        return f"{quantity.metric} less that of {answer.than}"
    if quantity.target is None:
        return f"{quantity.metric} / that of {answer.than}" if not quantity.cost else "speed-up"
    return f"speed-up over {answer.than} to the {aim(answer.rows[0])}"


def _numbers(rows: list[Row]) -> Frame:
    found = [
        (*(row.one.names.variant, row.one.names.budget, row.one.names.sampler, row.one.names.than), *each)
        for row in rows
        for each in zip(row.seeds, *row.values, shown(row.one, row.differences), *row.missed, strict=True)
    ]
    return pd.DataFrame(found, columns=COLUMNS).replace([np.inf, -np.inf], np.nan)


def _caption(found: Findings, answer: Answer, rows: list[Row]) -> str:
    race, one = answer.race, rows[0].one
    asked = "" if answer.primary else "exploratory; "
    where = f"{asked}{budget(race)}, {found.folder.computer(race)}, {seeds([row.one.n for row in rows])}"
    text = (
        f"{race.title}: each arm against {answer.than}, paired by seed ({where}). Small dots: single seeds. "
        "Large one and line: mean and 95 % t interval of the paired differences"
    )
    text += " (of logarithms). " if one.scale == "ratio" else ". "
    text += f"Shaded: less than {matters(one)}" if one.margin <= one.wanted else "Shaded: within the noise"
    text += ", which does not matter." if one.margin <= one.wanted else " floor of this machine."
    misses = sum(int((row.missed[0] | row.missed[1]).sum()) for row in rows)
    if misses:
        pairs = f"{misses} pairs" if misses > 1 else "a pair"
        text += (
            f" Open dots: {pairs} in which a run missed the target, at the edge that this speaks for or, if "
            f"both missed it, on the line; in an open mean, a miss counts as {budget(race)}."
        )
    if any(not np.isfinite(row.differences).all() for row in rows):
        text += " Runs that diverged are open dots at the edge and have no mean."
    if answer.controls:
        text += " Below the rule: control arms, in the colours of their samplers."
    return text + " Arrows: an interval that goes on beyond the axis."
