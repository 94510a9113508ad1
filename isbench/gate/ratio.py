"""The ratio tier: how an arm compared with the baseline arm once, and how it does now.

Both differences are paired within their own invocation, so that a machine's speed cancels out: it works
across machines, and says so.
"""

from __future__ import annotations

import math

from isbench.gate.baseline import Baseline, Machine, Ratio
from isbench.gate.facts import gated, place, ratio_of, title
from isbench.gate.finding import Finding, Findings, outcome_of
from isbench.stats.intervals import Interval, Moments, apart
from isbench.stats.verdicts import verdict
from isbench.verdicts.comparisons import comparisons
from isbench.verdicts.curves import Folder
from isbench.verdicts.judge import Comparison
from isbench.verdicts.words import bounded, decimal, plain, shifted

Key = tuple[str, str, str, str, float | None]


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
        if old is None or old.scale != one.scale:
            findings.notes.append(f"ratio: {title(one)} of {one.names.sampler} is not in the baseline")
        else:
            findings.found.append(of_arm(folder, one, old))
    gone = [f"{old.sampler} {old.metric}" for old in stored.values()]
    if gone:
        findings.notes.append(f"ratio: not measured now: {', '.join(gone[:8])}")


def of_arm(folder: Folder, one: Comparison, old: Ratio) -> Finding:
    """One difference against the stored one."""
    d = one.difference
    now = Moments(d.n, d.mean, d.sd)
    change = apart(now, Moments(old.n, old.mean, math.nan if old.sd is None else old.sd))
    found = verdict(change, one.margin, one.quantity.words)
    outcome = outcome_of(found, one.quantity.words.loss)
    counts = f"n = {d.n} and {old.n}"
    says = f"{found}: {moved(one, change)} against {one.names.than} than in the baseline ({counts})"
    return Finding("ratio", place(one.names), one.names.sampler, title(one), outcome, says)


def moved(one: Comparison, change: Interval) -> str:
    """How much more or less than before."""
    less = change.mean < 0
    word = "less" if less else "more"
    if one.scale == "ratio":
        side = -100 if less else 100
        size = shifted(change, lambda value: side * math.expm1(min(value, 700.0)))
        return f"{bounded(size, decimal, '{} %')} {word}"
    size = shifted(change, lambda value: -value if less else value)
    return f"{bounded(size, plain, '{}')} {word}"


def key(one: Ratio) -> Key:
    """What a difference is of."""
    return one.variant, one.budget, one.sampler, one.metric, one.target
