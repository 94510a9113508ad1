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
from isbench.stats.intervals import Interval, gain, paired, ratio, speedup
from isbench.stats.p_values import holm, sign_flip
from isbench.stats.verdicts import HALF, Answer, kendall_tau
from isbench.store.claims import Expectation
from isbench.verdicts.curves import Folder
from isbench.verdicts.judge import ALPHA
from isbench.verdicts.readings import Reading, differences, read

LEAST_SOONER = 0.03  # the speed-up that matters
SMALLEST = 1e-15  # p-value that is told apart from 0


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
    reading = read(folder, claim)
    one = Tested(claim, reading)
    if not reading.n:
        return Decision(claim, "inconclusive", reading=reading, reason=reading.why, amount=one.amount)
    if claim.test == "exact":
        error = np.abs(one.values)
        interval = Interval(
            reading.n, float(error.max()), math.nan, float(error.min()), float(error.max()), math.nan
        )
        answer = verdicts.exact(interval.mean, claim.amount)
        return Decision(claim, answer, interval, claim.amount, reading=reading)
    answer = one.answer(1 - ALPHA)
    if claim.test == "at_most" and claim.scale == "proxy":
        answer, reason = "inconclusive", "shown"
    else:
        reason = "" if answer != "inconclusive" else "one seed" if reading.n < 2 else "spread"
    return Decision(
        claim=claim,
        answer=answer,
        interval=one.interval(1 - ALPHA),
        amount=one.amount,
        change=one.change,
        reading=reading,
        reason=reason,
        p=one.p_value(answer),
    )


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
    reason = "parts" if answer == "inconclusive" else ""
    return Decision(claim, answer, p=p, reason=reason, parts=tuple(parts))


@dataclass(frozen=True, slots=True)
class Tested:
    """The test of a claim on what was read."""

    claim: Expectation
    reading: Reading

    @property
    def ratios(self) -> bool:
        """Whether two are compared by their ratio."""
        return self.reading.than is not None and self.claim.measure.kind.scale == "ratio"

    @property
    def amount(self) -> float:
        """What is tested against; a margin is never below the noise floor, and 1 + the floor is that of S."""
        given = LEAST_SOONER if self.claim.test == "sooner_than" else self.claim.amount
        if self.claim.test not in ("better_by", "worse_by", "within", "no_worse_than", "sooner_than"):
            return given
        noise = self.reading.floor
        if math.isnan(noise):
            return given
        return max(given, math.expm1(min(noise, 700.0)) if self.ratios else noise)

    @property
    def values(self) -> np.ndarray:
        """What the interval is of, a number for each seed: d, a number itself, or tau-b."""
        arm, than, trend = self.reading.arm, self.reading.than, self.claim.trend
        if trend is not None:
            return np.array([kendall_tau(trend.values, column) for column in arm.T])
        if than is None:
            return arm
        by_ratio = self.ratios and self.claim.test != "exact"
        return differences(arm, than, "ratio" if by_ratio else "difference")

    @property
    def change(self) -> float:
        """Of a trend, how much the last setting is above the first: relative, or in its own units."""
        if self.claim.trend is None or not self.reading.n:
            return math.nan
        scale = self.claim.measure.kind.scale
        mean = paired(differences(self.reading.arm[-1], self.reading.arm[0], scale)).mean
        return math.expm1(min(mean, 700.0)) if scale == "ratio" else mean

    def interval(self, level: float) -> Interval:
        """What the test is about; where most runs of one of two diverged, the worst there is."""
        d = self._of_values(level)
        test, trend, than = self.claim.test, self.claim.trend, self.reading.than
        if trend is not None or than is None:
            return d
        if test in ("sooner_than", "speedup"):
            return speedup(d)
        if test in ("at_most", "above", "below"):
            return ratio(d) if self.ratios else d
        if self.ratios:
            return gain(_turned(d) if test == "worse_by" else d)
        higher = self.claim.measure.kind.better > 0
        return d if higher != (test == "worse_by") else _turned(d)

    def _of_values(self, level: float) -> Interval:
        values = self.values
        found = paired(values, level)
        infinite = values[np.isinf(values)]
        if found.n > 1 and abs(np.sign(infinite).sum()) > HALF * found.n:
            end = math.copysign(math.inf, np.sign(infinite).sum())
            return Interval(found.n, end, math.nan, end, end, sign_flip(np.sign(infinite)))
        return found

    def answer(self, level: float) -> Answer:
        """What the test says of the interval of a level."""
        found, test, amount = self.interval(level), self.claim.test, self.amount
        if test == "better_by" or test == "worse_by":
            return verdicts.better(found, amount)
        if test == "within":
            return verdicts.same(found, amount)
        if test == "no_worse_than":
            return verdicts.no_worse(found, amount)
        if test == "at_most":
            return verdicts.size(found, amount)
        if test == "trend" and self.claim.trend is not None:
            return verdicts.trend(found, self.claim.trend.sign, self.change, amount)
        if test == "above" or test == "below":
            return verdicts.above(found, amount) if test == "above" else verdicts.below(found, amount)
        hits, other = self._hits()
        least = amount if test == "sooner_than" else 0.0
        shown = found if test == "sooner_than" else _over(found, amount)
        return verdicts.sooner(shown, least, hits=hits, hits_of_other=other)

    def _hits(self) -> tuple[float, float]:
        """The shares of the runs that reached the target."""
        ours, theirs = self.reading.missed or (np.zeros(1), np.zeros(1))
        return 1 - float(ours.mean()), 1 - float(theirs.mean())

    def p_value(self, answer: Answer) -> float:
        """The smallest error at which the answer stays what it is; 1 where there is none."""
        if answer == "inconclusive":
            return 1.0
        hits, other = self._hits()
        if self.reading.missed and hits < HALF <= other:
            ours, theirs = self.reading.missed
            return sign_flip(ours.astype(float) - theirs)
        low, high = math.log(SMALLEST), math.log(ALPHA)
        if self.answer(1 - SMALLEST) == answer:
            return 0.0
        while high - low > 0.01:
            middle = (low + high) / 2
            if self.answer(1 - math.exp(middle)) == answer:
                high = middle
            else:
                low = middle
        return math.exp(high)


def _turned(d: Interval) -> Interval:
    return Interval(d.n, -d.mean, d.sd, -d.high, -d.low, d.p)


def _over(of: Interval, amount: float) -> Interval:
    return replace(of, mean=of.mean / amount, low=of.low / amount, high=of.high / amount)
