"""The ratio tier: how an arm compared with the baseline arm once, and how it does now.

Both differences are paired within their own invocation, so that a machine's speed cancels out: it works
across machines, and says so.
"""

from __future__ import annotations

import math

from isbench.gate.baseline import Baseline, Machine, Ratio
from isbench.gate.facts import gated, place, ratio_of, title, titled
from isbench.gate.finding import Finding, Findings, outcome_of
from isbench.stats.intervals import Interval, Moments, apart
from isbench.stats.p_values import fisher
from isbench.stats.verdicts import HALF, Verdict, verdict
from isbench.verdicts.comparisons import comparisons
from isbench.verdicts.curves import Folder
from isbench.verdicts.judge import ALPHA, Comparison, within
from isbench.verdicts.words import bounded, decimal, plain, shifted

Key = tuple[str, str, str, str, float | None]
LARGEST = 700.0  # log-ratio that has a ratio


def ratio(folder: Folder, baseline: Baseline, machine: Machine, findings: Findings) -> None:
    """Compare every stored difference with that of now."""
    elsewhere = (machine.cpu, machine.device) != (baseline.machine.cpu, baseline.machine.device)
    if elsewhere:
        findings.notes.append(f"ratio: of another machine ({baseline.machine.cpu or 'unknown'})")
    if folder.question.baseline != baseline.than:
        findings.notes.append(f"ratio: not compared: the baseline compares with {baseline.than}")
        return
    stored = {key(one): one for one in baseline.ratio}
    for one in gated(folder, comparisons(folder)):
        old = stored.pop(key(ratio_of(one)), None)
        if old is None:
            findings.notes.append(f"ratio: {title(one)} of {one.names.sampler} is not in the baseline")
        else:
            findings.found.append(of_arm(one, old))
    findings.found += [unread(old, "not measured now") for old in stored.values()]


def of_arm(one: Comparison, old: Ratio) -> Finding:
    """One difference against the stored one."""
    if any(one.diverged) or old.diverged:
        found, why, size = by_rank(one, old), "", diverged(one, old)
    elif old.scale != one.scale or old.mean is None:
        return unread(old, f"of another scale now, a {one.scale} and no {old.scale}")
    else:
        now = Moments(one.n, one.difference.mean, one.difference.sd)
        change = apart(now, Moments(old.n, old.mean, math.nan if old.sd is None else old.sd))
        found, why = judged(one, old, change)
        size = f"{moved(one, change)} against {one.names.than} than in the baseline"
    outcome = outcome_of(found, one.quantity.words.loss)
    says = f"{found}{f' ({why})' if why else ''}: {size} (n = {one.n} and {old.n})"
    return Finding("ratio", place(one.names), one.names.sampler, title(one), outcome, says)


def judged(one: Comparison, old: Ratio, change: Interval) -> tuple[Verdict, str]:
    """What became of a difference, and why nobody knows."""
    if math.isinf(one.margin):
        return "inconclusive", "noise"
    words = one.quantity.words
    found = verdict(change, one.margin, words)
    if one.margin > one.wanted and abs(change.mean) <= one.margin and not within(change, one.wanted):
        return "inconclusive", "noise"
    if one.hits is None or old.hits is None or change.n < 2:
        return found, ""
    (arm, than), (arm_then, than_then) = (
        (rate.share for rate in one.hits),
        (hits / old.n for hits in old.hits),
    )
    smaller, larger = min(arm, than_then), min(than, arm_then)  # whose misses make the change look so
    known = {words.loss: larger, words.win: smaller, "equivalent": min(smaller, larger)}.get(found, 1.0)
    if known < HALF or found == "inconclusive":
        missed = one.hits[0].n - one.hits[0].hits, old.n - old.hits[0]
        sure = than >= HALF and more(missed[0], one.n, missed[1], old.n)
        return (words.loss if sure else "inconclusive"), "" if min(smaller, larger) >= HALF else "misses"
    return found, ""


def by_rank(one: Comparison, old: Ratio) -> Verdict:
    """What runs that diverged say, now or then, of which there is no mean."""
    now, then = (one.diverged[0], one.n), (old.diverged, old.n)
    if one.diverged[1]:
        return "inconclusive"
    if more(*now, *then):
        return one.quantity.words.loss
    return one.quantity.words.win if more(*then, *now) else "inconclusive"


def more(count: int, n: int, others: int, m: int) -> bool:
    """Whether a fault of most of n runs was surely none of most of m others."""
    return count > HALF * n and others <= HALF * m and fisher(count, n, others, m) <= ALPHA


def diverged(one: Comparison, old: Ratio) -> str:
    """How many runs diverged."""
    return f"{one.diverged[0]} of {one.n} runs diverged, and {old.diverged} of {old.n} in the baseline"


def unread(old: Ratio, why: str) -> Finding:
    """A stored difference that there is nothing to compare with."""
    what = titled(old.metric, old.target)
    return Finding("ratio", place(old), old.sampler, what, "inconclusive", why, read=False)


def moved(one: Comparison, change: Interval) -> str:
    """How much more or less than before."""
    less = change.mean < 0
    word = "less" if less else "more"
    if one.scale == "ratio":
        side = -100 if less else 100
        size = shifted(change, lambda value: side * (math.expm1(value) if value < LARGEST else math.inf))
        return f"{bounded(size, decimal, '{} %')} {word}"
    size = shifted(change, lambda value: -value if less else value)
    return f"{bounded(size, plain, '{}')} {word}"


def key(one: Ratio) -> Key:
    """What a difference is of."""
    return one.variant, one.budget, one.sampler, one.metric, one.target
