"""What a recipe expects, decided: held, not held or inconclusive, with the numbers that say so.

A claim that is decided by an interval of 95 % must be so among all claims of its recipe too (Holm): its
p-value is the smallest error at which the wider interval still gives the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from isbench.stats import verdicts
from isbench.stats.intervals import Interval
from isbench.stats.p_values import holm
from isbench.stats.verdicts import Answer
from isbench.store.claims import Expectation
from isbench.verdicts.curves import Folder
from isbench.verdicts.judge import ALPHA
from isbench.verdicts.measures import Reading
from isbench.verdicts.readings import race_of, read
from isbench.verdicts.tested import Tested


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """A claim, or a part of one, and what became of it.

    interval: of what the test is about, a gain, a ratio, a speed-up, a difference, a number, or tau-b.
    amount: what it was tested against, never below the noise floor. change: of a trend, from the first
    setting to the last. reason: why it is inconclusive. p, p_holm: NaN where there is no test.
    """

    claim: Expectation
    answer: Answer
    interval: Interval | None = None
    amount: float = math.nan
    change: float = math.nan
    reading: Reading | None = None
    reason: str = ""
    p: float = math.nan
    p_holm: float = math.nan
    parts: tuple[Decision, ...] = ()

    @property
    def said(self) -> str:
        """The answer, and that it is of a proxy, if it is."""
        return f"{self.answer} on proxy" if self.claim.scale == "proxy" else self.answer


def decisions(folder: Folder) -> list[Decision]:
    """All claims of a results folder."""
    found = [decide(folder, claim) for claim in folder.plan.expect]
    return [among(one, p) for one, p in zip(found, holm([one.p for one in found]).tolist(), strict=True)]


def among(one: Decision, p_holm: float) -> Decision:
    """A claim among the others."""
    if one.answer != "inconclusive" and p_holm > ALPHA:
        one = replace(one, answer="inconclusive", reason="family")
    return replace(one, p_holm=p_holm)


def decide(folder: Folder, claim: Expectation) -> Decision:
    """A claim by itself."""
    if claim.parts:
        return joined(claim, [decide(folder, part) for part in claim.parts])
    claim = spelt_out(folder, claim)
    reading = read(folder, claim)
    one = Tested(claim, reading)
    if not reading.n:
        return Decision(claim, "inconclusive", reading=reading, reason=reading.why, amount=one.amount)
    if claim.test == "exact":
        return identity(one)
    answer, reason = one.answer(1 - ALPHA), ""
    if claim.test == "at_most" and claim.scale == "proxy":
        answer, reason = "inconclusive", "shown"
    elif answer == "inconclusive":
        reason = one.why_open
    return Decision(
        claim=claim,
        answer=answer,
        interval=one.interval(1 - ALPHA),
        amount=one.amount,
        change=one.change,
        reading=reading,
        reason=reason,
        p=math.nan if reason == "shown" else one.p_value(answer),
    )


def spelt_out(folder: Folder, claim: Expectation) -> Expectation:
    """A claim with the metric and the budget that it leaves to the question."""
    measure, race = claim.measure, race_of(folder, claim)
    if measure.probe is not None:
        return claim
    metric = "" if measure.phase or measure.selection else measure.metric or folder.question.metric
    found = {"measure": measure.model_copy(update={"metric": metric})}
    return claim.model_copy(update=found | ({"budget": race.budget.name} if race else {}))


def identity(one: Tested) -> Decision:
    """An identity, which no run may miss."""
    error = np.abs(one.values)
    least, most = float(error.min()), float(error.max())
    found = Interval(one.reading.n, most, math.nan, least, most, math.nan)
    answer = verdicts.exact(most, one.claim.amount)
    return Decision(one.claim, answer, found, one.claim.amount, reading=one.reading)


def joined(claim: Expectation, parts: Sequence[Decision]) -> Decision:
    """A claim that is made of others.

    Where all of its parts must be as they are for its answer, its p-value is the largest of theirs; where
    one is enough, the smallest, times how many could have been it.
    """
    answers: list[Answer] = [part.answer for part in parts]
    if claim.test == "not":
        answer = verdicts.negation(answers[0])
    else:
        answer = verdicts.every(answers) if claim.test == "all" else verdicts.some(answers)
    one_is_enough = (claim.test, answer) in (("all", "not held"), ("any", "held"))
    deciding = [part.p for part in parts if not one_is_enough or part.answer == answer]
    known = [p for p in deciding if not math.isnan(p)]
    if answer == "inconclusive":
        p = 1.0
    elif one_is_enough:
        p = math.nan if len(known) < len(deciding) else min(1.0, min(known) * len(parts))
    else:
        p = max(known, default=math.nan)
    why = parts[0].reason if claim.test == "not" else "parts"
    reason = why if answer == "inconclusive" else ""
    return Decision(claim, answer, p=p, reason=reason, parts=tuple(parts))
