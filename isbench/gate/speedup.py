"""`--fail-under`: whether every arm is as much faster than the baseline arm as it was meant to be."""

from __future__ import annotations

import math
from dataclasses import replace

from isbench.errors import UsageError
from isbench.gate.facts import place
from isbench.gate.finding import Finding, Outcome
from isbench.stats.intervals import speedup
from isbench.stats.verdicts import HALF
from isbench.verdicts.comparisons import comparisons
from isbench.verdicts.curves import Folder
from isbench.verdicts.judge import Comparison
from isbench.verdicts.words import faster

ENOUGH = 3  # seeds, below which the number itself must do, as its interval says nothing


def fail_under(folder: Folder, least: float) -> list[Finding]:
    """A finding for every primary arm, lost where none has a result; UsageError without such a question."""
    rows = [row for row in comparisons(folder) if row.primary]
    if folder.question.target is None or not rows:
        raise UsageError(
            f"--fail-under: the question of {folder.name} has no speed-up",
            "write primary: {target: 1.0} and a budget of equal time, such as {like: uniform, epochs: 5}",
        )
    found = [of_arm(row, least) for row in rows]
    return found if any(row.n for row in rows) else [replace(one, outcome="lost") for one in found]


def of_arm(row: Comparison, least: float) -> Finding:
    """The speed-up of an arm against the one that was asked for."""
    outcome, why = judged(row, least)
    known = row.n > 0 and math.isfinite(row.difference.mean)
    size = f"{faster(row)} as fast as {row.names.than}" if known else f"no speed-up ({row.reason})"
    says = f"{size}, {why} (n = {row.n})"
    what = f"at least {least:g}x"
    return Finding("speed-up", place(row.names), row.names.sampler, what, outcome, says, read=known)


def judged(row: Comparison, least: float) -> tuple[Outcome, str]:
    """Whether it is reached, and how that is known."""
    size = speedup(row.difference)
    if row.hits and row.n and row.hits[0].share < HALF:
        rate = row.hits[0]
        return "regression", f"and {rate.n - rate.hits} of {rate.n} runs missed the target"
    if not row.n or math.isnan(size.mean):
        return "inconclusive", "which says nothing"
    if row.n < ENOUGH:
        reached = size.mean >= least
        word = "reaches" if reached else "does not reach"
        return (
            "passed" if reached else "regression"
        ), f"which {word} {least:g}x as a number without interval"
    if size.low >= least:
        return "passed", f"surely {least:g}x or more"
    if size.high < least:
        return "regression", f"surely less than {least:g}x"
    return "inconclusive", f"maybe less than {least:g}x"
