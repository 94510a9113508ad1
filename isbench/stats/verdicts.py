"""Verdicts of comparisons and answers to claims: plain rules on intervals.

Costs are compared on the log scale, lower is better. A comparison that cannot be made is inconclusive,
never a difference and never a tie.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from isbench.stats.intervals import Interval, compared

Verdict = Literal["faster", "slower", "better", "worse", "equivalent", "inconclusive"]
Answer = Literal["held", "not held", "inconclusive"]
HALF = 0.5  # of the runs must reach a target for its median time to exist
FLAT = 0.2  # |tau-b| below which settings show no trend


@dataclass(frozen=True, slots=True)
class Words:
    """What a lower and what a higher cost are called."""

    win: Literal["faster", "better"]
    loss: Literal["slower", "worse"]


TIME, VALUE = Words("faster", "slower"), Words("better", "worse")


def verdict(
    difference: Interval, margin: float, words: Words, *, hits: tuple[float, float] = (1.0, 1.0)
) -> Verdict:
    """Where the interval of d = ln arm - ln baseline lies: below -margin, above it, within, or none of these.

    hits: the shares of the arm's and of the baseline's runs that reached the target, for times that are
    censored at the budget. Where fewer than half of both did nothing is known, and censored times that look
    alike are no equivalence where fewer than half of either did.
    """
    if difference.n < 2 or not max(hits) >= HALF:
        return "inconclusive"
    if difference.high < -margin:
        return words.win
    if difference.low > margin:
        return words.loss
    if min(hits) >= HALF and difference.low >= -margin and difference.high <= margin:
        return "equivalent"
    return "inconclusive"


def better(gain: Interval, delta: float) -> Answer:
    """The arm is better: gain > 0 and maybe as large as delta; not, if surely smaller than delta."""
    return _answer(gain.low > 0 and gain.high >= delta, gain.high < delta)


def worse(gain_of_other: Interval, delta: float) -> Answer:
    """The arm is worse: the other one is better, by the other's gain over this one."""
    return better(gain_of_other, delta)


def same(gain: Interval, delta: float) -> Answer:
    """The interval lies inside +-delta; not, if wholly outside."""
    return _answer(gain.low >= -delta and gain.high <= delta, gain.low > delta or gain.high < -delta)


def no_worse(gain: Interval, delta: float) -> Answer:
    """The arm loses surely less than delta; not, if surely more."""
    return _answer(gain.low > -delta, gain.high < -delta)


def sooner(
    speedup: Interval, delta: float = 0.03, *, hits: float = 1.0, hits_of_other: float = 1.0
) -> Answer:
    """The arm reaches a target sooner: S > 1 and maybe as large as 1 + delta; not, if surely smaller.

    hits: shares of runs that reached it, the others censored at the budget. Where more than half of both
    miss, inconclusive; where more than half of this arm's do and not of the other's, not held.
    """
    if not max(hits, hits_of_other) >= HALF:
        return "inconclusive"
    behind = hits < HALF
    return _answer(
        not behind and speedup.low > 1 and speedup.high >= 1 + delta, behind or speedup.high < 1 + delta
    )


def size(ratio: Interval, claimed: float) -> Answer:
    """The ratio of arm to other is surely at most the claimed one; not, if surely more."""
    return _answer(ratio.high <= claimed, ratio.low > claimed)


def trend(tau: Interval, sign: Literal["+", "-"], change: float, delta: float) -> Answer:
    """Kendall's tau-b lies on the claimed side of 0, and the last setting is delta from the first that way.

    change: relative, last over first minus 1. Not held where tau lies on the other side or within +-0.2: a
    trend that sure and that weak is none.
    """
    low, high = (tau.low, tau.high) if sign == "+" else (-tau.high, -tau.low)
    flat = low >= -FLAT and high <= FLAT
    risen = change if sign == "+" else -change
    return _answer(low > 0 and not flat and risen >= delta, high < 0 or flat)


def above(number: Interval, constant: float) -> Answer:
    """The interval of a measured number lies above a constant; not, if below."""
    return _answer(number.low > constant, number.high < constant)


def below(number: Interval, constant: float) -> Answer:
    """The interval of a measured number lies below a constant; not, if above."""
    return _answer(number.high < constant, number.low > constant)


def exact(error: float, tolerance: float) -> Answer:
    """An identity holds within a tolerance; what is not a number does not."""
    return "held" if abs(error) <= tolerance else "not held"


def every(answers: Iterable[Answer]) -> Answer:
    """All held; not held if one is not; nothing to ask is inconclusive."""
    given = set(answers)
    return _answer(given == {"held"}, "not held" in given)


def some(answers: Iterable[Answer]) -> Answer:
    """One held; not held if none can be; nothing to ask is inconclusive."""
    given = set(answers)
    return _answer("held" in given, given == {"not held"})


def negation(answer: Answer) -> Answer:
    """Held where the answer is not held, and the other way round."""
    return _answer(answer == "not held", answer == "held")


def kendall_tau(option: ArrayLike, value: ArrayLike) -> float:
    """Tau-b (Kendall 1945): concordant less discordant pairs over the root of the pairs untied in each.

    0 where the value is the same at every setting; NaN where fewer than two settings have one.
    """
    x, y = np.asarray(option, dtype=float), np.asarray(value, dtype=float)
    both = ~(np.isnan(x) | np.isnan(y))
    if len(np.unique(x[both])) < 2:
        return math.nan
    order_x, order_y = (compared(z[both], z[both]) for z in (x, y))
    untied = math.sqrt(np.abs(order_x).sum() * np.abs(order_y).sum())
    return float((order_x * order_y).sum()) / untied if untied else 0.0


def chance_of_taus(tau: float, settings: int, seeds: int) -> float:
    """How likely one tau at every seed is by chance: of perfect orders, else the p of a sign test."""
    orders = math.factorial(settings) if math.isclose(abs(tau), 1.0) else 2
    return min(1.0, 2.0 * orders ** -float(seeds))


def _answer(held: bool, not_held: bool) -> Answer:
    return "held" if held else "not held" if not_held else "inconclusive"
