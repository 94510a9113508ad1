"""Break-even in words: a sentence for each arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isbench.stats.intervals import Interval
from isbench.verdicts.words import bounded, factor

if TYPE_CHECKING:
    from isbench.verdicts.break_even import Measured


def sentence(one: Measured) -> str:
    """What an arm must deliver to win on this machine, what it delivers, and how far that is from it."""
    if not one.n:
        return f"On {one.place}, {one.sampler} hardly ever selected: what a step of it costs is not known."
    ours, theirs = (brief(us) for us in one.step_us)
    cost = f"a step of {one.sampler} takes {times(one.needed)} of {one.than}'s ({ours} against {theirs})"
    cheaper = factor(one.free.mean) != factor(one.needed.mean)
    besides = [f"{factor(one.free.mean)}-fold if its scores were free"] if cheaper else []
    if one.counted and one.counted.measured is not None:
        besides.append(f"{factor(one.counted.measured)}-fold by counted operations")
    also = f" ({', '.join(besides)})" if besides else ""
    least = f"must cut the variance {factor(one.needed.mean)}-fold to win here{also}"
    must = f"it {least}" if one.needed.mean > 1 else "any cut of the variance is a gain here"
    off = "" if one.model == "valid" else f" Unit costs are {one.model}."
    return f"On {one.place}, {cost}, so {must}; {delivered(one)}.{off}"


def delivered(one: Measured) -> str:
    """What an arm delivers of what it needs."""
    got = one.delivered
    if got.factor is None or one.share is None:
        return f"what it delivers is not measured: {one.probe}"
    pool = f", from a pool of {one.pool}" if one.pool else ""
    share = f"{factor(one.share)} times what it needs"
    if got.rule == "probe":
        said = f"it cuts it {times(got.factor, '-fold')} (by exact gradient norms{pool}), {share}"
    else:
        tau = "" if got.tau_squared is None else f"tau^2 = {factor(got.tau_squared)}"
        said = f"its own scores promise {times(got.factor, '-fold')} ({tau}{pool}), {share}"
    return said if one.unbiased else f"{said}; it is biased, and variance is not all that it is judged by"


def times(size: Interval, unit: str = " times the time") -> str:
    """A factor with its interval."""
    return bounded(size, factor, "{}" + unit)


def brief(value: float) -> str:
    """A time in microseconds, as people say it."""
    size, unit = next(
        ((size, unit) for size, unit in ((1e6, "s"), (1e3, "ms")) if value >= size), (1.0, "us")
    )
    return f"{value / size:.3g} {unit}"
