"""Verdicts as the page tells them: sentences by what they share, tables of comparisons and of their parts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from isbench.report.answers import Answer, answers, exploratory
from isbench.report.tables import Value
from isbench.stats.intervals import Interval
from isbench.store.records import FINAL
from isbench.verdicts.curves import Race
from isbench.verdicts.judge import Comparison
from isbench.verdicts.markdown import WORDS
from isbench.verdicts.quantities import Quantity
from isbench.verdicts.rows import improvement
from isbench.verdicts.sentences import finding
from isbench.verdicts.splits import Split
from isbench.verdicts.summary import Findings
from isbench.verdicts.words import UNITS, aim, bounded, budget, changed, faster, place, plain, spent

SIGNIFICANT = 1e-4  # a smaller p is told as a bound


@dataclass(frozen=True)
class Said:
    """A verdict of an arm, and what it rests on."""

    label: str
    verdict: str
    text: str


@dataclass(frozen=True)
class Line:
    """A row of a table: whom it is about, and its cells."""

    label: str
    cells: tuple[Value, ...]


@dataclass(frozen=True)
class Table:
    """A table whose first column names arms; control arms stand below a rule."""

    title: str
    header: tuple[str, ...]
    lines: tuple[Line, ...]
    controls: tuple[Line, ...] = ()


def sentences(found: Findings) -> list[tuple[str, list[Said]]]:
    """The primary verdicts, by the place that their sentences begin with."""
    placed = [
        (place(found.folder, found.race(one), one.n, one.quantity), one)
        for answer in answers(found)
        for one in answer.arms
        if one.primary
    ]
    return [
        (where, [_said(found.race(one), one) for _, one in group])
        for where, group in groupby(placed, key=lambda each: each[0])
    ]


def tally(found: Findings) -> str:
    """How many primary comparisons came out how; empty where there is but one."""
    counts = Counter(one.verdict for one in found.primary)
    said = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
    return f"Against {found.folder.question.baseline}: {said}." if counts.total() > 1 else ""


def nothing(found: Findings) -> str:
    """Why there is no verdict, where there is none."""
    folder = found.folder
    settled = sum(folder.statuses.get(status, 0) for status in FINAL)
    cells = f"{settled} of {sum(folder.statuses.values())} runs have a result"
    if not folder.races:
        return "Nothing was raced."
    if any(set(race.curves) - {folder.question.baseline} for race in folder.races):
        return f"No race answers the question of the recipe yet; {cells}."
    return f"There is no arm beside {folder.question.baseline}, so nothing is compared; {cells}."


def primary(found: Findings) -> list[Table]:
    """A table for each race that answers the question, its baseline first."""
    return [_primary(found, answer) for answer in answers(found) if answer.primary]


def others(found: Findings) -> list[Table]:
    """A table of all that is exploratory for each race that has any."""
    header = (
        "sampler",
        "what",
        "n",
        "difference [95\u00a0%]",
        "of the arm",
        "of the baseline",
        "p",
        "verdict",
    )
    tables = []
    for race in found.folder.races:
        rows = sorted(exploratory(found, race), key=lambda one: bool(one.control))
        lines = [
            [Line(one.names.sampler, _explored(race, one)) for one in rows if bool(one.control) == side]
            for side in (False, True)
        ]
        if rows:
            tables.append(Table(race.title, header, *map(tuple, lines)))
    return tables


def parts(found: Findings) -> list[Table]:
    """What each gain is made of: a table for each race that has a placebo."""
    header = ("sampler", "n", "gain", "= by its work", "+ by its selection", "if its scores were free")
    tables = []
    for title, splits in groupby(found.splits, key=lambda one: found.race(one).title):
        lines = tuple(Line(one.sampler, _part(one)) for one in splits)
        tables.append(Table(title, header, lines))
    return tables


def _said(race: Race, one: Comparison) -> Said:
    text = finding(race, one)
    begins = text if text.startswith(one.names.sampler) else text[0].upper() + text[1:]
    return Said(one.names.sampler, one.verdict, f"{begins}.")


def _primary(found: Findings, answer: Answer) -> Table:
    """Of targets: times and hits; of values at the end: the values."""
    quantity, race = answer.quantity, answer.race
    told = _reached if quantity.target else _ended
    cost = (
        (f"time to {aim(answer.rows[0])}".replace(" %", "\u00a0%"), "hits")
        if quantity.target
        else (_name(quantity),)
    )
    size = "speed-up [95\u00a0%]" if quantity.cost else "difference [95\u00a0%]"
    header = ("sampler", "n", size, *cost, "p (Holm)", "verdict", "seeds needed")
    fullest = max(answer.rows, key=lambda one: one.n)
    base = (
        Value(str(fullest.n), fullest.n),
        Value("1x" if quantity.cost else "0", 0.0),
        *told(race, fullest, 1),
    )
    first = Line(answer.than, (*base, Value(""), Value("baseline"), Value("")))
    lines = [Line(one.names.sampler, _row(race, one, told)) for one in answer.arms]
    below = [Line(one.names.sampler, _row(race, one, told)) for one in answer.controls]
    return Table(race.title, header, (first, *lines), tuple(below))


def _row(
    race: Race, one: Comparison, told: Callable[[Race, Comparison, int], tuple[Value, ...]]
) -> tuple[Value, ...]:
    seeds = one.names.seeds
    count = str(one.n) if one.n == seeds else f"{one.n} of {seeds}"
    needed = Value("") if one.n_needed is None else Value(f"{one.n_needed:,}", one.n_needed)
    return (Value(count, one.n), _size(one), *told(race, one, 0), _p(one.p_holm), _verdict(one), needed)


def _reached(race: Race, one: Comparison, side: int) -> tuple[Value, ...]:
    """The median time to the target, and how many runs hit it; `side`: 0 of the arm, 1 of the baseline."""
    if one.hits is None or not one.n:
        return Value(""), Value("")
    median, rate = one.values[side], one.hits[side]
    time = Value(spent(median, race.budget.unit), median)
    if math.isnan(median):
        time = Value(f"over {budget(race)}", race.budget.amount)
    return time, Value(f"{rate.hits}/{rate.n}", rate.share)


def _ended(race: Race, one: Comparison, side: int) -> tuple[Value, ...]:
    """The value at the end, and who diverged."""
    value, lost = one.values[side], one.diverged[side]
    text = "" if math.isnan(value) else plain(value) + UNITS.get(one.quantity.metric, "")
    text += f" ({lost} diverged)" if lost else ""
    return (Value(text.strip(), None if math.isnan(value) else value),)


def _explored(race: Race, one: Comparison) -> tuple[Value, ...]:
    told = _reached if one.quantity.target else _ended
    what = _name(one.quantity) + (f", {aim(one)}" if one.quantity.target else "")
    both = (told(race, one, side) for side in (0, 1))
    values = [
        each[0]
        if len(each) == 1
        else Value(f"{each[0].text} ({each[1].text})" if each[0].text else "", each[0].number)
        for each in both
    ]
    return Value(what), Value(str(one.n), one.n), _size(one), *values, _p(one.difference.p), _verdict(one)


def _part(one: Split) -> tuple[Value, ...]:
    unit = UNITS.get(one.unit or one.quantity.metric, f" {one.unit}".rstrip())

    def saved(part: Interval | None) -> Value:
        return Value("") if part is None else Value(bounded(part, "{:+.2g}".format, "{}" + unit), part.mean)

    sizes = (saved(part) for part in (one.gain, one.overhead, one.selection, one.bound))
    return Value(str(one.gain.n), one.gain.n), *sizes


def _size(one: Comparison) -> Value:
    """How much faster, or how much lower or higher; it sorts by what is gained."""
    if not math.isfinite(one.difference.mean):
        return Value("")
    return Value(faster(one) if one.quantity.cost else changed(one), improvement(one).mean)


def _p(value: float) -> Value:
    if math.isnan(value):
        return Value("")
    return Value(f"< {SIGNIFICANT:g}" if value < SIGNIFICANT else f"{value:.2g}", value)


def _verdict(one: Comparison) -> Value:
    return Value(f"{one.verdict} ({one.reason})" if one.reason else one.verdict)


def _name(quantity: Quantity) -> str:
    names = {"psnr": "PSNR", "train_seconds": "training seconds"}
    return names.get(quantity.metric, quantity.metric.replace("_", " ").replace("val ", "validation "))
