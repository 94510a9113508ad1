"""Seed by seed against the baseline: a row for each arm, with paired ratios as dots, mean and interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from isbench.report.answers import Answer, answers
from isbench.report.figures.looks import Look, looks
from isbench.report.figures.style import INK, Picture, figure, linear
from isbench.report.frames import Frame, Results, seeds, slug
from isbench.verdicts.comparisons import sides, together
from isbench.verdicts.judge import Comparison, Scale, differences
from isbench.verdicts.summary import Findings
from isbench.verdicts.words import aim, budget, changed, faster, matters

ROW, REST = 0.36, 0.95  # inches of an arm, and of all that is around them
FURTHEST = 2.0  # an interval widens the axis to so many times what the dots need; beyond, it is an arrow
NARROWEST = 0.05  # half of an axis, on the scale of the comparison, where all dots are alike
COLUMNS = ["variant", "budget", "sampler", "than", "seed", "value", "value_than", "shown"]
COLUMNS += ["missed", "missed_than"]


@dataclass(frozen=True)
class Row:
    """An arm: its comparison and, for each seed, the difference and who missed the target."""

    one: Comparison
    look: Look
    seeds: list[int]
    differences: np.ndarray
    values: tuple[np.ndarray, np.ndarray]
    missed: tuple[np.ndarray, np.ndarray]

    @property
    def whole(self) -> np.ndarray:
        """Seeds [n] whose difference is a number that nothing cut short."""
        return np.isfinite(self.differences) & ~self.missed[0] & ~self.missed[1]


def pictures(results: Results, found: Findings) -> list[Picture]:
    """One picture for each race in which the baseline and another arm have results."""
    look = looks(results)
    drawn = [(answer, _rows(answer, look)) for answer in answers(found)]
    return [_picture(found, answer, rows) for answer, rows in drawn if any(row.seeds for row in rows)]


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


def _picture(found: Findings, answer: Answer, rows: list[Row]) -> Picture:
    panels = [part for part in _by_scale(rows) if part]
    drawn = figure(REST * len(panels) + ROW * len(rows))
    heights = [len(part) + 1.0 for part in panels]
    axes = drawn.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, part in zip(axes, panels, strict=True):
        _panel(panel, answer, part)
    return Picture(name(answer), drawn, _numbers(rows), _caption(found, answer, rows))


def _by_scale(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Rows by the two scales, which have axes of their own."""
    ratios = [row for row in rows if row.one.scale == "ratio"]
    return ratios, [row for row in rows if row.one.scale != "ratio"]


def shown(one: Comparison, differences: np.ndarray) -> np.ndarray:
    """Differences as the axis has them: speed-ups, ratios of values, or changes in the metric's units."""
    if one.scale == "difference":
        return one.quantity.sign * differences
    return np.exp(-differences if one.quantity.cost else differences)


def _rightwards(one: Comparison) -> bool:
    """Whether what is further to the right is better."""
    return one.quantity.cost if one.scale == "ratio" else one.quantity.sign < 0


def _panel(axes: Axes, answer: Answer, rows: list[Row]) -> None:
    one, scale = rows[0].one, rows[0].one.scale
    low, high = _limits(rows)
    if scale == "ratio":
        axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.45, -0.55)
    for place, row in enumerate(rows):
        _band(axes, row, place)
        _interval(axes, row, place, (low, high))
        _dots(axes, row, place, (low, high))
    axes.axvline(1.0 if scale == "ratio" else 0.0, color="#000000", linestyle=(0, (4, 2)), linewidth=1.1)
    controls = sum(bool(row.one.control) for row in rows)
    if 0 < controls < len(rows):
        axes.axhline(len(rows) - controls - 0.5, color="#999999", linewidth=0.8)
    _ticks(axes, rows, scale)
    worse, better = ("slower", "faster") if one.quantity.cost else ("worse", "better")
    left, right = (worse, better) if _rightwards(one) else (better, worse)
    axes.set_xlabel(f"← {left}      {_measure(answer, scale)}      {right} →")


def _limits(rows: list[Row]) -> tuple[float, float]:
    """The range that shows all dots, means and margins, and of intervals as much as leaves those visible."""
    inner = np.concatenate([row.differences[row.whole] for row in rows])
    means = np.array([row.one.difference.mean for row in rows])
    ends = np.array([[row.one.difference.low, row.one.difference.high] for row in rows]).ravel()
    margins = np.array([row.one.margin for row in rows])
    inner = np.concatenate([inner, means[np.isfinite(means)], margins[np.isfinite(margins)]])
    near = max(float(np.abs(inner).max(initial=0.0)), NARROWEST if rows[0].one.scale == "ratio" else 0.0)
    far = float(np.abs(ends[np.isfinite(ends)]).max(initial=0.0))
    half = 1.12 * max(near, min(far, FURTHEST * near)) or 1.0
    low, high = sorted(shown(rows[0].one, np.array([-half, half])).tolist())
    return low, high


def _band(axes: Axes, row: Row, place: int) -> None:
    """What does not matter."""
    if np.isfinite(row.one.margin):
        ends = shown(row.one, np.array([-row.one.margin, row.one.margin]))
        axes.fill_betweenx([place - 0.5, place + 0.5], *ends, color="#eeeeee", linewidth=0, zorder=0)


def _interval(axes: Axes, row: Row, place: int, limits: tuple[float, float]) -> None:
    d = row.one.difference
    if not np.isfinite(d.mean):
        return
    low, mean, high = sorted(shown(row.one, np.array([d.low, d.mean, d.high])).tolist())
    style: dict[str, Any] = {"color": row.look.color, "gid": row.look.mark, "zorder": 4}
    if np.isfinite(d.low) and np.isfinite(d.high):
        ends = np.clip([low, high], *limits)
        axes.plot(ends, [place - 0.12] * 2, linewidth=1.8, solid_capstyle="butt", **style)
        beyond = [(limits[0], "<", low < limits[0]), (limits[1], ">", high > limits[1])]
        for edge, arrow, out in beyond:
            if out:
                axes.plot([edge], [place - 0.12], marker=arrow, markersize=5, clip_on=False, **style)
    bound = bool(row.missed[0].any() or row.missed[1].any())
    face: dict[str, Any] = {"markerfacecolor": "white"} if bound else {}
    axes.plot([mean], [place - 0.12], marker=row.look.marker, markersize=7, mew=1.4, **face, **style)


def _dots(axes: Axes, row: Row, place: int, limits: tuple[float, float]) -> None:
    """One for each seed, a little below the interval; open at the edge where a run missed or diverged."""
    style: dict[str, Any] = {"color": row.look.color, "gid": row.look.mark, "marker": row.look.marker}
    style["linestyle"] = "none"
    wobble = 0.22 + 0.05 * (np.arange(len(row.seeds)) % 3 - 1)
    values = shown(row.one, row.differences[row.whole])
    axes.plot(values, place + wobble[row.whole], markersize=3.6, alpha=0.75, mew=0, zorder=3, **style)
    right = _rightwards(row.one)
    for at in np.flatnonzero(~row.whole):
        ours = row.missed[0][at] or np.isposinf(row.differences[at])
        theirs = row.missed[1][at] or np.isneginf(row.differences[at])
        middle = 1.0 if row.one.scale == "ratio" else 0.0
        edge = middle if bool(ours) == bool(theirs) else limits[int(right != bool(ours))]
        face: dict[str, Any] = {"markerfacecolor": "white", "mew": 0.9, "clip_on": False, "zorder": 5}
        axes.plot([edge], [place + wobble[at]], markersize=4.2, **face, **style)


def _ticks(axes: Axes, rows: list[Row], scale: Scale) -> None:
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
