"""Numbers and places in words, as sentences and tables say them."""

from __future__ import annotations

import math
from collections.abc import Callable

from isbench.stats.intervals import Interval, ratio, speedup
from isbench.verdicts.curves import Folder, Race
from isbench.verdicts.judge import Comparison
from isbench.verdicts.quantities import Quantity
from isbench.verdicts.rows import relative

EQUAL = {"seconds": "time", "epochs": "epochs", "passes": "passes", "steps": "steps"}
UNITS = {"seconds": " s", "psnr": " dB"}

TEN = 9.995  # what is 10.0 with three digits
NARROW = 0.02  # an interval that two decimals would not show


def place(folder: Folder, race: Race, n: int, quantity: Quantity) -> str:
    """Where and under which terms: task, budget, seeds, device, target."""
    told = [race.variant] if race.variant else []
    told += [f"profile {folder.plan.profile}"] if folder.plan.profile else []
    task = f"{race.cell.dataset.name}/{race.cell.model.name}" + (f" ({', '.join(told)})" if told else "")
    seeds = f"n = {n}" if n == len(race.seeds) else f"n = {n} of {len(race.seeds)}"
    terms = f"{budget(race)}, {seeds}, {folder.computer(race)}"
    if quantity.target and quantity.target.value is not None:
        terms += f", target {quantity.metric} {plain(quantity.target.value)}"
    return f"On {task} at equal {EQUAL[race.budget.unit]} ({terms})"


def budget(race: Race) -> str:
    """What every arm may spend."""
    return spent(race.budget.amount, race.budget.unit)


def spent(amount: float, unit: str) -> str:
    """An amount of time, epochs, passes or steps."""
    if unit == "seconds":
        return f"{amount:.3g} s"
    return f"{amount:.4g} {unit if amount != 1 else unit.removesuffix('es' if unit == 'passes' else 's')}"


def aim(one: Comparison) -> str:
    """The target as sentences call it."""
    target = one.quantity.target
    return f"{100 * target.share:.6g} % target" if target else ""


def faster(one: Comparison, *, later: bool = False) -> str:
    """How many times as fast, with its interval; `later`: how many times as slow."""
    size = ratio(one.difference) if later else speedup(one.difference)
    narrow = size.high - size.low < NARROW and size.mean < TEN
    return bounded(size, "{:.3f}".format if narrow else factor, "{}x")


def changed(one: Comparison) -> str:
    """How much lower or higher a value is, with its interval."""
    down = one.difference.mean < 0 or (one.difference.mean == 0 and one.quantity.sign > 0)
    rises = down if one.quantity.sign < 0 else not down
    side = -1 if down else 1
    if one.difference.low == one.difference.high == 0:
        return "unchanged"
    size = ratio(one.difference) if one.scale == "ratio" else one.difference
    if one.scale == "ratio":
        size = shifted(size, lambda value: 100 * side * (value - 1))
        return f"{bounded(size, decimal, '{} %')} {'higher' if rises else 'lower'}"
    size = shifted(size, lambda value: side * value)
    unit = UNITS.get(one.quantity.metric, "")
    return f"{bounded(size, plain, '{}' + unit)} {'higher' if rises else 'lower'}"


def gained(part: Interval, unit: str) -> str:
    """What was gained or lost, with its interval."""
    side = -1 if part.mean < 0 else 1
    size = bounded(shifted(part, lambda value: side * value), plain, "{}" + unit)
    return f"{'lost' if side < 0 else 'gained'} {size}"


def matters(one: Comparison) -> str:
    """What a difference must exceed to matter."""
    return _size(one, one.wanted)


def noise(one: Comparison) -> str:
    """What a difference must exceed to be more than noise."""
    return _size(one, one.floor)


def bounded(size: Interval, write: Callable[[float], str], shape: str) -> str:
    """A number and its interval, if it has one."""
    number = shape.format(write(size.mean))
    if not (math.isfinite(size.low) and math.isfinite(size.high)):
        return number
    return f"{number} [{write(size.low)}, {write(size.high)}]"


def shifted(interval: Interval, change: Callable[[float], float]) -> Interval:
    """An interval on another scale, its ends in order."""
    low, high = sorted((change(interval.low), change(interval.high)))
    return Interval(interval.n, change(interval.mean), interval.sd, low, high, interval.p)


def factor(value: float) -> str:
    """A ratio: 1.12, 12.3, 123."""
    return f"{value:.2f}" if value < TEN else f"{value:.3g}"


def decimal(value: float) -> str:
    """A percentage: 0.31, 8.1, 123."""
    size = abs(value)
    text = f"{value:.0f}" if size >= 99.95 else f"{value:.1f}" if size >= 0.995 else f"{value:.2f}"
    return text.replace("-0.00", "0.00")


def plain(value: float) -> str:
    """Three digits of a number."""
    return f"{value:.3g}"


def _size(one: Comparison, size: float) -> str:
    if one.scale == "ratio":
        return f"{100 * relative(size):.2g} %"
    return f"{plain(size)}{UNITS.get(one.quantity.metric, '')}"
